// Makes a Sluice configuration of a Connect JDBC sink's: `sluice init --from-connect`, and its page.
//
// Pure functions of any thread: nothing is connected to. The result is a whole file that `sluice check` accepts once
// the secrets that it refers to are there; the error is one line with file and line.
#pragma once

#include <expected>
#include <string>

#include "runtime/init/connect_file.h"

namespace sluice::runtime {

// `brokers`: what the file does not say; empty if they are not known either.
std::expected<std::string, std::string> convert_sink(const ConnectFile& file, const std::string& brokers);

// docs/from-kafka-connect.md: every row of the tables.
std::string connect_reference();

}  // namespace sluice::runtime

// Reads a configuration file into a Pipeline, or returns a one-line error.
//
// Reads only the file and what ${file:…}, ${credential:…} and ${env:…} name: no connection is made. An error
// is `FILE:LINE:COLUMN: KEY: what is wrong; what to do`; only the first one is reported. Called from main and, for
// SIGHUP, from the service's main thread.
#pragma once

#include <expected>
#include <string>

#include "config/pipeline.h"

namespace sluice::config {

std::expected<Pipeline, std::string> load(const std::string& path);

// "FILE:LINE:COLUMN" of a section or setting ("kafka.properties"), for errors that only another folder can find, such
// as a property that the client library refuses; the file's beginning if the key is absent.
std::string place(const std::string& path, const std::string& key);

// The commented sample file and the reference page, from the one table of settings.
std::string sample();
std::string reference();

}  // namespace sluice::config

// What the commands that show records of the log share.
//
// Functions of a command's thread.
#pragma once

#include <string>
#include <vector>

#include "admin/inspection.h"
#include "console/command.h"

namespace sluice::console {

// "name=value"; a header without a value is its name alone.
std::vector<std::string> header_texts(const LogRecord& record);
// Says why there is no record at the offset; the code tells whether there cannot be one.
int no_record(Call& call, const Error& error);

}  // namespace sluice::console

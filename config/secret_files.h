// Files that hold a pipeline's secrets, and which of them more users may read than have to.
//
// Known are the files that references bring secrets from, the keys and passwords that libpq and librdkafka read
// themselves, and the configuration itself where a secret is written in it. The console's host key is not among them:
// it is refused instead (console/ssh). Any thread; nothing is read but the files' modes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/pipeline.h"

namespace sluice::config {

// Returns true if the property of librdkafka by this name is a password or a key itself.
bool is_secret_property(std::string_view name);

// Returns true if a password is written in the connection string, not counting what references bring.
bool has_written_password(const std::string& url);

// Adds the files of keys and passwords that the settings name for the libraries.
void add_library_files(Pipeline& pipeline);

// Returns a sentence for each file that group or others may read, once for each, with what to do. Of a file that root
// has given to a group, as secrets are mounted, only the others count.
std::vector<std::string> exposed_files(const Pipeline& pipeline);

}  // namespace sluice::config

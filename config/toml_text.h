// The text of a configuration file before and besides what toml++ makes of it.
//
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::config {

// Refuses, with a Complaint, keys of more parts than toml++ can take apart safely.
void check_depth(std::string_view text);

// Returns the parser's message without its quotations from the file, which may be parts of a secret.
std::string without_content(std::string_view description);

}  // namespace sluice::config

// A setting as an operator gives it while the service runs: its name and a text, judged by the reader of the file.
//
// Pure; any thread. Reads no file and no environment: a text with a reference is refused.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"

namespace sluice::config {

// A setting of the listing is meant: "batch.rows", "job[2].every".
// Returns why it is not set by hand and what to do instead; empty if it may be. No setting: its caller knows the names.
std::string not_by_hand(std::string_view key);

// Returns true for the name of a setting that may be.
bool is_live(std::string_view key);

// Sets it. A list is written with commas, or as in the file; a choice in upper or lower case. The error is
// `KEY: what is wrong; what to do`, in the words of the file's errors; then nothing has changed.
std::expected<void, std::string> set_by_hand(Pipeline& pipeline, std::string_view key, std::string_view text);

// The line of the listing; empty if there is none.
Shown shown_of(const Pipeline& pipeline, std::string_view key);

}  // namespace sluice::config

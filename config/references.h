// References to secrets in the text of a setting, and the small files that hold them.
//
// Both functions read only what is named; errors give the reason and never the content.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

// Replaces ${env:NAME}, ${file:/path} and ${credential:NAME}; the error names the reference. One newline at the end of
// a file is not part of the value.
std::expected<std::string, std::string> expand(const std::string& text);

// The same, with the content as `encode` makes it fit between the text before and after the reference.
using Encode = std::function<std::string(std::string_view before, std::string_view after, std::string value)>;
std::expected<std::string, std::string> expand(const std::string& text, const Encode& encode);

bool has_reference(std::string_view text);

// Returns the files that the text's references are read from.
std::vector<std::string> files_of(std::string_view text);

// Reads a regular file of at most `limit` bytes; the error does not repeat the path.
std::expected<std::string, std::string> read_file(const std::string& path, std::size_t limit);

}  // namespace sluice::config

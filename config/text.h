// Small tools for the text of settings: units, references to the environment, quoting, the nearest known
// word.
//
// Pure but for expand(), which reads what a reference names. Durations are in milliseconds, sizes in bytes. A
// result without a value means "not of that form"; the caller words the complaint.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

std::optional<std::int64_t> parse_duration(std::string_view text);
std::optional<std::int64_t> parse_size(std::string_view text);
std::string duration_text(std::int64_t milliseconds);
std::string size_text(std::int64_t bytes);

// Replaces ${env:NAME}, ${file:/path} and ${credential:NAME}; the error is a complaint that names the
// reference, never a content. One newline at the end of a file is not part of the value.
std::expected<std::string, std::string> expand(const std::string& text);

// "a \"b\"" as a TOML basic string.
std::string quoted(std::string_view text);
// For messages: one line, no control characters, not longer than a person reads.
std::string printable(std::string_view text, std::size_t longest = 80);

// The candidate that was probably meant, or empty.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// Reads a regular file of at most `limit` bytes; the error says why not, without the path.
std::expected<std::string, std::string> read_file(const std::string& path, std::size_t limit);

}  // namespace sluice::config

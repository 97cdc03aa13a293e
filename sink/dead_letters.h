// Dead letters as parameters of sql/dead_letter_insert.sql: the record's bytes, and the reason why it could not be
// applied.
//
// Pure; used by the writer, in the transaction that moves the pointer past the record.
#pragma once

#include <span>
#include <string>

#include "base/changes.h"
#include "base/record.h"
#include "sink/parameters.h"

namespace sluice::sink {

// How letters are stored.
struct LetterForm {
  bool any_text = true;       // the database's encoding is UTF-8; others lack characters, so their texts are escaped
  bool with_contents = true;  // else a letter keeps key, place and reason; its headers are JSON's null then, by which a
                              // replay knows that its value is not that of a tombstone
};
void add_dead_letters(Parameters& parameters, const std::string& pipeline, std::span<const DeadLetter> letters,
                      std::span<const Record> records, std::span<const PartitionRange> ranges, LetterForm form);
// Returns the text, escaped (\u{6f22}) unless the database's encoding has every character.
std::string storable(const std::string& text, bool any_text);

// Appends the bytes as a JSON string if they are UTF-8 without NUL (and ASCII unless the database has every character),
// else as
// {"base64": "…"}.
void append_json(std::string& out, std::string_view bytes, bool any_text);

// [["name", "text"], ["name", null], ["name", {"base64": "…"}]]: valid UTF-8 is kept as text, so that people can read
// it, as far as the database can store it.
std::string headers_json(const std::vector<Header>& headers, bool any_text);

// Returns the reason as it is stored: valid UTF-8, shortened to a limit.
std::string readable(std::string_view reason);
const char* stage_name(Stage stage);

// Converts milliseconds since 1970 to PostgreSQL's microseconds since 2000; empty if unknown or out of range.
std::optional<std::int64_t> timestamp_of(std::int64_t milliseconds);

}  // namespace sluice::sink

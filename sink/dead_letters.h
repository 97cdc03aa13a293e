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

// Without contents a letter keeps key, place and reason. Its headers are JSON's null then, by which a replay knows that
// its value is not that of a tombstone.
void add_dead_letters(Parameters& parameters, const std::string& pipeline, std::span<const DeadLetter> letters,
                      std::span<const Record> records, std::span<const PartitionRange> ranges, bool with_contents);

// [["name", "text"], ["name", null], ["name", {"base64": "…"}]]: valid UTF-8 is kept as text, so that people can read
// it.
std::string headers_json(const std::vector<Header>& headers);

// Returns the reason as it is stored: valid UTF-8, shortened to a limit.
std::string readable(std::string_view reason);
const char* stage_name(Stage stage);

// Converts milliseconds since 1970 to PostgreSQL's microseconds since 2000; empty if unknown or out of range.
std::optional<std::int64_t> timestamp_of(std::int64_t milliseconds);

}  // namespace sluice::sink

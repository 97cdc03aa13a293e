// Dead letters as parameters of sql/dead_letter_insert.sql: the record's own bytes, and why it could not be applied.
//
// Pure; used by the writer, in the transaction that moves the pointer past the record.
#pragma once

#include <span>
#include <string>

#include "base/changes.h"
#include "base/record.h"
#include "sink/parameters.h"

namespace sluice::sink {

void add_dead_letters(Parameters& parameters, const std::string& pipeline, std::span<const DeadLetter> letters,
                      std::span<const Record> records, std::span<const PartitionRange> ranges);

// [["name", "text"], ["name", null], ["name", {"base64": "…"}]]: text where it is text, so that people can read it.
std::string headers_json(const std::vector<Header>& headers);

// A reason as it is stored: valid UTF-8, not too long.
std::string readable(std::string_view reason);
const char* stage_name(Stage stage);

// Milliseconds since 1970 as PostgreSQL's microseconds since 2000; none for "unknown" and what no timestamp can hold.
std::optional<std::int64_t> timestamp_of(std::int64_t milliseconds);

}  // namespace sluice::sink

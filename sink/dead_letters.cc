#include "sink/dead_letters.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/codec.h"
#include "base/printable.h"
#include "base/utf8.h"
#include "sink/oid.h"

namespace sluice::sink {
namespace {

constexpr std::size_t reason_bytes = 2000;
constexpr char jsonb_version = 1;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Every encoding of a database has ASCII, so a text that is escaped like this can be stored in all of them.
std::string escaped(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const auto one = first_character(text);
    if (!one.valid)
      out += '?';
    else if (one.bytes == 1)
      out += text.front();
    else if (one.code == U'…')
      out += "...";
    else
      out += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(one.code));
    text.remove_prefix(one.bytes);
  }
  return out;
}

// NUL is no text: PostgreSQL cannot hold it.
bool is_text(const Character& one) {
  return one.valid && one.code != 0;
}

bool is_text(std::string_view text) {
  while (!text.empty()) {
    const auto one = first_character(text);
    if (!is_text(one)) return false;
    text.remove_prefix(one.bytes);
  }
  return true;
}

// The columns of the letters, gathered.
struct Columns {
  std::vector<std::string> headers, reasons, table_names;
  std::vector<std::optional<std::string>> details;
  std::vector<std::int32_t> partitions, generations;
  std::vector<std::int64_t> offsets;
  std::vector<std::optional<std::int64_t>> timestamps;
  std::vector<std::optional<std::string_view>> topics, keys, values, stages, tables, states;
};

std::optional<std::string_view> view_unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
}

std::vector<std::optional<std::string_view>> views(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

}  // namespace

void append_json(std::string& out, std::string_view bytes, bool any_text) {
  if (!(any_text ? is_text(bytes) : is_ascii(bytes) && is_text(bytes))) {
    out += R"({"base64": ")";
    append_base64(bytes, out);
    out += R"("})";
    return;
  }
  out += '"';
  for (const char c : bytes) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

// As much of it as a person needs, in a form that a text column takes.
std::string readable(std::string_view reason) {
  std::string out;
  while (!reason.empty()) {
    const auto one = first_character(reason);
    const auto next = is_text(one) ? std::string(reason.substr(0, one.bytes)) : escape(reason.substr(0, one.bytes));
    if (out.size() + next.size() > reason_bytes) return out + "…";
    out += next;
    reason.remove_prefix(one.bytes);
  }
  return out;
}

std::string storable(const std::string& text, bool any_text) {
  return any_text ? text : escaped(text);
}

const char* stage_name(Stage stage) {
  switch (stage) {
    case Stage::decode:
      return "decode";
    case Stage::map:
      return "map";
    case Stage::write:
      break;
  }
  return "write";
}

std::optional<std::int64_t> timestamp_of(std::int64_t milliseconds) {
  constexpr std::int64_t epoch_2000 = 946'684'800'000;
  const auto known = storable_timestamp_ms(milliseconds);
  if (known < 0) return std::nullopt;
  return (known - epoch_2000) * 1000;
}

std::string headers_json(const std::vector<Header>& headers, bool any_text) {
  std::string out = "[";
  for (const auto& header : headers) {
    out += out.size() > 1 ? ", [" : "[";
    append_json(out, header.name, any_text);
    out += ", ";
    if (header.value)
      append_json(out, *header.value, any_text);
    else
      out += "null";
    out += ']';
  }
  return out += ']';
}

void add_dead_letters(Parameters& parameters, const std::string& pipeline, std::span<const DeadLetter> letters,
                      std::span<const Record> records, std::span<const PartitionRange> ranges, LetterForm form) {
  Columns columns;
  std::vector<bool> seen(records.size(), false);
  for (const auto& letter : letters) {
    if (seen[letter.record]) continue;  // a record has one letter, and the first reason is the cause
    seen[letter.record] = true;
    const auto& record = records[letter.record];
    const auto range = std::ranges::find_if(ranges, [&](const auto& one) { return *one.at == *record.at; });
    columns.topics.emplace_back(record.at->topic);
    columns.partitions.push_back(record.at->partition);
    columns.offsets.push_back(record.offset);
    columns.generations.push_back(range != ranges.end() ? range->generation : 1);
    columns.timestamps.push_back(timestamp_of(record.timestamp_ms));
    columns.keys.push_back(record.key);
    columns.values.push_back(form.with_contents ? record.value : std::nullopt);
    columns.headers.push_back(jsonb_version +
                              (form.with_contents ? headers_json(record.headers, form.any_text) : "null"));
    columns.stages.emplace_back(stage_name(letter.stage));
    columns.table_names.push_back(storable(letter.table, form.any_text));
    columns.states.push_back(view_unless_empty(letter.sqlstate));
    columns.reasons.push_back(storable(readable(letter.reason), form.any_text));
    const bool tells = form.with_contents && !letter.detail.empty();
    columns.details.push_back(tells ? std::optional(storable(readable(letter.detail), form.any_text)) : std::nullopt);
  }
  for (const auto& name : columns.table_names) columns.tables.push_back(view_unless_empty(name));
  parameters.clear();
  parameters.add_text(pipeline);
  parameters.add_bytes(columns.topics, oid::text);
  parameters.add_int4s(columns.partitions);
  parameters.add_int8s(columns.offsets);
  parameters.add_int4s(columns.generations);
  parameters.add_int8s(columns.timestamps, oid::timestamptz);
  parameters.add_bytes(columns.keys, oid::bytea);
  parameters.add_bytes(columns.values, oid::bytea);
  parameters.add_bytes(views(columns.headers), oid::jsonb);
  parameters.add_bytes(columns.stages, oid::text);
  parameters.add_bytes(columns.tables, oid::text);
  parameters.add_bytes(columns.states, oid::text);
  parameters.add_bytes(views(columns.reasons), oid::text);
  parameters.add_bytes(std::vector<std::optional<std::string_view>>(columns.details.begin(), columns.details.end()),
                       oid::text);
}

}  // namespace sluice::sink

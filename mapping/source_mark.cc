#include "mapping/source_mark.h"

#include <algorithm>
#include <optional>

#include "base/parse.h"

namespace sluice::mapping {
namespace {

constexpr std::int64_t no_count = -1;  // says nothing, where zero says that there is nothing to wait for

std::string text_of(const Value* value) {
  std::string scratch;
  std::string_view characters;
  if (value == nullptr || !value->is_text() || value->characters(scratch, characters) != TextError::none) return {};
  return std::string(characters);
}

std::int64_t number_of(const Value* value, std::int64_t otherwise = 0) {
  if (value == nullptr) return otherwise;
  if (value->kind() == ValueKind::integer) return value->integer();
  if (value->kind() == ValueKind::number_text) return parse_integer<std::int64_t>(value->digits()).value_or(otherwise);
  return parse_integer<std::int64_t>(text_of(value)).value_or(otherwise);
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

void read_counts(const Value& collections, ValueArena& arena, SourceMark& mark) {
  std::vector<Value> unread;
  std::span<const Value> items;
  if (collections.kind() != ValueKind::array || !collections.items(unread, items)) return;
  for (const Value& item : items) {
    std::vector<Field> unread_fields;
    std::span<const Field> fields;
    if (item.kind() != ValueKind::structure || !item.members(unread_fields, arena, fields)) continue;
    mark.counts.emplace_back(text_of(find(fields, "data_collection")),
                             number_of(find(fields, "event_count"), no_count));
  }
}

// Without the number of one table its events would not be waited for.
bool adds_up(const SourceMark& mark) {
  if (mark.events < 0) return false;
  std::int64_t left = mark.events;
  for (const auto& [collection, events] : mark.counts) {
    if (events < 0 || events > left) return false;
    left -= events;
  }
  return left == 0;
}

}  // namespace

std::string_view shared_part(std::string_view id) {
  const auto colon = id.find(':');
  if (colon == id.npos) return id;
  const bool of_postgres = is_digits(id.substr(0, colon)) && is_digits(id.substr(colon + 1));
  return of_postgres ? id.substr(0, colon) : id;
}

std::string as_topic(std::string_view name) {
  std::string topic(name);
  for (char& c : topic) {
    const bool valid = is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
    if (!valid) c = '_';
  }
  return topic;
}

void read_transaction_block(const Value& block, ValueArena& arena, SourceMark& mark) {
  std::vector<Field> unread;
  std::span<const Field> fields;
  if (block.kind() != ValueKind::structure || !block.members(unread, arena, fields)) return;
  const std::string id = text_of(find(fields, "id"));
  if (id.empty()) return;
  mark.kind = SourceMark::Kind::event;
  mark.transaction = shared_part(id);
  mark.order = number_of(find(fields, "total_order"));
  mark.collection_order = number_of(find(fields, "data_collection_order"));
}

void read_metadata(std::span<const Field> fields, ValueArena& arena, SourceMark& mark) {
  if (text_of(find(fields, "status")) != "END") return;
  const std::string id = text_of(find(fields, "id"));
  if (id.empty()) return;
  mark.kind = SourceMark::Kind::end;
  mark.transaction = shared_part(id);
  mark.events = number_of(find(fields, "event_count"), no_count);
  if (const Value* collections = find(fields, "data_collections")) read_counts(*collections, arena, mark);
  if (!adds_up(mark)) mark.kind = SourceMark::Kind::unreadable;
}

}  // namespace sluice::mapping

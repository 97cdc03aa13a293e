#include "mapping/formats/protobuf_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <unordered_map>
#include <utility>

#include "mapping/formats/binary_text.h"
#include "mapping/formats/json_formats.h"
#include "mapping/formats/protobuf_meaning.h"
#include "mapping/formats/value_budget.h"

namespace sluice::mapping {
namespace {

constexpr int deepest_message = 100;                        // libprotobuf's own, so that what it writes can be read
constexpr std::size_t kept_from_record_to_record = 65'536;  // places of a vector

std::uint32_t wire_of(ProtobufType type) {
  switch (type) {
    case ProtobufType::fixed64:
    case ProtobufType::sfixed64:
    case ProtobufType::real:
      return ProtobufWire::eight_bytes;
    case ProtobufType::fixed32:
    case ProtobufType::sfixed32:
    case ProtobufType::single:
      return ProtobufWire::four_bytes;
    case ProtobufType::text:
    case ProtobufType::bytes:
    case ProtobufType::message:
      return ProtobufWire::with_length;
    case ProtobufType::group:
      return ProtobufWire::group_begin;
    default:
      return ProtobufWire::varint;
  }
}

// Returns true if a value of the field may come in this form; else it is none of the schema's.
bool comes_as(const ProtobufField& field, std::uint32_t wire) {
  const std::uint32_t expected = wire_of(field.type);
  const bool packs = field.repeated && expected != ProtobufWire::with_length && expected != ProtobufWire::group_begin;
  return wire == expected || (packs && wire == ProtobufWire::with_length);
}

std::int64_t of_zigzag(std::uint64_t bits) {
  return static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
}

// The text that a key of a map is in JSON.
std::string_view key_text(const Value& key, ValueArena& arena) {
  switch (key.kind()) {
    case ValueKind::boolean:
      return key.is_true() ? "true" : "false";
    case ValueKind::integer:
      return kept(fmt::format("{}", key.integer()), arena);
    default:
      return key.unread_json();  // a text, or the digits of a number
  }
}

// Of several entries with one key the last counts.
std::size_t without_doubles(std::span<Field> members) {
  std::unordered_map<std::string_view, std::size_t> places;
  std::size_t count = 0;
  for (const Field& member : members) {
    const auto [known, is_new] = places.try_emplace(member.name, count);
    if (is_new) ++count;
    members[known->second] = member;
  }
  return count;
}

}  // namespace

struct ProtobufReader::Reading {
  const ProtobufMessage& type;
  std::span<Field> fields;
  std::span<std::uint32_t> chosen;  // of each oneof, the field's slot + 1
  int depth;
  Place place;
  std::size_t first_piece, first_element;
  bool in_pieces = false;

  // Where the values of a field's messages are.
  Place inside(const ProtobufField& field) const {
    if (field.map) return Place::entry;
    if (place == Place::envelope && !field.repeated) return Place::row;
    return place == Place::row && !field.repeated ? Place::column : Place::nested;
  }
};

bool ProtobufReader::read(const ProtobufSchema& schema, std::uint32_t message, std::string_view bytes,
                          ValueArena& arena, Value& datum, bool any_text) {
  schema_ = &schema;
  arena_ = &arena;
  in_.begin(bytes);
  budget_ = value_budget(bytes.size());
  not_utf8_ = false;
  any_text_ = any_text;
  if (pieces_.capacity() > kept_from_record_to_record) pieces_ = {};
  if (elements_.capacity() > kept_from_record_to_record) elements_ = {};
  pieces_.clear();
  elements_.clear();
  const bool is_envelope = schema.messages[message].meaning == ProtobufMeaning::envelope;
  null_if_unset_ = schema.connect || is_envelope;
  return read_message(message, bytes, deepest_message, is_envelope ? Place::envelope : Place::row, datum);
}

Value ProtobufReader::unsigned_value(std::uint64_t number) {
  if (std::in_range<std::int64_t>(number)) return Value::integer(static_cast<std::int64_t>(number));
  return Value::number_text(kept(fmt::format("{}", number), *arena_));
}

// Absent if the enumeration is closed and does not have the number: the field counts as unset then.
Value ProtobufReader::enumeration_value(const ProtobufField& field, std::int32_t number) {
  const ProtobufEnumeration& enumeration = schema_->enumerations[field.of];
  const std::string* symbol = enumeration.symbol(number);
  unknown_symbol_ = !symbol && enumeration.closed;
  if (unknown_symbol_) return Value::absent();
  if (enumeration.only_null) return {};
  return symbol ? Value::text(*symbol) : Value::integer(number);
}

bool ProtobufReader::read_scalar(const ProtobufField& field, Value& out) {
  std::uint64_t bits = 0;
  std::uint32_t half = 0;
  const auto set = [&](bool read, auto make) {
    if (read) out = make();
    return read;
  };
  switch (field.type) {
    case ProtobufType::boolean:
      return set(in_.read_varint(bits), [&] { return Value::boolean(bits != 0); });
    case ProtobufType::int32:
      return set(in_.read_varint(bits), [&] { return Value::integer(static_cast<std::int32_t>(bits)); });
    case ProtobufType::int64:
      return set(in_.read_varint(bits), [&] { return Value::integer(static_cast<std::int64_t>(bits)); });
    case ProtobufType::uint32:
      return set(in_.read_varint(bits), [&] { return Value::integer(static_cast<std::uint32_t>(bits)); });
    case ProtobufType::uint64:
      return set(in_.read_varint(bits), [&] { return unsigned_value(bits); });
    case ProtobufType::sint32:
      return set(in_.read_varint(bits), [&] { return Value::integer(of_zigzag(static_cast<std::uint32_t>(bits))); });
    case ProtobufType::sint64:
      return set(in_.read_varint(bits), [&] { return Value::integer(of_zigzag(bits)); });
    case ProtobufType::fixed32:
      return set(in_.take_number(half), [&] { return Value::integer(half); });
    case ProtobufType::fixed64:
      return set(in_.take_number(bits), [&] { return unsigned_value(bits); });
    case ProtobufType::sfixed32:
      return set(in_.take_number(half), [&] { return Value::integer(static_cast<std::int32_t>(half)); });
    case ProtobufType::sfixed64:
      return set(in_.take_number(bits), [&] { return Value::integer(static_cast<std::int64_t>(bits)); });
    case ProtobufType::single:
      return set(in_.take_number(half), [&] { return Value::single(std::bit_cast<float>(half)); });
    case ProtobufType::real:
      return set(in_.take_number(bits), [&] { return Value::real(std::bit_cast<double>(bits)); });
    case ProtobufType::enumeration:
      return set(in_.read_varint(bits), [&] { return enumeration_value(field, static_cast<std::int32_t>(bits)); });
    case ProtobufType::text:
    case ProtobufType::bytes: {
      std::string_view bytes;
      if (!in_.read_length(bytes)) return false;
      not_utf8_ = field.type == ProtobufType::text && !any_text_ && !is_utf8(bytes);
      if (not_utf8_) return in_.fail("a text that is not UTF-8");
      out = field.type == ProtobufType::text ? Value::text(bytes) : Value::bytes(bytes);
      return true;
    }
    case ProtobufType::message:
    case ProtobufType::group:
      break;
  }
  return in_.fail("a field of an unknown form");
}

// Of a oneof the field that was set last counts.
void ProtobufReader::choose(Reading& reading, std::uint32_t slot) {
  const std::uint32_t choice = reading.type.fields[slot].choice;
  if (choice == 0) return;
  std::uint32_t& chosen = reading.chosen[choice - 1];
  if (chosen > 0 && chosen != slot + 1) reading.fields[chosen - 1].value = Value::absent();
  chosen = slot + 1;
}

bool ProtobufReader::read_packed(const ProtobufField& field, std::uint32_t slot, std::string_view bytes) {
  const std::string_view outer = in_.enter(bytes);
  while (!in_.at_end()) {
    Value value;
    if (!read_scalar(field, value)) return false;
    if (value.kind() == ValueKind::absent) continue;
    if (budget_ == 0) return in_.fail("more values than an event may have");
    --budget_;
    elements_.push_back({slot, 0, {{}, value}});
  }
  in_.leave(outer);
  return true;
}

// A message in a field. One that is not repeated may go on later in the bytes, so it waits for the end of its holder;
// meanwhile its value is the place of its first piece.
bool ProtobufReader::read_part(Reading& reading, std::uint32_t slot, std::string_view bytes) {
  const ProtobufField& field = reading.type.fields[slot];
  if (!field.repeated) {
    choose(reading, slot);
    Value& pending = reading.fields[slot].value;
    if (pending.kind() == ValueKind::absent) {
      pending = Value::integer(static_cast<std::int64_t>(pieces_.size()));
    } else {
      if (bytes.empty()) return true;
      reading.in_pieces = true;
    }
    pieces_.push_back({slot, bytes});
    return true;
  }
  Element element{slot, 0, {}};
  unknown_symbol_ = false;
  if (!read_message(field.of, bytes, reading.depth - 1, reading.inside(field), element.field.value)) return false;
  if (field.map) {
    std::vector<Field> unread;
    std::span<const Field> pair;
    element.field.value.members(unread, *arena_, pair);
    if (pair[1].value.kind() == ValueKind::absent) return true;
    element.field = {key_text(pair[0].value, *arena_), pair[1].value};
  }
  elements_.push_back(element);
  return true;
}

bool ProtobufReader::read_field(Reading& reading, std::uint32_t slot, std::uint32_t wire) {
  const ProtobufField& field = reading.type.fields[slot];
  std::string_view bytes;
  if (field.type == ProtobufType::message) return in_.read_length(bytes) && read_part(reading, slot, bytes);
  if (field.type == ProtobufType::group)
    return in_.skip_group(field.number, reading.depth, bytes) && read_part(reading, slot, bytes);
  if (wire != wire_of(field.type)) return in_.read_length(bytes) && read_packed(field, slot, bytes);
  Value value;
  if (!read_scalar(field, value)) return false;
  if (value.kind() == ValueKind::absent) return true;
  if (field.repeated) {
    if (budget_ == 0) return in_.fail("more values than an event may have");
    --budget_;
    elements_.push_back({slot, 0, {{}, value}});
    return true;
  }
  choose(reading, slot);
  reading.fields[slot].value = value;
  return true;
}

bool ProtobufReader::read_fields(Reading& reading) {
  const auto& fields = reading.type.fields;
  std::size_t next = 0;  // most writers keep the order of the numbers, and leave out few
  while (!in_.at_end()) {
    std::uint32_t number = 0, wire = 0;
    if (!in_.read_tag(number, wire)) return false;
    if (next < fields.size() && fields[next].number < number) ++next;
    if (next == fields.size() || fields[next].number != number) {
      const auto found = std::ranges::lower_bound(fields, number, {}, &ProtobufField::number);
      next = static_cast<std::size_t>(found - fields.begin());
    }
    const bool known = next < fields.size() && fields[next].number == number && comes_as(fields[next], wire);
    const bool read =
        known ? read_field(reading, static_cast<std::uint32_t>(next), wire) : in_.skip(number, wire, reading.depth);
    if (!read) return false;
  }
  return true;
}

// Reads the messages of fields that are not repeated. What came before another field of the same oneof is void.
bool ProtobufReader::read_pieces(Reading& reading) {
  std::size_t end = reading.first_piece;
  for (std::size_t n = end; n < pieces_.size(); ++n) {
    const Value& pending = reading.fields[pieces_[n].slot].value;
    const bool counts = pending.kind() == ValueKind::integer && std::cmp_greater_equal(n, pending.integer());
    if (counts) pieces_[end++] = pieces_[n];
  }
  pieces_.resize(end);
  const auto first = pieces_.begin() + static_cast<std::ptrdiff_t>(reading.first_piece);
  const auto in_order = [](const Piece& one) { return std::pair(one.slot, one.bytes.data()); };
  if (reading.in_pieces) std::sort(first, pieces_.end(), [&](auto& a, auto& b) { return in_order(a) < in_order(b); });
  for (std::size_t n = reading.first_piece, behind = n; n < end; n = behind) {
    const std::uint32_t slot = pieces_[n].slot;
    std::size_t size = 0;
    for (; behind < end && pieces_[behind].slot == slot; ++behind) size += pieces_[behind].bytes.size();
    std::string_view bytes = pieces_[n].bytes;
    if (behind > n + 1) {
      if (size / sizeof(Field) > budget_) return in_.fail("more values than an event may have");
      budget_ -= size / sizeof(Field);
      const std::span<char> joined = arena_->allocate<char>(size);
      auto to = joined.begin();
      for (std::size_t piece = n; piece < behind; ++piece) to = std::ranges::copy(pieces_[piece].bytes, to).out;
      bytes = {joined.data(), size};
    }
    const ProtobufField& field = reading.type.fields[slot];
    Value value;
    if (!read_message(field.of, bytes, reading.depth - 1, reading.inside(field), value)) return false;
    reading.fields[slot].value = value;
  }
  pieces_.resize(reading.first_piece);
  return true;
}

void ProtobufReader::gather_elements(Reading& reading) {
  const auto first = elements_.begin() + static_cast<std::ptrdiff_t>(reading.first_element);
  const auto in_order = [](const Element& a, const Element& b) {
    return std::pair(a.slot, a.order) < std::pair(b.slot, b.order);
  };
  std::uint32_t order = 0;
  for (auto element = first; element != elements_.end(); ++element) element->order = order++;
  if (!std::is_sorted(first, elements_.end(), in_order)) std::sort(first, elements_.end(), in_order);
  for (auto begin = first; begin != elements_.end();) {
    const std::uint32_t slot = begin->slot;
    const auto end = std::find_if(begin, elements_.end(), [&](const Element& one) { return one.slot != slot; });
    const auto count = static_cast<std::size_t>(end - begin);
    if (reading.type.fields[slot].map) {
      const std::span<Field> members = arena_->allocate<Field>(count);
      std::transform(begin, end, members.begin(), [](const Element& one) { return one.field; });
      reading.fields[slot].value = Value::structure(members.first(without_doubles(members)));
    } else {
      const std::span<Value> items = arena_->allocate<Value>(count);
      std::transform(begin, end, items.begin(), [](const Element& one) { return one.field.value; });
      reading.fields[slot].value = Value::array(items);
    }
    begin = end;
  }
  elements_.resize(reading.first_element);
}

// Gives the fields that are not set what that means, and makes the message's value.
bool ProtobufReader::complete(Reading& reading, Value& out) {
  const Place place = reading.place;
  std::size_t present = 0;
  for (std::size_t slot = 0; slot < reading.fields.size(); ++slot) {
    const ProtobufField& field = reading.type.fields[slot];
    Field& made = reading.fields[slot];
    if (made.value.kind() == ValueKind::absent) {
      if (field.required) return in_.fail("the end without a required field");
      if (place == Place::entry && field.type == ProtobufType::enumeration && unknown_symbol_) {
        // Its only values are unknown to a closed enumeration: the entry does not count.
      } else if (field.repeated) {
        made.value = field.map ? Value::structure({}) : Value::array({});
      } else if (field.has_default) {
        made.value = field.default_value();
      } else if (place == Place::entry) {
        if (!read_message(field.of, {}, reading.depth - 1, Place::nested, made.value)) return false;
      } else if (place == Place::envelope ||
                 (place == Place::row && (null_if_unset_ || (field.choice > 0 && reading.chosen[field.choice - 1])))) {
        made.value = {};
      }
    } else if (place == Place::row && is_placeholder(made.value)) {
      made.value = Value::absent();
    }
    const bool leaves_out = place == Place::column || place == Place::nested;
    if (leaves_out && made.value.kind() == ValueKind::absent) continue;
    reading.fields[present++] = made;
  }
  out = Value::structure(reading.fields.first(present));
  return true;
}

bool ProtobufReader::read_message(std::uint32_t index, std::string_view bytes, int depth, Place place, Value& out) {
  const ProtobufMessage& type = schema_->messages[index];
  const std::size_t count = type.fields.size();
  if (depth == 0) return in_.fail("messages nested too deep");
  if (count >= budget_) return in_.fail("more values than an event may have");
  budget_ -= count + 1;
  const bool has_meaning = type.meaning != ProtobufMeaning::none && type.meaning != ProtobufMeaning::envelope;
  Reading reading{type,
                  arena_->allocate<Field>(count),
                  arena_->allocate<std::uint32_t>(type.choices),
                  depth,
                  has_meaning ? Place::whole : place,
                  pieces_.size(),
                  elements_.size()};
  for (std::size_t slot = 0; slot < count; ++slot) reading.fields[slot] = {type.fields[slot].name, Value::absent()};
  const std::string_view outer = in_.enter(bytes);
  if (!read_fields(reading)) return false;
  if (pieces_.size() > reading.first_piece && !read_pieces(reading)) return false;
  if (elements_.size() > reading.first_element) gather_elements(reading);
  if (!complete(reading, out)) return false;
  if (has_meaning)
    out = meaningful(type.meaning, reading.fields, place != Place::row && place != Place::column, *arena_);
  in_.leave(outer);
  return true;
}

}  // namespace sluice::mapping

#include "mapping/formats/frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "base/excerpt.h"
#include "base/json_text.h"
#include "mapping/formats/json_formats.h"

namespace sluice::mapping {
namespace {

constexpr std::size_t number_frame = 5;  // a zero byte and the number, in front of the payload or alone in a header
constexpr std::size_t guid_frame = 17;   // the byte 1 and the GUID, in a header
constexpr const char* malformed = "22P03";

const char* path_of(Side side) {
  return side == Side::key ? "key" : "value";
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

std::string hex(std::string_view bytes) {
  constexpr std::size_t shown = 16;
  std::string text = "\\x";
  append_hex(bytes.substr(0, shown), text);
  return excerpt(bytes.size() > shown ? text + "…" : text);
}

std::optional<std::string_view> header_of(std::span<const Header> headers, Side side) {
  return last_header(headers, side == Side::key ? "__key_schema_id" : "__value_schema_id");
}

// Apicurio's serializers write an id of eight bytes, or headers and a payload without a frame, unless they are told to
// be Confluent's.
constexpr const char* apicurios_hint =
    "let its serializer write Confluent's (as-confluent, headers off, an id of four bytes)";

bool has_apicurios_id(std::span<const Header> headers, Side side) {
  const std::string_view prefix = side == Side::key ? "apicurio.key." : "apicurio.value.";
  return std::ranges::any_of(headers, [&](const Header& header) {
    if (!header.name.starts_with(prefix)) return false;
    const std::string_view of = std::string_view(header.name).substr(prefix.size());
    return of == "globalId" || of == "contentId" || of == "contentHash" || of == "artifactId";
  });
}

void refuse_header(std::string_view header, Side side, DecodeError& error) {
  error = {malformed, fmt::format("{}: found a header {} with {}, expected the byte 1 and a GUID", path_of(side),
                                  side == Side::key ? "__key_schema_id" : "__value_schema_id", hex(header))};
}

bool read_frame(std::string_view bytes, std::span<const Header> headers, Side side, Frame& frame, DecodeError& error) {
  if (const auto header = headers.empty() ? std::nullopt : header_of(headers, side)) {
    if (header->size() >= guid_frame && header->front() == 1) {
      frame = {{true, big_endian(header->substr(1, 8)), big_endian(header->substr(9, 8))},
               bytes,
               header->substr(guid_frame),
               true};
      return true;
    }
    if (header->size() >= number_frame && header->front() == 0) {
      frame = {{false, 0, big_endian(header->substr(1, 4))}, bytes, header->substr(number_frame), true};
      return true;
    }
    refuse_header(*header, side, error);
    return false;
  }
  // Its first bytes would be taken for the number of a schema.
  if (refuse_apicurios(headers, side, error)) return false;
  if (bytes.size() < number_frame) {
    error = {malformed, fmt::format("{}: found {}, expected a zero byte and the number of a schema in four bytes",
                                    path_of(side), hex(bytes))};
    return false;
  }
  frame = {{false, 0, big_endian(bytes.substr(1, 4))}, bytes.substr(number_frame), {}};
  return true;
}

// Fields, types and symbols: what the memory of a schema grows with.
std::size_t parts_of(const SchemaBook::Entry& entry) {
  std::size_t count = entry.avro.nodes.size() + entry.avro.parts.size() + entry.avro.symbols.size();
  for (const ProtobufMessage& message : entry.protobuf.messages) count += 1 + message.fields.size();
  for (const ProtobufEnumeration& enumeration : entry.protobuf.enumerations) count += enumeration.symbols.size();
  return count + entry.json.size;
}

// What the kinds are called that can be read.
constexpr const char* readable_kinds = "AVRO, JSON or PROTOBUF";

}  // namespace

bool refuse_apicurios(std::span<const Header> headers, Side side, DecodeError& error) {
  if (!has_apicurios_id(headers, side)) return false;
  error = {malformed, fmt::format("{}: found headers of Apicurio's own, expected a frame of a schema registry; {}",
                                  path_of(side), apicurios_hint)};
  return true;
}

bool is_framed(std::string_view bytes, std::span<const Header> headers, Side side) {
  if (!bytes.empty() && bytes.front() == 0) return true;
  if (headers.empty()) return false;
  if (header_of(headers, side)) return true;
  // A row of JSON needs no schema.
  const auto first = bytes.find_first_not_of(" \t\r\n");
  return side == Side::value && first != bytes.npos && bytes[first] != '{' && has_apicurios_id(headers, side);
}

const SchemaBook::Entry* SchemaBook::look_up(const SchemaName& schema) {
  const auto found = entries_.find(schema);
  if (found == entries_.end()) return refused_ && refused_->first == schema ? &refused_->second : nullptr;
  last_name_ = schema;
  return last_ = &found->second;
}

void SchemaBook::set(const SchemaName& name, const RegisteredSchema& schema) {
  compile(name, schema);
  parts_ += parts_of(entries_[name]);
}

void SchemaBook::compile(const SchemaName& name, const RegisteredSchema& schema) {
  if (entries_.size() == capacity || parts_ > most_parts) {
    entries_.clear();
    parts_ = 0;
  }
  last_ = nullptr;
  Entry& entry = entries_[name];
  entry = {schema.kind, {}, {}, {}, {}};
  const auto take = [&](auto compiled, auto& to, const char* of) {
    if (compiled)
      to = std::move(*compiled);
    else
      entry.refusal = fmt::format("found schema {}, expected one of {}: {}", name.text(), of, compiled.error());
  };
  switch (schema.kind) {
    case SchemaKind::avro:
      return take(compile_avro(schema.body, schema.references), entry.avro, "Avro");
    case SchemaKind::json:
      return take(compile_json_schema(schema.body, schema.references), entry.json, "JSON Schema");
    case SchemaKind::protobuf:
      take(compile_protobuf(schema.body, schema.references), entry.protobuf, "Protobuf");
      for (ProtobufMessage& message : entry.protobuf.messages) message.id = new_schema_id();
      return;
    case SchemaKind::other:
      entry.refusal = fmt::format("found schema {} of kind {}, expected {}", name.text(), sluice::name(schema.kind),
                                  readable_kinds);
  }
}

void SchemaBook::refuse(const SchemaName& name, std::string reason) {
  refused_.emplace(name, Entry{SchemaKind::other, std::move(reason), {}, {}, {}});
}

// The entry that the frame is to be read with. Null with `error` set.
const SchemaBook::Entry* FrameReader::open(std::string_view bytes, std::span<const Header> headers, Side side,
                                           Frame& frame, DecodeError& error) {
  if (!read_frame(bytes, headers, side, frame, error)) return nullptr;
  const auto refused = [&](std::string reason) {
    error = {malformed, fmt::format("{}: {}", path_of(side), reason)};
    return nullptr;
  };
  if (!book_.answers()) {
    return refused(fmt::format("found a frame with schema {}, expected a [registry] in the configuration; set its url",
                               frame.schema.text()));
  }
  if (!frame.schema.is_guid && frame.schema.low > max_schema_number)
    return refused(fmt::format("found schema {}, expected a number below 2147483648", frame.schema.low));
  const SchemaBook::Entry* entry = book_.find(frame.schema);
  if (!entry) {
    error.wanted = frame.schema;
    return nullptr;
  }
  if (entry->refusal.empty()) {
    if (entry->kind == SchemaKind::protobuf || frame.behind_id.empty()) return entry;
    refuse_header(*header_of(headers, side), side, error);
    return nullptr;
  }
  const bool apicurios = entry->kind == SchemaKind::other && !frame.schema.is_guid && frame.schema.low == 0;
  if (!apicurios) return refused(entry->refusal);
  return refused(fmt::format("{}; the frame seems to be Apicurio's own: {}", entry->refusal, apicurios_hint));
}

bool FrameReader::read_avro(const SchemaBook::Entry& entry, const Frame& frame, Side side, bool any_text,
                            DecodeSpace& space, Datum& datum, DecodeError& error) {
  const AvroSchema& schema = entry.avro;
  if (avro_.read(schema, frame.payload, space.arena, datum.value, any_text)) {
    const AvroRoot* root = schema.root_of(avro_.root());
    datum.schema = {root ? root->id : no_schema, {&schema, root ? root->row : schema.root}};
    datum.connect = schema.connect;
    datum.is_envelope = root && root->is_envelope;
    return true;
  }
  error = {avro_.not_utf8() ? "22021" : malformed,
           fmt::format("{}: found {} at byte {} of {}, expected a datum of schema {}", path_of(side), avro_.fault(),
                       avro_.at(), frame.payload.size(), frame.schema.text())};
  return false;
}

bool FrameReader::read_protobuf(const SchemaBook::Entry& entry, const Frame& frame, Side side, bool any_text,
                                DecodeSpace& space, Datum& datum, DecodeError& error) {
  const ProtobufSchema& schema = entry.protobuf;
  std::string_view payload = frame.payload;
  std::string_view in_header = frame.behind_id.empty() ? std::string_view("\0", 1) : frame.behind_id;
  std::string_view& path = frame.in_header ? in_header : payload;
  std::uint32_t message = 0;
  const PathFault fault = schema.take_path(path, message);
  if (fault != PathFault::none || (frame.in_header && !path.empty())) {
    error = {malformed, fmt::format("{}: found {}, expected the path of a message of schema {}{}", path_of(side),
                                    hex(frame.in_header ? frame.behind_id : frame.payload), frame.schema.text(),
                                    fault == PathFault::ambiguous
                                        ? "; beside maps or groups only the first message within another "
                                          "is the same for all serializers"
                                        : "")};
    return false;
  }
  if (protobuf_.read(schema, message, payload, space.arena, datum.value, any_text)) {
    const ProtobufMessage& type = schema.messages[message];
    datum.is_envelope = type.meaning == ProtobufMeaning::envelope;
    datum.schema = {datum.is_envelope || type.meaning == ProtobufMeaning::none ? type.id : no_schema,
                    {&schema, schema.row_of(message)}};
    datum.connect = schema.connect || datum.is_envelope;
    return true;
  }
  error = {protobuf_.not_utf8() ? "22021" : malformed,
           fmt::format("{}: found {} at byte {} of {}, expected a message of schema {}", path_of(side),
                       protobuf_.fault(), protobuf_.at(), payload.size(), frame.schema.text())};
  return false;
}

bool FrameReader::read_datum(const SchemaBook::Entry& entry, const Frame& frame, Side side, bool any_text,
                             DecodeSpace& space, Datum& datum, DecodeError& error) {
  return entry.kind == SchemaKind::protobuf ? read_protobuf(entry, frame, side, any_text, space, datum, error)
                                            : read_avro(entry, frame, side, any_text, space, datum, error);
}

bool FrameReader::read_event(std::string_view bytes, std::span<const Header> headers, const FrameRules& rules,
                             DecodeSpace& space, Event& event, DecodeError& error) {
  Frame frame;
  const SchemaBook::Entry* entry = open(bytes, headers, Side::value, frame, error);
  if (!entry) return false;
  if (rules.kind && entry->kind != *rules.kind) {
    error = {malformed,
             fmt::format("value: found a frame of kind {}, expected {}", name(entry->kind), name(*rules.kind))};
    return false;
  }
  if (entry->kind == SchemaKind::json) return read_json_event(*entry, frame, rules, space, event, error);
  Datum datum;
  if (!read_datum(*entry, frame, Side::value, rules.any_text, space, datum, error)) return false;
  std::span<const Field> fields;
  if (datum.value.kind() == ValueKind::null) {
    event.operation = Operation::tombstone;
    return true;
  }
  if (datum.value.kind() != ValueKind::structure || !datum.value.members(space.top, space.arena, fields)) {
    error = {malformed, fmt::format("value: found a schema {} whose values have no fields, expected a record",
                                    frame.schema.text())};
    return false;
  }
  if (datum.is_envelope) return read_envelope(fields, datum.schema, event, error);
  if (rules.envelopes_only && !(rules.passes_over_notices && is_notice(fields))) {
    error = {malformed, fmt::format("value: found schema {}, expected a Debezium envelope", frame.schema.text())};
    return false;
  }
  event.after = {{fields, datum.schema.id}, "value", datum.connect, true, datum.schema.types};
  return true;
}

bool FrameReader::read_json_event(const SchemaBook::Entry& entry, const Frame& frame, const FrameRules& rules,
                                  DecodeSpace& space, Event& event, DecodeError& error) {
  Payload payload;
  payload.schema = &entry.json.types;
  payload.connect = entry.json.connect;
  Value value;
  payload.null = read_json(frame.payload, value) && value.kind() == ValueKind::null;
  if (!payload.null && !open_object(frame.payload, space, error)) return false;
  const bool passes = payload.null || is_debezium(space) || (rules.passes_over_notices && is_notice(space.top));
  if (rules.envelopes_only && !passes) return refuse(error, "value", frame.payload, "a Debezium envelope");
  if (rules.rows_only && !payload.null) return read_row(payload, space, event, error);
  return read_payload(payload, space, event, error);
}

bool FrameReader::read_key(std::string_view bytes, std::span<const Header> headers, DecodeSpace& space, Image& image,
                           DecodeError& error) {
  Frame frame;
  const SchemaBook::Entry* entry = open(bytes, headers, Side::key, frame, error);
  if (!entry) return false;
  if (entry->kind == SchemaKind::json) {
    Value value;
    if (!simdjson::validate_utf8(frame.payload) || !read_json(frame.payload, value))
      return refuse(error, "key", frame.payload, "JSON");
    image = {};
    image.path = "key";
    set_key(value, &entry->json.types, space, image);
    image.text_is_json = entry->json.connect;
    return true;
  }
  Datum datum;
  if (!read_datum(*entry, frame, Side::key, false, space, datum, error)) return false;
  const Value& value = datum.value;
  std::span<const Field> fields;
  image = {};
  image.path = "key";
  if (value.kind() == ValueKind::null || value.kind() == ValueKind::array) return true;
  if (value.kind() == ValueKind::structure) {
    if (!value.members(space.key, space.arena, fields)) return true;
  } else {
    space.key.assign(1, {{}, value});
    fields = space.key;
  }
  image.row = {fields, datum.schema.id};
  image.types = datum.schema.types;
  image.text_is_json = datum.connect;
  image.present = true;
  return true;
}

std::optional<SchemaName> FrameReader::wanted_for_key(std::string_view bytes, std::span<const Header> headers) {
  Frame frame;
  DecodeError error;
  if (!open(bytes, headers, Side::key, frame, error)) return error.wanted;
  return std::nullopt;
}

}  // namespace sluice::mapping

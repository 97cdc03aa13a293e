#include "mapping/formats/protobuf/protobuf_schema.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <exception>
#include <initializer_list>
#include <limits>
#include <map>
#include <mutex>
#include <set>

#include "base/printable.h"
#include "mapping/formats/protobuf/proto_files.h"

namespace sluice::mapping {
namespace {

namespace pb = google::protobuf;

constexpr std::uint32_t most_steps = 64;  // of a path

ProtobufType type_of(const pb::FieldDescriptor& field) {
  switch (field.type()) {
    case pb::FieldDescriptor::TYPE_BOOL:
      return ProtobufType::boolean;
    case pb::FieldDescriptor::TYPE_INT32:
      return ProtobufType::int32;
    case pb::FieldDescriptor::TYPE_INT64:
      return ProtobufType::int64;
    case pb::FieldDescriptor::TYPE_UINT32:
      return ProtobufType::uint32;
    case pb::FieldDescriptor::TYPE_UINT64:
      return ProtobufType::uint64;
    case pb::FieldDescriptor::TYPE_SINT32:
      return ProtobufType::sint32;
    case pb::FieldDescriptor::TYPE_SINT64:
      return ProtobufType::sint64;
    case pb::FieldDescriptor::TYPE_FIXED32:
      return ProtobufType::fixed32;
    case pb::FieldDescriptor::TYPE_FIXED64:
      return ProtobufType::fixed64;
    case pb::FieldDescriptor::TYPE_SFIXED32:
      return ProtobufType::sfixed32;
    case pb::FieldDescriptor::TYPE_SFIXED64:
      return ProtobufType::sfixed64;
    case pb::FieldDescriptor::TYPE_FLOAT:
      return ProtobufType::single;
    case pb::FieldDescriptor::TYPE_DOUBLE:
      return ProtobufType::real;
    case pb::FieldDescriptor::TYPE_STRING:
      return ProtobufType::text;
    case pb::FieldDescriptor::TYPE_BYTES:
      return ProtobufType::bytes;
    case pb::FieldDescriptor::TYPE_ENUM:
      return ProtobufType::enumeration;
    case pb::FieldDescriptor::TYPE_MESSAGE:
      return ProtobufType::message;
    case pb::FieldDescriptor::TYPE_GROUP:
      return ProtobufType::group;
  }
  return ProtobufType::bytes;
}

bool has_fields(const ProtobufMessage& message, std::initializer_list<ProtobufType> types) {
  std::uint32_t number = 0;
  return std::ranges::equal(message.fields, types, [&](const ProtobufField& field, ProtobufType type) {
    return field.type == type && !field.repeated && field.number == ++number;
  });
}

ProtobufMeaning meaning_by_name(const std::string& name, const ProtobufMessage& of) {
  using enum ProtobufType;
  constexpr std::string_view google = "google.protobuf.";
  const auto is = [&](std::string_view meant, std::initializer_list<ProtobufType> types) {
    return name == meant && has_fields(of, types);
  };
  if (is("google.protobuf.Timestamp", {int64, int32})) return ProtobufMeaning::timestamp;
  if (is("google.protobuf.Duration", {int64, int32})) return ProtobufMeaning::duration;
  if (is("google.type.Date", {int32, int32, int32})) return ProtobufMeaning::date;
  if (is("google.type.TimeOfDay", {int32, int32, int32, int32})) return ProtobufMeaning::time_of_day;
  if (is("confluent.type.Decimal", {bytes, uint32, int32})) return ProtobufMeaning::decimal;
  if (!name.starts_with(google)) return ProtobufMeaning::none;
  const std::size_t fields = of.fields.size();
  const bool only_repeated = fields == 1 && of.fields[0].repeated;
  if (name == "google.protobuf.Value" && fields == 6) return ProtobufMeaning::any_value;
  if (name == "google.protobuf.Struct" && only_repeated && of.fields[0].map) return ProtobufMeaning::object;
  if (name == "google.protobuf.ListValue" && only_repeated && !of.fields[0].map) return ProtobufMeaning::list;
  constexpr std::pair<std::string_view, ProtobufType> wrappers[] = {
      {"DoubleValue", real},   {"FloatValue", single}, {"Int64Value", int64},
      {"UInt64Value", uint64}, {"Int32Value", int32},  {"UInt32Value", uint32},
      {"BoolValue", boolean},  {"StringValue", text},  {"BytesValue", bytes},
  };
  for (const auto& [wrapper, type] : wrappers) {
    if (name.substr(google.size()) == wrapper && has_fields(of, {type})) return ProtobufMeaning::wrapper;
  }
  return ProtobufMeaning::none;
}

bool is_envelope(const ProtobufMessage& message) {
  const auto find = [&](std::string_view name) -> const ProtobufField* {
    const auto found = std::ranges::find(message.fields, name, &ProtobufField::name);
    return found == message.fields.end() || found->repeated ? nullptr : &*found;
  };
  const auto has_message = [&](std::string_view name) {
    const ProtobufField* field = find(name);
    return field && field->type == ProtobufType::message;
  };
  const ProtobufField* op = find("op");
  const bool is_word = op && (op->type == ProtobufType::text || op->type == ProtobufType::enumeration);
  return is_word && (has_message("before") || has_message("after") || (has_message("source") && find("ts_ms")));
}

class Compiler {
 public:
  ProtobufSchema compile(const pb::FileDescriptor& file) {
    for (int n = 0; n < file.message_type_count(); ++n) schema_.places.push_back(place(*file.message_type(n)));
    schema_.roots = static_cast<std::uint32_t>(schema_.places.size());
    place_inner(file);
    while (!waiting_.empty()) {
      const pb::Descriptor* next = waiting_.back();
      waiting_.pop_back();
      describe(*next);
    }
    return std::move(schema_);
  }

 private:
  // Declared messages in breadth: those within one lie together. Entries of maps and groups are none: Confluent's own
  // serializer in Java does not count them. That in Python does, and the registry may have moved them meanwhile.
  void place_inner(const pb::FileDescriptor& file) {
    std::vector<const pb::Descriptor*> placed;
    for (int n = 0; n < file.message_type_count(); ++n) placed.push_back(file.message_type(n));
    for (std::size_t outer = 0; outer < placed.size(); ++outer) {
      const pb::Descriptor& message = *placed[outer];
      schema_.places[outer].first = static_cast<std::uint32_t>(schema_.places.size());
      std::set<const pb::Descriptor*> groups;
      for (int n = 0; n < message.field_count(); ++n) {
        if (message.field(n)->type() == pb::FieldDescriptor::TYPE_GROUP)
          groups.insert(message.field(n)->message_type());
      }
      for (int n = 0; n < message.nested_type_count(); ++n) {
        if (message.nested_type(n)->options().map_entry() || groups.contains(message.nested_type(n))) {
          schema_.places[outer].counted_otherwise = true;
          continue;
        }
        schema_.places.push_back(place(*message.nested_type(n)));
        placed.push_back(message.nested_type(n));
        ++schema_.places[outer].count;
      }
    }
  }
  ProtobufPlace place(const pb::Descriptor& message) { return {.message = index(message)}; }

  std::uint32_t index(const pb::Descriptor& message) {
    const auto [found, is_new] = messages_.try_emplace(&message, static_cast<std::uint32_t>(messages_.size()));
    if (is_new) {
      schema_.messages.emplace_back();
      waiting_.push_back(&message);
    }
    return found->second;
  }

  std::uint32_t index(const pb::EnumDescriptor& from) {
    const auto [found, is_new] = enumerations_.try_emplace(&from, static_cast<std::uint32_t>(enumerations_.size()));
    if (!is_new) return found->second;
    ProtobufEnumeration made;
    made.closed = from.file()->syntax() != pb::FileDescriptor::SYNTAX_PROTO3;
    made.only_null = from.full_name() == "google.protobuf.NullValue";
    std::map<std::int32_t, std::string> symbols;  // of several with one number the first is meant
    for (int n = 0; n < from.value_count(); ++n) {
      symbols.try_emplace(from.value(n)->number(), from.value(n)->name());
    }
    made.symbols.assign(symbols.begin(), symbols.end());
    schema_.enumerations.push_back(std::move(made));
    return found->second;
  }

  void describe(const pb::Descriptor& from) {
    ProtobufMessage made;
    made.is_entry = from.options().map_entry();
    made.choices = static_cast<std::uint32_t>(from.real_oneof_decl_count());
    for (int n = 0; n < from.field_count(); ++n) {
      made.fields.push_back(field(*from.field(n), made.is_entry));
    }
    std::ranges::sort(made.fields, {}, &ProtobufField::number);
    made.meaning = is_envelope(made) ? ProtobufMeaning::envelope : meaning_by_name(from.full_name(), made);
    for (const char* image : {"before", "after"}) {
      const auto found = std::ranges::find(made.fields, image, &ProtobufField::name);
      if (found != made.fields.end() && found->type == ProtobufType::message) made.row = found->of;
    }
    schema_.messages[messages_.at(&from)] = std::move(made);
  }

  ProtobufField field(const pb::FieldDescriptor& from, bool of_entry) {
    ProtobufField made;
    made.name = from.type() == pb::FieldDescriptor::TYPE_GROUP ? from.message_type()->name() : from.name();
    made.number = static_cast<std::uint32_t>(from.number());
    made.type = type_of(from);
    made.repeated = from.is_repeated();
    made.map = from.is_map();
    made.required = from.is_required();
    if (const auto* choice = from.real_containing_oneof())
      made.choice = static_cast<std::uint32_t>(choice->index()) + 1;
    if (const auto* message = from.message_type()) made.of = index(*message);
    if (const auto* enumeration = from.enum_type()) made.of = index(*enumeration);
    if (!made.repeated && !from.message_type() && made.choice == 0 &&
        (from.has_default_value() || !from.has_presence() || of_entry))
      set_default(from, made);
    return made;
  }

  static void set_default(const pb::FieldDescriptor& from, ProtobufField& to) {
    to.has_default = true;
    switch (from.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_INT32:
        to.default_number = Value::integer(from.default_value_int32());
        return;
      case pb::FieldDescriptor::CPPTYPE_INT64:
        to.default_number = Value::integer(from.default_value_int64());
        return;
      case pb::FieldDescriptor::CPPTYPE_UINT32:
        to.default_number = Value::integer(from.default_value_uint32());
        return;
      case pb::FieldDescriptor::CPPTYPE_UINT64:
        if (from.default_value_uint64() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
          to.default_text = fmt::format("{}", from.default_value_uint64());
        else
          to.default_number = Value::integer(static_cast<std::int64_t>(from.default_value_uint64()));
        return;
      case pb::FieldDescriptor::CPPTYPE_DOUBLE:
        to.default_number = Value::real(from.default_value_double());
        return;
      case pb::FieldDescriptor::CPPTYPE_FLOAT:
        to.default_number = Value::single(from.default_value_float());
        return;
      case pb::FieldDescriptor::CPPTYPE_BOOL:
        to.default_number = Value::boolean(from.default_value_bool());
        return;
      case pb::FieldDescriptor::CPPTYPE_ENUM:
        to.default_text = from.default_value_enum()->name();
        return;
      case pb::FieldDescriptor::CPPTYPE_STRING:
        to.default_text = from.default_value_string();
        return;
      case pb::FieldDescriptor::CPPTYPE_MESSAGE:
        return;
    }
  }

  ProtobufSchema schema_;
  std::map<const pb::Descriptor*, std::uint32_t> messages_;
  std::map<const pb::EnumDescriptor*, std::uint32_t> enumerations_;
  std::vector<const pb::Descriptor*> waiting_;
};

// A number of the path: zigzag, as of all that Confluent's serializers write in front of a message.
bool take_index(std::string_view& bytes, std::uint32_t& index) {
  std::uint64_t bits = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (bytes.empty()) return false;
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    bits |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte & 0x80) continue;
    if (bits & 1 || bits >> 1 > std::numeric_limits<std::int32_t>::max()) return false;
    index = static_cast<std::uint32_t>(bits >> 1);
    return true;
  }
  return false;
}

}  // namespace

Value ProtobufField::default_value() const {
  switch (type) {
    case ProtobufType::text:
    case ProtobufType::enumeration:
      return Value::text(default_text);
    case ProtobufType::bytes:
      return Value::bytes(default_text);
    default:
      return default_text.empty() ? default_number : Value::number_text(default_text);
  }
}

const std::string* ProtobufEnumeration::symbol(std::int32_t number) const {
  const auto found = std::ranges::lower_bound(symbols, number, {}, &std::pair<std::int32_t, std::string>::first);
  return found == symbols.end() || found->first != number ? nullptr : &found->second;
}

PathFault ProtobufSchema::take_path(std::string_view& bytes, std::uint32_t& message) const {
  std::uint32_t steps = 0, first = 0, count = roots;
  bool counted_otherwise = false;
  if (!take_index(bytes, steps) || steps > most_steps) return PathFault::wrong;
  for (std::uint32_t step = 0; step < std::max(steps, 1u); ++step) {
    std::uint32_t index = 0;  // a path of no steps is the short form of the first message
    if (steps > 0 && !take_index(bytes, index)) return PathFault::wrong;
    // The first message is the first for all: nobody writes the entry of a map.
    if (counted_otherwise && count > 0 && index > 0) return PathFault::ambiguous;
    if (index >= count) return PathFault::wrong;
    const ProtobufPlace& place = places[first + index];
    message = place.message;
    first = place.first;
    count = place.count;
    counted_otherwise = place.counted_otherwise;
  }
  return PathFault::none;
}

std::expected<ProtobufSchema, std::string> compile_protobuf(std::string_view body,
                                                            std::span<const SchemaDocument> references) {
  static std::once_flag once;
  std::call_once(once, [] { pb::SetLogHandler(nullptr); });  // it would print what is returned here
  ProtoFiles files;
  try {
    files.add(body, references);
    pb::DescriptorPool pool;
    const pb::FileDescriptor* file = files.build(pool);
    if (!file) return std::unexpected(files.error().empty() ? "it is not a .proto file" : files.error());
    if (file->message_type_count() == 0) return std::unexpected("it describes no message");
    ProtobufSchema schema = Compiler().compile(*file);
    schema.connect = files.of_connect() || file->message_type(0)->name().starts_with("ConnectDefault");
    return schema;
  } catch (const std::exception& exception) {  // libprotobuf's own checks
    return std::unexpected(printable(exception.what(), 300));
  }
}

}  // namespace sluice::mapping

// Random schemas and messages: what is read is what libprotobuf itself prints as JSON.
#include <google/protobuf/map_field.h>
#include <google/protobuf/util/json_util.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "base/codec.h"
#include "mapping/encode/value_json.h"
#include "mapping/formats/protobuf_reader.h"
#include "tests/support/rounds.h"
#include "tests/unit/mapping/protobuf_support.h"

namespace {

using namespace sluice;
using namespace sluice::mapping;
using namespace sluice::mapping::test;
using Json = nlohmann::json;

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t bits() { return engine_(); }
  int below(int bound) { return static_cast<int>(engine_() % static_cast<std::uint64_t>(bound)); }
  bool one_in(int n) { return below(n) == 0; }
  // Numbers of every length.
  std::uint64_t number() { return one_in(4) ? 0 : bits() >> below(64); }
  std::string text() {
    constexpr const char* parts[] = {"", "a", "Ü", "€", "\"", "\\", "\n", "😀", "{}", "null"};
    std::string made;
    for (int n = below(5); n > 0; --n) made += parts[below(std::size(parts))];
    return made;
  }
  template <class Items>
  auto& one_of(Items& items) {
    return items[static_cast<std::size_t>(below(static_cast<int>(std::size(items))))];
  }

 private:
  std::mt19937_64 engine_;
};

constexpr pb::FieldDescriptorProto::Type scalars[] = {
    pb::FieldDescriptorProto::TYPE_DOUBLE,   pb::FieldDescriptorProto::TYPE_FLOAT,
    pb::FieldDescriptorProto::TYPE_INT64,    pb::FieldDescriptorProto::TYPE_UINT64,
    pb::FieldDescriptorProto::TYPE_INT32,    pb::FieldDescriptorProto::TYPE_FIXED64,
    pb::FieldDescriptorProto::TYPE_FIXED32,  pb::FieldDescriptorProto::TYPE_BOOL,
    pb::FieldDescriptorProto::TYPE_STRING,   pb::FieldDescriptorProto::TYPE_BYTES,
    pb::FieldDescriptorProto::TYPE_UINT32,   pb::FieldDescriptorProto::TYPE_SFIXED32,
    pb::FieldDescriptorProto::TYPE_SFIXED64, pb::FieldDescriptorProto::TYPE_SINT32,
    pb::FieldDescriptorProto::TYPE_SINT64,
};

// A file of a few messages that may contain each other.
class RandomFile {
 public:
  explicit RandomFile(Random& random) : random_(random) {}

  pb::FileDescriptorProto make() {
    pb::FileDescriptorProto file;
    file.set_name("random.proto");
    file.set_package("some");
    file.set_syntax("proto3");
    for (const char* import : {"timestamp", "duration", "wrappers", "struct"})
      file.add_dependency(fmt::format("google/protobuf/{}.proto", import));
    auto& enumeration = *file.add_enum_type();
    enumeration.set_name("E");
    for (const int number : {0, 1, 7, -3}) {
      auto& symbol = *enumeration.add_value();
      symbol.set_name(fmt::format("E_{}", enumeration.value_size()));
      symbol.set_number(number);
    }
    messages_ = 1 + random_.below(4);
    for (int n = 0; n < messages_; ++n) describe(fmt::format("M{}", n), *file.add_message_type());
    // What is in a column is JSON; a row is not.
    auto& row = *file.add_message_type();
    row.set_name("Row");
    for (int n = 0; n < messages_; ++n) {
      auto& field = *row.add_field();
      field.set_name(fmt::format("m{}", n));
      field.set_number(n + 1);
      field.set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
      field.set_type(pb::FieldDescriptorProto::TYPE_MESSAGE);
      field.set_type_name(fmt::format(".some.M{}", n));
    }
    return file;
  }

 private:
  void set_type(pb::FieldDescriptorProto& field) {
    constexpr const char* known[] = {"Timestamp",   "Duration",   "Struct",      "Value",       "ListValue",
                                     "DoubleValue", "FloatValue", "Int64Value",  "UInt64Value", "Int32Value",
                                     "UInt32Value", "BoolValue",  "StringValue", "BytesValue"};
    switch (random_.below(6)) {
      case 0:
        field.set_type(pb::FieldDescriptorProto::TYPE_MESSAGE);
        return field.set_type_name(fmt::format(".some.M{}", random_.below(messages_)));
      case 1:
        field.set_type(pb::FieldDescriptorProto::TYPE_MESSAGE);
        return field.set_type_name(fmt::format(".google.protobuf.{}", random_.one_of(known)));
      case 2:
        field.set_type(pb::FieldDescriptorProto::TYPE_ENUM);
        return field.set_type_name(".some.E");
      default:
        field.set_type(random_.one_of(scalars));
    }
  }

  void make_map(const std::string& outer, pb::DescriptorProto& message, pb::FieldDescriptorProto& field) {
    auto& entry = *message.add_nested_type();
    entry.set_name(fmt::format("F{}Entry", field.number()));
    entry.mutable_options()->set_map_entry(true);
    auto& key = *entry.add_field();
    key.set_name("key");
    key.set_number(1);
    key.set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
    constexpr pb::FieldDescriptorProto::Type keys[] = {
        pb::FieldDescriptorProto::TYPE_STRING, pb::FieldDescriptorProto::TYPE_INT64,
        pb::FieldDescriptorProto::TYPE_BOOL, pb::FieldDescriptorProto::TYPE_UINT64,
        pb::FieldDescriptorProto::TYPE_SINT32};
    key.set_type(random_.one_of(keys));
    auto& value = *entry.add_field();
    value.set_name("value");
    value.set_number(2);
    value.set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
    set_type(value);
    field.set_type(pb::FieldDescriptorProto::TYPE_MESSAGE);
    field.set_type_name(fmt::format(".some.{}.{}", outer, entry.name()));
    field.set_label(pb::FieldDescriptorProto::LABEL_REPEATED);
  }

  void describe(const std::string& name, pb::DescriptorProto& message) {
    message.set_name(name);
    int of_choice = random_.one_in(2) ? 1 + random_.below(3) : 0;
    if (of_choice > 0) message.add_oneof_decl()->set_name("one");
    int number = 0;
    for (int n = 3 + random_.below(6); n > 0; --n) {
      auto& field = *message.add_field();
      number += 1 + (random_.one_in(5) ? random_.below(5000) : 0);
      if (number >= 19'000 && number <= 19'999) number = 20'000;
      field.set_number(number);
      field.set_name(fmt::format("f{}", number));
      field.set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
      if (of_choice-- > 0) {
        set_type(field);
        field.set_oneof_index(0);
        continue;
      }
      if (random_.one_in(6)) {
        make_map(name, message, field);
        continue;
      }
      set_type(field);
      if (random_.one_in(3)) {
        field.set_label(pb::FieldDescriptorProto::LABEL_REPEATED);
        const bool packs = field.type() != pb::FieldDescriptorProto::TYPE_MESSAGE &&
                           field.type() != pb::FieldDescriptorProto::TYPE_STRING &&
                           field.type() != pb::FieldDescriptorProto::TYPE_BYTES;
        if (packs && random_.one_in(2)) field.mutable_options()->set_packed(false);
      } else if (random_.one_in(4)) {
        optional_.push_back(&field);
      }
    }
    for (auto* field : optional_) {  // each is alone in a oneof that nobody has declared, behind those that are
      field->set_proto3_optional(true);
      field->set_oneof_index(message.oneof_decl_size());
      message.add_oneof_decl()->set_name("_" + field->name());
    }
    optional_.clear();
  }

  Random& random_;
  int messages_ = 0;
  std::vector<pb::FieldDescriptorProto*> optional_;
};

class RandomMessage {
 public:
  explicit RandomMessage(Random& random) : random_(random) {}

  void fill(pb::Message& message, int depth) {
    const auto& type = *message.GetDescriptor();
    const std::string& name = type.full_name();
    if (name == "google.protobuf.Value") return fill_any(message, depth);
    if (name == "google.protobuf.Timestamp" || name == "google.protobuf.Duration") return fill_time(message);
    for (int n = 0; n < type.field_count(); ++n) {
      const auto& field = *type.field(n);
      if (field.is_repeated()) {
        for (int count = random_.below(depth > 0 ? 4 : 1); count > 0; --count) set(message, field, depth, true);
      } else if (type.options().map_entry() || (!random_.one_in(3) && (depth > 0 || !field.message_type()))) {
        set(message, field, depth, false);
      }
    }
  }

 private:
  void fill_time(pb::Message& message) {
    const auto& type = *message.GetDescriptor();
    const bool is_duration = type.name() == "Duration";
    const std::int64_t range = is_duration ? 315'576'000'000 : 253'402'300'799;
    auto seconds = static_cast<std::int64_t>(random_.number() % static_cast<std::uint64_t>(range));
    constexpr std::int64_t of_one[] = {1, 1000, 1'000'000};
    auto nanos = static_cast<std::int64_t>(random_.bits() % 1000) * random_.one_of(of_one);
    if (is_duration && random_.one_in(2)) seconds = -seconds, nanos = -nanos;
    message.GetReflection()->SetInt64(&message, type.field(0), seconds);
    message.GetReflection()->SetInt32(&message, type.field(1), static_cast<std::int32_t>(nanos));
  }

  void fill_any(pb::Message& message, int depth) {
    const auto& type = *message.GetDescriptor();
    const auto& reflection = *message.GetReflection();
    const auto* field = type.field(random_.below(depth > 0 ? 6 : 4));
    if (field->name() == "number_value") return reflection.SetDouble(&message, field, random_.below(1'000'000) / 64.0);
    set(message, *field, depth, false);
  }

  double real() {
    const double made = std::bit_cast<double>(random_.bits());
    return random_.one_in(3) ? random_.below(100) / 8.0 : made;
  }

  template <class Number>
  Number number() {
    return static_cast<Number>(random_.number());
  }

  void set(pb::Message& message, const pb::FieldDescriptor& field, int depth, bool add) {
    const auto& reflection = *message.GetReflection();
    const auto put = [&](auto setter, auto adder, auto value) {
      add ? (reflection.*adder)(&message, &field, value) : (reflection.*setter)(&message, &field, value);
    };
    using R = pb::Reflection;
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_INT32:
        return put(&R::SetInt32, &R::AddInt32, number<std::int32_t>());
      case pb::FieldDescriptor::CPPTYPE_INT64:
        return put(&R::SetInt64, &R::AddInt64, number<std::int64_t>());
      case pb::FieldDescriptor::CPPTYPE_UINT32:
        return put(&R::SetUInt32, &R::AddUInt32, number<std::uint32_t>());
      case pb::FieldDescriptor::CPPTYPE_UINT64:
        return put(&R::SetUInt64, &R::AddUInt64, number<std::uint64_t>());
      case pb::FieldDescriptor::CPPTYPE_DOUBLE:
        return put(&R::SetDouble, &R::AddDouble, real());
      case pb::FieldDescriptor::CPPTYPE_FLOAT:
        return put(&R::SetFloat, &R::AddFloat, std::bit_cast<float>(static_cast<std::uint32_t>(random_.bits())));
      case pb::FieldDescriptor::CPPTYPE_BOOL:
        return put(&R::SetBool, &R::AddBool, random_.one_in(2));
      case pb::FieldDescriptor::CPPTYPE_ENUM: {
        const bool known = field.enum_type()->name() == "NullValue" || !random_.one_in(5);
        const int count = field.enum_type()->value_count();
        return put(&R::SetEnumValue, &R::AddEnumValue,
                   known ? field.enum_type()->value(random_.below(count))->number() : random_.below(100));
      }
      case pb::FieldDescriptor::CPPTYPE_STRING:
        return put(&R::SetString, &R::AddString, random_.text());
      case pb::FieldDescriptor::CPPTYPE_MESSAGE:
        fill(add ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field), depth - 1);
    }
  }

  Random& random_;
};

// Returns where the two differ; empty if nowhere. Protobuf's JSON writes numbers of 64 bits as texts and bytes in
// base64, ours as numbers and in PostgreSQL's form.
class Difference {
 public:
  std::string of(const pb::Descriptor& type, const Json& ours, const Json& theirs, const std::string& at = "") {
    // The merging of two may give seconds and nanoseconds of different signs, which is no duration.
    const bool is_duration = type.full_name() == "google.protobuf.Duration";
    if (is_duration && ours.is_object()) {
      const bool valid = (ours["seconds"].get<std::int64_t>() < 0) == (ours["nanos"].get<std::int64_t>() < 0);
      return valid ? told(at, ours, theirs) : "";
    }
    if (type.full_name() == "google.protobuf.Timestamp" || type.full_name() == "google.protobuf.Duration" ||
        type.full_name() == "google.protobuf.Struct" || type.full_name() == "google.protobuf.Value" ||
        type.full_name() == "google.protobuf.ListValue")
      return ours == theirs ? "" : told(at, ours, theirs);
    if (type.file()->name() == "google/protobuf/wrappers.proto") return of_scalar(*type.field(0), ours, theirs, at);
    if (!ours.is_object() || !theirs.is_object()) return told(at, ours, theirs);
    for (int n = 0; n < type.field_count(); ++n) {
      const auto& field = *type.field(n);
      if (ours.contains(field.name()) != theirs.contains(field.name()))
        return told(at + "." + field.name(), ours, theirs);
      if (!ours.contains(field.name())) continue;
      const std::string found = of_field(field, ours[field.name()], theirs[field.name()], at + "." + field.name());
      if (!found.empty()) return found;
    }
    return "";
  }

 private:
  static std::string told(const std::string& at, const Json& ours, const Json& theirs) {
    return fmt::format("{}: {} is not {}", at, ours.dump(), theirs.dump());
  }

  std::string of_field(const pb::FieldDescriptor& field, const Json& ours, const Json& theirs, const std::string& at) {
    if (!field.is_repeated()) return of_one(field, ours, theirs, at);
    if (ours.size() != theirs.size() || ours.type() != theirs.type()) return told(at, ours, theirs);
    for (const auto& [key, item] : theirs.items()) {
      if (field.is_map() && !ours.contains(key)) return told(at + "." + key, ours, theirs);
      const auto& its = field.is_map() ? ours[key] : ours[static_cast<std::size_t>(std::stoi(key))];
      const std::string found =
          of_one(field.is_map() ? *field.message_type()->map_value() : field, its, item, at + "." + key);
      if (!found.empty()) return found;
    }
    return "";
  }

  std::string of_one(const pb::FieldDescriptor& field, const Json& ours, const Json& theirs, const std::string& at) {
    return field.message_type() ? of(*field.message_type(), ours, theirs, at) : of_scalar(field, ours, theirs, at);
  }

  std::string of_scalar(const pb::FieldDescriptor& field, const Json& ours, const Json& theirs, const std::string& at) {
    bool same = ours == theirs;
    if (!same && field.type() == pb::FieldDescriptor::TYPE_BYTES) {
      std::string bytes, digits = "\\x";
      append_base64_decoded(theirs.get<std::string>(), bytes);
      append_hex(bytes, digits);
      same = ours == digits;
    } else if (!same && theirs.is_string() && ours.is_number_integer()) {
      same = ours.dump() == theirs.get<std::string>();
    } else if (!same && field.cpp_type() == pb::FieldDescriptor::CPPTYPE_FLOAT && ours.is_number() &&
               theirs.is_number()) {
      same = ours.get<float>() == theirs.get<float>();
    }
    return same ? "" : told(at, ours, theirs);
  }
};

class Comparison {
 public:
  explicit Comparison(std::uint64_t seed) : random_(seed) {}

  // Reads some messages of one random schema.
  void run(int messages) {
    Proto proto;
    const pb::FileDescriptorProto file = RandomFile(random_).make();
    const pb::FileDescriptor* built = proto.add(file);
    ASSERT_NE(built, nullptr);
    const std::string text = random_.one_in(2) ? built->DebugString() : base64(file);
    const auto schema = compile_protobuf(text, {});
    ASSERT_TRUE(schema.has_value()) << schema.error() << "\n" << built->DebugString();
    for (int n = 0; n < messages && !testing::Test::HasFatalFailure(); ++n) {
      const auto message = proto.message("some.Row");
      RandomMessage(random_).fill(*message, 4);
      std::string bytes = message->SerializeAsString();
      if (random_.one_in(4)) {  // as parts that are to be merged
        message->Clear();
        RandomMessage(random_).fill(*message, 4);
        bytes += message->SerializeAsString();
      }
      const bool damaged = random_.one_in(4) && !bytes.empty();
      if (damaged) damage(bytes);
      compare(*schema, built->message_type_count() - 1, *message, bytes, damaged);
    }
  }

  int read = 0, refused = 0;

 private:
  void damage(std::string& bytes) {
    for (int n = 1 + random_.below(3); n > 0; --n) random_.one_of(bytes) = static_cast<char>(random_.bits());
    if (random_.one_in(4)) bytes.resize(static_cast<std::size_t>(random_.below(static_cast<int>(bytes.size()) + 1)));
  }

  void compare(const ProtobufSchema& schema, int index, pb::Message& message, const std::string& bytes, bool damaged) {
    std::string path_bytes = path({index});
    std::string_view left = path_bytes;
    std::uint32_t place = 0;
    ASSERT_EQ(schema.take_path(left, place), PathFault::none);
    arena_.clear();
    Value value;
    const bool is_read = reader_.read(schema, place, bytes, arena_, value);
    const bool theirs = message.ParseFromString(bytes);
    // libprotobuf refuses some numbers that are written with more bytes than they need.
    const bool agrees = is_read == theirs || (damaged && !theirs);
    ASSERT_TRUE(agrees) << reader_.fault() << " at " << reader_.at() << shown(message, bytes);
    if (!theirs) {
      ++refused;
      return;
    }
    std::string json, printed, difference;
    ASSERT_FALSE(append_value_json(value, json));
    if (damaged) {
      // What libprotobuf's printer makes of fields that it does not know, and of a Value in which nothing is set, is
      // wrong; what it has read is not.
      const std::string again = message.SerializeAsString();
      ASSERT_TRUE(reader_.read(schema, place, again, arena_, value)) << shown(message, bytes);
      ASSERT_FALSE(append_value_json(value, printed));
      if (json != printed) difference = json + " is not " + printed;
    } else {
      pb::util::JsonPrintOptions options;
      options.always_print_primitive_fields = true;
      options.preserve_proto_field_names = true;
      // Durations that were merged may be out of their range.
      if (!pb::util::MessageToJsonString(message, &printed, options).ok()) return;
      difference = Difference().of(*message.GetDescriptor(), present(Json::parse(json)), Json::parse(printed));
    }
    ASSERT_EQ(difference, "") << shown(message, bytes);
    ++read;
  }

  // In a row what is not set is there, as absent.
  static Json present(const Json& row) {
    Json made = Json::object();
    for (const auto& [name, value] : row.items()) {
      if (!value.is_null()) made[name] = value;
    }
    return made;
  }

  static std::string shown(const pb::Message& message, const std::string& bytes) {
    std::string digits;
    append_hex(bytes, digits);
    return "\n" + message.GetDescriptor()->file()->DebugString() + message.GetDescriptor()->name() + " " + digits +
           "\n" + message.DebugString();
  }

  Random random_;
  ProtobufReader reader_;
  ValueArena arena_;
};

TEST(MappingProtobufRandom, what_is_read_is_what_libprotobuf_prints_as_json) {
  constexpr int usual = 1000;
  const int messages = rounds_wanted(usual);
  const std::uint64_t seed = messages > usual ? std::random_device()() : 20'260'101;
  constexpr int of_each = 20;
  Comparison comparison(seed);
  for (int n = 0; n < messages && !HasFatalFailure(); n += of_each) comparison.run(of_each);
  EXPECT_GT(comparison.read, messages / 2) << "seed " << seed;
  EXPECT_GE(comparison.refused, messages / usual) << "seed " << seed;
  if (HasFatalFailure() || messages > usual)
    fmt::print("seed {}: {} read, {} refused\n", seed, comparison.read, comparison.refused);
}

}  // namespace

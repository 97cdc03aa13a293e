// Protobuf messages as libprotobuf itself writes them, by its dynamic messages; it knows nothing of the reader under
// test. Test programs only: its headers are long.
#pragma once

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/unit/mapping/avro_support.h"

namespace sluice::mapping::test {

namespace pb = google::protobuf;

// A .proto file and messages of it. It may import what is in libprotobuf, and files that were added before.
class Proto {
 public:
  Proto() : pool_(pb::DescriptorPool::generated_pool()) {
    // The linker would leave them out otherwise.
    for (const auto* used : {pb::Timestamp::descriptor(), pb::Duration::descriptor(), pb::Struct::descriptor(),
                             pb::Int64Value::descriptor()})
      EXPECT_NE(used, nullptr);
  }

  const pb::FileDescriptor* add(const std::string& text, const std::string& name = "test.proto") {
    pb::FileDescriptorProto file;
    pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
    pb::io::Tokenizer tokens(&stream, nullptr);
    pb::compiler::Parser parser;
    EXPECT_TRUE(parser.Parse(&tokens, &file)) << text;
    file.set_name(name);
    return add(file);
  }
  const pb::FileDescriptor* add(const pb::FileDescriptorProto& file) {
    struct Errors final : pb::DescriptorPool::ErrorCollector {
      void AddError(const std::string&, const std::string& element, const pb::Message*, ErrorLocation,
                    const std::string& message) override {
        text += element + ": " + message + "\n";
      }
      std::string text;
    } errors;
    const auto* built = pool_.BuildFileCollectingErrors(file, &errors);
    EXPECT_NE(built, nullptr) << errors.text << file.DebugString();
    return built;
  }

  std::unique_ptr<pb::Message> message(const std::string& name, const std::string& text = "") {
    const auto* type = pool_.FindMessageTypeByName(name);
    EXPECT_NE(type, nullptr) << name;
    std::unique_ptr<pb::Message> made(factory_.GetPrototype(type)->New());
    EXPECT_TRUE(pb::TextFormat::ParseFromString(text, made.get())) << text;
    return made;
  }
  // The message that Protobuf's text form describes, in its binary form.
  std::string bytes(const std::string& name, const std::string& text) {
    return message(name, text)->SerializeAsString();
  }

 private:
  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_;
};

inline std::string base64(const pb::Message& message) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char byte : message.SerializeAsString()) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (count += 8; count >= 6; count -= 6) text.push_back(digits[bits >> (count - 6) & 63]);
  }
  if (count > 0) text.push_back(digits[bits << (6 - count) & 63]);
  while (text.size() % 4) text.push_back('=');
  return text;
}

// A path of indices as Confluent's serializers write it.
inline std::string path(std::initializer_list<int> indices) {
  std::string bytes = number(static_cast<std::int64_t>(indices.size()));
  for (const int index : indices) bytes += number(index);
  return bytes;
}
inline const std::string first_message(1, '\0');

// A fixture whose registry knows this .proto file as number 7; the rows are messages Row of it.
class ProtobufFixture : public Fixture {
 public:
  ProtobufFixture(std::shared_ptr<const Table> target, const std::string& proto, std::vector<std::string> key = {"id"})
      : Fixture(std::move(target), std::move(key)) {
    registry = "http://registry";
    schemas["7"] = {SchemaKind::protobuf, proto};
    file = messages.add(proto);
  }

  // The only row of a value with schema 7, or the reason why there is none.
  std::string row(const std::string& payload, std::optional<std::string> key = std::nullopt) {
    return result({std::move(key), frame(7, payload)});
  }
  std::string result(const Message& message) {
    add(message);
    const Changes changes = take();
    if (changes.dead.empty()) return text_of(changes);
    return fmt::format("{} {}", changes.dead.front().sqlstate, changes.dead.front().reason);
  }
  // The same of a Row in text form.
  std::string row_of(const std::string& text) { return row(first_message + messages.bytes("Row", text)); }

  Proto messages;
  const pb::FileDescriptor* file = nullptr;
};

inline std::string proto3(const std::string& fields, const std::string& before = "", const std::string& behind = "") {
  return "syntax = \"proto3\";\n" + before + "message Row {\n  int32 id = 1;\n  " + fields + "\n}\n" + behind;
}

}  // namespace sluice::mapping::test

// The .proto files that a schema is made of: its own text, those that the registry has for its imports, and those that
// every compiler brings along. Internal to this folder: it is full of libprotobuf.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/schema.h"

namespace sluice::mapping {

// Builds files in a DescriptorPool, and keeps the first thing that is wrong with one. What strangers may make large is
// measured before libprotobuf works on it: texts, nesting, words, files, fields.
class ProtoFiles final : public google::protobuf::DescriptorPool::ErrorCollector {
 public:
  static constexpr std::size_t max_fields = 100'000;  // of all files, with messages, enumerations and symbols

  // Adds the schema and what it refers to.
  void add(std::string_view body, std::span<const SchemaDocument> references);
  // Builds what the schema's own file imports, and then that. Null with error() set.
  const google::protobuf::FileDescriptor* build(google::protobuf::DescriptorPool& pool);

  void AddError(const std::string& file, const std::string& element, const google::protobuf::Message*, ErrorLocation,
                const std::string& message) override;

  const std::string& error() const { return error_; }
  // Returns true if Kafka Connect's converter made the schema.
  bool of_connect() const { return of_connect_; }

 private:
  void add_file(const std::string& name, std::string_view body);
  bool add_compiled(const std::string& name, std::string_view body);
  bool load(const std::string& name, google::protobuf::FileDescriptorProto& file);
  bool find(const std::string& name, google::protobuf::FileDescriptorProto& file);
  bool parse(std::string_view text, google::protobuf::FileDescriptorProto& file);
  bool is_bounded(std::string_view text);
  bool complain(std::string text);

  std::map<std::string, google::protobuf::FileDescriptorProto> compiled_;
  std::map<std::string, std::string> texts_;
  std::string error_;
  bool of_connect_ = false;
  std::size_t files_ = 0, fields_ = 0;
};

// The text of a file that schemas import without telling the registry of it; empty if there is none of this name.
std::string_view usual_proto_file(std::string_view name);

}  // namespace sluice::mapping

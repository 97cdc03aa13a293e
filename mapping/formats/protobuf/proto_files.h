// The .proto files that a schema is made of: its own text, those that the registry has for its imports, and those that
// every compiler brings along. Internal to this folder: it is full of libprotobuf.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/schema.h"

namespace sluice::mapping {

// Gives files to a DescriptorPool, and keeps the first thing that is wrong with one.
class ProtoFiles final : public google::protobuf::DescriptorDatabase,
                         public google::protobuf::DescriptorPool::ErrorCollector {
 public:
  // Adds the schema and what it refers to. Returns the name that the schema's own file has here.
  std::string add(std::string_view body, std::span<const SchemaDocument> references);

  bool FindFileByName(const std::string& name, google::protobuf::FileDescriptorProto* file) override;
  bool FindFileContainingSymbol(const std::string&, google::protobuf::FileDescriptorProto*) override { return false; }
  bool FindFileContainingExtension(const std::string&, int, google::protobuf::FileDescriptorProto*) override {
    return false;
  }
  void AddError(const std::string& file, const std::string& element, const google::protobuf::Message*, ErrorLocation,
                const std::string& message) override;

  const std::string& error() const { return error_; }
  // Returns true if Kafka Connect's converter made the schema.
  bool of_connect() const { return of_connect_; }

 private:
  bool parse(const std::string& name, std::string_view text, google::protobuf::FileDescriptorProto& file);
  bool add_compiled(const std::string& name, std::string_view body);
  bool find(const std::string& name, google::protobuf::FileDescriptorProto& file);
  void complain(std::string text);

  std::map<std::string, google::protobuf::FileDescriptorProto> compiled_;
  std::map<std::string, std::string> texts_;
  std::string error_;
  bool of_connect_ = false;
};

// The text of a file that schemas import without telling the registry of it; empty if there is none of this name.
std::string_view usual_proto_file(std::string_view name);

}  // namespace sluice::mapping

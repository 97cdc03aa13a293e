#include "mapping/formats/protobuf/proto_files.h"

#include <fmt/format.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "base/parse.h"
#include "base/printable.h"

namespace sluice::mapping {
namespace {

namespace pb = google::protobuf;

constexpr std::size_t max_text = 8u << 20;
constexpr int confluents_meta = 1088;  // the number of its extensions of every kind of options

class FirstError final : public pb::io::ErrorCollector {
 public:
  void AddError(int line, int, const std::string& message) override {
    if (text.empty()) text = fmt::format("line {}: {}", line + 1, message);
  }
  std::string text;
};

// Options of one's own are of no use here. Without them nothing has to be known of what they are made of, and the text
// of their values, which may be nested at will, is never read. What Connect's converter keeps there tells it apart.
class OptionCleaner {
 public:
  bool of_connect = false;

  void clean(pb::FileDescriptorProto& file) {
    file.clear_service();
    file.clear_source_code_info();
    if (file.has_options()) clean_options(*file.mutable_options());
    for (auto& message : *file.mutable_message_type()) clean(message);
    for (auto& enumeration : *file.mutable_enum_type()) clean(enumeration);
    for (auto& extension : *file.mutable_extension()) clean(extension);
  }

 private:
  template <class Options>
  void clean_options(Options& options) {
    auto& own = *options.mutable_uninterpreted_option();
    for (const auto& option : own) find_connect(option.aggregate_value() + option.string_value());
    own.erase(
        std::remove_if(own.begin(), own.end(),
                       [](const auto& option) { return option.name_size() > 0 && option.name(0).is_extension(); }),
        own.end());
    const auto& unknown = options.unknown_fields();
    for (int n = 0; n < unknown.field_count(); ++n) {
      const auto& field = unknown.field(n);
      if (field.number() == confluents_meta && field.type() == pb::UnknownField::TYPE_LENGTH_DELIMITED)
        find_connect(field.length_delimited());
    }
    options.DiscardUnknownFields();
  }
  void find_connect(const std::string& parameters) {
    of_connect = of_connect || parameters.find("connect.") != parameters.npos;
  }
  void clean(pb::FieldDescriptorProto& field) {
    if (field.has_options()) clean_options(*field.mutable_options());
  }
  void clean(pb::EnumDescriptorProto& enumeration) {
    if (enumeration.has_options()) clean_options(*enumeration.mutable_options());
    for (auto& symbol : *enumeration.mutable_value()) {
      if (symbol.has_options()) clean_options(*symbol.mutable_options());
    }
  }
  void clean(pb::DescriptorProto& message) {
    if (message.has_options()) clean_options(*message.mutable_options());
    for (auto& field : *message.mutable_field()) clean(field);
    for (auto& field : *message.mutable_extension()) clean(field);
    for (auto& inner : *message.mutable_nested_type()) clean(inner);
    for (auto& enumeration : *message.mutable_enum_type()) clean(enumeration);
    for (auto& range : *message.mutable_extension_range()) range.clear_options();
    for (auto& choice : *message.mutable_oneof_decl()) choice.clear_options();
  }
};

}  // namespace

void ProtoFiles::complain(std::string text) {
  if (error_.empty()) error_ = printable(text, 300);
}

void ProtoFiles::AddError(const std::string&, const std::string& element, const pb::Message*, ErrorLocation,
                          const std::string& message) {
  complain(message.find(element) == message.npos ? fmt::format("{}: {}", element, message) : message);
}

bool ProtoFiles::parse(const std::string& name, std::string_view text, pb::FileDescriptorProto& file) {
  if (text.size() > max_text) {
    complain(fmt::format("{} is longer than 8 MiB", name));
    return false;
  }
  FirstError errors;
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  pb::io::Tokenizer tokens(&stream, &errors);
  pb::compiler::Parser parser;
  parser.RecordErrorsTo(&errors);
  const bool parsed = parser.Parse(&tokens, &file) && errors.text.empty();
  if (!parsed) complain(errors.text.empty() ? "it is not a .proto file" : errors.text);
  file.set_name(name);
  return parsed;
}

// A registry may keep a file compiled: alone, as Confluent's clients register it, or behind those that it imports.
bool ProtoFiles::add_compiled(const std::string& name, std::string_view body) {
  std::string bytes;
  if (body.find_first_of(" \t;{") != body.npos || !append_base64_decoded(trimmed(body), bytes)) return false;
  const auto is_file = [](const pb::FileDescriptorProto& file) {
    return !file.name().empty() && file.unknown_fields().empty();
  };
  pb::FileDescriptorSet set;
  if (!set.ParseFromString(bytes) || !set.unknown_fields().empty() || set.file().empty() ||
      !std::ranges::all_of(set.file(), is_file)) {
    set.Clear();
    if (!set.add_file()->ParseFromString(bytes)) return false;
  }
  set.mutable_file(set.file_size() - 1)->set_name(name);
  for (pb::FileDescriptorProto& file : *set.mutable_file()) compiled_[file.name()].Swap(&file);
  return true;
}

std::string ProtoFiles::add(std::string_view body, std::span<const SchemaDocument> references) {
  std::string own = "schema.proto";
  for (const auto& [name, text] : references) {
    if (!add_compiled(name, text)) texts_[name] = text;
    if (name == own) own.insert(0, "_");
  }
  if (!add_compiled(own, body)) texts_[own] = body;
  return own;
}

bool ProtoFiles::find(const std::string& name, pb::FileDescriptorProto& file) {
  const auto* builtin =
      name.starts_with("google/protobuf/") ? pb::DescriptorPool::generated_pool()->FindFileByName(name) : nullptr;
  if (builtin) {
    builtin->CopyTo(&file);
    return true;
  }
  if (const auto compiled = compiled_.find(name); compiled != compiled_.end()) {
    file = compiled->second;
    return true;
  }
  const auto text = texts_.find(name);
  const std::string_view body = text != texts_.end() ? std::string_view(text->second) : usual_proto_file(name);
  if (text == texts_.end() && body.empty()) {
    complain(fmt::format("it imports {}, which the registry does not have for it", name));
    return false;
  }
  return parse(name, body, file);
}

bool ProtoFiles::FindFileByName(const std::string& name, pb::FileDescriptorProto* file) {
  if (!find(name, *file)) return false;
  OptionCleaner cleaner;
  cleaner.clean(*file);
  of_connect_ = of_connect_ || cleaner.of_connect;
  return true;
}

}  // namespace sluice::mapping

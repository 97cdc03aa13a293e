#include "mapping/formats/protobuf/proto_files.h"

#include <fmt/format.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/parse.h"
#include "base/printable.h"

namespace sluice::mapping {
namespace {

namespace pb = google::protobuf;

constexpr std::size_t max_words = 2'000'000;  // of one text
constexpr std::size_t max_files = 1000;
constexpr int max_blocks = 64;                // of a text, each within another
constexpr int confluents_meta = 1088;         // the number of its extensions of every kind of options
constexpr const char* own_name = "<schema>";  // which no import has

class FirstError final : public pb::io::ErrorCollector {
 public:
  void AddError(int line, int, const std::string& message) override {
    if (text.empty()) text = fmt::format("line {}: {}", line + 1, message);
  }
  std::string text;
};

// Options are of no use here, but for two that decide what is valid. Without them nothing has to be known of what they
// are made of, nor of those that newer compilers have, and the text of their values, which may be nested at will, is
// never read. What Connect's converter keeps there tells it apart. Of extensions nothing is read either, and what is
// reserved would be compared with everything else.
class FileCleaner {
 public:
  bool of_connect = false;
  std::size_t fields = 0;  // and messages, enumerations, symbols

  void clean(pb::FileDescriptorProto& file) {
    file.clear_service();
    file.clear_source_code_info();
    file.clear_extension();
    if (file.has_options()) clean_options(*file.mutable_options());
    for (auto& message : *file.mutable_message_type()) clean(message);
    for (auto& enumeration : *file.mutable_enum_type()) clean(enumeration);
  }

 private:
  template <class Options>
  void clean_options(Options& options) {
    auto& own = *options.mutable_uninterpreted_option();
    for (const auto& option : own) find_connect(option);
    const auto is_useless = [](const pb::UninterpretedOption& option) {
      return option.name_size() != 1 || option.name(0).is_extension() ||
             (option.name(0).name_part() != "allow_alias" && option.name(0).name_part() != "message_set_wire_format");
    };
    own.erase(std::remove_if(own.begin(), own.end(), is_useless), own.end());
    const auto& unknown = options.unknown_fields();
    for (int n = 0; n < unknown.field_count(); ++n) {
      if (is_bytes(unknown.field(n), confluents_meta)) find_connect(unknown.field(n).length_delimited());
    }
    options.DiscardUnknownFields();
  }
  // As the parser keeps it: `params : [ { key : "connect.type" , value : "int8" } ]`.
  void find_connect(const pb::UninterpretedOption& option) {
    if (option.name_size() == 0 || !option.name(0).is_extension()) return;
    std::string_view name = option.name(0).name_part();
    if (name.starts_with('.')) name.remove_prefix(1);
    const std::string& value = option.aggregate_value();
    of_connect = of_connect || (name.starts_with("confluent.") && (value.find("key : \"connect.") != value.npos ||
                                                                   value.find("key : 'connect.") != value.npos));
  }
  // As the compiler writes it: Meta { string doc = 1; map<string, string> params = 2; … }.
  void find_connect(const std::string& bytes) {
    pb::UnknownFieldSet meta;
    if (!meta.ParseFromString(bytes)) return;
    for (int n = 0; n < meta.field_count(); ++n) {
      pb::UnknownFieldSet parameter;
      if (!is_bytes(meta.field(n), 2) || !parameter.ParseFromString(meta.field(n).length_delimited())) continue;
      for (int part = 0; part < parameter.field_count(); ++part) {
        const auto& key = parameter.field(part);
        of_connect = of_connect || (is_bytes(key, 1) && key.length_delimited().starts_with("connect."));
      }
    }
  }
  static bool is_bytes(const pb::UnknownField& field, int number) {
    return field.number() == number && field.type() == pb::UnknownField::TYPE_LENGTH_DELIMITED;
  }
  void clean(pb::EnumDescriptorProto& enumeration) {
    fields += 1 + static_cast<std::size_t>(enumeration.value_size());
    enumeration.clear_reserved_range();
    enumeration.clear_reserved_name();
    if (enumeration.has_options()) clean_options(*enumeration.mutable_options());
    for (auto& symbol : *enumeration.mutable_value()) {
      if (symbol.has_options()) clean_options(*symbol.mutable_options());
    }
  }
  void clean(pb::DescriptorProto& message) {
    fields += 1 + static_cast<std::size_t>(message.field_size());
    message.clear_reserved_range();
    message.clear_reserved_name();
    message.clear_extension();
    message.clear_extension_range();
    if (message.has_options()) clean_options(*message.mutable_options());
    for (auto& field : *message.mutable_field()) {
      if (field.has_options()) clean_options(*field.mutable_options());
    }
    for (auto& inner : *message.mutable_nested_type()) clean(inner);
    for (auto& enumeration : *message.mutable_enum_type()) clean(enumeration);
    for (auto& choice : *message.mutable_oneof_decl()) choice.clear_options();
  }
};

}  // namespace

bool ProtoFiles::complain(std::string text) {
  if (error_.empty()) error_ = printable(text, 300);
  return false;
}

void ProtoFiles::AddError(const std::string&, const std::string& element, const pb::Message*, ErrorLocation,
                          const std::string& message) {
  complain(message.find(element) == message.npos ? fmt::format("{}: {}", element, message) : message);
}

// The parser goes into each block by a call of its own, and what it makes of a word may be a hundred times as large.
bool ProtoFiles::is_bounded(std::string_view text) {
  FirstError errors;
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  pb::io::Tokenizer tokens(&stream, &errors);
  int blocks = 0;
  for (std::size_t words = 0; tokens.Next(); ++words) {
    if (words == max_words) return complain(fmt::format("it has more than {} words", max_words));
    const std::string& word = tokens.current().text;
    if (word == "{" && ++blocks > max_blocks)
      return complain(
          fmt::format("line {}: more than {} blocks within one another", tokens.current().line + 1, max_blocks));
    if (word == "}" && blocks > 0) --blocks;
  }
  return true;
}

bool ProtoFiles::parse(std::string_view text, pb::FileDescriptorProto& file) {
  if (!is_bounded(text)) return false;
  FirstError errors;
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  pb::io::Tokenizer tokens(&stream, &errors);
  pb::compiler::Parser parser;
  parser.RecordErrorsTo(&errors);
  if (parser.Parse(&tokens, &file) && errors.text.empty()) return true;
  return complain(errors.text.empty() ? "it is not a .proto file" : errors.text);
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

void ProtoFiles::add_file(const std::string& name, std::string_view body) {
  if (body.size() > longest_schema)
    complain(fmt::format("{} is longer than 8 MiB", name));
  else if (!add_compiled(name, body))
    texts_[name] = body;
}

void ProtoFiles::add(std::string_view body, std::span<const SchemaDocument> references) {
  for (const auto& [name, text] : references) add_file(name, text);
  add_file(own_name, body);
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
  if (text == texts_.end() && body.empty())
    return complain(fmt::format("it imports {}, which the registry does not have for it", name));
  return parse(body, file);
}

bool ProtoFiles::load(const std::string& name, pb::FileDescriptorProto& file) {
  if (++files_ > max_files) return complain(fmt::format("it is made of more than {} files", max_files));
  if (!find(name, file)) return false;
  file.set_name(name);
  FileCleaner cleaner;
  cleaner.clean(file);
  if (name == own_name) of_connect_ = cleaner.of_connect;  // of what it imports others may be the makers
  fields_ += cleaner.fields;
  return fields_ <= max_fields || complain(fmt::format("it has more than {} fields", max_fields));
}

// In a loop, as a chain of imports is as long as its maker likes. In the pool each file finds what it imports at hand.
const pb::FileDescriptor* ProtoFiles::build(pb::DescriptorPool& pool) {
  struct Opened {
    pb::FileDescriptorProto file;
    int next = 0;  // of its imports
  };
  if (!error_.empty()) return nullptr;
  std::vector<Opened> opened(1);
  std::set<std::string> names = {own_name};
  if (!load(own_name, opened.back().file)) return nullptr;
  for (;;) {
    auto& [file, next] = opened.back();
    if (next < file.dependency_size()) {
      const std::string wanted = file.dependency(next++);
      if (pool.FindFileByName(wanted)) continue;
      if (!names.insert(wanted).second) {
        complain(fmt::format("{} imports itself", wanted));
        return nullptr;
      }
      opened.emplace_back();
      if (!load(wanted, opened.back().file)) return nullptr;
      continue;
    }
    const pb::FileDescriptor* built = pool.BuildFileCollectingErrors(file, this);
    if (!built || opened.size() == 1) return built;
    opened.pop_back();
  }
}

}  // namespace sluice::mapping

#include "mapping/formats/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "mapping/formats/json_schema_documents.h"

namespace sluice::mapping {
namespace {

constexpr int deepest_json_schema = 32;
constexpr std::size_t max_types = 100'000;
constexpr std::size_t max_names = 64u << 20;  // bytes, of fields that several types are put together from

constexpr std::pair<std::string_view, ConnectType> json_types[] = {
    {"integer", ConnectType::integer}, {"number", ConnectType::floating}, {"boolean", ConnectType::boolean},
    {"string", ConnectType::string},   {"array", ConnectType::array},     {"object", ConnectType::structure},
};

// Thrown and caught in this file only: the first thing that is wrong ends the reading.
struct JsonSchemaComplaint {
  std::string text;
};

bool is_null_type(const Value& schema) {
  std::vector<Field> fields;
  ValueArena names;
  return schema.kind() == ValueKind::structure && read_json_object(schema.unread_json(), names, fields) &&
         text_attribute(fields, "type") == "null";
}

class JsonSchemaCompiler {
 public:
  explicit JsonSchemaCompiler(std::span<const SchemaDocument> references) : references_(references) {}

  ConnectSchema read(std::string_view json) {
    if (json.size() > longest_schema) throw JsonSchemaComplaint{"it is longer than 8 MiB"};
    Value value;
    if (!read_json(json, value)) throw JsonSchemaComplaint{"it is not JSON"};
    if (value.kind() != ValueKind::structure && value.kind() != ValueKind::boolean)
      throw JsonSchemaComplaint{"it is neither an object nor a boolean"};
    ConnectSchema schema;
    read(value, json, deepest_json_schema, schema);
    return schema;
  }
  std::size_t types() const { return types_; }

 private:
  // `document` is the text that the schema is in; what is not said of a value leaves it as it is.
  void read(const Value& schema, std::string_view document, int depth, ConnectSchema& to) {
    count_types(1);
    to.optional = true;
    if (schema.kind() != ValueKind::structure) return;
    lowest_ = std::min(lowest_, depth == 0 ? cut : depth);
    if (depth == 0) return;
    std::vector<Field> fields;
    ValueArena names;
    if (!read_json_object(schema.unread_json(), names, fields))
      throw JsonSchemaComplaint{"a schema in it is not valid JSON"};
    for (const char* word : {"$ref", "$dynamicRef", "$recursiveRef"})
      if (const std::string ref = text_attribute(fields, word); !ref.empty()) refer(ref, document, depth, to);
    for (const char* list : {"oneOf", "anyOf"}) read_alternatives(find(fields, list), document, depth, to);
    if (const Value* all = find(fields, "allOf")) {
      bool optional = true;
      for (const Value& part : items_of(*all)) {
        read(part, document, depth - 1, to);
        optional = optional && to.optional;
      }
      to.optional = optional;
    }
    read_type(fields, to);
    if (const Value* fallback = find(fields, "default")) to.set_default(*fallback);
    read_parts(fields, document, depth, to);
  }

  void count_types(std::size_t more) {
    types_ += more;
    if (types_ > max_types) throw JsonSchemaComplaint{fmt::format("it has more than {} types", max_types)};
  }

  void read_parts(const std::vector<Field>& fields, std::string_view document, int depth, ConnectSchema& to) {
    const Value* properties = to.type == ConnectType::structure ? find(fields, "properties") : nullptr;
    const Value* items = to.type == ConnectType::array ? find(fields, "items") : nullptr;
    if (items && items->kind() != ValueKind::structure) items = nullptr;
    to.drop_parts_of_another_type();
    if (!properties && !items) return;
    ConnectParts parts;
    add_parts(to, parts);
    if (properties) read_properties(*properties, document, depth, parts.fields);
    if (items && parts.items.empty()) read(*items, document, depth - 1, parts.items.emplace_back());
    to.set_parts(std::move(parts));
  }

  // Copies the first level: those below it are shared.
  void add_parts(const ConnectSchema& from, ConnectParts& to) {
    count_types(from.fields().size());
    for (const ConnectSchema& field : from.fields()) {
      names_ += field.name.size();
      if (names_ > max_names) throw JsonSchemaComplaint{"the names of its fields are longer than 64 MiB together"};
      to.fields.push_back(field);
    }
    if (from.item() && to.items.empty()) to.items.push_back(*from.item());
  }

  // What is said of a value by `from`, too.
  void join(const ConnectSchema& from, ConnectSchema& to) {
    to.optional = from.optional;
    if (from.told && (from.width != 0 || from.type != to.type)) to.width = from.width;
    if (from.told) to.type = from.type;
    to.told = to.told || from.told;
    if (from.logical != Logical::none) {
      to.logical = from.logical;
      to.unit = from.unit;
      to.scale = from.scale;
      to.length = from.length;
    }
    if (from.column != FieldType{}) to.column = from.column;
    if (from.fallback) to.fallback = from.fallback;
    to.drop_parts_of_another_type();
    if (!from.parts) return;
    if (!to.parts) {
      to.parts = from.parts;
      return;
    }
    ConnectParts parts;
    add_parts(to, parts);
    add_parts(from, parts);
    to.set_parts(std::move(parts));
  }

  static std::vector<Value> items_of(const Value& list) {
    std::vector<Value> items;
    if (list.kind() == ValueKind::array && !read_json_array(list.unread_json(), items))
      throw JsonSchemaComplaint{"a list in it is not valid JSON"};
    return items;
  }

  // One type and perhaps null: it is that type. Several say nothing that JSON does not show.
  void read_alternatives(const Value* list, std::string_view document, int depth, ConnectSchema& to) {
    if (!list) return;
    const std::vector<Value> alternatives = items_of(*list);
    const auto is_type = [](const Value& one) { return !is_null_type(one); };
    const auto types = std::ranges::count_if(alternatives, is_type);
    if (types != 1) return;
    read(*std::ranges::find_if(alternatives, is_type), document, depth - 1, to);
    to.optional = to.optional || std::ssize(alternatives) > types;
  }

  void read_type(const std::vector<Field>& fields, ConnectSchema& to) {
    const Value* type = find(fields, "type");
    std::vector<std::string> words;
    bool null = false;
    for (const Value& one : type ? (type->is_text() ? std::vector{*type} : items_of(*type)) : std::vector<Value>()) {
      std::string word;
      if (one.is_text() && one.append_characters(word) == TextError::none && word != "null")
        words.push_back(std::move(word));
      else
        null = true;
    }
    if (!words.empty()) to.optional = null;
    // OpenAPI's word, which generated schemas keep: its null is a value, and no reason to write the default.
    if (const Value* nullable = find(fields, "nullable"); nullable && nullable->kind() == ValueKind::boolean)
      to.optional = to.optional || nullable->is_true();
    const auto* known = words.size() != 1 ? std::end(json_types)
                                          : std::ranges::find(json_types, words.front(),
                                                              &std::pair<std::string_view, ConnectType>::first);
    if (known != std::end(json_types)) {
      to.type = known->second;
      to.told = true;
    } else if (words.empty() && find(fields, "properties")) {
      to.type = ConnectType::structure;
      to.told = true;
    }
    const std::string connect = text_attribute(fields, "connect.type");
    if (const auto told = connect_type(connect)) {
      to.type = *told;
      to.told = true;
      to.width = connect_width(connect);
    }
    const std::string title = text_attribute(fields, "title");
    if (!title.empty() && !to.set_meaning(title, find(fields, "connect.parameters")))
      throw JsonSchemaComplaint{"the scale or length of a type in it is not a number of 32 bits"};
  }

  void read_properties(const Value& properties, std::string_view document, int depth, std::vector<ConnectSchema>& to) {
    std::vector<Field> members;
    ValueArena names;
    if (properties.kind() != ValueKind::structure || !read_json_object(properties.unread_json(), names, members))
      throw JsonSchemaComplaint{"the properties in it are not an object"};
    for (const Field& member : members) {
      ConnectSchema& field = to.emplace_back();
      read(member.value, document, depth - 1, field);
      field.name = member.name;
    }
  }

  // A type within itself goes on until deepest_json_schema: below it values are as JSON shows them.
  void refer(const std::string& ref, std::string_view document, int depth, ConnectSchema& to) {
    const auto hash = std::min(ref.find('#'), ref.size());
    std::string name = ref.substr(0, hash);
    const std::string_view fragment = std::string_view(ref).substr(std::min(hash + 1, ref.size()));
    if (const auto found = std::ranges::find(references_, name, &SchemaDocument::name); found != references_.end()) {
      document = found->body;
      name.clear();
    }
    if (!documents_.is_json(document)) throw JsonSchemaComplaint{"what it refers to is not JSON"};
    const Value from = documents_.called(document, name);
    if (from.kind() != ValueKind::structure) return;
    const Value target = documents_.target(document, from, fragment);
    if (target.kind() == ValueKind::structure) join(known(target, document, depth), to);
  }

  // A type that a reference names, compiled once for as many as may share it: at a level that leaves room for all of
  // it, and one that is not read to its end at its own level only. So types that refer to one another are as many as
  // they are, times their levels, and not as many as there are ways through them.
  struct Known {
    int depth = 0;
    int levels = 0;  // that it goes down; cut: it was not read to its end
    ConnectSchema schema{};

    bool serves(int at) const { return levels == cut ? at == depth : at >= levels; }
  };

  const ConnectSchema& known(const Value& target, std::string_view document, int depth) {
    std::deque<Known>& made = known_[target.unread_json().data()];
    auto found = std::ranges::find_if(made, [&](const Known& one) { return one.serves(depth); });
    if (found == made.end()) {
      Known one{.depth = depth};
      const int lowest = std::exchange(lowest_, depth);
      read(target, document, depth - 1, one.schema);
      one.levels = lowest_ == cut ? cut : depth - lowest_;
      lowest_ = lowest;
      made.push_back(std::move(one));
      found = std::prev(made.end());
    }
    lowest_ = std::min(lowest_, found->levels == cut ? cut : depth - found->levels);
    return found->schema;
  }

  static constexpr int cut = -1;

  std::span<const SchemaDocument> references_;
  JsonSchemaDocuments documents_;
  std::map<const char*, std::deque<Known>> known_;  // by where they begin
  int lowest_ = deepest_json_schema;                // the level that was come down to, or cut
  std::size_t types_ = 0, names_ = 0;
};

}  // namespace

std::expected<JsonSchema, std::string> compile_json_schema(std::string_view json,
                                                           std::span<const SchemaDocument> references) {
  try {
    JsonSchema compiled;
    JsonSchemaCompiler compiler(references);
    compiled.types.schema = compiler.read(json);
    compiled.size = compiler.types();
    compiled.types.id = new_schema_id();
    compiled.connect = json.contains("\"connect.");
    return compiled;
  } catch (JsonSchemaComplaint& complaint) {
    return std::unexpected(std::move(complaint.text));
  }
}

}  // namespace sluice::mapping

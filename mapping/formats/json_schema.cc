#include "mapping/formats/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/json_text.h"

namespace sluice::mapping {
namespace {

constexpr int max_depth = 32;
constexpr std::size_t max_types = 20'000;
constexpr std::size_t max_text = 8u << 20;

constexpr std::pair<std::string_view, ConnectType> json_types[] = {
    {"integer", ConnectType::integer}, {"number", ConnectType::floating}, {"boolean", ConnectType::boolean},
    {"string", ConnectType::string},   {"array", ConnectType::array},     {"object", ConnectType::structure},
};

// Thrown and caught in this file only: the first thing that is wrong ends the reading.
struct Complaint {
  std::string text;
};

bool is_null_type(const Value& schema) {
  std::vector<Field> fields;
  ValueArena names;
  return schema.kind() == ValueKind::structure && read_json_object(schema.unread_json(), names, fields) &&
         text_attribute(fields, "type") == "null";
}

// One step of a JSON pointer, with what its ~ and % stand for.
std::string step_name(std::string_view step) {
  std::string name = percent_decoded(step);
  for (std::size_t at = 0; (at = name.find('~', at)) != name.npos && at + 1 < name.size(); ++at) {
    if (name[at + 1] == '0' || name[at + 1] == '1') name.replace(at, 2, name[at + 1] == '0' ? "~" : "/");
  }
  return name;
}

// What pointers like /definitions/Address lead to. Documents and the objects on the way are read once, however many
// references lead through them.
class Pointers {
 public:
  // Returns the value in the document; null if there is none.
  Value target(std::string_view document, std::string_view pointer) {
    Value value = root(document);
    while (!pointer.empty()) {
      if (pointer.front() != '/' || value.kind() != ValueKind::structure) return {};
      pointer.remove_prefix(1);
      const auto end = std::min(pointer.find('/'), pointer.size());
      const Value* found = find(members(value), step_name(pointer.substr(0, end)));
      if (!found) return {};
      value = *found;
      pointer.remove_prefix(end);
    }
    return value;
  }

 private:
  Value root(std::string_view document) {
    const auto [known, is_new] = roots_.try_emplace(document.data());
    if (is_new && !read_json(document, known->second)) throw Complaint{"what it refers to is not JSON"};
    return known->second;
  }

  // Empty if the object is wrong inside.
  const std::vector<Field>& members(const Value& object) {
    const auto [known, is_new] = objects_.try_emplace(object.unread_json().data());
    if (is_new && !read_json_object(object.unread_json(), names_, known->second)) known->second.clear();
    return known->second;
  }

  // By where they begin.
  std::map<const char*, Value> roots_;
  std::map<const char*, std::vector<Field>> objects_;
  ValueArena names_;
};

class Compiler {
 public:
  explicit Compiler(std::span<const SchemaDocument> references) : references_(references) {}

  ConnectSchema read(std::string_view json) {
    if (json.size() > max_text) throw Complaint{"it is longer than 8 MiB"};
    Value value;
    if (!read_json(json, value)) throw Complaint{"it is not JSON"};
    if (value.kind() != ValueKind::structure && value.kind() != ValueKind::boolean)
      throw Complaint{"it is neither an object nor a boolean"};
    ConnectSchema schema;
    read(value, json, max_depth, schema);
    return schema;
  }

 private:
  // `document` is the text that the schema is in; what is not said of a value leaves it as it is.
  void read(const Value& schema, std::string_view document, int depth, ConnectSchema& to) {
    if (++types_ > max_types) throw Complaint{fmt::format("it has more than {} types", max_types)};
    to.optional = true;
    if (schema.kind() != ValueKind::structure || depth == 0) return;
    std::vector<Field> fields;
    ValueArena names;
    if (!read_json_object(schema.unread_json(), names, fields)) throw Complaint{"a schema in it is not valid JSON"};
    if (const std::string ref = text_attribute(fields, "$ref"); !ref.empty()) refer(ref, document, depth, to);
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
    if (const Value* properties = find(fields, "properties"); properties && to.type == ConnectType::structure)
      read_properties(*properties, document, depth, to);
    if (const Value* items = find(fields, "items");
        items && items->kind() == ValueKind::structure && to.type == ConnectType::array)
      read(*items, document, depth - 1, to.items.emplace_back());
    to.finish();
  }

  static std::vector<Value> items_of(const Value& list) {
    std::vector<Value> items;
    if (list.kind() == ValueKind::array && !read_json_array(list.unread_json(), items))
      throw Complaint{"a list in it is not valid JSON"};
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
    if (const std::string title = text_attribute(fields, "title"); !title.empty())
      to.set_meaning(title, find(fields, "connect.parameters"));
  }

  void read_properties(const Value& properties, std::string_view document, int depth, ConnectSchema& to) {
    std::vector<Field> members;
    ValueArena names;
    if (properties.kind() != ValueKind::structure || !read_json_object(properties.unread_json(), names, members))
      throw Complaint{"the properties in it are not an object"};
    for (const Field& member : members) {
      ConnectSchema& field = to.fields.emplace_back();
      read(member.value, document, depth - 1, field);
      field.name = member.name;
    }
  }

  // A type within itself ends here: deeper values are as JSON shows them.
  void refer(const std::string& ref, std::string_view document, int depth, ConnectSchema& to) {
    const auto hash = std::min(ref.find('#'), ref.size());
    const std::string_view name = std::string_view(ref).substr(0, hash);
    const std::string_view pointer = std::string_view(ref).substr(std::min(hash + 1, ref.size()));
    if (!name.empty()) {
      const auto found = std::ranges::find(references_, name, &SchemaDocument::name);
      if (found == references_.end()) return;
      document = found->body;
    }
    const Value target = pointers_.target(document, pointer);
    if (target.kind() != ValueKind::structure) return;
    const char* place = target.unread_json().data();
    if (std::ranges::find(open_, place) != open_.end()) return;
    open_.push_back(place);
    read(target, document, depth - 1, to);
    open_.pop_back();
  }

  std::span<const SchemaDocument> references_;
  Pointers pointers_;
  std::vector<const char*> open_;  // where the types begin that are being read
  std::size_t types_ = 0;
};

}  // namespace

std::expected<JsonSchema, std::string> compile_json_schema(std::string_view json,
                                                           std::span<const SchemaDocument> references) {
  try {
    JsonSchema compiled;
    compiled.types.schema = Compiler(references).read(json);
    compiled.types.id = new_schema_id();
    compiled.connect = json.contains("\"connect.");
    return compiled;
  } catch (Complaint& complaint) {
    return std::unexpected(std::move(complaint.text));
  }
}

}  // namespace sluice::mapping

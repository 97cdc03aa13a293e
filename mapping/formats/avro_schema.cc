#include "mapping/formats/avro_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "base/json_text.h"
#include "base/printable.h"
#include "mapping/formats/avro_meaning.h"
#include "mapping/formats/connect_schema.h"

namespace sluice::mapping {
namespace {

constexpr std::size_t max_nodes = 100'000;
constexpr std::uint32_t max_least = 1u << 30;
constexpr std::string_view connects_own_name = "io.confluent.connect.avro.ConnectDefault";  // of what has no name

constexpr std::pair<std::string_view, AvroType> primitives[] = {
    {"null", AvroType::null},        {"boolean", AvroType::boolean}, {"int", AvroType::integer},
    {"long", AvroType::big_integer}, {"float", AvroType::single},    {"double", AvroType::real},
    {"bytes", AvroType::bytes},      {"string", AvroType::text},
};

class AvroCompiler {
 public:
  // Reads one document; the types that it names stay known.
  std::uint32_t read(std::string_view json) {
    if (json.size() > longest_schema) complain("it is longer than 8 MiB");
    Value value;
    of_connect_ = false;
    if (!read_json(json, value)) {
      // A registry may keep the bare name of a type, without the quotes of JSON.
      if (!json.empty() && json.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == json.npos)
        return reference(std::string(json), {});
      complain("it is not JSON");
    }
    // A row of Connect's that may be null is in a union.
    deepest_root_ = value.kind() == ValueKind::array ? deepest_avro - 1 : deepest_avro;
    return type(value, {}, deepest_avro);
  }

  AvroSchema finish(std::uint32_t root, bool connect) {
    schema_.root = root;
    schema_.connect = connect;
    add_root(root);
    for (const AvroPart& part : schema_.parts_of_alternatives(root)) add_root(part.node);
    return std::move(schema_);
  }

  bool root_of_connect() const { return of_connect_; }

 private:
  std::uint32_t add(AvroType kind) {
    if (schema_.nodes.size() == max_nodes) complain(fmt::format("it has more than {} types", max_nodes));
    schema_.nodes.push_back({.type = kind});
    return static_cast<std::uint32_t>(schema_.nodes.size() - 1);
  }
  AvroNode& node(std::uint32_t index) { return schema_.nodes[index]; }

  std::uint32_t type(const Value& value, const std::string& space, int depth) {
    if (depth == 0) complain(fmt::format("its types are nested more than {} levels deep", deepest_avro));
    switch (value.kind()) {
      case ValueKind::escaped_text: {
        std::string name;
        if (value.append_characters(name) != TextError::none) complain("the name of a type is not a text");
        return reference(name, space);
      }
      case ValueKind::array:
        return alternatives(value, space, depth);
      case ValueKind::structure:
        return described(value, space, depth);
      default:
        complain(fmt::format("found {}, expected a type", printable(value.unread_json())));
    }
  }

  // A primitive type, or one that was described before.
  std::uint32_t reference(const std::string& name, const std::string& space) {
    const auto* primitive = std::ranges::find(primitives, name, &std::pair<std::string_view, AvroType>::first);
    if (primitive != std::end(primitives)) return of_primitive(primitive->second);
    auto found = named_.end();
    if (!space.empty() && name.find('.') == name.npos) found = named_.find(space + "." + name);
    if (found == named_.end()) found = named_.find(name);
    if (found == named_.end()) complain(fmt::format("it refers to {}, a type that it does not have", printable(name)));
    return found->second;
  }

  std::uint32_t of_primitive(AvroType kind) {
    constexpr std::uint32_t least[] = {0, 1, 1, 1, 4, 8, 1, 1};  // in the order of AvroType
    const std::uint32_t made = add(kind);
    node(made).least = least[static_cast<std::size_t>(kind)];
    return made;
  }

  std::uint32_t alternatives(const Value& value, const std::string& space, int depth) {
    std::vector<Value> branches;
    if (!read_json_array(value.unread_json(), branches)) complain("a union is not valid JSON");
    const std::uint32_t made = add(AvroType::alternatives);
    std::vector<AvroPart> parts;
    std::uint32_t least = max_least;
    for (const Value& branch : branches) {
      parts.push_back({{}, type(branch, space, depth - 1)});
      least = std::min(least, node(parts.back().node).least);
    }
    set_parts(made, std::move(parts));
    node(made).least = branches.empty() ? 1 : least + 1;
    return made;
  }

  void set_parts(std::uint32_t of, std::vector<AvroPart> parts) {
    node(of).first = static_cast<std::uint32_t>(schema_.parts.size());
    node(of).count = static_cast<std::uint32_t>(parts.size());
    std::ranges::move(parts, std::back_inserter(schema_.parts));
  }

  std::uint32_t described(const Value& value, const std::string& space, int depth) {
    const AvroAttributes attributes(value.unread_json());
    const Value* kind = attributes.find("type");
    if (!kind) complain(fmt::format("{} has no type", printable(value.unread_json())));
    if (!kind->is_text()) return type(*kind, space, depth - 1);
    const std::string name = attributes.text("type");
    if (depth >= deepest_root_) of_connect_ = of_connect_ || attributes.of_connect();
    if (name == "record" || name == "error") return record(attributes, space, depth);
    if (name == "enum") return enumeration(attributes, space);
    if (name == "fixed") return fixed(attributes, space);
    if (name == "array" || name == "map") {
      const Value* item = attributes.find(name == "array" ? "items" : "values");
      if (!item) complain(fmt::format("{} does not say of what", name));
      const std::uint32_t made = add(name == "array" ? AvroType::array : AvroType::map);
      const std::uint32_t of = type(*item, space, depth - 1);
      node(made).item = of;
      node(made).least = 1;
      give_meaning(attributes, node(made));
      return made;
    }
    const std::uint32_t made = reference(name, space);
    if (std::ranges::find(primitives, name, &std::pair<std::string_view, AvroType>::first) != std::end(primitives))
      give_meaning(attributes, node(made));
    return made;
  }

  // The full name of a type; `space` becomes the namespace of the names in it.
  std::string full_name(const AvroAttributes& attributes, std::string& space) const {
    const std::string name = attributes.text("name");
    if (name.empty()) complain("a type has no name");
    if (const auto dot = name.rfind('.'); dot != name.npos) {
      space = name.substr(0, dot);
      return name;
    }
    if (attributes.find("namespace")) space = attributes.text("namespace");
    return space.empty() ? name : space + "." + name;
  }

  void introduce(const std::string& name, std::uint32_t as) {
    if (!named_.emplace(name, as).second) complain(fmt::format("it describes {} twice", printable(name)));
  }

  std::uint32_t record(const AvroAttributes& attributes, std::string space, int depth) {
    const std::string name = full_name(attributes, space);
    const std::uint32_t made = add(AvroType::record);
    introduce(name, made);
    const Value* fields = attributes.find("fields");
    std::vector<Value> described_fields;
    if (!fields || fields->kind() != ValueKind::array || !read_json_array(fields->unread_json(), described_fields))
      complain(fmt::format("record {} has no list of fields", printable(name)));
    std::vector<AvroPart> parts;
    std::unordered_set<std::string> names;
    std::uint32_t least = 0;
    for (const Value& field : described_fields) {
      if (field.kind() != ValueKind::structure)
        complain(fmt::format("a field of {} is not an object", printable(name)));
      const AvroAttributes its(field.unread_json());
      const Value* of = its.find("type");
      std::string field_name = its.text("name");
      if (field_name.empty() || !of) complain(fmt::format("a field of {} has no name or no type", printable(name)));
      if (!names.insert(field_name).second)
        complain(fmt::format("{} has the field {} twice", printable(name), printable(field_name)));
      const std::uint32_t its_type = type(*of, space, depth - 1);
      parts.push_back({std::move(field_name), its_type});
      least = std::min(max_least, least + node(its_type).least);
    }
    set_parts(made, std::move(parts));
    node(made).least = least;
    if (depth >= deepest_root_ && name.starts_with(connects_own_name)) of_connect_ = true;
    const LogicalName* logical = find_logical(attributes.text("connect.name"));
    if (logical && logical->logical == Logical::variable_scale_decimal)
      node(made).meaning = AvroMeaning::variable_scale_decimal;
    return made;
  }

  std::uint32_t enumeration(const AvroAttributes& attributes, std::string space) {
    const std::string name = full_name(attributes, space);
    const std::uint32_t made = add(AvroType::enumeration);
    introduce(name, made);
    const Value* symbols = attributes.find("symbols");
    std::vector<Value> words;
    if (!symbols || symbols->kind() != ValueKind::array || !read_json_array(symbols->unread_json(), words))
      complain(fmt::format("enum {} has no list of symbols", printable(name)));
    node(made).first = static_cast<std::uint32_t>(schema_.symbols.size());
    node(made).count = static_cast<std::uint32_t>(words.size());
    node(made).least = 1;
    for (const Value& word : words) {
      std::string symbol;
      if (!word.is_text() || word.append_characters(symbol) != TextError::none)
        complain(fmt::format("a symbol of {} is not a text", printable(name)));
      schema_.symbols.push_back(std::move(symbol));
    }
    return made;
  }

  std::uint32_t fixed(const AvroAttributes& attributes, std::string space) {
    const std::string name = full_name(attributes, space);
    const std::uint32_t made = add(AvroType::fixed);
    introduce(name, made);
    const auto size = attributes.integer("size");
    if (!size || *size < 0) complain(fmt::format("fixed {} has no size", printable(name)));
    node(made).size = static_cast<std::uint32_t>(*size);
    node(made).least = std::min(max_least, node(made).size);
    give_meaning(attributes, node(made));
    return made;
  }

  void add_root(std::uint32_t index) {
    if (node(index).type != AvroType::record) return;
    const bool envelope = is_envelope(index);
    schema_.roots.push_back({index, envelope ? row_of_envelope(index) : index, envelope, new_schema_id()});
    schema_.connect = schema_.connect || envelope;
  }

  bool is_envelope(std::uint32_t index) const {
    const auto parts = schema_.parts_of(schema_.nodes[index]);
    const auto has = [&](std::string_view name) {
      return std::ranges::find(parts, name, &AvroPart::name) != parts.end();
    };
    const auto op = std::ranges::find(parts, "op", &AvroPart::name);
    return op != parts.end() && is_text(op->node) && (has("before") || has("after") || (has("source") && has("ts_ms")));
  }

  std::uint32_t row_of_envelope(std::uint32_t index) const {
    for (const char* image : {"after", "before"}) {
      for (const AvroPart& part : schema_.parts_of(schema_.nodes[index]))
        if (part.name == image) return part.node;
    }
    return index;
  }

  bool is_text(std::uint32_t index) const {
    const AvroNode& of = schema_.nodes[index];
    if (of.type == AvroType::text || of.type == AvroType::enumeration) return true;
    return of.type == AvroType::alternatives && std::ranges::any_of(schema_.parts_of(of), [&](const AvroPart& part) {
             return schema_.nodes[part.node].type == AvroType::text;
           });
  }

  AvroSchema schema_;
  std::map<std::string, std::uint32_t, std::less<>> named_;
  bool of_connect_ = false;
  int deepest_root_ = deepest_avro;  // where the types of a datum are described
};

}  // namespace

std::expected<AvroSchema, std::string> compile_avro(std::string_view json, std::span<const SchemaDocument> references) {
  try {
    AvroCompiler compiler;
    for (const SchemaDocument& document : references) compiler.read(document.body);
    const std::uint32_t root = compiler.read(json);
    return compiler.finish(root, compiler.root_of_connect());
  } catch (AvroComplaint& complaint) {
    return std::unexpected(std::move(complaint.text));
  }
}

}  // namespace sluice::mapping

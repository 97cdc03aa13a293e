#include "mapping/formats/avro_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/json_text.h"
#include "base/parse.h"
#include "base/printable.h"
#include "mapping/formats/connect_schema.h"

namespace sluice::mapping {
namespace {

constexpr std::size_t max_nodes = 100'000;
constexpr std::uint32_t max_least = 1u << 30;

constexpr std::pair<std::string_view, AvroType> primitives[] = {
    {"null", AvroType::null},        {"boolean", AvroType::boolean}, {"int", AvroType::integer},
    {"long", AvroType::big_integer}, {"float", AvroType::single},    {"double", AvroType::real},
    {"bytes", AvroType::bytes},      {"string", AvroType::text},
};

struct LogicalType {
  std::string_view name;
  AvroType type;
  TemporalUnit unit;
};

constexpr LogicalType temporal_types[] = {
    {"date", AvroType::integer, TemporalUnit::date_days},
    {"time-millis", AvroType::integer, TemporalUnit::time_millis},
    {"time-micros", AvroType::big_integer, TemporalUnit::time_micros},
    {"timestamp-millis", AvroType::big_integer, TemporalUnit::timestamp_millis},
    {"timestamp-micros", AvroType::big_integer, TemporalUnit::timestamp_micros},
    {"timestamp-nanos", AvroType::big_integer, TemporalUnit::timestamp_nanos},
    {"local-timestamp-millis", AvroType::big_integer, TemporalUnit::timestamp_millis},
    {"local-timestamp-micros", AvroType::big_integer, TemporalUnit::timestamp_micros},
    {"local-timestamp-nanos", AvroType::big_integer, TemporalUnit::timestamp_nanos},
};

// Thrown and caught in this file only: the first thing that is wrong ends the reading.
struct AvroComplaint {
  std::string text;
};

[[noreturn]] void complain(std::string text) {
  throw AvroComplaint{std::move(text)};
}

// The attributes of a schema that is an object.
class Attributes {
 public:
  explicit Attributes(std::string_view json) {
    if (!read_json_object(json, names_, fields_)) complain(fmt::format("{} is not valid JSON", printable(json)));
  }

  const Value* find(std::string_view name) const { return sluice::find(fields_, name); }
  // Empty if it is missing or not a string.
  std::string text(std::string_view name) const { return text_attribute(fields_, name); }
  std::optional<std::int64_t> integer(std::string_view name) const {
    const Value* value = find(name);
    if (!value || value->kind() != ValueKind::number_text) return std::nullopt;
    return parse_integer<std::int32_t>(value->digits());
  }
  // Of connect.parameters, whose values are strings.
  std::optional<std::int64_t> parameter(std::string_view name) const {
    const Value* value = find("connect.parameters");
    if (!value || value->kind() != ValueKind::structure) return std::nullopt;
    const std::string text = Attributes(value->unread_json()).text(name);
    const auto number = parse_integer<std::int32_t>(text);
    if (!text.empty() && !number) complain(fmt::format("the {} of a type is not a number of 32 bits", name));
    return number;
  }
  bool of_connect() const {
    return std::ranges::any_of(fields_, [](const Field& field) { return field.name.starts_with("connect."); });
  }

 private:
  std::vector<Field> fields_;
  ValueArena names_;
};

class AvroCompiler {
 public:
  // Reads one document; the types that it names stay known.
  std::uint32_t read(std::string_view json) {
    if (json.size() > longest_schema) complain("it is longer than 8 MiB");
    Value value;
    if (!read_json(json, value)) {
      // A registry may keep the bare name of a type, without the quotes of JSON.
      if (!json.empty() && json.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == json.npos)
        return reference(std::string(json), {});
      complain("it is not JSON");
    }
    return type(value, {}, deepest_avro);
  }

  AvroSchema finish(std::uint32_t root, bool connect) {
    schema_.root = root;
    schema_.is_envelope = is_envelope();
    schema_.row = schema_.is_envelope ? row_of_envelope() : root;
    schema_.connect = connect || schema_.is_envelope;
    schema_.id = new_schema_id();
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
    const Attributes attributes(value.unread_json());
    const Value* kind = attributes.find("type");
    if (!kind) complain(fmt::format("{} has no type", printable(value.unread_json())));
    if (!kind->is_text()) return type(*kind, space, depth - 1);
    const std::string name = attributes.text("type");
    if (depth == deepest_avro) of_connect_ = attributes.of_connect();
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
      return made;
    }
    const std::uint32_t made = reference(name, space);
    if (std::ranges::find(primitives, name, &std::pair<std::string_view, AvroType>::first) != std::end(primitives))
      give_meaning(node(made), attributes);
    return made;
  }

  // The full name of a type; `space` becomes the namespace of the names in it.
  std::string full_name(const Attributes& attributes, std::string& space) const {
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

  std::uint32_t record(const Attributes& attributes, std::string space, int depth) {
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
      const Attributes its(field.unread_json());
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
    const LogicalName* logical = find_logical(attributes.text("connect.name"));
    if (logical && logical->logical == Logical::variable_scale_decimal)
      node(made).meaning = AvroMeaning::variable_scale_decimal;
    return made;
  }

  std::uint32_t enumeration(const Attributes& attributes, std::string space) {
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

  std::uint32_t fixed(const Attributes& attributes, std::string space) {
    const std::string name = full_name(attributes, space);
    const std::uint32_t made = add(AvroType::fixed);
    introduce(name, made);
    const auto size = attributes.integer("size");
    if (!size || *size < 0) complain(fmt::format("fixed {} has no size", printable(name)));
    node(made).size = static_cast<std::uint32_t>(*size);
    node(made).least = std::min(max_least, node(made).size);
    give_meaning(node(made), attributes);
    return made;
  }

  // Connect's name counts more than the logical type: it is finer. What does not fit its type is left out, as the
  // specification of Avro wants it.
  static void give_meaning(AvroNode& to, const Attributes& attributes) {
    const bool bytes = to.type == AvroType::bytes || to.type == AvroType::fixed;
    const bool number = to.type == AvroType::integer || to.type == AvroType::big_integer;
    if (to.type == AvroType::text) {
      to.named = kind_by_name(attributes.text("connect.name"));
      if (attributes.text("logicalType") == "uuid") to.named = FieldKind::uuid;
    }
    if (const LogicalName* named = find_logical(attributes.text("connect.name"))) {
      if (bytes && named->logical == Logical::decimal) {
        to.meaning = AvroMeaning::decimal;
        to.precision = static_cast<std::int32_t>(
            attributes.parameter("connect.decimal.precision").value_or(attributes.integer("precision").value_or(0)));
        to.scale =
            static_cast<std::int32_t>(attributes.parameter("scale").value_or(attributes.integer("scale").value_or(0)));
        return;
      }
      if (bytes && named->logical == Logical::bits) {
        to.meaning = AvroMeaning::bits;
        to.scale = static_cast<std::int32_t>(attributes.parameter("length").value_or(0));
        return;
      }
      if (number && named->logical == Logical::temporal) {
        to.meaning = AvroMeaning::temporal;
        to.unit = named->unit;
        return;
      }
    }
    const std::string logical = attributes.text("logicalType");
    if (logical.empty()) return;
    if (bytes && logical == "decimal") {
      const auto precision = attributes.integer("precision").value_or(0);
      const auto scale = attributes.integer("scale").value_or(0);
      if (precision < 1 || scale < 0 || scale > precision) return;
      to.meaning = AvroMeaning::decimal;
      to.precision = static_cast<std::int32_t>(precision);
      to.scale = static_cast<std::int32_t>(scale);
    } else if (to.type == AvroType::fixed && to.size == 16 && logical == "uuid") {
      to.meaning = AvroMeaning::uuid;
    } else if (to.type == AvroType::fixed && to.size == 12 && logical == "duration") {
      to.meaning = AvroMeaning::duration;
    } else {
      const auto* temporal = std::ranges::find(temporal_types, logical, &LogicalType::name);
      if (temporal == std::end(temporal_types) || temporal->type != to.type) return;
      to.meaning = AvroMeaning::temporal;
      to.unit = temporal->unit;
      to.instant = logical.starts_with("timestamp-");
    }
  }

  bool is_envelope() const {
    const AvroNode& root = schema_.nodes[schema_.root];
    if (root.type != AvroType::record) return false;
    const auto parts = schema_.parts_of(root);
    const auto has = [&](std::string_view name) {
      return std::ranges::find(parts, name, &AvroPart::name) != parts.end();
    };
    const auto op = std::ranges::find(parts, "op", &AvroPart::name);
    return op != parts.end() && is_text(op->node) && (has("before") || has("after") || (has("source") && has("ts_ms")));
  }

  std::uint32_t row_of_envelope() const {
    for (const char* image : {"after", "before"}) {
      for (const AvroPart& part : schema_.parts_of(schema_.nodes[schema_.root]))
        if (part.name == image) return part.node;
    }
    return schema_.root;
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

// The JSON Schema of what the commands print with --json, from their declared results: docs/console.schema.json.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "console/command.h"
#include "console/interpreter.h"

namespace sluice::console {
namespace {

using nlohmann::ordered_json;

// `nullable`: in one of the alternatives at least. A list without a value is empty, never null.
ordered_json type_of(const Column& column, bool nullable) {
  const auto of = [&](std::string_view type) {
    return nullable ? ordered_json{{"type", {type, "null"}}} : ordered_json{{"type", type}};
  };
  switch (column.kind) {
    case ColumnType::text:
    case ColumnType::content:
      return of("string");
    case ColumnType::number:
    case ColumnType::id:
      return of("integer");
    case ColumnType::rate:
    case ColumnType::seconds:
      return of("number");
    case ColumnType::time: {
      auto time = of("string");
      time["format"] = "date-time";
      return time;
    }
    case ColumnType::yes_no:
      return of("boolean");
    case ColumnType::texts:
      return {{"type", "array"}, {"items", {{"type", "string"}}}};
    case ColumnType::json:
      break;
  }
  return ordered_json::object();
}

// An object's fields, and which of them are in every one.
struct Fields {
  ordered_json properties = ordered_json::object(), required = ordered_json::array();

  void add(const std::string& name, ordered_json schema, bool always) {
    properties[name] = std::move(schema);
    if (always) required.push_back(name);
  }
  ordered_json schema() && {
    return {{"type", "object"}, {"required", std::move(required)}, {"properties", std::move(properties)}};
  }
};

using Alternatives = std::vector<const Section*>;  // of one name

bool all_have(const Alternatives& sections, std::string_view column) {
  return std::ranges::all_of(sections, [&](const Section* one) {
    const auto found = std::ranges::find(one->columns, column, &Column::name);
    return found != one->columns.end() && !found->optional;
  });
}

bool one_may_lack(const Alternatives& sections, std::string_view column) {
  return std::ranges::any_of(sections, [&](const Section* one) {
    const auto found = std::ranges::find(one->columns, column, &Column::name);
    return found != one->columns.end() && found->nullable;
  });
}

void add_columns(Fields& fields, const Alternatives& sections, bool always) {
  for (const Section* section : sections)
    for (const Column& column : section->columns) {
      const std::string name(column.name);
      if (!column.people && !fields.properties.contains(name))
        fields.add(name, type_of(column, one_may_lack(sections, column.name)),
                   always && all_have(sections, column.name));
    }
}

ordered_json schema_of(const std::vector<Section>& result) {
  Fields data;
  std::vector<std::string_view> done;
  for (const Section& first : result) {
    if (std::ranges::find(done, first.name) != done.end()) continue;
    done.push_back(first.name);
    Alternatives same;
    for (const Section& one : result)
      if (one.name == first.name) same.push_back(&one);
    const bool always = std::ranges::none_of(same, &Section::optional);
    if (first.name.empty() && first.record) {
      add_columns(data, same, always);
      continue;
    }
    Fields fields;
    add_columns(fields, same, true);
    auto schema = std::move(fields).schema();
    if (!first.record) schema = {{"type", "array"}, {"items", std::move(schema)}};
    if (first.name.empty()) return schema;
    data.add(std::string(first.name), std::move(schema), always);
  }
  return std::move(data).schema();
}

std::string name_in_schema(const Command& command) {
  std::string name(command.words);
  std::ranges::replace(name, ' ', '_');
  return name;
}

constexpr std::size_t widest_line = 130;

// Words, as many to a line as fit.
void print_words(const ordered_json& list, std::size_t indent, std::string& text) {
  const std::string begin = ",\n" + std::string(indent + 1, ' ');
  std::size_t used = widest_line;
  text += '[';
  for (auto at = list.begin(); at != list.end(); ++at) {
    const auto word = at->dump();
    const bool fits = used + word.size() + 2 <= widest_line;
    const std::string gap = fits ? ", " : begin;
    text += at == list.begin() ? gap.substr(1) : gap;
    used = (fits ? used + 2 : indent + 1) + word.size();
    text += word;
  }
  text += ']';
}

// What fits into a line is one.
void print(const ordered_json& value, std::size_t indent, std::string& text) {
  const auto line = value.dump();
  if (indent + line.size() <= widest_line || value.empty() || !value.is_structured()) {
    text += line;
    return;
  }
  const bool object = value.is_object();
  if (!object && value.front().is_string()) {
    print_words(value, indent, text);
    return;
  }
  text += object ? '{' : '[';
  for (auto at = value.begin(); at != value.end(); ++at) {
    text += (at == value.begin() ? "\n" : ",\n") + std::string(indent + 1, ' ');
    if (object) text += fmt::format("\"{}\": ", at.key());
    print(*at, indent + 1, text);
  }
  text += '\n' + std::string(indent, ' ') + (object ? '}' : ']');
}

}  // namespace

std::string json_schema() {
  auto definitions = ordered_json::object(), words = ordered_json::array(), cases = ordered_json::array();
  for (const Command& command : commands()) {
    const auto name = name_in_schema(command);
    definitions[name] = schema_of(command.result);
    if (command.lines) continue;
    words.push_back(command.words);
    cases.push_back({{"if", {{"properties", {{"command", {{"const", command.words}}}}}}},
                     {"then", {{"properties", {{"data", {{"$ref", "#/$defs/" + name}}}}}}}});
  }
  const ordered_json schema{
      {"$schema", "https://json-schema.org/draft/2020-12/schema"},
      {"title", "What the commands of Sluice's console print with --json: a document, or one on each line"},
      {"description",
       "Made by `sluice config json`. Fields may be added within a version, so readers ignore those that they do not "
       "know. A line of `dead export` is #/$defs/dead_export, without a document around it."},
      {"type", "object"},
      {"required", {"v", "command", "at", "data"}},
      {"properties",
       {{"v", {{"const", report::json_version}}},
        {"command", {{"enum", std::move(words)}}},
        {"at", {{"type", "string"}, {"format", "date-time"}}},
        {"data", ordered_json::object()}}},
      {"allOf", std::move(cases)},
      {"$defs", std::move(definitions)}};
  std::string text;
  print(schema, 0, text);
  return text + '\n';
}

}  // namespace sluice::console

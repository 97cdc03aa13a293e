#include "mapping/formats/json_schema_documents.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/codec.h"
#include "base/json_text.h"
#include "base/parse.h"
#include "mapping/formats/connect_schema.h"

namespace sluice::mapping {
namespace {

constexpr int deepest_name = 64;             // objects and lists around a name
constexpr std::size_t longest_name = 1'000;  // of a URI: each schema below it has it in its own
constexpr std::array<std::string_view, 5> data{"default", "const", "enum", "examples", "connect.parameters"};

// One step of a JSON pointer, with what its ~ and % stand for.
std::string step_name(std::string_view step) {
  std::string name = percent_decoded(step);
  for (std::size_t at = 0; (at = name.find('~', at)) != name.npos && at + 1 < name.size(); ++at) {
    if (name[at + 1] == '0' || name[at + 1] == '1') name.replace(at, 2, name[at + 1] == '0' ? "~" : "/");
  }
  return name;
}

// A reference without a fragment as a whole URI; the steps . and .. are not known.
std::string resolved(std::string_view base, std::string_view reference) {
  const auto colon = reference.find(':');
  if (reference.empty() || colon < reference.find('/')) return std::string(reference.empty() ? base : reference);
  const auto scheme = base.find("://");
  if (reference.starts_with('/')) {
    const auto path = scheme == base.npos ? 0 : std::min(base.find('/', scheme + 3), base.size());
    return std::string(base.substr(0, path)).append(reference);
  }
  const auto slash = base.rfind('/');
  const bool whole_host = scheme != base.npos && slash < scheme + 3;  // http://host, without a path
  if (whole_host) return std::string(base).append("/").append(reference);
  return std::string(base.substr(0, slash == base.npos ? 0 : slash + 1)).append(reference);
}

void name(std::map<std::string, std::optional<Value>>& names, std::string text, const Value& value) {
  const auto [known, is_new] = names.try_emplace(std::move(text), value);
  if (!is_new) known->second.reset();
}

}  // namespace

const Value* JsonSchemaDocuments::root(std::string_view document) {
  const auto [known, is_new] = roots_.try_emplace(document.data());
  if (is_new) {
    Value value;
    if (read_json(document, value)) known->second = value;
  }
  return known->second ? &*known->second : nullptr;
}

const std::vector<Field>& JsonSchemaDocuments::members(const Value& object) {
  const auto [known, is_new] = objects_.try_emplace(object.unread_json().data());
  if (is_new && !read_json_object(object.unread_json(), names_, known->second)) known->second.clear();
  return known->second;
}

Value JsonSchemaDocuments::called(std::string_view document, const std::string& name) {
  const Value* whole = root(document);
  if (whole == nullptr) return {};
  if (name.empty()) return *whole;
  const auto& known = names(document).schemas;
  auto found = known.find(name);
  if (found == known.end() && whole->kind() == ValueKind::structure) {
    const std::string own = text_attribute(members(*whole), "$id");
    found = known.find(resolved(own.substr(0, own.find('#')), name));
  }
  return found != known.end() && found->second ? *found->second : Value();
}

Value JsonSchemaDocuments::target(std::string_view document, const Value& from, std::string_view fragment) {
  if (!fragment.empty() && fragment.front() != '/') {
    const auto& known = names(document).anchors;
    const auto found = known.find(std::string(fragment));
    return found != known.end() && found->second ? *found->second : Value();
  }
  Value value = from;
  while (!fragment.empty()) {
    if (value.kind() == ValueKind::array) {
      std::vector<Value> items;
      const auto end = std::min(fragment.find('/', 1), fragment.size());
      const auto at = parse_integer<std::size_t>(fragment.substr(1, end - 1));
      if (!at || !read_json_array(value.unread_json(), items) || *at >= items.size()) return {};
      value = items[*at];
      fragment.remove_prefix(end);
      continue;
    }
    if (fragment.front() != '/' || value.kind() != ValueKind::structure) return {};
    fragment.remove_prefix(1);
    const auto end = std::min(fragment.find('/'), fragment.size());
    const Value* found = find(members(value), step_name(fragment.substr(0, end)));
    if (!found) return {};
    value = *found;
    fragment.remove_prefix(end);
  }
  return value;
}

const JsonSchemaDocuments::Names& JsonSchemaDocuments::names(std::string_view document) {
  const auto [known, is_new] = names_of_.try_emplace(document.data());
  if (const Value* whole = is_new ? root(document) : nullptr) collect(*whole, "", deepest_name, known->second);
  return known->second;
}

void JsonSchemaDocuments::collect(const Value& value, const std::string& base, int depth, Names& into) {
  if (depth == 0) return;
  if (value.kind() == ValueKind::array) {
    std::vector<Value> items;
    if (!read_json_array(value.unread_json(), items)) return;
    for (const Value& item : items) collect(item, base, depth - 1, into);
    return;
  }
  if (value.kind() != ValueKind::structure) return;
  std::vector<Field> fields;
  ValueArena texts;
  if (!read_json_object(value.unread_json(), texts, fields)) return;
  std::string inner = base;
  for (const char* attribute : {"$id", "id"}) {  // the latter of draft 4
    const std::string id = text_attribute(fields, attribute);
    if (id.starts_with('#') && id.size() > 1) name(into.anchors, id.substr(1), value);  // before draft 2019-09
    const auto plain = id.substr(0, id.find('#'));
    if (plain.empty() || plain.size() > longest_name || base.size() > longest_name) continue;
    inner = resolved(base, plain);
    name(into.schemas, inner, value);
    if (plain != inner) name(into.schemas, plain, value);
  }
  for (const char* attribute : {"$anchor", "$dynamicAnchor"})
    if (auto anchor = text_attribute(fields, attribute); !anchor.empty()) name(into.anchors, std::move(anchor), value);
  for (const Field& field : fields)
    if (std::ranges::find(data, field.name) == data.end()) collect(field.value, inner, depth - 1, into);
}

}  // namespace sluice::mapping

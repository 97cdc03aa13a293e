#include "config/children.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/printable.h"
#include "config/child_source.h"
#include "config/validators.h"

namespace sluice::config {
namespace {

const std::string& column_of(const Route& parent, const std::string& field) {
  const auto renamed = parent.columns.rename.find(field);
  return renamed == parent.columns.rename.end() ? field : renamed->second;
}

// Returns true if the column holds that column of the parent's key.
bool holds_key(const Route& child, const std::string& column, const Route& parent, const std::string& key) {
  const auto filled = child.fills.find(column);
  if (filled == child.fills.end()) return false;
  const auto source = ChildSource::parse(filled->second);
  return source && source->kind == ChildSource::Kind::parent &&
         (source->field.size() == 1 || !parent.flatten.empty()) &&
         column_of(parent, flattened_name(source->field, parent.flatten)) == key;
}

// Returns true if one of the names is written as an array's elements are elsewhere: lines[], lines[*], lines[0].
bool is_in_elements(const std::vector<std::string>& path) {
  return std::ranges::any_of(path, [](const std::string& name) { return name.contains('[') && name.ends_with(']'); });
}

// Why the child's array cannot be beside those of the parent's other children; empty if it can.
std::string check_array(const Route& child, const Route& parent) {
  constexpr const char* why = "arrays within elements stay one value of their row, such as JSON; leave that table out";
  for (const Route& other : parent.children) {
    if (child.path.starts_with(other.path + "."))
      return fmt::format("leads through the array {} of another [[route.child]], and {}", printable(other.path), why);
    if (other.path.starts_with(child.path + "."))
      return fmt::format("is an array that the path {} of another [[route.child]] leads through, and {}",
                         printable(other.path), why);
  }
  return {};
}

std::set<std::string_view> placeholders(std::string_view text) {
  std::set<std::string_view> found;
  for (auto open = text.find('{'); open != text.npos; open = text.find('{', open + 1))
    found.insert(text.substr(open, text.find('}', open) - open));
  return found;
}

}  // namespace

std::string check_child_path(const std::string& text) {
  const auto names = path_names(text);
  if (names.empty()) return "is not a field path; write a field such as items or order.items";
  if (!is_in_elements(names)) return {};
  return "leads into the elements of an array, whose own arrays stay one value of their row, such as JSON; write the "
         "outer array, without []";
}

std::string check_child_source(const std::string& text) {
  const auto source = ChildSource::parse(text);
  if (source && !is_in_elements(source->field)) return {};
  if (source)
    return "leads into the elements of an array; write $.FIELD for a field of the parent, and the bare name for one of "
           "the element itself";
  return "is not known; write $.FIELD of the parent, @index, @element, or a field of the element";
}

void complete_child(Route& child, const Route& parent) {
  child.format = parent.format;
  child.key_from = KeyFrom::record_value;
  child.schemas = parent.schemas;
  child.on_truncate = parent.on_truncate;
  child.unknown_fields = parent.unknown_fields;
  child.evolve = parent.evolve;
  child.values = parent.values;
  child.on_error = parent.on_error;
  child.max_dead_letters = parent.max_dead_letters;
  for (const auto& [column, text] : child.fills) {
    const auto source = ChildSource::parse(text);
    if (source && source->of_element() && source->field.front() != column)
      child.columns.rename[source->field.front()] = column;
  }
}

WrongChild check_child(const Route& child, const Route& parent) {
  if (parent.mode != Mode::upsert)
    return {"table", "belongs to rows that are written and removed by their key; give the route mode = \"upsert\""};
  if (auto wrong = check_array(child, parent); !wrong.empty()) return {"path", std::move(wrong)};
  if (!std::ranges::includes(placeholders(child.table), placeholders(parent.table)))
    return {"table",
            "lacks the placeholders of the route's table, so rows of two parents with one key would be the same; add "
            "them"};
  if (child.key.size() <= parent.key.size())
    return {"key",
            "lacks a column behind those of the parent's key; name what tells the elements apart, such as line = "
            "\"@index\" in columns"};
  for (std::size_t part = 0; part < parent.key.size(); ++part) {
    if (holds_key(child, child.key[part], parent, parent.key[part])) continue;
    return {"key",
            fmt::format("must begin with the parent's key, and its column {} is no {} of the parent; write "
                        "columns = {{ {} = \"$.{}\" }}",
                        printable(child.key[part]), parent.key[part], printable(child.key[part]), parent.key[part])};
  }
  std::vector<std::string> fields;
  for (const auto& [column, text] : child.fills) {
    if (const std::string wrong = check_column(column); !wrong.empty())
      return {"columns", fmt::format("\"{}\" {}", printable(column), wrong)};
    const auto source = ChildSource::parse(text);
    if (!source || !source->of_element()) continue;
    if (std::ranges::find(fields, text) != fields.end())
      return {"columns", fmt::format("fills two columns with the element's field {}; name it once", printable(text))};
    fields.push_back(text);
  }
  return {};
}

std::string check_family(const Route& parent, std::span<const Route> routes) {
  const auto meets = [](const Route& one, const Route& other) {
    return fmt::format(
        "{} may be the same table as {}, and rows of children follow their parent's alone; name another "
        "table",
        printable(one.table), printable(other.table));
  };
  for (const Route& child : parent.children) {
    if (tables_may_meet(child, parent)) return meets(child, parent);
    for (const Route& sibling : parent.children)
      if (&sibling != &child && tables_may_meet(child, sibling)) return meets(child, sibling);
  }
  for (const Route& other : routes) {
    if (&other == &parent) continue;
    if (!parent.children.empty() && tables_may_meet(parent, other)) return meets(parent, other);
    for (const Route& child : parent.children) {
      if (tables_may_meet(child, other)) return meets(child, other);
      for (const Route& theirs : other.children)
        if (tables_may_meet(child, theirs)) return meets(child, theirs);
    }
  }
  return {};
}

}  // namespace sluice::config

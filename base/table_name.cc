#include "base/table_name.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

std::string part_text(std::string_view part) {
  return part.find_first_of(".\"") == part.npos ? std::string(part) : quoted(part);
}

// Removes a part from the beginning of `text`, up to a dot or, of the last one, to the end.
std::string take_part(std::string_view& text, bool last) {
  if (!text.starts_with('"')) {
    const auto end = last ? text.size() : std::min(text.find('.'), text.size());
    std::string part(text.substr(0, end));
    text.remove_prefix(end);
    return part;
  }
  std::string part;
  for (text.remove_prefix(1); !text.empty(); text.remove_prefix(1)) {
    if (text.starts_with("\"\"")) {
      text.remove_prefix(1);
    } else if (text.starts_with('"')) {
      text.remove_prefix(1);
      break;
    }
    part += text.front();
  }
  return part;
}

}  // namespace

std::string TableName::text() const {
  return schema.empty() ? part_text(table) : part_text(schema) + '.' + part_text(table);
}

std::string TableName::sql() const {
  return schema.empty() ? quoted(table) : quoted(schema) + '.' + quoted(table);
}

TableName TableName::parse(std::string_view text) {
  TableName name;
  name.table = take_part(text, false);
  if (!text.starts_with('.')) return name;
  text.remove_prefix(1);
  name.schema = std::move(name.table);
  name.table = take_part(text, true);
  return name;
}

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out += '"';
}

}  // namespace sluice

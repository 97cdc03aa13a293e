#include "sink/sql.h"

#include <fmt/format.h>

#include <algorithm>

#include "admin/partition_state.h"
#include "base/table_name.h"

namespace sluice::sink {
namespace {

void replace_all(std::string& text, std::string_view placeholder, const std::string& by) {
  for (auto at = text.find(placeholder); at != text.npos; at = text.find(placeholder, at + by.size()))
    text.replace(at, placeholder.size(), by);
}

void insert_parts(std::string& text) {
  constexpr std::string_view mark = ":part ";
  for (auto at = text.find(mark); at != text.npos; at = text.find(mark, at)) {
    const auto name = at + mark.size();
    const auto end = std::min(text.find_first_of(" \n", name), text.size());
    text.replace(at, end - at, sql_files().at("part_" + text.substr(name, end - name)));
  }
}

std::string stored_states() {
  std::string out;
  for (const auto& one : partition_states()) {
    if (one.state == PartitionState::claiming) continue;  // never stored
    out += fmt::format("{}'{}'", out.empty() ? "" : ", ", one.name);
  }
  return out;
}

}  // namespace

std::string sql(std::string_view name, std::string_view schema) {
  std::string text(sql_files().at(name));
  insert_parts(text);
  replace_all(text, ":states", stored_states());
  replace_all(text, ":schema", quoted(schema));
  return text;
}

std::string array_of_texts(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) {
    out += out.empty() ? "{\"" : ",\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out.empty() ? "{}" : out + "}";
}

}  // namespace sluice::sink

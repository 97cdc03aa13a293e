#include "sink/sql.h"

#include <fmt/format.h>

#include "admin/partition_state.h"

namespace sluice::sink {

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out += '"';
}

namespace {

void replace_all(std::string& text, std::string_view placeholder, const std::string& by) {
  for (auto at = text.find(placeholder); at != text.npos; at = text.find(placeholder, at + by.size()))
    text.replace(at, placeholder.size(), by);
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
  replace_all(text, ":letter_filter", std::string(sql_files().at("dead_letter_filter")));
  replace_all(text, ":states", stored_states());
  replace_all(text, ":schema", quoted(schema));
  return text;
}

}  // namespace sluice::sink

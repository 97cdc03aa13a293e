#include "sink/sql.h"

namespace sluice::sink {

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out += '"';
}

std::string sql(std::string_view name, std::string_view schema) {
  constexpr std::string_view placeholder = ":schema";
  std::string text(sql_files().at(name));
  const std::string identifier = quoted(schema);
  for (auto at = text.find(placeholder); at != text.npos; at = text.find(placeholder, at + identifier.size())) {
    text.replace(at, placeholder.size(), identifier);
  }
  return text;
}

}  // namespace sluice::sink

#include "runtime/init/draft.h"

#include <fmt/format.h>

#include "base/parse.h"
#include "base/printable.h"
#include "config/spelling.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t longest_comment = 1000;

}  // namespace

void Draft::section(std::string_view heading) {
  text_ += fmt::format("{}{}\n", text_.empty() ? "" : "\n", heading);
}

void Draft::comment(std::string_view text) {
  text_ += fmt::format("# {}\n", printable(text, longest_comment));
}

void Draft::blank() {
  text_ += '\n';
}

void Draft::set(std::string_view name, std::string_view text) {
  text_ += fmt::format("{} = {}\n", name, config::quoted(text));
}

void Draft::set(std::string_view name, int number) {
  text_ += fmt::format("{} = {}\n", name, number);
}

void Draft::set(std::string_view name, const std::vector<std::string>& list) {
  std::string items;
  for (const auto& item : list) items += (items.empty() ? "" : ", ") + config::quoted(item);
  text_ += fmt::format("{} = [{}]\n", name, items);
}

void Draft::set(std::string_view name, const std::map<std::string, std::string>& pairs) {
  std::string items;
  for (const auto& [key, value] : pairs)
    items += fmt::format("{}{} = {}", items.empty() ? " " : ", ", config::quoted(key), config::quoted(value));
  text_ += fmt::format("{} = {{{}{}}}\n", name, items, items.empty() ? "" : " ");
}

std::string sql_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

std::string sql_table(std::string_view table) {
  const auto dot = table.find('.');
  if (dot == table.npos) return sql_name(table);
  return fmt::format("{}.{}", sql_name(table.substr(0, dot)), sql_name(table.substr(dot + 1)));
}

}  // namespace sluice::runtime

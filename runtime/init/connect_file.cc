#include "runtime/init/connect_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/parse.h"
#include "base/printable.h"
#include "config/references.h"

namespace sluice::runtime {
namespace {

using nlohmann::json;

constexpr std::size_t longest_file = 1u << 20;
constexpr std::string_view blanks = " \t\f";

struct Trouble {
  int line;
  std::string text;
};

int line_at(std::string_view text, std::size_t offset) {
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + std::min(offset, text.size()), '\n'));
}

void add(ConnectFile& file, ConnectEntry entry) {
  if (const auto* earlier = file.find(entry.name))
    throw Trouble{entry.line, fmt::format("{} is set twice, in line {}, too; keep one", entry.name, earlier->line)};
  file.entries.push_back(std::move(entry));
}

// Java's format: comments, escapes, lines that go on, and a separator that is =, : or white space. No library of ours
// reads it.
class PropertiesReader {
 public:
  explicit PropertiesReader(std::string_view text) : text_(text) {}

  void read(ConnectFile& file) {
    while (const auto line = logical_line()) {
      const auto end = end_of_name(*line);
      auto value = trimmed(std::string_view(*line).substr(end), blanks);
      if (!value.empty() && (value.front() == '=' || value.front() == ':'))
        value = value.substr(std::min(value.find_first_not_of(blanks, 1), value.size()));
      else if (value.empty())
        throw Trouble{begun_, "is not NAME=VALUE; write the setting and its value, or begin a comment with #"};
      add(file, {unescaped(std::string_view(*line).substr(0, end)), unescaped(value), begun_});
    }
  }

 private:
  std::optional<std::string_view> natural_line() {
    if (at_ >= text_.size()) return std::nullopt;
    auto line = text_.substr(at_, text_.find('\n', at_) - at_);
    at_ += line.size() + 1;
    ++line_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line.substr(std::min(line.find_first_not_of(blanks), line.size()));
  }

  // The next one that is neither blank nor a comment, with those that it goes on in.
  std::optional<std::string> logical_line() {
    while (const auto line = natural_line()) {
      if (line->empty() || line->front() == '#' || line->front() == '!') continue;
      begun_ = line_;
      std::string whole(*line);
      while (continues(whole)) {
        whole.pop_back();
        if (const auto more = natural_line()) whole += *more;
      }
      return whole;
    }
    return std::nullopt;
  }

  static bool continues(std::string_view line) {
    const auto last = line.find_last_not_of('\\');
    return (line.size() - (last == line.npos ? 0 : last + 1)) % 2 == 1;
  }

  static std::size_t end_of_name(std::string_view line) {
    for (std::size_t at = 0; at < line.size(); ++at) {
      if (line[at] == '\\')
        ++at;
      else if (line[at] == '=' || line[at] == ':' || blanks.contains(line[at]))
        return at;
    }
    return line.size();
  }

  std::string unescaped(std::string_view text) const {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] != '\\' || at + 1 == text.size()) {
        out += text[at];
        continue;
      }
      const char c = text[++at];
      if (c == 'u') {
        // JSON spells such a character in the same way.
        const auto one = json::parse(fmt::format("\"\\u{}\"", text.substr(at + 1, 4)), nullptr, false);
        if (!one.is_string()) throw Trouble{begun_, "has a \\u that is not followed by four hexadecimal digits"};
        out += one.get<std::string>();
        at += 4;
      } else {
        out += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'f' ? '\f' : c;
      }
    }
    return out;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 0;
  int begun_ = 1;  // line in which the logical one begins
};

// Line of a member, which the library does not tell: where its name stands with a colon behind it.
int line_of(std::string_view text, const std::string& name) {
  const std::string spelled = json(name).dump();
  for (auto at = text.find(spelled); at != text.npos; at = text.find(spelled, at + 1)) {
    const auto behind = text.find_first_not_of(" \t\r\n", at + spelled.size());
    if (behind != text.npos && text[behind] == ':') return line_at(text, at);
  }
  return 1;
}

// Refuses a name that an object has twice: the library would keep the last one silently.
json parsed(const std::string& text) {
  std::vector<std::vector<std::string>> open;
  const auto watch = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key) {
      auto& names = open.back();
      const auto name = value.get<std::string>();
      if (std::ranges::find(names, name) != names.end())
        throw Trouble{line_of(text, name), fmt::format("{} is set twice; keep one", name)};
      names.push_back(name);
    }
    return true;
  };
  try {
    return json::parse(text, watch);
  } catch (const json::parse_error& error) {
    throw Trouble{line_at(text, error.byte > 0 ? error.byte - 1 : 0), "is not valid JSON here; correct it"};
  }
}

void read_json(const std::string& text, ConnectFile& file) {
  const json document = parsed(text);
  if (!document.is_object()) throw Trouble{1, "is not a JSON object; write {\"name\": …, \"config\": {…}}"};
  const bool wrapped = document.contains("config") && document["config"].is_object();
  const json& config = wrapped ? document["config"] : document;
  if (wrapped && document.contains("name") && !config.contains("name") && document["name"].is_string())
    add(file, {"name", document["name"].get<std::string>(), line_of(text, "name")});
  for (const auto& [name, value] : config.items()) {
    const int line = line_of(text, name);
    if (value.is_null()) continue;  // as if it were not set
    if (value.is_structured()) throw Trouble{line, fmt::format("{} is not a text; write its value in quotes", name)};
    add(file, {name, value.is_string() ? value.get<std::string>() : value.dump(), line});
  }
  std::ranges::stable_sort(file.entries, {}, &ConnectEntry::line);
}

}  // namespace

const ConnectEntry* ConnectFile::find(std::string_view name) const {
  const auto found = std::ranges::find(entries, name, &ConnectEntry::name);
  return found == entries.end() ? nullptr : &*found;
}

std::string ConnectFile::error(int line, std::string_view text) const {
  return printable(fmt::format("{}:{}: {}", path, line, text), 2000);
}

std::expected<ConnectFile, std::string> parse_connect_file(const std::string& path, const std::string& text) {
  ConnectFile file{path, {}};
  try {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == text.npos) throw Trouble{1, "is empty; name the configuration of a JDBC sink"};
    if (valid_utf8(text) != text) throw Trouble{1, "is not UTF-8; convert it"};
    if (text[first] == '{' || text[first] == '[')
      read_json(text, file);
    else
      PropertiesReader(text).read(file);
    return file;
  } catch (const Trouble& trouble) {
    return std::unexpected(file.error(trouble.line, trouble.text));
  }
}

std::expected<ConnectFile, std::string> read_connect_file(const std::string& path) {
  const auto text = config::read_file(path, longest_file);
  if (!text) return std::unexpected(ConnectFile{path, {}}.error(1, text.error() + "; name a readable file"));
  return parse_connect_file(path, *text);
}

}  // namespace sluice::runtime

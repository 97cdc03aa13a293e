#include "config/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

namespace sluice::config {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

// Ascending: a value is shown in the largest unit that divides it.
constexpr std::array durations = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000}};
constexpr std::array sizes = {Unit{"B", 1}, Unit{"KiB", 1 << 10}, Unit{"MiB", 1 << 20}, Unit{"GiB", 1 << 30}};
constexpr std::array decimal_sizes = {Unit{"kB", 1000}, Unit{"MB", 1'000'000}, Unit{"GB", 1'000'000'000}};

template <std::size_t count>
std::optional<std::int64_t> parse(std::string_view text, const std::array<Unit, count>& units) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || number < 0) return std::nullopt;
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& unit : units) {
    if (suffix != unit.name) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

template <std::size_t count>
std::string show(std::int64_t value, const std::array<Unit, count>& units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units)
    if (value != 0 && value % unit.factor == 0) best = &unit;
  return fmt::format("{}{}", value / best->factor, best->name);
}

std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t substituted = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

constexpr std::size_t longest_secret = 64u << 10;

std::expected<std::string, std::string> from_file(const std::string& path) {
  auto content = read_file(path, longest_secret);
  if (!content) return std::unexpected(content.error() + "; name a readable file");
  if (content->ends_with('\n')) content->pop_back();
  if (content->ends_with('\r')) content->pop_back();
  return content;
}

std::expected<std::string, std::string> resolve(std::string_view kind, const std::string& name) {
  if (kind == "env") {
    if (const char* value = std::getenv(name.c_str())) return value;
    return std::unexpected("is not set in the environment; set it");
  }
  if (kind == "file") {
    if (!name.starts_with('/')) return std::unexpected("is not an absolute path; write ${file:/path}");
    return from_file(name);
  }
  if (kind == "credential") {
    const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
    if (directory == nullptr)
      return std::unexpected("needs CREDENTIALS_DIRECTORY; start under systemd with LoadCredential=");
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos)
      return std::unexpected("is not the name of a credential; write the name alone");
    return from_file(std::string(directory) + '/' + name);
  }
  return std::unexpected("is not known; write ${env:NAME}, ${file:/path} or ${credential:NAME}");
}

}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) {
  return parse(text, durations);
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  const auto binary = parse(text, sizes);
  return binary ? binary : parse(text, decimal_sizes);
}

std::string duration_text(std::int64_t milliseconds) {
  return show(milliseconds, durations);
}
std::string size_text(std::int64_t bytes) {
  return show(bytes, sizes);
}

std::expected<std::string, std::string> expand(const std::string& text) {
  std::string result;
  std::size_t from = 0;
  for (;;) {
    const std::size_t open = text.find("${", from);
    result.append(text, from, open - from);
    if (open == std::string::npos) return result;
    const std::size_t close = text.find('}', open);
    if (close == std::string::npos) return std::unexpected("a ${ has no }; close the reference");
    const std::string inside = text.substr(open + 2, close - open - 2);
    const std::size_t colon = inside.find(':');
    const std::string name = colon == std::string::npos ? std::string() : inside.substr(colon + 1);
    auto value = resolve(std::string_view(inside).substr(0, colon), name);
    if (!value) return std::unexpected(fmt::format("${{{}}} {}", printable(inside), value.error()));
    result += *value;
    from = close + 1;
  }
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (result += '\\') += c;
    else if (c == '\n')
      result += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      result += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    else
      result += c;
  }
  return result + '"';
}

std::string printable(std::string_view text, std::size_t longest) {
  std::string result(text.substr(0, longest));
  // Cut between characters, not inside of one.
  if (text.size() > longest) {
    while (!result.empty() && (static_cast<unsigned char>(text[result.size()]) & 0xc0) == 0x80)
      result.pop_back();
    result += "…";
  }
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return result;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.size() > 64) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::expected<std::string, std::string> read_file(const std::string& path, std::size_t limit) {
  const auto reason = [] { return std::unexpected(std::string("cannot be read: ") + std::strerror(errno)); };
  // A named pipe without a writer would block an ordinary open for ever.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return reason();
  struct stat status = {};
  const bool known = ::fstat(file, &status) == 0;
  std::string content;
  std::string problem;
  if (!known || !S_ISREG(status.st_mode)) {
    problem = known && S_ISDIR(status.st_mode) ? "is a directory, not a file" : "is not a regular file";
  } else {
    content.resize(limit + 1);
    std::size_t size = 0;
    for (ssize_t got = 1; got > 0 && size < content.size(); size += static_cast<std::size_t>(got)) {
      got = ::read(file, content.data() + size, content.size() - size);
      if (got < 0) problem = std::string("cannot be read: ") + std::strerror(errno), got = 0;
    }
    content.resize(size);
    if (size > limit) problem = fmt::format("is larger than {}", size_text(static_cast<std::int64_t>(limit)));
  }
  ::close(file);
  if (!problem.empty()) return std::unexpected(problem);
  return content;
}

}  // namespace sluice::config

#include "config/references.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/printable.h"
#include "base/units.h"
#include "config/spelling.h"

namespace sluice::config {
namespace {

constexpr std::size_t longest_secret = 64u << 10;

std::expected<std::string, std::string> from_file(const std::string& path) {
  auto content = read_file(path, longest_secret);
  if (!content) return std::unexpected(content.error() + "; name a readable file");
  if (content->ends_with('\n')) content->pop_back();
  if (content->ends_with('\r')) content->pop_back();
  return content;
}

std::string credential_file(std::string_view directory, std::string_view name) {
  return fmt::format("{}/{}", directory, name);
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
    return from_file(credential_file(directory, name));
  }
  return std::unexpected("is not known; write ${env:NAME}, ${file:/path} or ${credential:NAME}");
}

}  // namespace

bool has_reference(std::string_view text) {
  return text.contains("${");
}

std::vector<std::string> files_of(std::string_view text) {
  std::vector<std::string> files;
  for (auto open = text.find("${"); open != text.npos; open = text.find("${", open + 2)) {
    auto name = text.substr(open + 2, text.find('}', open) - open - 2);
    const auto kind = name.substr(0, name.find(':'));
    name.remove_prefix(std::min(kind.size() + 1, name.size()));
    const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
    if (kind == "file") files.emplace_back(name);
    if (kind == "credential" && directory != nullptr) files.push_back(credential_file(directory, name));
  }
  return files;
}

std::expected<std::string, std::string> expand(const std::string& text) {
  return expand(text, [](std::string_view, std::string_view, std::string value) { return value; });
}

std::expected<std::string, std::string> expand(const std::string& text, const Encode& encode) {
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
    from = close + 1;
    result += encode(std::string_view(text).substr(0, open), std::string_view(text).substr(from), std::move(*value));
  }
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

#include "console/ssh/trusted_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

namespace sluice::console {
namespace {

constexpr std::size_t longest = 1u << 20;

std::string problem_of(const std::string& path, const struct stat& about, Readers readers, Owner owner) {
  if (!S_ISREG(about.st_mode)) return "is not a regular file; put the keys in a file";
  if (owner == Owner::service && about.st_uid != 0 && about.st_uid != geteuid()) {
    return "belongs to another user; give it to root or to the service's user";
  }
  if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fmt::format("has mode {:04o}, so group or others may write it; run chmod go-w {}", about.st_mode & 07777,
                       path);
  }
  if (readers == Readers::everybody) return {};
  // The group of a file of root's is what whoever mounts it gives to the service.
  const mode_t closed = about.st_uid == 0 && (geteuid() != 0 || owner == Owner::anybody) ? S_IROTH : S_IRGRP | S_IROTH;
  if ((about.st_mode & closed) == 0) return {};
  return fmt::format(
      "has mode {:04o}, so others may read the key; run chmod 600 {}, and if others could read it, remove it",
      about.st_mode & 07777, path);
}

// A file that nobody else may write is safe only where nobody else may put another in its place.
std::string problem_of_folders(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
  if (!real) return std::strerror(errno);
  for (auto folder = std::filesystem::path(real.get()).parent_path();; folder = folder.parent_path()) {
    struct stat about{};
    if (stat(folder.c_str(), &about) == 0 && (about.st_mode & S_IWOTH) != 0 && (about.st_mode & S_ISVTX) == 0) {
      return fmt::format("everybody may write its folder {}; run chmod o-w on it", folder.string());
    }
    if (folder == folder.root_path() || folder.empty()) return {};
  }
}

// A link is as good as its target while both are on one file system: there, whoever mounted it decides.
std::string problem_of_link(const std::string& path, const struct stat& target) {
  struct stat link{};
  if (lstat(path.c_str(), &link) != 0) return std::strerror(errno);
  if (!S_ISLNK(link.st_mode) || link.st_dev == target.st_dev) return {};
  return "is a link to another file system; write the path of the file itself";
}

}  // namespace

Result<std::string> read_trusted(const std::string& path, Readers readers, Owner owner) {
  const auto refuse = [&](std::string_view what) {
    return fail(ErrorClass::stop_service, fmt::format("{}: {}", path, what));
  };
  // A named pipe without a writer would block an ordinary open for ever.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return refuse(fmt::format("{}; give the file this name, and let the service's user read it", std::strerror(errno)));
  }
  struct stat about{};
  std::string problem = fstat(fd, &about) == 0 ? problem_of(path, about, readers, owner) : std::strerror(errno);
  if (problem.empty()) problem = problem_of_link(path, about);
  if (problem.empty()) problem = problem_of_folders(path);
  std::string text;
  while (problem.empty() && text.size() <= longest) {
    char block[16u << 10];
    const auto got = read(fd, block, sizeof block);
    if (got < 0) problem = fmt::format("cannot be read: {}", std::strerror(errno));
    if (got <= 0) break;
    text.append(block, static_cast<std::size_t>(got));
  }
  close(fd);
  if (problem.empty() && text.size() > longest) problem = "is larger than 1 MiB; is it the right file?";
  if (!problem.empty()) return refuse(problem);
  return text;
}

}  // namespace sluice::console

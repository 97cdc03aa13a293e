#include "console/ssh/key_pair.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libssh/libssh.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/log.h"
#include "config/validators.h"
#include "console/ssh/authorized_keys.h"

namespace sluice::console {
namespace {

std::unexpected<Error> broken(const std::string& file, std::string_view what) {
  return fail(ErrorClass::stop_service, fmt::format("{}: {}", file, what));
}

// Writes through a descriptor that nobody else could ever open: the library itself would leave the file 0644 for a
// moment under the usual umask.
Result<void> write_whole(const std::string& file, std::string_view text, mode_t mode) {
  const std::string temporary = fmt::format("{}.new.{}", file, getpid());
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) {
    return broken(file,
                  fmt::format("cannot be made: {}; create its folder for the service's user", std::strerror(errno)));
  }
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  const int problem = errno;
  close(fd);
  if (written && rename(temporary.c_str(), file.c_str()) == 0) return {};
  const int reason = written ? errno : problem;
  unlink(temporary.c_str());
  return broken(file, fmt::format("cannot be written: {}; look at its folder", std::strerror(reason)));
}

std::string public_line(ssh_key key) {
  char* base64 = nullptr;
  if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK) return {};
  std::string line = fmt::format("ssh-ed25519 {}", base64);
  ssh_string_free_char(base64);
  return line;
}

// Compares with what an earlier start left beside the key. Without it (a read-only folder) nothing is said.
void remember(const std::string& file, ssh_key key) {
  const std::string key_line = public_line(key);
  if (key_line.empty()) return;
  const std::string line = key_line + " sluice\n";
  const std::string beside = file + ".pub";
  std::string before;
  if (std::ifstream in(beside); in) {
    std::getline(in, before);
    before += '\n';
  }
  if (before == line) return;
  if (!before.empty()) {
    log::warning("console",
                 "host key {} is another one than at the last start: clients will refuse it until they forget "
                 "the old one (ssh-keygen -R); if nobody changed it on purpose, find out who did",
                 file);
  }
  if (auto written = write_whole(beside, line, 0644); !written) log::debug("console", "{}", written.error().message);
}

}  // namespace

Result<std::string> make_key_pair(const std::string& file) {
  ssh_key key = nullptr;
  char* text = nullptr;
  if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK) {
    return broken(file, "no key could be generated; is there entropy?");
  }
  const int exported = ssh_pki_export_privkey_base64(key, nullptr, nullptr, nullptr, &text);
  std::string line = public_line(key);
  ssh_key_free(key);
  if (exported != SSH_OK || text == nullptr || line.empty()) return broken(file, "no key could be exported");
  const auto written = write_whole(file, text, 0600);
  ssh_string_free_char(text);
  if (!written) return std::unexpected(written.error());
  return line;
}

namespace {

Result<ssh_key_struct*> import_host_key(const std::string& text, const std::string& place) {
  ssh_key key = nullptr;
  if (ssh_pki_import_privkey_base64(text.c_str(), nullptr, nullptr, nullptr, &key) != SSH_OK) {
    return broken(place,
                  "is not a private key, or is encrypted; decrypt it (ssh-keygen -p), or remove it, and a key is made");
  }
  if (ssh_key_type(key) != SSH_KEYTYPE_ED25519) {
    ssh_key_free(key);
    return broken(place, "is not an ed25519 key; remove it, and one is made");
  }
  return key;
}

}  // namespace

Result<ssh_key_struct*> read_host_key(const std::string& setting, Owner owner) {
  if (config::is_key(setting)) return import_host_key(setting, "console.host_key");
  const auto text = read_trusted(setting, Readers::owner, owner);
  if (!text) return std::unexpected(text.error());
  return import_host_key(*text, setting);
}

Result<ssh_key_struct*> load_host_key(const std::string& setting) {
  const bool in_file = !config::is_key(setting);
  struct stat about{};
  if (in_file && lstat(setting.c_str(), &about) != 0 && errno == ENOENT) {
    if (auto made = make_key_pair(setting); !made) return std::unexpected(made.error());
    log::info("console", "made host key {}", setting);
  }
  auto key = read_host_key(setting);
  if (!key) return key;
  log::info("console", "host key {}", fingerprint(*key));
  if (in_file) remember(setting, *key);
  return key;
}

}  // namespace sluice::console

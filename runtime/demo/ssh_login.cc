#include "runtime/demo/ssh_login.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "console/ssh/key_pair.h"
#include "runtime/demo/process.h"

namespace sluice::runtime::demo {
namespace {

constexpr const char* user = "ops";

std::string find_client() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/ssh").c_str(), X_OK) == 0) return folder + "/ssh";
  }
  return {};
}

}  // namespace

Result<SshLogin> SshLogin::make(const std::string& folder, int port) {
  SshLogin access(folder, port);
  const auto host = console::make_key_pair(folder + "/host_key");
  if (!host) return std::unexpected(host.error());
  const auto mine = console::make_key_pair(folder + "/key");
  if (!mine) return std::unexpected(mine.error());
  const std::string keys = folder + "/authorized_keys";
  std::ofstream(keys) << fmt::format("role=\"admin\",name=\"you\" {} demo\n", *mine);
  chmod(keys.c_str(), 0600);
  std::ofstream(folder + "/known_hosts") << fmt::format("[127.0.0.1]:{} {}\n", port, *host);
  return access;
}

std::string SshLogin::configuration() const {
  return fmt::format(
      "\n[console]\nlisten = \"127.0.0.1:{0}\"\nuser = \"{1}\"\nhost_key = \"{2}/host_key\"\n"
      "keys = \"{2}/authorized_keys\"\n",
      port_, user, folder_);
}

std::vector<std::string> SshLogin::client() const {
  return {"-p",
          std::to_string(port_),
          "-i",
          folder_ + "/key",
          "-o",
          "IdentitiesOnly=yes",
          "-o",
          "UserKnownHostsFile=" + folder_ + "/known_hosts",
          std::string(user) + "@127.0.0.1"};
}

std::string SshLogin::login() const {
  return fmt::format("ssh {}", fmt::join(client(), " "));
}

bool SshLogin::client_installed() {
  return !find_client().empty();
}

Result<std::string> SshLogin::run(const std::vector<std::string>& words) const {
  std::vector<std::string> arguments{find_client(), "-F", "none", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"};
  for (const auto& part : client()) arguments.push_back(part);
  arguments.insert(arguments.end(), words.begin(), words.end());
  const std::string output = folder_ + "/console.out";
  unlink(output.c_str());
  auto child = Process::start({.arguments = arguments, .output = output, .account = {}});
  if (!child) return std::unexpected(child.error());
  const auto code = child->wait(std::chrono::seconds(20));
  std::ostringstream text;
  text << std::ifstream(output).rdbuf();
  if (code != 0) {
    return fail(ErrorClass::stop_service,
                fmt::format("the console does not answer `{}`: {}", fmt::join(words, " "), text.str()));
  }
  return text.str();
}

}  // namespace sluice::runtime::demo

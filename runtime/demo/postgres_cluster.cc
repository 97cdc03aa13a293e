#include "runtime/demo/postgres_cluster.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/parse.h"
#include "sink/sql_client.h"

namespace sluice::runtime::demo {
namespace {

namespace fs = std::filesystem;
constexpr auto start_timeout = std::chrono::seconds(60);
constexpr const char* role = "app";

Secret url_of(const std::string& socket_folder, const std::string& database) {
  return Secret(fmt::format("postgresql://{}@/{}?host={}", role, database, socket_folder));
}

// Finds initdb and postgres: on the PATH, or in Debian's folders, the newest version first.
Result<fs::path> find_programs() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/initdb").c_str(), X_OK) == 0 && access((folder + "/postgres").c_str(), X_OK) == 0) {
      return fs::path(folder);
    }
  }
  fs::path newest;
  int newest_version = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const std::string name = entry.path().filename();
    const int version = parse_integer<int>(name).value_or(0);
    const fs::path programs = entry.path() / "bin";
    if (version > newest_version && access((programs / "initdb").c_str(), X_OK) == 0) {
      newest = programs;
      newest_version = version;
    }
  }
  if (newest.empty()) {
    return fail(ErrorClass::stop_service,
                "initdb is neither on the PATH nor in /usr/lib/postgresql/*/bin; "
                "install the package postgresql");
  }
  return newest;
}

Result<std::optional<Account>> unprivileged_account() {
  if (geteuid() != 0) return std::nullopt;
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* found = getpwnam(name)) return Account{found->pw_uid, found->pw_gid};
  }
  return fail(ErrorClass::stop_service, "PostgreSQL does not run as root, and there is no user postgres or nobody");
}

Result<void> make_database(const std::string& socket_folder, const std::string& database, Process& server) {
  const auto deadline = Clock::now() + start_timeout;
  while (server.running() && Clock::now() < deadline) {
    auto query = sink::SqlClient::open(url_of(socket_folder, "postgres"));
    if (query) {
      if (const auto made = query->run("create database " + database); !made) return std::unexpected(made.error());
      return {};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return fail(ErrorClass::stop_service, "the private PostgreSQL server does not answer; see postgres.log");
}

}  // namespace

Result<TemporaryDirectory> TemporaryDirectory::make() {
  // Short, because the path of a Unix socket has 107 bytes.
  std::string path = "/tmp/sluice-demo-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return fail(ErrorClass::stop_service, fmt::format("cannot make {}: {}", path, std::strerror(errno)));
  }
  chmod(path.c_str(), 0755);  // the server's user has to get through
  return TemporaryDirectory(path);
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})), keep_(other.keep_) {}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty() && !keep_) fs::remove_all(path_, ignored);
}

Result<PostgresCluster> PostgresCluster::start(const TemporaryDirectory& folder, const std::string& database) {
  const auto programs = find_programs();
  if (!programs) return std::unexpected(programs.error());
  const auto account = unprivileged_account();
  if (!account) return std::unexpected(account.error());
  const std::string home = folder.path() + "/postgres";
  mkdir(home.c_str(), 0755);
  if (*account && chown(home.c_str(), (*account)->user, (*account)->group) != 0) {
    return fail(ErrorClass::stop_service, fmt::format("cannot hand {} over: {}", home, std::strerror(errno)));
  }
  const std::string data = home + "/data";
  const std::string output = folder.path() + "/postgres.log";

  auto prepare = Process::start({.arguments = {*programs / "initdb", "--pgdata", data, "--username", role, "--auth",
                                               "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"},
                                 .output = output,
                                 .account = *account});
  if (!prepare) return std::unexpected(prepare.error());
  if (prepare->wait(start_timeout) != 0) {
    return fail(ErrorClass::stop_service, "initdb failed; see postgres.log");
  }
  // fsync off: the cluster lives as long as the demo, and a crash of the machine ends both.
  auto server = Process::start({.arguments = {*programs / "postgres", "-D", data, "-k", home, "-c",
                                              "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=20"},
                                .output = output,
                                .account = *account,
                                .stop_signal = SIGINT});  // "fast": does not wait for clients
  if (!server) return std::unexpected(server.error());
  if (const auto made = make_database(home, database, *server); !made) return std::unexpected(made.error());
  return PostgresCluster(std::move(*server), home, database);
}

Secret PostgresCluster::url() const {
  return url_of(socket_folder_, database_);
}

}  // namespace sluice::runtime::demo

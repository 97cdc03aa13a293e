#include "console/ssh/console.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/printable.h"
#include "config/validators.h"
#include "console/ssh/key_changes.h"
#include "console/ssh/key_pair.h"
#include "console/ssh/server.h"

namespace sluice::console {
struct Console::State {
  State(std::shared_ptr<const config::Pipeline> given, const Capabilities& admin,
        std::vector<std::pair<std::string, std::string>> versions)
      : pipeline(std::move(given)),
        interpreter(pipeline, admin, std::move(versions),
                    {[this] { return server.sessions(); },
                     [this](std::int64_t id, const std::string& reason) { return server.end(id, reason); }}),
        context(interpreter, admin.audit),
        server(context) {
    context.user = pipeline->console.user;
    context.prompt = escape(pipeline->name) + "> ";
  }

  std::shared_ptr<const config::Pipeline> pipeline;
  Interpreter interpreter;
  ServerContext context;
  Server server;
};

Console::Console(std::shared_ptr<const config::Pipeline> pipeline, const Capabilities& admin,
                 std::vector<std::pair<std::string, std::string>> versions)
    : state_(std::make_unique<State>(std::move(pipeline), admin, std::move(versions))) {}

Console::~Console() = default;

Result<void> Console::start() {
  const auto& settings = state_->pipeline->console;
  struct stat about{};
  if (stat(settings.keys.c_str(), &about) != 0 && errno == ENOENT) {
    log::warning("console", "{} does not exist, so nobody can log in; list keys in it and send SIGHUP", settings.keys);
  } else {
    auto keys = KeyRing::load(settings.keys);
    if (!keys) return std::unexpected(keys.error());
    log::info("console", "{} keys in {}", (*keys)->size(), settings.keys);
    state_->context.keys(std::move(*keys));
  }
  auto host_key = load_host_key(settings.host_key);
  if (!host_key) return std::unexpected(host_key.error());
  return state_->server.start(settings.listen, *host_key);
}

Result<void> Console::reload_keys() {
  const auto& file = state_->pipeline->console.keys;
  auto next = KeyRing::load(file);
  if (!next) return std::unexpected(next.error());
  for (auto& row : key_changes(*state_->context.keys(), **next, file)) {
    row.at = WallClock::now();
    state_->context.audit.note(row);
  }
  log::info("console", "{} keys in {}", (*next)->size(), file);
  state_->context.keys(std::move(*next));
  state_->server.recheck();
  return {};
}

Result<std::vector<std::string>> check_files(const config::Console& settings) {
  std::vector<std::string> lines;
  // Root looks at what the service's user will read, and may write it.
  const auto owner = geteuid() == 0 ? Owner::anybody : Owner::service;
  const auto look = [&](const std::string& file, std::string_view missing, const auto& read) -> Result<void> {
    if (access(file.c_str(), R_OK) != 0) {
      lines.push_back(errno == ENOENT ? fmt::format("{}: does not exist; {}", file, missing)
                                      : fmt::format("{}: not checked: {}", file, std::strerror(errno)));
      return {};
    }
    auto found = read();
    if (found) lines.push_back(fmt::format("{}: {}", file, *found));
    return found ? Result<void>() : std::unexpected(found.error());
  };
  const auto keys = look(settings.keys, "nobody can log in", [&]() -> Result<std::string> {
    const auto ring = KeyRing::load(settings.keys, owner);
    if (!ring) return std::unexpected(ring.error());
    return fmt::format("{} keys", (*ring)->size());
  });
  if (!keys) return std::unexpected(keys.error());
  const auto read_print = [&]() -> Result<std::string> {
    const auto key = read_host_key(settings.host_key, owner);
    if (!key) return std::unexpected(key.error());
    auto print = fingerprint(*key);
    ssh_key_free(*key);
    return print;
  };
  if (config::is_key(settings.host_key)) {
    const auto print = read_print();
    if (!print) return std::unexpected(print.error());
    lines.push_back("host key " + *print);
    return lines;
  }
  const auto host_key = look(settings.host_key, "it is made at the start", read_print);
  if (!host_key) return std::unexpected(host_key.error());
  return lines;
}

void Console::stop(std::chrono::milliseconds within) {
  state_->server.stop(within);
}

}  // namespace sluice::console

#include "console/ssh/console.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/printable.h"
#include "console/ssh/key_changes.h"
#include "console/ssh/key_pair.h"
#include "console/ssh/server.h"

namespace sluice::console {
namespace {

constexpr std::string_view who = "console";

}  // namespace

struct Console::State {
  State(std::shared_ptr<const config::Pipeline> given, const Capabilities& admin,
        std::vector<std::pair<std::string, std::string>> versions)
      : pipeline(std::move(given)),
        interpreter(pipeline, admin, std::move(versions), [this] { return server.sessions(); }),
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
    log::warning(who, "{} does not exist, so nobody can log in; list keys in it and send SIGHUP", settings.keys);
  } else {
    auto keys = KeyRing::load(settings.keys);
    if (!keys) return std::unexpected(keys.error());
    log::info(who, "{} keys in {}", (*keys)->size(), settings.keys);
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
  const auto ring = *next;
  state_->context.keys(ring);
  log::info(who, "{} keys in {}", ring->size(), file);
  state_->server.end_where([&](const Grant& grant) -> std::string {
    const auto* now = ring->find(grant.login.caller.fingerprint);
    if (now == nullptr) return "your key was removed";
    return now->same_rights(grant) ? "" : "your rights were changed; log in again";
  });
  return {};
}

void Console::stop(std::chrono::milliseconds within) {
  state_->server.stop(within);
}

}  // namespace sluice::console

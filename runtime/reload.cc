#include "runtime/reload.h"

#include <utility>

#include "base/log.h"
#include "config/load.h"
#include "config/settings.h"
#include "listener/consumer.h"

namespace sluice::runtime {
namespace {

constexpr std::string_view who = "reload";

std::string value_text(const std::string& value) {
  return value.empty() ? "not there" : value;
}

}  // namespace

Reloader::Reloader(const std::shared_ptr<const config::Pipeline>& pipeline, std::string path, TakeOver take_over)
    : path_(std::move(path)), take_over_(std::move(take_over)), in_force_(pipeline) {
  state_ = {"", WallClock::now(), config::fingerprint(*pipeline)};
}

std::shared_ptr<const config::Pipeline> Reloader::in_force() const {
  const MutexLock lock(mutex_);
  return in_force_;
}

bool Reloader::reload(const std::function<Result<void>()>& keys) {
  std::string trouble;
  if (const auto loaded = reload_settings(); !loaded) {
    trouble = loaded.error().message;
    log::error(who, "not reloaded, the old settings stay: {}", trouble);
  }
  if (const auto loaded = keys(); !loaded) {
    log::error(who, "the old keys stay: {}", loaded.error().message);
    trouble += (trouble.empty() ? "" : "; ") + loaded.error().message;
  }
  const MutexLock lock(mutex_);
  state_.trouble = std::move(trouble);
  state_.at = WallClock::now();
  return state_.trouble.empty();
}

Result<config::Pipeline> Reloader::read() const {
  auto loaded = config::load(path_);
  if (!loaded) return fail(ErrorClass::retry, loaded.error());
  if (const auto valid = listener::validate(loaded->kafka); !valid)
    return fail(ErrorClass::retry,
                fmt::format("{}: {}", config::place(path_, "kafka.properties"), valid.error().message));
  return std::move(*loaded);
}

Result<std::vector<SettingChange>> Reloader::changes() const {
  const auto loaded = read();
  if (!loaded) return std::unexpected(loaded.error());
  std::vector<SettingChange> changes;
  for (auto& one : config::differences(*in_force(), *loaded))
    changes.push_back({std::move(one.key), std::move(one.before), std::move(one.after), one.reloadable});
  return changes;
}

Result<void> Reloader::reload_settings() {
  auto loaded = read();
  if (!loaded) return std::unexpected(loaded.error());
  const auto before = in_force();
  auto next = std::make_shared<config::Pipeline>(*before);
  config::take_reloadable(*next, *loaded);
  {
    const MutexLock lock(mutex_);
    in_force_ = next;
  }
  take_over_(*next);  // also where nothing has changed: it ends a level that was set for a time
  const auto found = config::differences(*before, *loaded);
  std::size_t waiting = 0;
  for (const auto& one : found) {
    waiting += one.reloadable ? 0 : 1;
    log::write(one.reloadable ? log::Level::info : log::Level::warning, who,
               fmt::format("{}: {} -> {}: {}", one.key, value_text(one.before), value_text(one.after),
                           one.reloadable ? "in force" : "needs a restart; the old value stays in force"));
  }
  log::info(who, "read {}: {}", path_,
            found.empty() ? std::string("nothing changed")
                          : fmt::format("{} settings in force, {} need a restart", found.size() - waiting, waiting));
  const MutexLock lock(mutex_);
  state_.fingerprint = config::fingerprint(*next);
  return {};
}

ReloadState Reloader::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

}  // namespace sluice::runtime

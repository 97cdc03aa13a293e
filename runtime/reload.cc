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

std::string hooks_text(const std::vector<config::Hook>& hooks) {
  return fmt::format("{} {}", hooks.size(), hooks.size() == 1 ? "hook" : "hooks");
}

}  // namespace

Reloader::Reloader(std::shared_ptr<const config::Pipeline> pipeline, std::string path)
    : running_(std::move(pipeline)),
      path_(std::move(path)),
      hooks_(config::load_hooks(path_).value_or(std::vector<config::Hook>{})),
      log_(running_->log),
      jobs_(running_->jobs) {
  state_ = {"", WallClock::now(), config::fingerprint(*running_)};
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

Result<Reloader::File> Reloader::read() const {
  auto loaded = config::load(path_);
  if (!loaded) return fail(ErrorClass::retry, loaded.error());
  auto hooks = config::load_hooks(path_);
  if (!hooks) return fail(ErrorClass::retry, hooks.error());
  if (const auto valid = listener::validate(loaded->kafka); !valid)
    return fail(ErrorClass::retry,
                fmt::format("{}: {}", config::place(path_, "kafka.properties"), valid.error().message));
  return File{std::move(*loaded), std::move(*hooks)};
}

Result<std::vector<SettingChange>> Reloader::changes() const {
  const auto loaded = read();
  if (!loaded) return std::unexpected(loaded.error());
  auto in_force = *running_;
  std::vector<config::Hook> hooks;
  {
    const MutexLock lock(mutex_);
    in_force.log = log_;
    in_force.jobs = jobs_;
    hooks = hooks_;
  }
  std::vector<SettingChange> changes;
  for (auto& one : config::differences(in_force, loaded->pipeline))
    changes.push_back({std::move(one.key), std::move(one.before), std::move(one.after), one.reloadable});
  // A hook's address may be a secret, so that hooks are told by their number only.
  if (!config::are_equal(hooks, loaded->hooks))
    changes.push_back({"notify", hooks_text(hooks), hooks_text(loaded->hooks), true});
  return changes;
}

std::vector<config::Hook> Reloader::hooks() const {
  const MutexLock lock(mutex_);
  return hooks_;
}

std::vector<config::Job> Reloader::jobs() const {
  const MutexLock lock(mutex_);
  return jobs_;
}

// What is in force is the start's configuration with the reloadable settings of now.
Result<void> Reloader::reload_settings() {
  auto loaded = read();
  if (!loaded) return std::unexpected(loaded.error());
  auto in_force = *running_;
  std::vector<config::Hook> hooks;
  {
    const MutexLock lock(mutex_);
    in_force.log = std::exchange(log_, loaded->pipeline.log);
    in_force.jobs = std::exchange(jobs_, loaded->pipeline.jobs);
    hooks = std::exchange(hooks_, loaded->hooks);
  }
  const auto found = config::differences(in_force, loaded->pipeline);
  in_force.log = loaded->pipeline.log;
  in_force.jobs = loaded->pipeline.jobs;
  log::setup(loaded->pipeline.log.level,
             loaded->pipeline.log.format);  // also where nothing has changed: it ends a level that was set for a time
  std::size_t waiting = 0;
  for (const auto& one : found) {
    waiting += one.reloadable ? 0 : 1;
    log::write(one.reloadable ? log::Level::info : log::Level::warning, who,
               fmt::format("{}: {} -> {}: {}", one.key, value_text(one.before), value_text(one.after),
                           one.reloadable ? "in force" : "needs a restart; the old value stays in force"));
  }
  const bool other_hooks = !config::are_equal(hooks, loaded->hooks);
  if (other_hooks) log::info(who, "notify: {} -> {} hooks: in force", hooks.size(), loaded->hooks.size());
  log::info(who, "read {}: {}", path_,
            found.empty() && !other_hooks
                ? std::string("nothing changed")
                : fmt::format("{} settings in force, {} need a restart", found.size() - waiting, waiting));
  const MutexLock lock(mutex_);
  state_.fingerprint = config::fingerprint(in_force);
  return {};
}

ReloadState Reloader::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

}  // namespace sluice::runtime

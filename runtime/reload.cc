#include "runtime/reload.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/time_text.h"
#include "config/by_hand.h"
#include "config/load.h"
#include "config/settings.h"
#include "listener/consumer.h"
#include "runtime/load_config.h"

namespace sluice::runtime {
namespace {

std::string value_text(const std::string& value) {
  return value.empty() ? "not there" : value;
}

}  // namespace

Reloader::Reloader(const std::shared_ptr<const config::Pipeline>& pipeline, std::string path, TakeOver take_over,
                   const TimeSource& time)
    : path_(std::move(path)), take_over_(std::move(take_over)), time_(time), from_file_(pipeline), in_force_(pipeline) {
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
    log::error("reload", "not reloaded, the old settings stay: {}", trouble);
  }
  if (const auto loaded = keys(); !loaded) {
    log::error("reload", "the old keys stay: {}", loaded.error().message);
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
                fmt::format("{}: {}", place_of_property(path_, valid.error()), valid.error().message));
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
  const MutexLock in_turn(order_);
  const auto before = in_force();
  auto next = std::make_shared<config::Pipeline>(*before);
  config::take_reloadable(*next, *loaded);
  for (const auto& one : by_hand())
    log::info("reload", "{}: {}, set by hand by {}, is given up: the file's value counts", one.key, one.value, one.by);
  {
    const MutexLock lock(mutex_);
    from_file_ = in_force_ = next;
    hands_.clear();
  }
  take_over_(*next, {});  // also where nothing has changed: it ends a level that was set for a time
  const auto found = config::differences(*before, *loaded);
  std::size_t waiting = 0;
  for (const auto& one : found) {
    waiting += one.reloadable ? 0 : 1;
    log::write(one.reloadable ? log::Level::info : log::Level::warning, "reload",
               fmt::format("{}: {} -> {}: {}", one.key, value_text(one.before), value_text(one.after),
                           one.reloadable ? "in force" : "needs a restart; the old value stays in force"));
  }
  log::info("reload", "read {}: {}", path_,
            found.empty() ? std::string("nothing changed")
                          : fmt::format("{} settings in force, {} need a restart", found.size() - waiting, waiting));
  const MutexLock lock(mutex_);
  state_.fingerprint = config::fingerprint(*next);
  return {};
}

std::vector<Reloader::Hand> Reloader::hands() const {
  const MutexLock lock(mutex_);
  return hands_;
}

bool Reloader::is_files_own(const config::Pipeline& file, const Hand& hand) {
  auto set = file;
  return config::set_by_hand(set, hand.key, hand.in_force().text) &&
         config::shown_of(set, hand.key).digest == config::shown_of(file, hand.key).digest;
}

// Whoever has given the file's own value has set nothing any more.
SettingChange Reloader::put_in_force(std::vector<Hand> hands, const std::string& key) {
  const auto before = in_force();
  std::shared_ptr<const config::Pipeline> file;
  {
    const MutexLock lock(mutex_);
    file = from_file_;
  }
  std::erase_if(hands, [&](const Hand& one) { return !one.trial && (!one.kept || is_files_own(*file, one)); });
  auto next = std::make_shared<config::Pipeline>(*file);
  for (const Hand& one : hands)
    if (const auto done = config::set_by_hand(*next, one.key, one.in_force().text); !done)
      log::error("reload", "not in force any more: {}", done.error());
  {
    const MutexLock lock(mutex_);
    in_force_ = next;
    hands_ = std::move(hands);
    state_.fingerprint = config::fingerprint(*next);
  }
  take_over_(*next, key);
  return {key, config::shown_of(*before, key).value, config::shown_of(*next, key).value, true};
}

Result<SettingChange> Reloader::set(const SettingOrder& order) {
  const MutexLock in_turn(order_);
  auto tried = *in_force();
  if (auto done = config::set_by_hand(tried, order.key, order.value); !done)
    return fail(ErrorClass::reject, std::move(done.error()));
  auto all = hands();
  auto hand = std::ranges::find(all, order.key, &Hand::key);
  if (hand == all.end()) hand = all.insert(all.end(), Hand{.key = order.key, .kept = {}, .trial = {}, .until = {}});
  Given given{order.value, order.by, WallClock::now()};
  if (order.confirm_within) {
    hand->trial = std::move(given);
    hand->until = time_.now() + *order.confirm_within;
  } else {
    hand->kept = std::move(given);
    hand->trial.reset();
  }
  auto change = put_in_force(std::move(all), order.key);
  log::info("reload", "{}: {} -> {}: set by hand by {}, {}", change.key, value_text(change.before),
            value_text(change.after), order.by,
            order.confirm_within
                ? fmt::format("goes back after {} unless it is confirmed", span_text(*order.confirm_within))
                : std::string("until the next reload or start"));
  return change;
}

std::vector<HandSetting> Reloader::confirm(const std::string& key) {
  const MutexLock in_turn(order_);
  auto all = hands();
  std::vector<std::string> keys;
  for (Hand& one : all) {
    if (!one.trial || one.until <= time_.now() || (!key.empty() && one.key != key)) continue;
    one.kept = std::exchange(one.trial, std::nullopt);
    keys.push_back(one.key);
  }
  std::vector<HandSetting> kept;
  {
    const MutexLock lock(mutex_);
    for (const Hand& one : all)
      if (std::ranges::count(keys, one.key) > 0) kept.push_back(told(one));
    const config::Pipeline& file = *from_file_;
    std::erase_if(all, [&](const Hand& one) { return !one.trial && is_files_own(file, one); });
    hands_ = std::move(all);
  }
  for (const auto& one : kept) log::info("reload", "{}: {} is confirmed", one.key, one.value);
  return kept;
}

HandSetting Reloader::told(const Hand& hand) const {
  const Given& given = hand.in_force();
  HandSetting one{.key = hand.key,
                  .value = config::shown_of(*in_force_, hand.key).value,
                  .in_file = config::shown_of(*from_file_, hand.key).value,
                  .by = given.by,
                  .at = given.at,
                  .until = {}};
  if (hand.trial)
    one.until = WallClock::now() + std::chrono::duration_cast<WallClock::duration>(hand.until - time_.now());
  return one;
}

std::vector<HandSetting> Reloader::by_hand() const {
  const MutexLock lock(mutex_);
  std::vector<HandSetting> all;
  for (const Hand& one : hands_) all.push_back(told(one));
  return all;
}

std::vector<SettingChange> Reloader::restore_due() {
  const MutexLock in_turn(order_);
  std::vector<SettingChange> restored;
  const auto now = time_.now();
  for (auto all = hands();;) {
    const auto due = std::ranges::find_if(all, [now](const Hand& one) { return one.trial && one.until <= now; });
    if (due == all.end()) return restored;
    const std::string key = due->key, by = due->trial->by;
    due->trial.reset();
    restored.push_back(put_in_force(all, key));
    const auto& change = restored.back();
    log::info("reload", "{}: {} -> {}: nobody has confirmed in time what {} had set", key, value_text(change.before),
              value_text(change.after), by);
    all = hands();
  }
}

ReloadState Reloader::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

}  // namespace sluice::runtime

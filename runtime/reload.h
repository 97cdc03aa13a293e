// Which settings are in force: those of the configuration file, with what operators have set by hand since it was read.
// Reads the file and the keys file again while the service runs (SIGHUP), and says what came of it: a line for each
// setting that changed, with whether it is in force now or needs a restart. That ends whatever was set by hand.
//
// Owned by the service. reload() and restore_due() in the main thread; the rest in any. Changes follow one another: who
// takes them over never sees an older value after a newer one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "admin/live_settings.h"
#include "admin/snapshot.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "config/pipeline.h"
#include "runtime/control/service_parts.h"

namespace sluice::runtime {

class Reloader final : public ConfigurationFile, public LiveSettings {
 public:
  // Makes the reloadable settings of a configuration the ones in force. `key` is the one that changed, as `config show`
  // names it; empty: any may have.
  using TakeOver = std::function<void(const config::Pipeline& settings, std::string_view key)>;
  Reloader(const std::shared_ptr<const config::Pipeline>& pipeline, std::string path, TakeOver take_over,
           const TimeSource& time);

  // `keys` loads the keys file. Returns false if anything was refused: then that stays as it was, and the log and the
  // state have the error.
  bool reload(const std::function<Result<void>()>& keys);
  ReloadState state() const;
  Result<std::vector<SettingChange>> changes() const override;
  // What is in force: the configuration of the start with the reloadable settings of now.
  std::shared_ptr<const config::Pipeline> in_force() const override;

  Result<SettingChange> set(const SettingOrder& order) override;
  std::vector<HandSetting> confirm(const std::string& key) override;
  std::vector<HandSetting> by_hand() const override;
  // Ends the trials whose time is over, and returns what that has changed.
  std::vector<SettingChange> restore_due();

 private:
  struct Given {
    std::string text, by;
    WallClock::time_point at{};
  };
  // A setting by hand: what is kept, what is on trial, or both; then the trial is in force.
  struct Hand {
    std::string key;
    std::optional<Given> kept, trial;
    Clock::time_point until{};  // of the trial
    const Given& in_force() const { return trial ? *trial : *kept; }
  };

  Result<config::Pipeline> read() const;
  Result<void> reload_settings();
  std::vector<Hand> hands() const;
  // Returns true if what is in force by hand is the file's value.
  static bool is_files_own(const config::Pipeline& file, const Hand& hand);
  HandSetting told(const Hand& hand) const REQUIRES(mutex_);
  SettingChange put_in_force(std::vector<Hand> hands, const std::string& key) REQUIRES(order_);

  const std::string path_;
  const TakeOver take_over_;
  const TimeSource& time_;
  Mutex order_;  // held while a change is taken over, and before mutex_
  mutable Mutex mutex_;
  std::shared_ptr<const config::Pipeline> from_file_ GUARDED_BY(mutex_);
  std::shared_ptr<const config::Pipeline> in_force_ GUARDED_BY(mutex_);
  std::vector<Hand> hands_ GUARDED_BY(mutex_);
  ReloadState state_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime

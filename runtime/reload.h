// Reads the configuration file and the keys file again while the service runs (SIGHUP), and says what came of it: a
// line for each setting that changed, with whether it is in force now or needs a restart.
//
// Owned by the service. reload() in the main thread; the rest in any.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "admin/snapshot.h"
#include "base/error.h"
#include "base/mutex.h"
#include "config/pipeline.h"
#include "runtime/control/service_parts.h"

namespace sluice::runtime {

class Reloader final : public ConfigurationFile {
 public:
  // Makes the reloadable settings of a configuration the ones in force.
  using TakeOver = std::function<void(const config::Pipeline& settings)>;
  Reloader(const std::shared_ptr<const config::Pipeline>& pipeline, std::string path, TakeOver take_over);

  // `keys` loads the keys file. Returns false if anything was refused: then that stays as it was, and the log and the
  // state have the error.
  bool reload(const std::function<Result<void>()>& keys);
  ReloadState state() const;
  Result<std::vector<SettingChange>> changes() const override;
  // What is in force: the configuration of the start with the reloadable settings of now.
  std::shared_ptr<const config::Pipeline> in_force() const override;

 private:
  Result<config::Pipeline> read() const;
  Result<void> reload_settings();

  const std::string path_;
  const TakeOver take_over_;
  mutable Mutex mutex_;
  std::shared_ptr<const config::Pipeline> in_force_ GUARDED_BY(mutex_);
  ReloadState state_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime

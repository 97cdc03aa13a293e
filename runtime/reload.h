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
#include "config/hooks.h"
#include "config/pipeline.h"
#include "runtime/control/service_parts.h"

namespace sluice::runtime {

class Reloader final : public ConfigurationFile {
 public:
  Reloader(std::shared_ptr<const config::Pipeline> pipeline, std::string path);

  // `keys` loads the keys file. Returns false if anything was refused: then that stays as it was, and the log and the
  // state have the error.
  bool reload(const std::function<Result<void>()>& keys);
  ReloadState state() const;
  std::vector<config::Hook> hooks() const;  // the webhooks in force
  std::vector<config::Job> jobs() const;    // and the jobs
  Result<std::vector<SettingChange>> changes() const override;

 private:
  struct File {
    config::Pipeline pipeline;
    std::vector<config::Hook> hooks;
  };
  Result<File> read() const;
  Result<void> reload_settings();

  const std::shared_ptr<const config::Pipeline> running_;  // what needs a restart is compared with it
  const std::string path_;
  mutable Mutex mutex_;
  std::vector<config::Hook> hooks_ GUARDED_BY(mutex_);
  config::Log log_ GUARDED_BY(mutex_);  // in force
  std::vector<config::Job> jobs_ GUARDED_BY(mutex_);
  ReloadState state_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime

// The standing proof, [verify] every: proves the books of the pipeline as `sluice verify` does, again and again, beside
// the lanes and without them.
//
// Owned by the admin service; a thread and, for the time of a proof, one connection of its own. Of the instances of a
// pipeline one proves at a time (an advisory lock), and only if no proof, also one by hand, is younger than `every`. A
// contradiction is looked at once more before it is told: a partition that was made a moment ago has no pointer yet.
// state() may be called by any thread. Errors are lines of the log, once each.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "admin/snapshot.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "config/pipeline.h"
#include "runtime/control/proof.h"
#include "runtime/control/service_parts.h"

namespace sluice::runtime {

// What of a proof is news, as lines of the log.
class ProofNews {
 public:
  static constexpr std::size_t lines_at_most = 20;
  struct Line {
    bool error = false;
    std::string text;
  };
  std::vector<Line> of(const Proof& proof);

 private:
  std::optional<std::vector<std::string>> before_;  // problems of the last proof; nothing: there was none
};

class StandingProof {
 public:
  StandingProof(std::shared_ptr<const config::Pipeline> pipeline, const LaneSnapshots& lanes);
  ~StandingProof();
  StandingProof(const StandingProof&) = delete;
  StandingProof& operator=(const StandingProof&) = delete;

  // Does nothing where there is no standing proof. The first one comes after a while, once the lanes have claimed.
  Result<void> start();
  // Cancels what is under way and returns at once; the thread ends a moment later, or with the question that Kafka
  // has not answered, in seconds.
  void cancel();
  VerificationState state() const;

 private:
  using milliseconds = std::chrono::milliseconds;

  void run();
  // Each returns how long it is until the next look.
  milliseconds look();
  Result<milliseconds> look(sink::SqlClient& client);
  Result<void> prove_and_store(sink::SqlClient& client);
  bool wait(milliseconds time);
  void show(const std::optional<sink::LastProof>& last);
  void set_trouble(const std::string& trouble);

  const std::shared_ptr<const config::Pipeline> pipeline_;
  const LaneSnapshots& lanes_;
  const milliseconds every_;
  std::stop_source stop_;
  ProofNews news_;

  mutable Mutex mutex_;
  std::condition_variable_any stopped_;
  VerificationState state_ GUARDED_BY(mutex_);
  Thread thread_;
};

}  // namespace sluice::runtime

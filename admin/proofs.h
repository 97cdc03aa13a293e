// Proofs of completeness: what the last one of the pipeline said, and a new one by order of an operator.
//
// Values. Proofs is implemented by runtime/control; any thread may call it. It asks PostgreSQL and Kafka on connections
// of its own. last() returns within 30 seconds; errors are sentences for an operator.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/report/report.h"
#include "admin/snapshot.h"
#include "base/error.h"

namespace sluice {

struct ProofOrder {
  bool deep = false;                                 // also reads the topics again and compares the rows
  std::vector<TopicPartition> of;                    // sorted: only these are told; empty: all
  std::function<void(const std::string&)> progress;  // in the caller's thread, every few seconds at most
};

// What was found, for people and programs.
struct ProofReport {
  bool holds = false;
  report::Section partitions = {};         // a row for each
  std::vector<std::string> compared = {};  // a line for each table; deep only
  std::vector<std::string> problems =
      {};                               // why it does not hold: sentences; a deep proof's may name rows by their keys
  std::vector<std::string> notes = {};  // what was not judged
  std::string sum = {};
};

class Proofs {
 public:
  virtual ~Proofs() = default;
  // By whichever instance and however started; nothing if there was none, or none is kept any more.
  virtual Result<std::optional<VerificationState>> last() = 0;
  // Takes seconds, a deep one as long as it takes to read the topics again; one at a time. The result is stored in the
  // table `verification`, of all partitions. An error, also by interruption(): nothing was stored.
  virtual Result<ProofReport> prove(const ProofOrder& order) = 0;
};

}  // namespace sluice

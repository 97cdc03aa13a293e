// Proves completeness from the books: pointers and dead letters in PostgreSQL against the logs in Kafka, partition by
// partition. For `sluice verify`; reads only.
//
// prove() may be called by any thread; it uses connections of its own and blocks up to its deadline. What cannot be
// asked is no error but a reason why nothing is proved. judge() is pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "admin/snapshot.h"
#include "base/clock.h"
#include "config/pipeline.h"
#include "listener/log_range.h"
#include "sink/verification.h"

namespace sluice::runtime {

// What was found. Logs are asked before and after the pointers are read: a pointer is compared with where the log began
// before, and where it ended after, so that neither retention nor new records meanwhile look like a loss.
struct Evidence {
  std::vector<sink::Account> accounts;
  std::vector<TopicPartition> partitions;  // Kafka has these of the pipeline's topics
  listener::LogRanges before, after;
  std::vector<std::string> topics;   // that the routes select; what others left in PostgreSQL is not judged
  std::vector<std::string> unknown;  // sentences: what could not be asked
};

enum class Verdict { proved, failed, unknown };  // unknown: neither proved nor refuted
std::string_view name(Verdict verdict);          // as in the table `verification`: ok, failed, unknown

struct PartitionProof {
  TopicPartition at;
  std::optional<sink::Account> account{};  // nothing: there is no pointer row
  std::optional<listener::LogRange> log{};
  Verdict verdict = Verdict::proved;
  std::vector<std::string> problems{};       // sentences without the partition's name
  bool rows_compared = false;                // by prove_rows()
  std::vector<std::string> common{};         // the same of several partitions, told once among the proof's problems
  std::optional<Offset> verified_through{};  // set by store()

  // Offsets that have not taken effect yet; nothing where log or pointer is not known.
  std::optional<Offset> lag() const;
  void fail(Verdict as, std::string problem);
};

struct Proof {
  std::vector<PartitionProof> partitions;  // sorted
  std::vector<std::string> problems;       // of no partition
  std::vector<std::string> notes;          // what was not judged

  bool holds() const;
};

// What a stored proof says, for operators.
VerificationState state_of(const sink::LastProof& last);

Proof judge(const Evidence& evidence);
Proof prove(const config::Pipeline& pipeline, Clock::time_point deadline);
// With the caller's client; Kafka has so long for each question.
Proof prove(const config::Pipeline& pipeline, sink::SqlClient& client, std::chrono::seconds question);
// Adds a row for each partition to the table `verification`.
Result<void> store(const config::Pipeline& pipeline, Proof& proof);
Result<void> store(const config::Pipeline& pipeline, sink::SqlClient& client, Proof& proof);

}  // namespace sluice::runtime

#include "runtime/control/proof.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/interrupt.h"
#include "listener/topics.h"
#include "sink/pointer_rows.h"
#include "sink/sql_client.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::seconds one_question{10};

void compare_accounts(PartitionProof& proof) {
  const auto& row = proof.account->pointer;
  const auto& counts = row.counts;
  const auto passed = row.next - row.start;
  if (passed != counts.total())
    proof.fail(
        Verdict::failed,
        fmt::format("the accounting does not hold: {} offsets lie between start {} and next {}, {} are accounted "
                    "for ({} applied, {} folded, {} skipped, {} dead, {} gaps)",
                    passed, row.start, row.next, counts.total(), counts.applied, counts.folded, counts.skipped,
                    counts.dead, counts.gaps));
  if (std::min({counts.applied, counts.folded, counts.skipped, counts.dead, counts.gaps}) < 0)
    proof.fail(Verdict::failed, "the accounting has a count below zero");
}

void compare_letters(PartitionProof& proof) {
  const auto& [row, letters, open, may_be_gone] = *proof.account;
  const auto dead = row.counts.dead;
  if (open > dead) {
    proof.fail(Verdict::failed,
               fmt::format("{} dead letters of its offsets are open, {} are accounted for; those of a time before a "
                           "rewind can be replayed or discarded",
                           open, dead));
  } else if (letters < dead && !may_be_gone) {
    proof.fail(Verdict::failed, fmt::format("{} dead letters are accounted for, {} are stored", dead, letters));
  }
}

void compare_log(PartitionProof& proof, const Evidence& evidence) {
  const auto before = evidence.before.find(proof.at), after = evidence.after.find(proof.at);
  if (before == evidence.before.end() || after == evidence.after.end()) return;
  for (const auto* found : {&before->second, &after->second}) {
    if (!*found) return proof.fail(Verdict::unknown, found->error().message);
  }
  proof.log = *after->second;
  if (!proof.account) return;
  const auto next = proof.account->pointer.next, first = before->second->first, end = after->second->end;
  if (next < first)
    proof.fail(Verdict::failed,
               fmt::format("the log begins at {}: the offsets {} to {} are gone and were never applied", first, next,
                           first - 1));
  if (next > end)
    proof.fail(Verdict::failed, fmt::format("the log ends at {}, before the pointer, which is at {}", end, next));
}

void compare_state(PartitionProof& proof) {
  const auto& row = proof.account->pointer;
  if (row.state == PartitionState::ok) return;
  proof.fail(Verdict::failed, fmt::format("state {}{}{}", name(row.state), row.reason.empty() ? "" : ": ", row.reason));
}

bool is_listed(const Evidence& evidence, const TopicPartition& at) {
  return std::ranges::binary_search(evidence.partitions, at);
}

PartitionProof judge(const Evidence& evidence, const TopicPartition& at, const sink::Account* account) {
  PartitionProof proof{.at = at};
  if (!evidence.unknown.empty()) proof.verdict = Verdict::unknown;
  proof.common = evidence.unknown;
  if (account != nullptr) {
    proof.account = *account;
    compare_accounts(proof);
    compare_letters(proof);
    compare_state(proof);
    if (evidence.unknown.empty() && !is_listed(evidence, at))
      proof.fail(Verdict::failed, "Kafka has no such partition");
  } else if (evidence.unknown.empty()) {
    proof.fail(Verdict::failed, "Kafka has this partition, and the pipeline no pointer for it");
  }
  compare_log(proof, evidence);
  return proof;
}

std::string detail_of(const PartitionProof& proof) {
  nlohmann::ordered_json detail;
  if (proof.account) {
    const auto& [row, letters, open, may_be_gone] = *proof.account;
    detail = {{"start_offset", row.start},
              {"next_offset", row.next},
              {"generation", row.generation},
              {"applied", row.counts.applied},
              {"folded", row.counts.folded},
              {"skipped", row.counts.skipped},
              {"dead", row.counts.dead},
              {"gaps", row.counts.gaps},
              {"letters", letters},
              {"open_letters", open},
              {"state", std::string(name(row.state))}};
  }
  if (proof.log) {
    detail["log_first"] = proof.log->first;
    detail["log_end"] = proof.log->end;
  }
  if (const auto lag = proof.lag()) detail["lag"] = *lag;
  detail["rows_compared"] = proof.rows_compared;
  detail["problems"] = proof.problems;
  for (const auto& told : proof.common) detail["problems"].push_back(told);
  return detail.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// Topics and their partitions, as far as the routes select them.
void list(const config::Pipeline& pipeline, std::chrono::seconds question, Evidence& evidence,
          std::vector<std::string>& problems) {
  const auto selection = listener::TopicSelection::make(listener::topics_of(pipeline));
  if (!selection) return evidence.unknown.push_back(selection.error().message);
  const auto existing = listener::list_topics(pipeline.kafka, question);
  if (!existing) {
    evidence.topics = selection->names({});
    return evidence.unknown.push_back(existing.error().message);
  }
  evidence.topics = selection->names(*existing);
  for (const auto& topic : evidence.topics) {
    const auto found = std::ranges::find(*existing, topic, &listener::Topic::name);
    if (found == existing->end()) problems.push_back(fmt::format("topic {} does not exist", topic));
    for (int partition = 0; found != existing->end() && partition < found->partitions; ++partition)
      evidence.partitions.push_back({topic, partition});
  }
  std::ranges::sort(evidence.partitions);
}

void ask_logs(const config::Pipeline& pipeline, std::chrono::seconds question, Evidence& evidence,
              listener::LogRanges& into) {
  if (!evidence.unknown.empty() || evidence.partitions.empty()) return;
  auto found = listener::log_ranges(pipeline.kafka, evidence.partitions, Clock::now() + question);
  if (found)
    into = std::move(*found);
  else
    evidence.unknown.push_back("Kafka did not tell where the logs begin and end: " + found.error().message);
}

Proof without_postgres(const Error& error) {
  if (sink::never_started(error)) return {{}, {std::string(sink::never_started_here)}, {}};
  return {{}, {"PostgreSQL could not be asked: " + error.message}, {}};
}

}  // namespace

std::string_view name(Verdict verdict) {
  return verdict == Verdict::proved ? "ok" : verdict == Verdict::failed ? "failed" : "unknown";
}

std::optional<Offset> PartitionProof::lag() const {
  if (!log || !account) return std::nullopt;
  return std::max<Offset>(0, log->end - account->pointer.next);
}

void PartitionProof::fail(Verdict as, std::string problem) {
  if (verdict != Verdict::failed) verdict = as;
  problems.push_back(std::move(problem));
}

bool Proof::holds() const {
  return problems.empty() &&
         std::ranges::all_of(partitions, [](const auto& one) { return one.verdict == Verdict::proved; });
}

VerificationState state_of(const sink::LastProof& last) {
  VerificationState state;
  state.at =
      WallClock::time_point(std::chrono::duration_cast<WallClock::duration>(std::chrono::duration<double>(last.at)));
  for (const auto& one : last.partitions) state.partitions.push_back({one.at, one.verified_through, one.result});
  return state;
}

Proof judge(const Evidence& evidence) {
  Proof proof;
  std::map<TopicPartition, const sink::Account*> accounts;
  for (const auto& at : evidence.partitions) accounts.emplace(at, nullptr);
  std::size_t others = 0;
  for (const auto& account : evidence.accounts) {
    const auto& at = account.pointer.at;
    const bool ours = std::ranges::find(evidence.topics, at.topic) != evidence.topics.end();
    // Without a list of topics a pattern of the routes selects none of them.
    if (ours || !evidence.unknown.empty())
      accounts[at] = &account;
    else
      ++others;
  }
  if (others > 0)
    proof.notes.push_back(fmt::format("{} pointers are of topics that no route takes, and are not judged", others));
  for (const auto& [at, account] : accounts) proof.partitions.push_back(judge(evidence, at, account));
  if (proof.partitions.empty() && evidence.unknown.empty())
    proof.problems.emplace_back("there is no partition to prove");
  proof.problems.insert(proof.problems.end(), evidence.unknown.begin(), evidence.unknown.end());
  return proof;
}

Proof prove(const config::Pipeline& pipeline, Clock::time_point deadline) {
  const InterruptScope scope(deadline);
  auto client = sink::SqlClient::open(pipeline.postgres.url, "sluice verify");
  if (!client) return without_postgres(client.error());
  return prove(pipeline, *client, one_question);
}

Proof prove(const config::Pipeline& pipeline, sink::SqlClient& client, std::chrono::seconds question) {
  Evidence evidence;
  std::vector<std::string> problems;
  list(pipeline, question, evidence, problems);
  ask_logs(pipeline, question, evidence, evidence.before);
  auto accounts = sink::read_accounts(client, pipeline);
  if (!accounts) return without_postgres(accounts.error());
  evidence.accounts = std::move(*accounts);
  ask_logs(pipeline, question, evidence, evidence.after);
  auto proof = judge(evidence);
  proof.problems.insert(proof.problems.begin(), problems.begin(), problems.end());
  return proof;
}

Result<void> store(const config::Pipeline& pipeline, Proof& proof) {
  if (proof.partitions.empty()) return {};
  auto client = sink::SqlClient::open(pipeline.postgres.url, "sluice verify");
  if (!client) return std::unexpected(client.error());
  return store(pipeline, *client, proof);
}

Result<void> store(const config::Pipeline& pipeline, sink::SqlClient& client, Proof& proof) {
  if (proof.partitions.empty()) return {};
  std::vector<sink::VerificationRow> rows;
  for (const auto& one : proof.partitions) {
    const auto next = one.account ? std::optional(one.account->pointer.next) : std::nullopt;
    rows.push_back({one.at, one.verdict == Verdict::proved ? next : std::nullopt, next, std::string(name(one.verdict)),
                    detail_of(one)});
  }
  const auto stored = sink::store_verification(client, pipeline, rows);
  if (!stored) return std::unexpected(stored.error());
  for (std::size_t i = 0; i < rows.size(); ++i) proof.partitions[i].verified_through = (*stored)[i];
  return {};
}

}  // namespace sluice::runtime

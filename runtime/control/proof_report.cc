#include "runtime/control/proof_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "admin/report/proof_result.h"
#include "base/units.h"

namespace sluice::runtime {
namespace {

report::Value offset(const std::optional<Offset>& value) {
  return value ? report::Value(*value) : report::Value();
}

}  // namespace

void keep_only(const std::vector<TopicPartition>& of, Proof& proof) {
  const bool all_asked = proof.problems.empty();
  std::erase_if(proof.partitions, [&](const auto& one) { return !std::ranges::binary_search(of, one.at); });
  for (const auto& at : of) {
    if (all_asked && !std::ranges::binary_search(proof.partitions, at, {}, &PartitionProof::at))
      proof.problems.push_back(
          fmt::format("{}/{}: not proved, neither Kafka nor a pointer names it", at.topic, at.partition));
  }
}

report::Section section_of(const Proof& proof) {
  auto section = report::proof_partitions_result();
  for (const auto& one : proof.partitions) {
    std::vector<report::Value> row{one.at.topic, std::int64_t{one.at.partition}};
    const auto end = one.log ? std::optional(one.log->end) : std::nullopt;
    if (one.account) {
      const auto& pointer = one.account->pointer;
      const auto& counts = pointer.counts;
      row.insert(row.end(), {pointer.start, pointer.next, offset(end), offset(one.lag()), counts.applied, counts.folded,
                             counts.skipped, counts.dead, counts.gaps});
    } else {
      row.insert(row.end(), {{}, {}, offset(end), {}, {}, {}, {}, {}, {}});
    }
    row.emplace_back(offset(one.verified_through));
    row.emplace_back(std::string(name(one.verdict)));
    section.rows.push_back(std::move(row));
  }
  return section;
}

std::vector<std::string> problems_of(const Proof& proof) {
  auto all = proof.problems;
  for (const auto& one : proof.partitions)
    for (const auto& problem : one.problems)
      all.push_back(fmt::format("{}/{}: {}", one.at.topic, one.at.partition, problem));
  return all;
}

std::string sum_of(const Proof& proof) {
  Offset passed = 0, lag = 0;
  std::size_t proved = 0;
  for (const auto& one : proof.partitions) {
    lag += one.lag().value_or(0);
    if (one.verdict != Verdict::proved) continue;
    ++proved;
    passed += one.account->pointer.next - one.account->pointer.start;
  }
  return fmt::format("proved: {} of {}, {} offsets; {} not applied yet", proved,
                     counted(proof.partitions.size(), "partition"), grouped(passed), grouped(lag));
}

}  // namespace sluice::runtime

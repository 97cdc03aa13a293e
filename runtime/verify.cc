// `sluice verify`: the books against Kafka, and what became of the records of a receipt.
#include <fmt/format.h>

#include <cstdio>

#include "admin/report/report.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/units.h"
#include "listener/registry/schema_registry.h"
#include "runtime/control/proof.h"
#include "runtime/control/row_proof.h"
#include "runtime/load_config.h"
#include "runtime/receipt_fates.h"
#include "runtime/subcommands.h"
#include "sink/pointer_rows.h"
#include "sink/schema_copies.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::minutes time_for_all{5};

using report::ColumnType;

void verify_complains(const std::string& text) {
  std::fflush(stdout);
  fmt::print(stderr, "error: {}\n", escape(text));
}

report::Value offset(const std::optional<Offset>& value) {
  return value ? report::Value(*value) : report::Value();
}

report::Section table_of(const Proof& proof) {
  report::Section section{.columns = {{.name = "topic"}, {.name = "partition", .kind = ColumnType::id}}};
  for (const std::string_view column : {"start", "next", "end", "lag", "applied", "folded", "skipped", "dead", "gaps"})
    section.columns.push_back({.name = column, .kind = ColumnType::number});
  section.columns.push_back({.name = "verified_through", .kind = ColumnType::number, .label = "verified through"});
  section.columns.push_back({.name = "result"});
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

void print_proof(const Proof& proof) {
  report::Report report;
  if (!proof.partitions.empty()) report.sections.push_back(table_of(proof));
  report.notes = proof.notes;
  fmt::print("{}", report::as_text(report, {}, {}));
  for (const auto& problem : proof.problems) verify_complains(problem);
  for (const auto& one : proof.partitions) {
    for (const auto& problem : one.problems)
      verify_complains(fmt::format("{}/{}: {}", one.at.topic, one.at.partition, problem));
  }
}

void print_sum(const Proof& proof) {
  Offset passed = 0, lag = 0;
  std::size_t proved = 0;
  for (const auto& one : proof.partitions) {
    lag += one.lag().value_or(0);
    if (one.verdict != Verdict::proved) continue;
    ++proved;
    passed += one.account->pointer.next - one.account->pointer.start;
  }
  fmt::print("proved: {} of {}, {} offsets; {} not applied yet\n", proved,
             report::counted(proof.partitions.size(), "partition"), grouped(passed), grouped(lag));
}

}  // namespace

int verify(const VerifyOptions& options) {
  const auto pipeline = load_config(options.config);
  if (!pipeline) return wrong_usage;
  log::setup("error", "text");
  std::optional<ReceiptFates> receipt;
  if (!options.receipt.empty()) {
    auto opened = ReceiptFates::open(pipeline, options.receipt);
    if (!opened) {
      fmt::print(stderr, "sluice verify: {}\n", escape(opened.error()));
      return wrong_usage;
    }
    receipt = std::move(*opened);
  }
  auto proof = prove(*pipeline, Clock::now() + time_for_all);
  std::vector<std::string> compared;
  if (options.deep) {
    listener::SchemaRegistry schemas(
        pipeline->registry, std::make_unique<sink::SchemaCopies>(pipeline->postgres, sink::SchemaCopies::Access::read));
    compared = prove_rows(pipeline, schemas, proof);
  }
  if (const auto stored = store(*pipeline, proof); !stored)
    proof.problems.push_back(fmt::format("the results are not stored in {}.verification: {}", pipeline->postgres.schema,
                                         stored.error().message));
  print_proof(proof);
  print_sum(proof);
  for (const auto& line : compared) fmt::print("{}\n", escape(line));
  bool holds = proof.holds();
  if (receipt) {
    const auto told = receipt->print();
    // That there is nothing to ask is one thing, and said already.
    if (!told && !sink::never_started(told.error())) verify_complains(told.error().message);
    holds = holds && told && *told;
  }
  return holds ? 0 : 1;
}

}  // namespace sluice::runtime

// `sluice verify`: the books against Kafka, and what became of the records of a receipt.
#include <fmt/format.h>

#include <cstdio>

#include "admin/report/report.h"
#include "base/log.h"
#include "base/printable.h"
#include "listener/registry/schema_registry.h"
#include "runtime/control/proof_report.h"
#include "runtime/control/row_proof.h"
#include "runtime/load_config.h"
#include "runtime/receipt_fates.h"
#include "runtime/subcommands.h"
#include "sink/pointer_rows.h"
#include "sink/schema_copies.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::minutes time_for_all{5};

void verify_complains(const std::string& text) {
  std::fflush(stdout);
  fmt::print(stderr, "error: {}\n", escape(text));
}

void print_proof(const Proof& proof) {
  report::Report report;
  if (!proof.partitions.empty()) report.sections.push_back(section_of(proof));
  report.notes = proof.notes;
  fmt::print("{}", report::as_text(report, {}, {}));
  for (const auto& problem : problems_of(proof)) verify_complains(problem);
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
  fmt::print("{}\n", sum_of(proof));
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

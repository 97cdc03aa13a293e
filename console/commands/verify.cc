// verify: proves that nothing is missing, as `sluice verify` does, within the service.
#include "admin/report/proof_result.h"
#include "base/units.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

Section problems_result() {
  return {.name = "problems", .columns = {{.name = "problem"}}};
}

Section compared_result() {
  return {.name = "compared", .columns = {{.name = "compared"}}};
}

int verify(Call& call, Proofs& proofs, const Snapshots& snapshots, Positions& positions) {
  ProofOrder order{.deep = call.has("deep"), .of = {}, .progress = {}};
  if (!call.words().empty()) {
    const Inventory inventory = console::inventory(snapshots, positions);
    const auto target = target_of(call, inventory);
    if (!target) return target.error();
    order.of = covered(*target, inventory);
    if (order.of.empty()) return call.fail(Code::no_such_thing, "{} has no partition", call.words_text());
  }
  if (call.stream().for_people() && call.terminal().pty)
    order.progress = [&](const std::string& text) {
      call.stream().redraw({.sections = {}, .notes = {}, .line = text, .text = {}});
    };
  auto proof = proofs.prove(order);
  if (!proof && call.stop().stop_requested())
    return call.fail(Code::interrupted, "cancelled; nothing of this proof is stored");
  if (!proof) return call.fail(proof.error());
  call.remark(proof->sum);
  Section problems = problems_result();
  for (auto& one : proof->problems) problems.rows.push_back({std::move(one)});
  Section tables = compared_result();
  for (auto& one : proof->compared) tables.rows.push_back({std::move(one)});
  const auto found = problems.rows.size();
  call.report.notes = std::move(proof->notes);
  call.report.notes.push_back(proof->sum);
  for (auto* section : {&proof->partitions, &tables, &problems})
    if (call.json() || !section->rows.empty()) call.report.sections.push_back(std::move(*section));
  if (proof->holds) return Code::done;
  return call.fail(Code::failed, "the proof does not hold: {}; {}", counted(found, "problem"), proof->sum);
}

}  // namespace

std::vector<Command> verify_commands() {
  return {
      {.words = "verify",
       .arguments = "[TARGET]",
       .max_words = 2,
       .takes = ArgumentKind::target,
       .options = {{.name = "deep",
                    .help = "also read the topics again, whole, and compare the rows that must result with the tables; "
                            "takes as long as applying them did, beside the lanes"}},
       .role = Role::operator_,
       .effect = Effect::shows_data,
       .group = "records",
       .summary =
           "Proves that nothing is missing, as 'sluice verify' does: consumed = applied + folded + skipped + dead + "
           "gaps, partition by partition, against Kafka and the tables. The result is stored in the table "
           "verification; Ctrl-C stores nothing. A TARGET is what is told; all is proved.",
       .examples = {"verify", "verify shop.orders --json", "verify --deep"},
       .result = {report::proof_partitions_result(), compared_result(), problems_result()},
       .run = handler<verify>},
  };
}

}  // namespace sluice::console

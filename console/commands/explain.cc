// explain: one record of the log, looked at without touching anything.
#include "admin/report/explanation.h"
#include "console/commands/record.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

int explain(Call& call, Inspection& inspection, const Snapshots& snapshots, Positions& positions) {
  const auto at = parse_partition(call.words()[0]);
  if (!at)
    return call.fail(Code::not_understood,
                     "explain takes TOPIC/PARTITION and an offset, for example: explain shop.orders/3 4711");
  const auto offset = offset_of(call, call.words()[1]);
  if (!offset) return offset.error();
  const Inventory inventory = console::inventory(snapshots, positions);
  if (!inventory.partitions.contains(*at))
    return call.fail(Code::no_such_thing, "no partition {}; see 'partitions'", partition_text(*at));
  const auto found = inspection.explain(*at, *offset, !call.has("dry"));
  if (!found) return no_record(call, found.error());
  call.report = report::report_of(*found, call.has("sql"));
  return Code::done;
}

}  // namespace

std::vector<Command> explain_commands() {
  return {
      {.words = "explain",
       .arguments = "TOPIC/PARTITION OFFSET",
       .min_words = 2,
       .max_words = 2,
       .takes = ArgumentKind::partition,
       .options = {{.name = "sql", .help = "also the SQL that would run"},
                   {.name = "dry", .help = "do not ask PostgreSQL what it says to it"}},
       .role = Role::operator_,
       .effect = Effect::shows_data,
       .group = "records",
       .summary = "One record of the log: how it is decoded, which rows result, which SQL would run, and "
                  "what PostgreSQL says to it. Leaves nothing behind but the numbers that sequences gave out, and the "
                  "copy of a schema that the service did not know yet.",
       .examples = {"explain shop.orders/3 4711", "explain shop.orders/3 4711 --sql"},
       .result = report::explanation_result(),
       .run = handler<explain>},
  };
}

}  // namespace sluice::console

// What the sample file and the reference page say of each section.
#include "config/settings.h"

namespace sluice::config {

std::string_view section_help(std::string_view section) {
  if (section == "kafka") return "Where the events come from.";
  if (section == "postgres") return "Where the rows go.";
  if (section == "batch") return "When the collected records become one transaction.";
  if (section == "route")
    return "One for each kind of topic; the first that matches wins, unless it has continue. A topic that no route "
           "matches is an error at start.";
  if (section == "route.child")
    return "Behind its [[route]], one for each array of the row that becomes rows of a table of its own: an element is a "
           "row, and rows of elements that are gone are removed. See tables.md.";
  if (section == "registry")
    return "The schemas of events that are frames of a schema registry: Avro, JSON Schema, Protobuf. What it said is kept in sluice.schema.";
  if (section == "limits") return "What holds the service back on purpose, for those who write to a live system.";
  if (section == "dead_letters") return "What is kept of refused records, and of who did what.";
  if (section == "verify")
    return "The standing proof that nothing is missing; its results are rows of sluice.verification.";
  if (section == "consistency")
    return "Transactions of the source that readers of the tables see as a whole; see docs/transactions.md.";
  if (section == "console") return "The console, reached with any SSH client.";
  if (section == "notify")
    return "One for each webhook that is told what happens: partitions that stop and resume, new dead letters, lag. See notify.md.";
  if (section == "job")
    return "One for each piece of idempotent SQL that runs after commits to tables of the routes, such as the refresh of a mart. See jobs.md.";
  if (section == "http") return "Prometheus metrics and health probes.";
  if (section == "log") return "One line per fact, on stderr.";
  return {};
}

}  // namespace sluice::config

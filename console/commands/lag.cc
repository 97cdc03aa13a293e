// lag: records that are not applied yet, by topic, from a snapshot.
#include <algorithm>
#include <map>

#include "console/commands/registry.h"
#include "console/selection.h"
#include "console/totals.h"

namespace sluice::console {
namespace {

Section lag_topics_result() {
  return {.name = "topics",
          .columns = {{.name = "topic"},
                      {.name = "partitions", .kind = ColumnType::number},
                      {.name = "lag", .kind = ColumnType::number, .unit = "records"},
                      {.name = "lag_seconds", .kind = ColumnType::seconds, .label = "behind", .nullable = true},
                      {.name = "lag_bytes", .kind = ColumnType::number, .label = "bytes (est.)", .nullable = true},
                      {.name = "unknown", .kind = ColumnType::number, .label = "unknown ends"},
                      {.name = "worst", .nullable = true},
                      {.name = "worst_lag", .kind = ColumnType::number, .nullable = true}}};
}

Section lag_total_result() {
  return {
      .columns =
          {{.name = "lag", .kind = ColumnType::number, .unit = "records", .line = "total"},
           {.name = "lag_seconds", .kind = ColumnType::seconds, .label = "behind", .line = "total", .nullable = true},
           {.name = "lag_bytes",
            .kind = ColumnType::number,
            .label = "bytes (est.)",
            .line = "total",
            .nullable = true},
           {.name = "applied_per_second",
            .kind = ColumnType::rate,
            .unit = "records/s",
            .label = "applied",
            .line = "total"},
           {.name = "catch_up_seconds",
            .kind = ColumnType::seconds,
            .label = "caught up in",
            .line = "total",
            .nullable = true}},
      .record = true};
}

int show_lag(Call& call, const Snapshots& snapshots) {
  const Inventory inventory = console::inventory(snapshots);
  const auto target = target_of(call, inventory);
  if (!target) return target.error();
  const auto chosen = covered(*target, inventory);
  std::map<std::string, Totals> topics;
  Totals total;
  for (const auto& one : inventory.now.partitions) {
    if (!std::ranges::binary_search(chosen, one.at)) continue;
    topics[one.at.topic].add(one);
    total.add(one);
  }
  Section section = lag_topics_result();
  for (const auto& [topic, sum] : topics)
    section.rows.push_back({topic, sum.partitions, sum.lag, optional_number(sum.lag_seconds),
                            known_or_nothing(sum.lag_bytes.value_or(-1)), sum.lag_unknown,
                            sum.worst == nullptr ? report::Value() : report::Value(partition_text(sum.worst->at)),
                            sum.worst == nullptr ? report::Value() : report::Value(lag_of(*sum.worst))});
  const double rate = rate_of(inventory.now);
  Section sum = filled(lag_total_result(), {total.lag, optional_number(total.lag_seconds),
                                            known_or_nothing(total.lag_bytes.value_or(-1)), rate,
                                            total.lag == 0 ? report::Value(0.0)
                                            : rate > 0     ? report::Value(static_cast<double>(total.lag) / rate)
                                                           : report::Value()});
  call.report.sections = {std::move(section), std::move(sum)};
  return Code::done;
}

int lag(Call& call, const Snapshots& snapshots) {
  return watched(call, [&] { return show_lag(call, snapshots); });
}

}  // namespace

std::vector<Command> lag_commands() {
  return {
      {.words = "lag",
       .arguments = "[TARGET]",
       .max_words = 2,
       .takes = ArgumentKind::target,
       .options = {watch_option()},
       .group = "look",
       .summary =
           "What is not applied yet: records, the time that the oldest of them has been in the log, their bytes as "
           "estimated by those before, and how long they take at the present rate.",
       .examples = {"lag", "lag shop.orders --watch 5s"},
       .result = {lag_topics_result(), lag_total_result()},
       .run = handler<lag>},
  };
}

}  // namespace sluice::console

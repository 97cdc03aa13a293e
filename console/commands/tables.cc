// How things stand, one row for each of something: topics, partitions, pointers, lag, tables, counts.
#include <algorithm>
#include <map>

#include "console/selection.h"

namespace sluice::console {

std::vector<Command> table_commands();

namespace {

report::Value known_or_nothing(Offset value) {
  if (value < 0) return {};
  return value;
}

struct TopicSum {
  std::int64_t partitions = 0, lag = 0, next = 0, paused = 0, stopped = 0;
  bool lag_known = true;
};

int topics(Call& call) {
  const Inventory inventory = console::inventory(call.admin(), true);
  std::map<std::string, TopicSum> sums;
  for (const auto& one : inventory.now.partitions) {
    TopicSum& sum = sums[one.at.topic];
    ++sum.partitions;
    sum.lag_known = sum.lag_known && lag_of(one) >= 0;
    sum.lag += std::max<Offset>(0, lag_of(one));
    sum.paused += one.state == PartitionState::paused ? 1 : 0;
    sum.stopped += is_broken(one.state) ? 1 : 0;
  }
  Section section{.name = "topics",
                  .columns = {{.name = "topic"},
                              {.name = "partitions", .kind = ColumnType::number},
                              {.name = "paused", .kind = ColumnType::number},
                              {.name = "stopped", .kind = ColumnType::number},
                              {.name = "lag", .kind = ColumnType::number, .unit = "records"},
                              {.name = "tables", .kind = ColumnType::texts}}};
  for (const auto& [topic, sum] : sums)
    section.rows.push_back({topic, sum.partitions, sum.paused, sum.stopped,
                            sum.lag_known ? report::Value(sum.lag) : report::Value(),
                            call.admin().target_tables(topic)});
  call.report.sections = {std::move(section)};
  call.report.notes = {counted(sums.size(), "topic") + " in this process"};
  return Code::done;
}

int partitions(Call& call) {
  const Inventory inventory = console::inventory(call.admin(), true);
  const auto target = target_of(call, inventory);
  if (!target) return target.error();
  const std::string order = call.option("sort", "name");
  if (order != "name" && order != "lag" && order != "state")
    return call.fail(Code::not_understood, "--sort '{}' is not known; use name, lag or state", order);
  const auto chosen = covered(*target, inventory, call.admin());
  auto rows = inventory.now.partitions;
  std::erase_if(rows, [&](const auto& one) { return !std::ranges::binary_search(chosen, one.at); });
  const auto rank = [&](const PartitionSnapshot& one) -> Offset {
    if (order == "lag") return -lag_of(one);
    return order == "state" ? (is_broken(one.state) ? 0 : one.state != PartitionState::ok ? 1 : 2) : 0;
  };
  std::ranges::sort(rows, {}, [&](const auto& one) { return std::pair(rank(one), one.at); });
  Section section{.name = "partitions",
                  .columns = {{.name = "partition"},
                              {.name = "state", .kind = ColumnType::state},
                              {.name = "lane", .kind = ColumnType::id},
                              {.name = "epoch", .kind = ColumnType::id},
                              {.name = "pointer", .kind = ColumnType::number},
                              {.name = "end", .kind = ColumnType::number},
                              {.name = "lag", .kind = ColumnType::number, .unit = "records"},
                              {.name = "reason"}}};
  Offset lag = 0;
  for (const auto& one : rows) {
    lag += std::max<Offset>(0, lag_of(one));
    section.rows.push_back({partition_text(one.at), std::string(name(one.state)), std::int64_t{one.lane}, one.epoch,
                            one.next, known_or_nothing(one.end), known_or_nothing(lag_of(one)),
                            optional_text(one.reason)});
  }
  call.report.sections = {std::move(section)};
  call.report.notes = {fmt::format("{} in this process, lag {}", counted(rows.size(), "partition"),
                                   counted(static_cast<std::size_t>(lag), "record"))};
  return Code::done;
}

// Memory is published just after the commit, so a pointer in the table may be ahead of it for a moment; what is read
// before and after the table must enclose it.
struct Comparison {
  Inventory before;
  Snapshot after;
};

const PartitionSnapshot* find(const Snapshot& snapshot, const TopicPartition& at) {
  const auto found = std::ranges::find(snapshot.partitions, at, &PartitionSnapshot::at);
  return found == snapshot.partitions.end() ? nullptr : &*found;
}

bool agrees(const PointerRow& row, const Comparison& seen) {
  const auto* before = find(seen.before.now, row.at);
  const auto* after = find(seen.after, row.at);
  if (before == nullptr || after == nullptr || before->epoch != after->epoch) return true;  // in motion, or not ours
  return before->next <= row.next && row.next <= after->next && row.epoch == after->epoch;
}

int pointers(Call& call) {
  Comparison seen;
  const auto read = [&] {
    seen.before = inventory(call.admin());
    seen.after = call.admin().snapshot();
    return !seen.before.pointers ||
           std::ranges::all_of(*seen.before.pointers, [&](const auto& row) { return agrees(row, seen); });
  };
  if (wait_until(read, std::chrono::milliseconds(1000), call.stop()) == Waited::stopped) return Code::interrupted;
  if (!seen.before.pointers) {
    auto rows = call.admin().pointers();
    if (!rows) return call.fail(rows.error());
    seen.before.pointers = std::move(*rows);
  }
  const auto target = target_of(call, seen.before);
  if (!target) return target.error();
  const auto chosen = covered(*target, seen.before, call.admin());
  Section section{.name = "pointers",
                  .columns = {{.name = "partition"},
                              {.name = "state", .kind = ColumnType::state},
                              {.name = "memory", .kind = ColumnType::number},
                              {.name = "table", .kind = ColumnType::number},
                              {.name = "differs", .kind = ColumnType::yes_no},
                              {.name = "start", .kind = ColumnType::number},
                              {.name = "generation", .kind = ColumnType::id},
                              {.name = "epoch", .kind = ColumnType::id},
                              {.name = "updated", .kind = ColumnType::time},
                              {.name = "owner"}}};
  std::int64_t differing = 0;
  for (const auto& row : *seen.before.pointers) {
    if (!std::ranges::binary_search(chosen, row.at)) continue;
    const auto* memory = find(seen.after, row.at);
    const bool differs = !agrees(row, seen);
    differing += differs ? 1 : 0;
    section.rows.push_back({partition_text(row.at), std::string(name(row.state)),
                            memory == nullptr ? report::Value() : report::Value(memory->next), row.next, differs,
                            row.start, std::int64_t{row.generation}, row.epoch, row.updated,
                            row.ours ? report::Value(std::string("this process")) : optional_text(row.owner_host)});
  }
  call.report.notes = {
      differing == 0
          ? fmt::format("{}; memory agrees with the table", counted(section.rows.size(), "pointer"))
          : fmt::format("{} of {} pointers differ between memory and table", differing, section.rows.size())};
  call.report.sections = {std::move(section)};
  return Code::done;
}

int lag(Call& call) {
  const Inventory inventory = console::inventory(call.admin(), true);
  const auto target = target_of(call, inventory);
  if (!target) return target.error();
  const auto chosen = covered(*target, inventory, call.admin());
  struct Sum {
    std::int64_t partitions = 0, lag = 0, unknown = 0;
    const PartitionSnapshot* worst = nullptr;
  };
  std::map<std::string, Sum> sums;
  Offset total = 0;
  for (const auto& one : inventory.now.partitions) {
    if (!std::ranges::binary_search(chosen, one.at)) continue;
    Sum& sum = sums[one.at.topic];
    ++sum.partitions;
    sum.unknown += lag_of(one) < 0 ? 1 : 0;
    sum.lag += std::max<Offset>(0, lag_of(one));
    total += std::max<Offset>(0, lag_of(one));
    if (lag_of(one) > 0 && (sum.worst == nullptr || lag_of(one) > lag_of(*sum.worst))) sum.worst = &one;
  }
  Section section{.name = "topics",
                  .columns = {{.name = "topic"},
                              {.name = "partitions", .kind = ColumnType::number},
                              {.name = "lag", .kind = ColumnType::number, .unit = "records"},
                              {.name = "unknown", .kind = ColumnType::number, .label = "unknown ends"},
                              {.name = "worst"},
                              {.name = "worst_lag", .kind = ColumnType::number}}};
  for (const auto& [topic, sum] : sums)
    section.rows.push_back({topic, sum.partitions, sum.lag, sum.unknown,
                            sum.worst == nullptr ? report::Value() : report::Value(partition_text(sum.worst->at)),
                            sum.worst == nullptr ? report::Value() : report::Value(lag_of(*sum.worst))});
  const double rate = rate_of(inventory.now);
  Section sum{
      .columns = {{.name = "lag", .kind = ColumnType::number, .unit = "records", .line = "total"},
                  {.name = "applied_per_second",
                   .kind = ColumnType::rate,
                   .unit = "records/s",
                   .label = "applied",
                   .line = "total"},
                  {.name = "catch_up_seconds", .kind = ColumnType::seconds, .label = "caught up in", .line = "total"}},
      .rows = {{total, rate,
                total == 0 ? report::Value(0.0)
                : rate > 0 ? report::Value(static_cast<double>(total) / rate)
                           : report::Value()}},
      .record = true};
  call.report.sections = {std::move(section), std::move(sum)};
  return Code::done;
}

Section tables_section(const Inventory& inventory, Admin& admin, const std::string& only) {
  Section section{.name = "tables",
                  .columns = {{.name = "table"},
                              {.name = "written", .kind = ColumnType::number, .unit = "rows"},
                              {.name = "removed", .kind = ColumnType::number, .unit = "rows"},
                              {.name = "last_commit", .kind = ColumnType::time},
                              {.name = "topics", .kind = ColumnType::texts}}};
  for (const auto& name : inventory.tables) {
    if (!only.empty() && name != only) continue;
    std::vector<std::string> topics;
    for (const auto& topic : inventory.topics)
      if (std::ranges::count(admin.target_tables(topic), name) > 0) topics.push_back(topic);
    const auto table = std::ranges::find(inventory.now.tables, name, &TableSnapshot::table);
    const bool counted = table != inventory.now.tables.end();
    section.rows.push_back({name, counted ? table->written : 0, counted ? table->removed : 0,
                            counted ? optional_time(table->last_commit) : report::Value(), std::move(topics)});
  }
  return section;
}

int tables(Call& call) {
  call.report.sections = {tables_section(inventory(call.admin(), true), call.admin(), {})};
  call.report.notes = {"rows that this process wrote and removed since its start"};
  return Code::done;
}

int count(Call& call) {
  const Inventory inventory = console::inventory(call.admin());
  if (!inventory.pointers) {
    const auto rows = call.admin().pointers();
    return rows ? call.fail(Code::failed, "PostgreSQL answered too late; ask again") : call.fail(rows.error());
  }
  const std::string only = call.words().empty() ? "" : call.words().front();
  const bool of_table = inventory.tables.contains(only), of_topic = inventory.topics.contains(only);
  if (!only.empty() && !of_table && !of_topic)
    return call.fail(Code::no_such_thing, "no topic or table '{}'; see 'topics' and 'tables'", only);
  struct Sum {
    std::int64_t consumed = 0;
    Counts counts;
  };
  std::map<std::string, Sum> sums;
  for (const auto& row : *inventory.pointers) {
    if (of_topic && row.at.topic != only) continue;
    Sum& sum = sums[row.at.topic];
    sum.consumed += row.next - row.start;
    sum.counts += row.counts;
  }
  Section topics{.name = "topics", .columns = {{.name = "topic"}}};
  for (const std::string_view column : {"consumed", "applied", "folded", "skipped", "dead", "gaps"})
    topics.columns.push_back({.name = column, .kind = ColumnType::number});
  topics.columns.push_back({.name = "balanced", .kind = ColumnType::yes_no});
  for (const auto& [topic, sum] : sums)
    topics.rows.push_back({topic, sum.consumed, sum.counts.applied, sum.counts.folded, sum.counts.skipped,
                           sum.counts.dead, sum.counts.gaps, sum.consumed == sum.counts.total()});
  if (!of_table || of_topic) call.report.sections.push_back(std::move(topics));
  if (!of_topic || of_table) call.report.sections.push_back(tables_section(inventory, call.admin(), only));
  call.report.notes = {"topics: of the whole pipeline, since the pointers' start",
                       "tables: of this process, since its start"};
  return Code::done;
}

}  // namespace

std::vector<Command> table_commands() {
  return {
      {.words = "count",
       .arguments = "[TOPIC | TABLE]",
       .most = 1,
       .takes = ArgumentKind::topic_or_table,
       .group = "look",
       .summary = "What became of the records: per topic consumed, applied, folded, skipped, dead and gaps; "
                  "per table rows written and removed.",
       .examples = {"count", "count shop.orders --json"},
       .run = count},
      {.words = "topics",
       .group = "look",
       .summary = "The topics with partitions, lag and the tables that they feed.",
       .examples = {"topics"},
       .run = topics},
      {.words = "partitions",
       .arguments = "[TARGET]",
       .most = 2,
       .takes = ArgumentKind::target,
       .options = {{.name = "sort",
                    .value = ArgumentKind::any,
                    .shown = "name|lag|state",
                    .help = "the order; name unless given"}},
       .group = "look",
       .summary = "State, lane, epoch, pointer, end and lag of the partitions of this process.",
       .examples = {"partitions", "partitions shop.orders --sort lag", "partitions | match paused"},
       .run = partitions},
      {.words = "pointers",
       .arguments = "[TARGET]",
       .most = 2,
       .takes = ArgumentKind::target,
       .group = "look",
       .summary = "The pointer in memory beside the pointer in the table, with epoch and owner; differences "
                  "are marked.",
       .examples = {"pointers", "pointers shop.orders/0-3"},
       .run = pointers},
      {.words = "lag",
       .arguments = "[TARGET]",
       .most = 2,
       .takes = ArgumentKind::target,
       .group = "look",
       .summary = "Records that are not applied yet, and how long that takes at the present rate.",
       .examples = {"lag", "lag shop.orders"},
       .run = lag},
      {.words = "tables",
       .group = "look",
       .summary = "Rows written and removed per table, and the last commit.",
       .examples = {"tables", "tables | match orders"},
       .run = tables},
  };
}

}  // namespace sluice::console

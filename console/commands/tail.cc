// tail: records as they are written, at a rate that a person can look at.
#include "base/expression/expression.h"
#include "base/units.h"
#include "console/commands/record.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

constexpr auto between = 250ms;
constexpr std::size_t shown_at_once = 50;  // so 200 a second
constexpr std::size_t all_at_once = 500;
constexpr std::size_t tailed_at_most = 100;
constexpr std::int64_t limit_at_most = 1'000'000;

Section tail_result() {
  return {.name = "records",
          .columns = {{.name = "timestamp", .kind = ColumnType::time, .nullable = true},
                      {.name = "partition"},
                      {.name = "offset", .kind = ColumnType::id},
                      {.name = "key", .kind = ColumnType::content, .nullable = true},
                      {.name = "headers", .kind = ColumnType::texts, .programs = true},
                      {.name = "value", .kind = ColumnType::content, .nullable = true}}};
}

Report records_report(const TailNews& news) {
  Section section = tail_result();
  for (const auto& one : news.records)
    section.rows.push_back({optional_time(one.timestamp), partition_text(one.at), one.offset, optional_text(one.key),
                            header_texts(one), optional_text(one.value)});
  Report report;
  report.sections = {std::move(section)};
  if (news.not_shown > 0) report.notes.push_back(counted(news.not_shown, "record") + " not shown: they came too fast");
  if (news.not_judged > 0)
    report.notes.push_back(counted(news.not_judged, "record") +
                           " not shown: the filter cannot be asked about what cannot be mapped");
  for (const auto& trouble : news.troubles) report.notes.push_back(trouble);
  return report;
}

Section tail_counts_result() {
  return {.columns = {{.name = "not_shown", .kind = ColumnType::number, .programs = true},
                      {.name = "not_judged", .kind = ColumnType::number, .programs = true},
                      {.name = "troubles", .kind = ColumnType::texts, .programs = true}},
          .record = true};
}

// How much is left out, for programs, which do not see the notes.
void add_counts(const TailNews& news, Report& report) {
  report.sections.push_back(filled(tail_counts_result(), {news.not_shown, news.not_judged, news.troubles}));
}

int follow_records(Call& call, Tail& tail, std::size_t limit) {
  const bool all = call.has("all");
  std::size_t shown = 0;
  while (call.stream().wait(0ms)) {
    const std::size_t at_once = all ? all_at_once : shown_at_once;
    const auto news = tail.next(limit == 0 ? at_once : std::min(at_once, limit - shown), between,
                                all ? Tail::Rest::left : Tail::Rest::counted);
    if (!news) return call.fail(news.error());
    if (news->records.empty() && news->not_shown == 0 && news->not_judged == 0 && news->troubles.empty()) continue;
    Report report = records_report(*news);
    add_counts(*news, report);
    call.stream().write(report);
    shown += news->records.size();
    if (limit > 0 && shown >= limit) return Code::done;
  }
  return Code::interrupted;
}

int tail(Call& call, Inspection& inspection, const Snapshots& snapshots, Positions& positions) {
  const Inventory known = inventory(snapshots, positions);
  const auto target = target_of(call, known);
  if (!target) return target.error();
  const auto limit = number_option(call, "limit", 0, limit_at_most);
  if (!limit) return limit.error();
  if (call.has("limit") && *limit == 0) return call.fail(Code::not_understood, "--limit 0 shows nothing");
  Expression filter;
  if (call.has("filter")) {
    const auto parsed = Expression::parse(call.option("filter"));
    if (!parsed)
      return call.fail(Code::not_understood, "--filter, column {}: {}", parsed.error().column, parsed.error().text);
    filter = *parsed;
  }
  const auto partitions = covered(*target, known);
  if (partitions.empty()) return call.fail(Code::no_such_thing, "no partitions yet; see 'partitions'");
  if (partitions.size() > tailed_at_most)
    return call.fail(Code::not_understood, "{} are too many to follow; name a TARGET of no more than {}",
                     counted(partitions.size(), "partition"), tailed_at_most);
  const auto opened = inspection.tail(partitions, filter);
  if (!opened) return call.fail(opened.error());
  return follow_records(call, **opened, static_cast<std::size_t>(*limit));
}

}  // namespace

std::vector<Command> tail_commands() {
  return {
      {.words = "tail",
       .arguments = "[TARGET]",
       .max_words = 2,
       .takes = ArgumentKind::target,
       .options = {{.name = "filter",
                    .value = ArgumentKind::text,
                    .shown = "EXPRESSION",
                    .help = "only those that a route with this filter would apply; in double quotes, as its texts have "
                            "single ones; needs PostgreSQL"},
                   {.name = "all", .help = "none is left out; whoever reads sets the pace"},
                   limit_option("end after so many; without it, at Ctrl-C")},
       .role = Role::operator_,
       .effect = Effect::shows_data,
       .group = "records",
       .summary =
           "Records as they are written from now on, until Ctrl-C: 200 a second at most, the others are counted, or all.",
       .examples = {"tail shop.orders --limit 20", "tail shop.orders/3 --filter \"@op = 'd' or status = 'sent'\"",
                    "tail --json --all"},
       .result = {tail_result(), tail_counts_result()},
       .run = handler<tail>},
  };
}

}  // namespace sluice::console

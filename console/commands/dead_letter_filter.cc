#include "console/commands/dead_letter_filter.h"

#include "base/units.h"
namespace sluice::console {

DeadLetterFilter letters_of(const Call& call) {
  DeadLetterFilter filter;
  filter.topic = call.option(of_topic.name);
  filter.table = call.option(of_table.name);
  return filter;
}

std::vector<Option> letter_filter_options() {
  return {of_table,
          of_topic,
          with_reason,
          {.name = "since",
           .value = ArgumentKind::time,
           .shown = "TIME",
           .help = "stored since then: 2h, 7d, or a time of RFC 3339"},
          {.name = "all", .help = "also those that are resolved"},
          {.name = "failed", .help = "only those that were tried more than once"}};
}

std::expected<DeadLetterFilter, int> letter_filter(Call& call, int limit_otherwise) {
  DeadLetterFilter filter = letters_of(call);
  filter.reason = call.option(with_reason.name);
  filter.resolved = call.has("all");
  filter.failed = call.has("failed");
  const auto since = time_option(call, "since");
  if (!since) return std::unexpected(since.error());
  filter.since = *since;
  const auto limit = number_option(call, "limit", limit_otherwise, letters_at_most);
  if (!limit) return std::unexpected(limit.error());
  filter.limit = static_cast<int>(*limit);
  return filter;
}

std::vector<Column> letter_columns(std::vector<Column> place) {
  const Column told[] = {{.name = "offset", .kind = ColumnType::id},
                         {.name = "generation", .kind = ColumnType::id},
                         {.name = "timestamp", .kind = ColumnType::time, .nullable = true},
                         {.name = "created", .kind = ColumnType::time},
                         {.name = "stage"},
                         {.name = "table", .nullable = true},
                         {.name = "sqlstate", .nullable = true},
                         {.name = "reason"},
                         {.name = "detail", .nullable = true},
                         {.name = "tries", .kind = ColumnType::number},
                         {.name = "resolved", .kind = ColumnType::time, .nullable = true},
                         {.name = "resolution", .nullable = true}};
  place.insert(place.end(), std::begin(told), std::end(told));
  return place;
}

std::map<std::string_view, report::Value> letter_cells(const DeadLetterRow& letter) {
  return {{"id", letter.id},
          {"offset", letter.offset},
          {"generation", std::int64_t{letter.generation}},
          {"timestamp", optional_time(letter.timestamp)},
          {"created", letter.created},
          {"stage", letter.stage},
          {"table", optional_text(letter.table)},
          {"sqlstate", optional_text(letter.sqlstate)},
          {"reason", letter.reason},
          {"detail", optional_text(letter.detail)},
          {"tries", std::int64_t{letter.attempts}},
          {"resolved", optional_time(letter.resolved)},
          {"resolution", optional_text(letter.resolution)}};
}

std::expected<std::vector<std::int64_t>, int> letter_ids(Call& call) {
  std::vector<std::int64_t> ids;
  for (const auto& word : call.words()) {
    const auto id = parse_number(std::string_view(word).substr(word.starts_with("d-") ? 2 : 0));
    if (!id)
      return std::unexpected(
          call.fail(Code::not_understood, "'{}' is not the number of a dead letter; see 'dead list'", word));
    ids.push_back(*id);
  }
  return ids;
}

std::expected<DeadLetterFilter, int> selection_of(Call& call, std::string_view options) {
  const auto ids = letter_ids(call);
  if (!ids) return std::unexpected(ids.error());
  DeadLetterFilter filter = letters_of(call);
  filter.ids = *ids;
  filter.limit = letters_at_most;
  const bool some = !filter.topic.empty() || !filter.table.empty() || call.has("older") ||
                    (options.find("--reason") != options.npos && call.has("reason"));
  if (filter.ids.empty() != some)
    return std::unexpected(
        call.fail(Code::not_understood, "which dead letters: either numbers of 'dead list', or {}", options));
  return filter;
}

int nothing_matches(Call& call, const DeadLetterFilter& filter) {
  if (!filter.ids.empty())
    return call.fail(Code::no_such_thing, "no open dead letter {}; see 'dead list'", fmt::join(filter.ids, ", "));
  call.report.line = "nothing to do: no open dead letter matches";
  call.remark("nothing to do");
  return Code::done;
}

Section discarded_result() {
  return {.columns = {{.name = "discarded", .kind = ColumnType::number}}, .record = true};
}

std::string counted_letters(std::int64_t number, bool resolved) {
  return counted(number, resolved ? "dead letter" : "open dead letter");
}

}  // namespace sluice::console

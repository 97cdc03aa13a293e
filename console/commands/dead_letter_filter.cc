#include "console/commands/dead_letter_filter.h"

#include <algorithm>

#include "base/units.h"
#include "console/known_names.h"
#include "console/selection.h"

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

int check_names(Call& call, const DeadLetterFilter& filter, const LetterNames& names) {
  if (filter.table.empty() && filter.topic.empty()) return Code::done;
  const Inventory known = inventory(names.snapshots, names.positions);
  if (!known.pointers) return Code::done;
  // A table that an event names may be any.
  const bool open = std::ranges::any_of(names.pipeline.routes,
                                        [](const auto& route) { return route.table.find('{') != std::string::npos; });
  const auto unheard = [&](std::string_view kind, const std::string& name, const std::set<std::string>& there) {
    if (name.empty() || there.contains(name)) return false;
    DeadLetterFilter any;
    (kind == "table" ? any.table : any.topic) = name;
    any.resolved = true;
    any.limit = 1;
    const auto letters = names.letters.dead_letters(any);
    return letters && letters->empty();
  };
  if (!open && unheard("table", filter.table, known.tables))
    return call.fail(Code::no_such_thing, "{}", no_such_name("table", filter.table, known.tables));
  if (unheard("topic", filter.topic, known.topics))
    return call.fail(Code::no_such_thing, "{}", no_such_name("topic", filter.topic, known.topics));
  return Code::done;
}

int check_numbers(Call& call, const DeadLetterFilter& filter, DeadLetters& letters) {
  if (filter.ids.size() < 2) return Code::done;  // of one alone, what it is done to says it
  DeadLetterFilter any;
  any.ids = filter.ids;
  any.resolved = true;
  any.limit = letters_at_most;
  const auto found = letters.dead_letters(any);
  if (!found) return call.fail(found.error());
  std::vector<std::int64_t> missing, resolved;
  for (const auto id : std::set<std::int64_t>(filter.ids.begin(), filter.ids.end())) {
    const auto letter = std::ranges::find(*found, id, &DeadLetterRow::id);
    if (letter == found->end())
      missing.push_back(id);
    else if (letter->resolved)
      resolved.push_back(id);
  }
  if (!missing.empty())
    return call.fail(Code::no_such_thing, "no dead letter {}, and nothing was done to the others; see 'dead list'",
                     fmt::join(missing, ", "));
  if (!resolved.empty() && resolved.size() < filter.ids.size())
    call.report.notes.push_back(fmt::format("resolved already, and left alone: {}", fmt::join(resolved, ", ")));
  return Code::done;
}

int nothing_matches(Call& call, const DeadLetterFilter& filter, const LetterNames& names) {
  if (!filter.ids.empty())
    return call.fail(Code::no_such_thing, "no open dead letter {}; see 'dead list'", fmt::join(filter.ids, ", "));
  if (const int code = check_names(call, filter, names); code != Code::done) return code;
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

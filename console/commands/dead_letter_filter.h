// What the commands on dead letters share: the options that choose letters, how they are counted, and what is told of
// one.
//
// Functions of a command's thread.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "console/command.h"

namespace sluice::console {

inline constexpr int letters_at_most = 10'000;  // of one list, replay, or step of a discard

inline constexpr Option of_table{.name = "table", .value = ArgumentKind::table, .shown = "T", .help = "of this table"};
inline constexpr Option of_topic{.name = "topic", .value = ArgumentKind::topic, .shown = "T", .help = "of this topic"};
inline constexpr Option with_reason{
    .name = "reason", .value = ArgumentKind::text, .shown = "R", .help = "with this text in the reason"};
// What of_table and of_topic chose.
DeadLetterFilter letters_of(const Call& call);

// The three, --since, --all and --failed.
std::vector<Option> letter_filter_options();
// What those options and --limit chose; if they were not understood, a code after fail().
std::expected<DeadLetterFilter, int> letter_filter(Call& call, int limit_otherwise);
// The columns of one letter as a record, behind those of its place, and their cells.
std::vector<Column> letter_columns(std::vector<Column> place);
std::map<std::string_view, report::Value> letter_cells(const DeadLetterRow& letter);
// The numbers among the words.
std::expected<std::vector<std::int64_t>, int> letter_ids(Call& call);
// Either numbers or at least one of the options, which are named in the error; never everything by accident.
std::expected<DeadLetterFilter, int> selection_of(Call& call, std::string_view options);
// Where letters are looked for, and what else knows a topic or a table by its name.
struct LetterNames {
  DeadLetters& letters;
  const Snapshots& snapshots;
  Positions& positions;
  const config::Pipeline& pipeline;
};
// Where nothing was found: a code after fail() if nobody knows the table or the topic that was asked for, neither the
// pipeline nor any letter. A slip of the fingers must not read as "there is none".
int check_names(Call& call, const DeadLetterFilter& filter, const LetterNames& names);
// A code after fail() if some of the numbers are no letter's. Those that are resolved already are noted.
int check_numbers(Call& call, const DeadLetterFilter& filter, DeadLetters& letters);
// Says that there is nothing to do, or that there is no such letter, table or topic.
int nothing_matches(Call& call, const DeadLetterFilter& filter, const LetterNames& names);
// Of a discard and of a replay, planned or not.
Section discarded_result();
Section dead_replay_result();
// "12 403 open dead letters"; without "open" where resolved ones are counted, too.
std::string counted_letters(std::int64_t number, bool resolved = false);

}  // namespace sluice::console

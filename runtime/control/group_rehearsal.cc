#include "runtime/control/group_rehearsal.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/interrupt.h"
#include "runtime/control/stored_record.h"
#include "runtime/pipeline/record_mapper.h"

namespace sluice::runtime {
namespace {

constexpr std::string_view time_was_up = "the time was up";

bool is_late(Clock::time_point deadline) {
  return Clock::now() >= deadline || interruption().requested();
}

std::string why_late() {
  return std::string(interruption().requested() ? cancelled : time_was_up);
}

}  // namespace

void FoldedChanges::add(std::vector<std::string> keys) {
  std::ranges::sort(keys);
  const auto repeated = std::ranges::unique(keys);
  keys.erase(repeated.begin(), repeated.end());
  const auto number = left_.size();
  left_.push_back(keys.size());
  for (auto& key : keys) {
    const auto [last, is_new] = last_.try_emplace(std::move(key), number);
    if (is_new) continue;
    if (--left_[last->second] == 0) ++folded_;
    last->second = number;
  }
}

void add_reason(RehearsedLetters& rehearsed, const std::string& sqlstate, const std::string& reason) {
  ++rehearsed.refused;
  const auto same = [&](const RehearsedLetters::Reason& one) {
    return one.sqlstate == sqlstate && one.reason == reason;
  };
  auto found = std::ranges::find_if(rehearsed.reasons, same);
  if (found == rehearsed.reasons.end()) {
    rehearsed.reasons.push_back({sqlstate, reason, 1});
    return;
  }
  ++found->letters;
  for (; found != rehearsed.reasons.begin() && std::prev(found)->letters < found->letters; --found)
    std::iter_swap(found, std::prev(found));
}

struct GroupRehearsal::Letter {
  const DeadLetterRow* row = nullptr;
  Changes changes;
};

// What becomes of the group's letters, step by step: those that are in `open` still have to be written.
struct GroupRehearsal::Attempt {
  Attempt(DeadLetterGroup& group, const config::Postgres& settings)
      : ddl{group.table, group.ddl}, tables(settings, ddl), result(group.rehearsed.emplace()) {}

  const sink::RehearsedDdl ddl;
  sink::AlteredTables tables;
  RehearsedLetters& result;
  std::vector<DeadLetterRow> rows;
  std::vector<Letter> open;

  void leave(std::string why, std::int64_t letters = 1) {
    result.not_tried += letters;
    if (result.trouble.empty()) result.trouble = std::move(why);
  }
};

void GroupRehearsal::run(DeadLetterGroup& group, Clock::time_point deadline) {
  Attempt attempt(group, pipeline_->postgres);
  auto& result = attempt.result;
  const auto give_up = [&](std::string why) {
    result = {};
    result.not_tried = group.letters;
    result.trouble = std::move(why);
  };
  if (is_late(deadline)) return give_up(why_late());
  auto rows = letters_of(group);
  if (!rows) return give_up(rows.error().message);
  attempt.rows = std::move(*rows);
  if (const auto trouble = map(attempt, deadline)) return give_up(*trouble);
  leave_superseded(attempt, deadline);
  if (const auto trouble = write(attempt)) return give_up(*trouble);
  result.tried = true;
  const auto others = group.letters - std::ssize(attempt.rows);
  if (others > 0) attempt.leave(fmt::format("only the {} oldest were to be tried", attempt.rows.size()), others);
}

// The oldest of them whose contents are in memory at a time, in the order in which they are applied.
Result<std::vector<DeadLetterRow>> GroupRehearsal::letters_of(const DeadLetterGroup& group) {
  DeadLetterFilter filter;
  filter.ids = group.ids;
  filter.limit = static_cast<int>(group.ids.size());
  filter.order = LetterOrder::oldest;
  const auto found = store_.letters(filter);
  if (!found || found->empty()) return found;
  filter.ids.clear();
  std::int64_t bytes = 0;
  for (const auto& letter : *found) {
    bytes += letter.bytes;
    if (bytes > bytes_at_most && !filter.ids.empty()) break;
    filter.ids.push_back(letter.id);
  }
  filter.order = LetterOrder::position;
  filter.contents = true;
  return store_.letters(filter);
}

// Returns why nothing can be tried.
std::optional<std::string> GroupRehearsal::map(Attempt& attempt, Clock::time_point deadline) {
  RecordMapper mapper(pipeline_, schemas_, attempt.tables, false);
  for (const auto& row : attempt.rows) {
    if (is_late(deadline)) {
      attempt.leave(why_late());
      continue;
    }
    const auto mapped = add_record(mapper, pipeline_->kafka, row, deadline);
    auto changes = mapper.take();
    if (const auto& refusal = attempt.tables.refusal()) return refusal->message;
    if (!mapped)
      attempt.leave(with_sqlstate(mapped.error()));
    else if (!changes.dead.empty())
      add_reason(attempt.result, changes.dead.front().sqlstate, changes.dead.front().reason);
    else if (changes.tables.empty())
      ++attempt.result.applied;  // the configuration skips it
    else
      attempt.open.push_back({&row, std::move(changes)});
  }
  return {};
}

void GroupRehearsal::leave_superseded(Attempt& attempt, Clock::time_point deadline) {
  if (!pointers_) pointers_ = store_.pointers();
  auto& open = attempt.open;
  for (auto first = open.begin(); first != open.end();) {
    const auto last = std::find_if(first, open.end(), [&](const Letter& one) {
      return one.row->at != first->row->at || one.row->generation != first->row->generation;
    });
    leave_superseded_of(attempt, {first, last}, deadline);
    first = last;
  }
  std::erase_if(open, [](const Letter& one) { return one.row == nullptr; });
}

// As a replay does it: a letter of which that cannot be told is left alone.
void GroupRehearsal::leave_superseded_of(Attempt& attempt, std::span<Letter> partition, Clock::time_point deadline) {
  SupersededKeys successors(pipeline_, schemas_, attempt.tables);
  const auto& first = *partition.front().row;
  for (const auto& letter : partition) successors.watch(letter.row->offset, letter.changes);
  if (!successors.watches()) return;
  const auto read = [&]() -> Result<void> {
    if (!*pointers_) return std::unexpected(pointers_->error());
    const auto pointer = std::ranges::find(**pointers_, first.at, &PointerRow::at);
    if (pointer == (*pointers_)->end()) return fail(ErrorClass::retry, "its partition has no pointer any more");
    if (pointer->generation != first.generation)
      return fail(ErrorClass::retry, fmt::format("the topic is at generation {}, the dead letter of {}",
                                                 pointer->generation, first.generation));
    const auto without_effect = store_.unapplied(first.at, first.generation, first.offset);
    if (!without_effect) return std::unexpected(without_effect.error());
    auto done = successors.open(first.at, {without_effect->begin(), without_effect->end()}, deadline);
    if (done) done = successors.read_to(pointer->next, deadline);
    return done;
  }();
  for (auto& letter : partition) {
    if (!writes_keys(letter.changes)) continue;
    if (!read)
      attempt.leave(fmt::format("cannot tell whether a later record wrote its key: {}", read.error().message));
    else if (successors.of(letter.row->offset))
      ++attempt.result.superseded;
    else
      continue;
    letter.row = nullptr;
  }
}

// Returns why nothing was tried. After an error that is not the record's the others are tried all the same.
std::optional<std::string> GroupRehearsal::write(Attempt& attempt) {
  if (const auto begun = rehearsal_.begin(attempt.ddl); !begun) return begun.error().message;
  FoldedChanges folded;
  std::int64_t written_letters = 0;
  for (const auto& letter : attempt.open) {
    if (rehearsal_.over() || interruption().requested()) {
      attempt.leave(interruption().requested() ? std::string(cancelled) : "its transaction had taken its time");
      continue;
    }
    const auto written = rehearsal_.write(letter.changes);
    if (written) {
      ++written_letters;
      folded.add(keys_of(letter.changes));
    } else if (written.error().next == ErrorClass::reject) {
      add_reason(attempt.result, written.error().sqlstate, written.error().message);
    } else {
      attempt.leave(with_sqlstate(written.error()));
    }
  }
  rehearsal_.rollback();
  attempt.result.folded = folded.count();
  attempt.result.applied += written_letters - folded.count();
  return {};
}

}  // namespace sluice::runtime

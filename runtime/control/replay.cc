#include "runtime/control/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "runtime/control/stored_record.h"
#include "runtime/control/superseded_keys.h"
#include "runtime/pipeline/record_mapper.h"
#include "sink/literals.h"
#include "sink/replay_transaction.h"

namespace sluice::runtime {
namespace {

using std::chrono::seconds;

constexpr seconds time_for_all{20};   // after that no letter is begun
constexpr seconds scan_deadline{15};  // of one partition's log, before its first letter
constexpr seconds held_deadline{3};   // what is left of it to read, while the pointer is held
// Of what is fetched at a time. A slice exists as text, as bytes and mapped for a moment.
constexpr std::int64_t slice_bytes = 2 << 20;
constexpr std::size_t slice_letters = 500;

std::string untold(const std::string& why) {
  return fmt::format("cannot tell whether a later record wrote this key ({}); --force applies it anyway", why);
}

// Why the log cannot be asked about the letter: the pointer is one of another log. Empty: it can.
std::string of_another_log(const DeadLetterRow& letter, std::int32_t generation) {
  if (generation == letter.generation) return {};
  return fmt::format("the topic is at generation {}, the dead letter of {}", generation, letter.generation);
}

std::string tables_of(const Changes& changes) {
  std::string names;
  for (const auto& changed : changes.tables) names += (names.empty() ? "" : ", ") + changed.table->name;
  return names;
}

}  // namespace

// The letters of one partition.
class Replayer::Partition {
 public:
  Partition(Replayer& replayer, sink::ReplayTransaction& writer, RecordMapper& mapper, const Caller& by, bool force)
      : admin_tables_(replayer.admin_tables_),
        writer_(writer),
        mapper_(mapper),
        kafka_(replayer.pipeline_->kafka),
        by_(by),
        force_(force),
        successors_(replayer.pipeline_, replayer.schemas_) {}

  // `pointer`: as it was a moment ago, if there is one. The letters are without their contents.
  std::vector<Replayed> run(std::span<const DeadLetterRow> letters, const PointerRow* pointer, bool dry_run,
                            Clock::time_point deadline);

 private:
  using Visit = std::function<void(const DeadLetterRow& letter, Replayed& result)>;

  struct Mapped {
    Changes changes;
    std::string trouble;  // not the record's fault
  };

  Mapped map(const DeadLetterRow& letter, Clock::time_point deadline);
  void each(std::span<const DeadLetterRow> letters, std::span<Replayed> results, Clock::time_point deadline,
            const Visit& visit);
  void scan(std::span<const DeadLetterRow> letters, Offset next);
  void rehearse(const DeadLetterRow& letter, std::int32_t generation, const Mapped& mapped, Replayed& result);
  void apply(const DeadLetterRow& letter, const Mapped& mapped, Replayed& result);
  std::string outdated(const DeadLetterRow& letter, const Changes& changes,
                       const sink::ReplayTransaction::Pointer& pointer);
  std::string unless_applied(const DeadLetterRow& letter, const std::string& resolution, const std::string& problem);
  void refuse(const DeadLetterRow& letter, const DeadLetter& why, Replayed& result);

  sink::AdminTables& admin_tables_;
  sink::ReplayTransaction& writer_;
  RecordMapper& mapper_;
  const config::Kafka& kafka_;
  const Caller& by_;
  const bool force_;
  SupersededKeys successors_;
  std::string scan_trouble_;
  std::set<Offset> applied_;  // by this run
};

Replayer::Partition::Mapped Replayer::Partition::map(const DeadLetterRow& letter, Clock::time_point deadline) {
  Mapped mapped;
  if (const auto done = add_record(mapper_, kafka_, letter, deadline); !done)
    mapped.trouble = with_sqlstate(done.error());
  mapped.changes = mapper_.take();
  return mapped;
}

// Fetches the contents slice by slice, and visits each letter that is still open; the others are told in their results.
void Replayer::Partition::each(std::span<const DeadLetterRow> letters, std::span<Replayed> results,
                               Clock::time_point deadline, const Visit& visit) {
  for (std::size_t first = 0; first < letters.size();) {
    DeadLetterFilter slice;
    slice.contents = true;
    std::int64_t bytes = 0;
    std::size_t last = first;
    while (last < letters.size() && slice.ids.size() < slice_letters && (last == first || bytes < slice_bytes)) {
      bytes += letters[last].bytes;
      slice.ids.push_back(letters[last++].id);
    }
    slice.limit = static_cast<int>(slice.ids.size());
    const bool late = Clock::now() >= deadline || interruption().requested();
    const auto whole = late ? Result<std::vector<DeadLetterRow>>() : admin_tables_.letters(slice);
    for (; first < last; ++first) {
      auto& result = results[first];
      const bool stop = late || Clock::now() >= deadline || interruption().requested();
      if (stop) {
        result.outcome = interruption().requested() ? "not tried: cancelled" : "not tried: time is up, run it again";
      } else if (!whole) {
        result.outcome = "not tried: " + with_sqlstate(whole.error());
      } else if (const auto found = std::ranges::find(*whole, letters[first].id, &DeadLetterRow::id);
                 found == whole->end()) {
        result.outcome = "resolved by someone else meanwhile";
      } else {
        visit(*found, result);
      }
    }
  }
}

std::vector<Replayed> Replayer::Partition::run(std::span<const DeadLetterRow> letters, const PointerRow* pointer,
                                               bool dry_run, Clock::time_point deadline) {
  std::vector<Replayed> results;
  for (const auto& letter : letters) results.push_back({letter.id, letter.at, letter.offset, false, false, {}, {}});
  const auto generation = pointer == nullptr ? letters.front().generation : pointer->generation;
  if (!force_ && generation == letters.front().generation) {
    each(letters, results, deadline, [&](const DeadLetterRow& letter, Replayed&) {
      successors_.watch(letter.offset, map(letter, deadline).changes);
    });
    if (successors_.watches()) scan(letters, pointer == nullptr ? letters.front().offset + 1 : pointer->next);
  }
  each(letters, results, deadline, [&](const DeadLetterRow& letter, Replayed& result) {
    const auto mapped = map(letter, deadline);
    if (!mapped.trouble.empty()) {
      result.outcome = "not tried: " + mapped.trouble;
    } else if (dry_run) {
      rehearse(letter, generation, mapped, result);
    } else {
      apply(letter, mapped, result);
    }
  });
  return results;
}

void Replayer::Partition::scan(std::span<const DeadLetterRow> letters, Offset next) {
  const auto deadline = Clock::now() + scan_deadline;
  const auto& first = letters.front();
  const auto open = admin_tables_.unapplied(first.at, first.generation, first.offset);
  auto done = open ? successors_.open(first.at, {open->begin(), open->end()}, deadline)
                   : Result<void>(std::unexpected(open.error()));
  if (done) done = successors_.read_to(next, deadline);
  if (!done) scan_trouble_ = done.error().message;
}

// Returns the reason why a later record forbids applying the dead letter; empty if none does. The pointer is locked, so
// the answer holds until the end of the transaction.
std::string Replayer::Partition::outdated(const DeadLetterRow& letter, const Changes& changes,
                                          const sink::ReplayTransaction::Pointer& pointer) {
  if (force_ || !writes_keys(changes)) return {};
  if (const auto why = of_another_log(letter, pointer.generation); !why.empty()) return untold(why);
  if (!scan_trouble_.empty()) return untold(scan_trouble_);
  if (const auto read = successors_.read_to(pointer.next, Clock::now() + held_deadline); !read)
    return untold(read.error().message);
  const auto open = admin_tables_.unapplied(letter.at, letter.generation, letter.offset);
  if (!open) return untold(open.error().message);
  for (const auto offset : successors_.without_effect()) {
    if (offset > letter.offset && !applied_.contains(offset) && !std::ranges::binary_search(*open, offset))
      return "another replay ran meanwhile; run it again";
  }
  if (const auto by = successors_.of(letter.offset))
    return fmt::format("offset {} wrote this key later; --force applies it anyway", *by);
  return {};
}

// As apply(), but in a transaction that is rolled back. Nothing is locked while the log is compared.
void Replayer::Partition::rehearse(const DeadLetterRow& letter, std::int32_t generation, const Mapped& mapped,
                                   Replayed& result) {
  const auto& changes = mapped.changes;
  const bool compares = !force_ && writes_keys(changes);
  const auto other_log = of_another_log(letter, generation);
  result.sql = sink::statements_of(changes);
  if (!changes.dead.empty()) {
    result.refused = true;
    result.outcome = "would be refused again: " + changes.dead.front().whole();
  } else if (changes.tables.empty()) {
    result.outcome = "would be resolved without effect: configuration skips it";
  } else if (compares && !other_log.empty()) {
    result.outcome = "would be left alone: " + untold(other_log);
  } else if (compares && !scan_trouble_.empty()) {
    result.outcome = "would be left alone: " + untold(scan_trouble_);
  } else if (const auto later = successors_.of(result.offset); later && !force_) {
    result.outcome = fmt::format("would be left alone: offset {} wrote this key later", *later);
  } else if (const auto written = writer_.rehearse(changes); written) {
    result.outcome = "would be applied to " + tables_of(changes);
  } else if (written.error().next == ErrorClass::reject) {
    result.refused = true;
    result.outcome = "PostgreSQL would refuse: " + with_sqlstate(written.error());
  } else {
    result.outcome = "could not be tried: " + with_sqlstate(written.error());
  }
}

void Replayer::Partition::apply(const DeadLetterRow& letter, const Mapped& mapped, Replayed& result) {
  const auto& changes = mapped.changes;
  const auto pointer = writer_.begin(letter);
  if (!pointer) {
    result.outcome = "not applied: " + with_sqlstate(pointer.error());
    return;
  }
  if (!changes.dead.empty()) return refuse(letter, changes.dead.front(), result);
  if (const auto why = outdated(letter, changes, *pointer); !why.empty()) {
    writer_.rollback();
    result.outcome = why;
    return;
  }
  if (const auto written = writer_.write(changes); !written) {
    const auto& error = written.error();
    if (error.next == ErrorClass::reject)
      return refuse(letter, {0, Stage::write, tables_of(changes), error.sqlstate, error.message, error.detail}, result);
    writer_.rollback();
    result.outcome = "not applied: " + with_sqlstate(error);
    return;
  }
  const auto tables = tables_of(changes);
  const auto resolution = "replayed by " + by_.name;
  if (const auto done = writer_.applied(letter, resolution); !done) {
    result.outcome = unless_applied(letter, resolution, with_sqlstate(done.error()));
    if (!result.outcome.empty()) return;
  }
  applied_.insert(letter.offset);
  result.applied = true;
  result.outcome = tables.empty() ? "resolved without effect: configuration skips it" : "applied to " + tables;
  log::info("replay", "dead letter {} ({}/{} offset {}) {} by {}", letter.id, letter.at.topic, letter.at.partition,
            letter.offset, result.outcome, by_.name);
}

// After a COMMIT without an answer: returns why the letter was not applied; empty if it was. Whoever holds the letter's
// lock knows, because an end that is still on its way in the server would hold it.
std::string Replayer::Partition::unless_applied(const DeadLetterRow& letter, const std::string& resolution,
                                                const std::string& problem) {
  const auto unknown = "perhaps not applied, look at the letter: " + problem;
  if (const auto held = writer_.begin(letter); held) {
    writer_.rollback();
    return "not applied: " + problem;
  } else if (held.error().next != ErrorClass::reject) {
    return unknown;
  }
  DeadLetterFilter this_one;
  this_one.ids = {letter.id};
  this_one.resolved = true;
  const auto found = admin_tables_.letters(this_one);
  if (!found || found->empty()) return unknown;
  return found->front().resolution == resolution ? std::string() : "resolved by someone else meanwhile";
}

void Replayer::Partition::refuse(const DeadLetterRow& letter, const DeadLetter& why, Replayed& result) {
  result.refused = true;
  result.outcome = "refused again: " + with_sqlstate(why.sqlstate, why.whole());
  if (const auto done = writer_.refused(letter, why); !done)
    result.outcome += fmt::format(" (and not noted: {})", with_sqlstate(done.error()));
}

Result<std::vector<Replayed>> Replayer::run(DeadLetterFilter filter, bool dry_run, bool force, const Caller& by) {
  const std::unique_lock alone(one_at_a_time_, std::try_to_lock);
  if (!alone) return fail(ErrorClass::retry, "another replay is running");
  const auto deadline = Clock::now() + time_for_all;
  filter.contents = false;
  filter.resolved = false;
  const auto letters = admin_tables_.letters(filter);
  if (!letters) return std::unexpected(letters.error());
  const auto pointers = admin_tables_.pointers();
  if (!pointers) return std::unexpected(pointers.error());
  sink::ReplayTransaction writer(pipeline_->postgres, identity_);
  RecordMapper mapper(pipeline_, schemas_, !dry_run);
  std::vector<Replayed> results;
  for (auto first = letters->begin(); first != letters->end();) {
    const auto last = std::find_if(first, letters->end(), [&](const auto& one) {
      return one.at != first->at || one.generation != first->generation;
    });
    const auto pointer = std::ranges::find(*pointers, first->at, &PointerRow::at);
    auto some = Partition(*this, writer, mapper, by, force)
                    .run({first, last}, pointer == pointers->end() ? nullptr : &*pointer, dry_run, deadline);
    std::ranges::move(some, std::back_inserter(results));
    first = last;
  }
  return results;
}

}  // namespace sluice::runtime

// why: who holds a partition, since when, and what would free it, in one sentence.
//
// The causes are looked at from the outside in: the service, the partition's owner, its state, its lane's wait in
// PostgreSQL, Kafka. The first that holds it is the answer.
#include <algorithm>
#include <cmath>

#include "base/interrupt.h"
#include "base/units.h"
#include "console/commands/registry.h"
#include "console/moving.h"
#include "console/selection.h"
#include "console/totals.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

constexpr auto kafka_within = 5s;

struct Cause {
  std::string word;  // for programs
  std::string what;  // follows the partition's name
  std::string frees;
  std::string who = {};
  std::optional<WallClock::time_point> since = {};
  Severity severity = Severity::waiting;
};

std::string since_text(const std::optional<WallClock::time_point>& since) {
  if (!since) return {};
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(WallClock::now() - *since);
  return fmt::format(" since {} ({})", time_text(*since), span_text(std::max(age, 0ms)));
}

std::string with_place(std::string text, const TopicPartition& at, Offset next) {
  for (const auto& [word, place] : {std::pair{std::string("TOPIC/PARTITION"), partition_text(at)},
                                    std::pair{std::string("OFFSET"), std::to_string(next)}})
    for (auto found = text.find(word); found != std::string::npos; found = text.find(word, found + place.size()))
      text.replace(found, word.size(), place);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

class Asked {
 public:
  Asked(const Inventory& inventory, TopicPartition at, Moves& moves, const IncidentLog& incidents)
      : inventory_(inventory), now_(inventory.now), at_(std::move(at)), moves_(moves), incidents_(incidents) {
    const auto held = std::ranges::find(now_.partitions, at_, &PartitionSnapshot::at);
    if (held != now_.partitions.end()) held_ = &*held;
    if (!inventory.pointers) return;
    const auto row = std::ranges::find(*inventory.pointers, at_, &PointerRow::at);
    if (row != inventory.pointers->end()) row_ = &*row;
  }

  Cause cause() {
    if (!now_.waiting_for.empty())
      return {"starting", fmt::format("waits for the service, which is starting and waits for {}", now_.waiting_for),
              "the start continues automatically once that answers", "", now_.waiting_since};
    if (held_ == nullptr) return elsewhere();
    if (held_->state == PartitionState::paused) return paused(held_->reason);
    if (is_broken(held_->state)) return stopped(held_->state, held_->reason, held_->next);
    if (const auto* lane = its_lane(); lane != nullptr && !lane->connected) return disconnected(*lane);
    if (held_->state == PartitionState::claiming) return claiming();
    return streaming();
  }

  report::Value behind() const { return known_or_nothing(lag_); }
  report::Value lag_seconds() const { return held_ == nullptr ? report::Value() : optional_number(held_->lag_seconds); }
  report::Value state() const {
    if (held_ != nullptr) return status_of(held_->state);
    return row_ != nullptr ? report::Value(status_of(row_->state)) : report::Value();
  }

 private:
  const LaneSnapshot* its_lane() const {
    const auto found = std::ranges::find(now_.lanes, held_->lane, &LaneSnapshot::lane);
    return found == now_.lanes.end() ? nullptr : &*found;
  }

  // When the partition came into its state: as this process saw it, else as its row has it.
  std::optional<WallClock::time_point> state_since(PartitionState state) const {
    IncidentLog::Subscription past(incidents_, nullptr, IncidentLog::kept);
    const auto seen = past.take().incidents;
    const auto last =
        std::ranges::find_if(seen.rbegin(), seen.rend(), [&](const Incident& one) { return one.partition == at_; });
    if (last != seen.rend() && last->to == state) return last->at;
    if (row_ != nullptr && row_->state == state) return row_->updated;
    return std::nullopt;
  }

  Cause elsewhere() const {
    if (row_ == nullptr)
      return {"unclaimed",
              "is not in this process, and PostgreSQL, which knows its owner, does not answer",
              "ask again once PostgreSQL answers",
              "",
              {},
              Severity::broken};
    if (row_->state == PartitionState::paused) return paused(row_->reason);
    if (is_broken(row_->state)) return stopped(row_->state, row_->reason, row_->next);
    if (now_.outside_group_since && (row_->ours || row_->owner.empty()))
      return {
          "outside_group",
          fmt::format("is held by no one that this process knows: Kafka's consumer group gives this process nothing{}",
                      since_text(now_.outside_group_since)),
          "look for the group's coordinator in the brokers' logs; Sluice keeps trying to join again",
          "",
          now_.outside_group_since,
          Severity::broken};
    if (row_->owner.empty())
      return {"unclaimed",
              "is claimed by no instance",
              "an instance claims it once Kafka's group assigns it",
              "",
              row_->updated,
              Severity::broken};
    if (row_->ours)
      return {
          "elsewhere",
          fmt::format("is not held by this process any more, which was the last to claim it (epoch {})", row_->epoch),
          "it continues with the instance to which Kafka's group assigns it", "", row_->updated};
    return {"elsewhere",
            fmt::format("is not held by this process; an instance on {} was the last to claim it (epoch {})",
                        row_->owner_host, row_->epoch),
            "ask 'why' there; if that instance is gone, Kafka's group gives the partition to another", row_->owner_host,
            row_->updated};
  }

  Cause paused(const std::string& reason) const {
    Cause cause{"paused", "", "", "", {}};
    std::vector<std::string> what, frees;
    for (const Pause& pause : now_.pauses) {
      if (!covers(pause, at_, inventory_.tables_of(at_.topic))) continue;
      what.push_back(fmt::format("{}{}{}: {}", pause.by, since_text(pause.at),
                                 pause.target == partition_text(at_) ? "" : fmt::format(" with {}", pause.target),
                                 pause.reason));
      frees.push_back(
          fmt::format("'resume {}'{}", pause.target, pause.expires ? " or " + time_text(*pause.expires) : ""));
      if (!cause.since || pause.at < *cause.since) cause.since = pause.at;
      cause.who += (cause.who.empty() ? "" : ", ") + pause.by;
    }
    if (what.empty())
      return {"paused", fmt::format("is paused ({}), but no pause is stored any more", reason),
              "it resumes within a second or two, once its instance has noticed"};
    cause.what = fmt::format("is paused by {}", fmt::join(what, "; and by "));
    cause.frees = fmt::format("it resumes with {}", fmt::join(frees, " and "));
    return cause;
  }

  Cause stopped(PartitionState state, const std::string& reason, Offset next) const {
    const auto since = state_since(state);
    const auto& told = info(state);
    return {"stopped",
            fmt::format("has stopped before offset {} in state {}{}: {}", next, told.name, since_text(since), reason),
            fmt::format("{}{}",
                        told.heals ? "resumes automatically once that is fixed; " : "does not resume automatically; ",
                        with_place(std::string(told.remedy), at_, next)),
            "",
            since,
            Severity::broken};
  }

  Cause disconnected(const LaneSnapshot& lane) const {
    return {"postgresql",
            fmt::format("waits for PostgreSQL, to which lane {} has no connection{}", lane.lane,
                        lane.last_error.empty() ? "" : ": " + lane.last_error),
            "the lane reconnects automatically once the server accepts it",
            "",
            {},
            Severity::broken};
  }

  Cause claiming() {
    if (const auto trouble = ask_kafka(); !trouble.empty()) return kafka_away(trouble);
    const auto since = state_since(PartitionState::claiming);
    if (row_ != nullptr && !row_->ours && !row_->owner.empty())
      return {"claiming",
              fmt::format("is being claimed by this process{}; an instance on {} had it before (epoch {})",
                          since_text(since), row_->owner_host, row_->epoch),
              "the claim waits for that instance's transaction, and ends one that is frozen after ten seconds",
              row_->owner_host, since};
    if (!held_->reason.empty())
      return {"claiming",
              fmt::format("is being claimed by this process{}, which does not succeed: {}", since_text(since),
                          held_->reason),
              "it is retried all the time, and resumes automatically once that is fixed",
              "",
              since,
              Severity::broken};
    return {"claiming", fmt::format("is being claimed by this process{}", since_text(since)),
            "nothing to do; it resumes once Kafka and PostgreSQL have answered", "", since};
  }

  // Asks for the log's end. Returns the trouble that Kafka makes, empty if it answers.
  std::string ask_kafka() {
    const InterruptScope limit(Clock::now() + kafka_within);
    const auto place = moves_.log(at_, std::nullopt);
    if (!place) return place.error().message;
    lag_ = std::max<Offset>(0, place->end - held_->next);
    return {};
  }

  static Cause kafka_away(const std::string& trouble) {
    return {"kafka",
            fmt::format("waits for Kafka, which does not tell where the log ends: {}", trouble),
            "it resumes automatically once the brokers answer",
            "",
            {},
            Severity::broken};
  }

  Cause streaming() {
    const auto trouble = ask_kafka();
    if (!trouble.empty()) lag_ = lag_of(*held_);
    const auto* lane = its_lane();
    if (!held_->reason.empty())
      return {"parent", fmt::format("goes no further: {}", held_->reason),
              "it resumes once that row is there; after that time the record becomes a dead letter"};
    if (lag_ != 0 && lane != nullptr && !lane->waits_for.empty()) return in_postgres(*lane);
    if (lag_ != 0 && lane != nullptr && !lane->limited_by.empty())
      return {"limit", fmt::format("is held back on purpose: lane {} {}", lane->lane, lane->limited_by),
              "it resumes automatically; [limits] of the configuration says how much is allowed"};
    if (!trouble.empty()) return kafka_away(trouble);
    if (lag_ == 0)
      return {"nothing",     "is held by nothing: all that its log holds has taken effect", "nothing to do", "", {},
              Severity::good};
    if (held_->stalled_seconds >= stalled_seconds) return stalled(lane);
    return {"nothing", fmt::format("is held by nothing: {}", progress()), "nothing to do", "", {}, Severity::good};
  }

  Cause in_postgres(const LaneSnapshot& lane) const {
    const auto what = fmt::format("waits with lane {}{}: its transaction waits {}", lane.lane,
                                  since_text(lane.waits_since), lane.waits_for);
    if (lane.holder.empty()) return {"postgresql", what, lane.wait_advice, "", lane.waits_since};
    return {"lock", what, lane.wait_advice, lane.holder, lane.waits_since, Severity::broken};
  }

  Cause stalled(const LaneSnapshot* lane) const {
    const auto since = WallClock::now() - std::chrono::duration_cast<WallClock::duration>(
                                              std::chrono::duration<double>(held_->stalled_seconds));
    const bool said = lane != nullptr && !lane->last_error.empty();
    return {"unknown",
            fmt::format("is {} behind and has applied nothing{}{}", behind_text(), since_text(since),
                        said ? fmt::format("; the last error of lane {} was: {}", lane->lane, lane->last_error) : ""),
            "what holds it is not known; 'errors' and the log may tell",
            "",
            since,
            Severity::broken};
  }

  // The time that the next one has been in the log, once it is worth a word.
  std::string behind_text() const {
    const auto text = counted(lag_, "record");
    const auto waits = std::chrono::milliseconds(std::llround(1000 * held_->lag_seconds.value_or(0)));
    return waits < 1s ? text : fmt::format("{} and {}", text, span_text(waits));
  }

  // By the rate of the whole process, which is the only one that is known.
  std::string progress() const {
    const auto total = std::max(totals_of(now_.partitions).lag, lag_);
    const auto text = behind_text() + " behind";
    const double rate = rate_of(now_);
    if (rate <= 0) return text + ", which came just now";
    const auto left = std::chrono::milliseconds(static_cast<std::int64_t>(1000 * static_cast<double>(total) / rate));
    return fmt::format("{}; at the {:.0f} records/s of this process all {} that wait in it take {}", text, rate, total,
                       span_text(left));
  }

  const Inventory& inventory_;
  const Snapshot& now_;
  const TopicPartition at_;
  Moves& moves_;
  const IncidentLog& incidents_;
  const PartitionSnapshot* held_ = nullptr;
  const PointerRow* row_ = nullptr;
  Offset lag_ = -1;
};

Inventory known(const Snapshots& snapshots, Positions& positions) {
  const InterruptScope limit(Clock::now() + pointers_within);
  return inventory(snapshots, positions);
}

Section why_result() {
  return {.columns = {{.name = "partition"},
                      {.name = "state", .nullable = true},
                      {.name = "cause"},
                      {.name = "who", .nullable = true},
                      {.name = "since", .kind = ColumnType::time, .nullable = true},
                      {.name = "frees"},
                      {.name = "behind", .kind = ColumnType::number, .unit = "records", .nullable = true},
                      {.name = "lag_seconds", .kind = ColumnType::seconds, .nullable = true},
                      {.name = "sentence"}},
          .record = true};
}

int why(Call& call, const Snapshots& snapshots, Positions& positions, Moves& moves, const IncidentLog& incidents) {
  const auto at = partition_of(call, "why shop.orders/3");
  if (!at) return at.error();
  const Inventory inventory = known(snapshots, positions);
  if (!inventory.partitions.contains(*at))
    return call.fail(Code::no_such_thing, "no partition {}; see 'partitions'", partition_text(*at));
  Asked asked(inventory, *at, moves, incidents);
  const Cause cause = asked.cause();
  if (call.stop().stop_requested()) return call.fail(Code::interrupted, "the wait was ended");
  const auto sentence = fmt::format("{} {}; {}", partition_text(*at), cause.what, cause.frees);
  call.report.sections = {filled(
      why_result(), {partition_text(*at), asked.state(), Status{cause.word, cause.severity}, optional_text(cause.who),
                     optional_time(cause.since), cause.frees, asked.behind(), asked.lag_seconds(), sentence})};
  call.report.line = sentence;
  return Code::done;
}

}  // namespace

std::vector<Command> why_commands() {
  return {
      {.words = "why",
       .arguments = "TOPIC/PARTITION",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::partition,
       .group = "look",
       .summary = "One sentence: what holds a partition, since when, and what would free it.",
       .examples = {"why shop.orders/3", "why shop.orders/3 --json"},
       .result = {why_result()},
       .run = handler<why>},
  };
}

}  // namespace sluice::console

// trace: which record wrote a row, what is on its way, and which dead letters concern it, as far as that can be known.
#include <algorithm>

#include "base/units.h"
#include "console/commands/registry.h"
#include "console/known_names.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

constexpr std::int64_t records_at_most = 1'000'000;

// A replayed dead letter counts as any other record: it has written the row, or is to be read again.
enum class Fate : std::uint8_t { on_its_way, taken, dead };

Fate fate_of(const Trace::Mention& one, const Trace& found) {
  if (one.letter != 0) {
    const auto letter = std::ranges::find(found.letters, one.letter, &Trace::Letter::id);
    if (letter == found.letters.end() || !was_replayed(letter->resolution)) return Fate::dead;
  }
  return one.taken ? Fate::taken : Fate::on_its_way;
}

// The last record of the partition that has taken effect, by offset; null: none was met.
const Trace::Mention* last_taken(const Trace& found, const TopicPartition& at) {
  const Trace::Mention* last = nullptr;
  for (const auto& one : found.mentions)
    if (one.at == at && fate_of(one, found) == Fate::taken) last = &one;
  return last;
}

// The partition's dead letters that have written the row when they were replayed, but for one. When that was is not
// known here: a forced replay writes an older record over newer ones.
std::vector<std::int64_t> replayed_but(std::int64_t letter, const Trace& found, const TopicPartition& at) {
  std::vector<std::int64_t> ids;
  for (const auto& one : found.letters)
    if (one.at == at && one.id != letter && !one.by_kafka_key && was_replayed(one.resolution)) ids.push_back(one.id);
  return ids;
}

// Why the last record by offset may not be what the row holds; empty: nothing speaks against it.
std::string doubts_of(const Trace::Mention& last, const Trace& found) {
  std::vector<std::string> doubts;
  if (found.places_left > 0 && last.letter == 0)
    doubts.emplace_back("it is one of the dead letters not looked at, or one of them was replayed after it");
  else if (found.replayed_left > 0)
    doubts.emplace_back("one of the dead letters not looked at was replayed after it");
  if (const auto others = replayed_but(last.letter, found, last.at); !others.empty())
    doubts.push_back(others.size() == 1
                         ? fmt::format("dead letter {} was replayed after it", others.front())
                         : fmt::format("one of the {} replayed dead letters was written after it", others.size()));
  return doubts.empty() ? std::string() : fmt::format(", unless {}", fmt::join(doubts, ", or "));
}

// What a record that names the row means for it.
std::string effect_of(const Trace::Mention& one, const Trace& found) {
  const auto fate = fate_of(one, found);
  std::string effect;
  if (one.letter != 0) {
    const auto letter = std::ranges::find(found.letters, one.letter, &Trace::Letter::id);
    const bool open = letter == found.letters.end() || letter->resolution.empty();
    effect = fmt::format("dead letter {}{}", one.letter, open ? ", open" : ": " + letter->resolution);
    if (fate == Fate::dead) return effect;
    if (fate == Fate::on_its_way) return effect + ", on its way again";
    if (&one != last_taken(found, one.at)) return effect;
    effect += ", ";
  }
  if (fate == Fate::on_its_way) return "on its way";
  if (&one != last_taken(found, one.at)) return "followed by others";
  return effect + (doubts_of(one, found).empty() ? "" : "perhaps ") + "the last that has taken effect";
}

Section trace_records_result() {
  return {.name = "records",
          .columns = {{.name = "partition"},
                      {.name = "offset", .kind = ColumnType::id},
                      {.name = "timestamp", .kind = ColumnType::time, .nullable = true},
                      {.name = "change"},
                      {.name = "effect"}}};
}

Section mentions_section(const Trace& found) {
  Section section = trace_records_result();
  for (const auto& one : found.mentions)
    section.rows.push_back(
        {partition_text(one.at), one.offset, optional_time(one.timestamp), one.change, effect_of(one, found)});
  return section;
}

Section trace_letters_result() {
  return {.name = "dead_letters",
          .columns = {{.name = "id", .kind = ColumnType::id, .label = "dead letter"},
                      {.name = "partition"},
                      {.name = "offset", .kind = ColumnType::id},
                      {.name = "stage"},
                      {.name = "found_by", .label = "found by"},
                      {.name = "resolution", .nullable = true},
                      {.name = "reason"}}};
}

Section letters_of_key_section(const Trace& found) {
  Section section = trace_letters_result();
  for (const auto& one : found.letters)
    section.rows.push_back({one.id, partition_text(one.at), one.offset, one.stage,
                            std::string(one.by_kafka_key ? "Kafka key" : "row"), optional_text(one.resolution),
                            one.reason});
  return section;
}

Section trace_read_result() {
  return {.name = "read",
          .columns = {{.name = "partition", .label = "read of"},
                      {.name = "from", .kind = ColumnType::id},
                      {.name = "to", .kind = ColumnType::id},
                      {.name = "whole_log", .kind = ColumnType::yes_no, .label = "whole log"},
                      {.name = "trouble", .nullable = true}}};
}

Section read_section(const Trace& found) {
  Section section = trace_read_result();
  for (const auto& one : found.read)
    section.rows.push_back({partition_text(one.at), one.from, one.to, one.from == one.first && one.trouble.empty(),
                            optional_text(one.trouble)});
  return section;
}

// What the lists say in a sentence each, with what they cannot say.
std::vector<std::string> conclusions(const Trace& found, const std::string& row) {
  std::vector<std::string> said;
  for (const auto& read : found.read) {
    if (const auto* last = last_taken(found, read.at))
      said.push_back(fmt::format("{}: of {} the last record that has taken effect is {} ({}){}", row,
                                 partition_text(last->at), last->offset, last->change, doubts_of(*last, found)));
    else if (const auto letters = replayed_but(0, found, read.at); !letters.empty())
      said.push_back(fmt::format("{}: of {} no record that was read has taken effect in its turn; {} replayed", row,
                                 partition_text(read.at), counted(letters.size(), "dead letter")));
  }
  if (said.empty()) said.push_back(fmt::format("{}: no record that was read and has taken effect names it", row));
  const auto waiting =
      std::ranges::count_if(found.mentions, [&](const auto& one) { return fate_of(one, found) == Fate::on_its_way; });
  if (waiting > 0) said.push_back(counted(waiting, "record") + " on the way");
  const bool cut = std::ranges::any_of(found.read, [](const auto& one) { return one.from > one.first; });
  const bool trouble = std::ranges::any_of(found.read, [](const auto& one) { return !one.trouble.empty(); });
  if (cut) said.emplace_back("records before those that were read are not known; --records reads more");
  if (trouble) said.emplace_back("not everything could be read; see the last column");
  if (found.letters_left > 0)
    said.push_back(counted(found.letters_left, "dead letter") +
                   " of these topics not looked at: too many, or too large");
  return said;
}

std::vector<Pointer> places_of(const std::string& table, const Inventory& known) {
  std::vector<Pointer> places;
  for (const auto& at : known.partitions) {
    if (!std::ranges::binary_search(known.tables_of(at.topic), table)) continue;
    Offset next = 0;
    const auto held = std::ranges::find(known.now.partitions, at, &PartitionSnapshot::at);
    if (held != known.now.partitions.end()) next = held->next;
    if (known.pointers) {
      const auto row = std::ranges::find(*known.pointers, at, &PointerRow::at);
      if (row != known.pointers->end()) next = row->next;
    }
    places.push_back({at, next});
  }
  return places;
}

int trace(Call& call, Inspection& inspection, const Snapshots& snapshots, Positions& positions) {
  const auto& words = call.words();
  const Inventory known = inventory(snapshots, positions);
  if (!known.tables.contains(words[0]))
    return call.fail(Code::no_such_thing, "{}", no_such_name("table", words[0], known.tables));
  const auto records = number_option(call, "records", 10'000, records_at_most);
  if (!records) return records.error();
  TraceRequest request{
      .table = words[0], .key = {words.begin() + 1, words.end()}, .places = places_of(words[0], known)};
  request.records = static_cast<std::size_t>(*records);
  if (request.places.empty())
    return call.fail(Code::no_such_thing, "no topic is known to feed {}; see 'topics'", words[0]);
  const auto found = inspection.trace(request);
  if (!found)
    return call.fail(found.error().next == ErrorClass::reject ? Code::not_understood : Code::failed, "{}",
                     found.error().message);
  call.report.sections = {mentions_section(*found), letters_of_key_section(*found), read_section(*found)};
  call.report.notes = conclusions(*found, fmt::format("{} ({})", words[0], fmt::join(request.key, ", ")));
  return Code::done;
}

}  // namespace

std::vector<Command> trace_commands() {
  return {
      {.words = "trace",
       .arguments = "TABLE KEY…",
       .min_words = 2,
       .max_words = 33,
       .takes = ArgumentKind::table,
       .options = {{.name = "records",
                    .value = ArgumentKind::number,
                    .shown = "N",
                    .help =
                        "read the last so many records of the log, of all partitions together; 10000 unless given"}},
       .role = Role::operator_,
       .effect = Effect::shows_data,
       .group = "records",
       .summary =
           "The records that name one row: which has written it last, what is on its way, and the dead letters that "
           "concern it. KEY is a value for each column of the key. Reads the end of the log, within 30 seconds, and "
           "says what it has not read.",
       .examples = {"trace public.orders 4711", "trace public.order_items 4711 2 --records 100000"},
       .result = {trace_records_result(), trace_letters_result(), trace_read_result()},
       .run = handler<trace>},
  };
}

}  // namespace sluice::console

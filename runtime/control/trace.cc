#include "runtime/control/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>

#include "base/interrupt.h"
#include "listener/log_range.h"
#include "listener/reader.h"
#include "mapping/encode/encoder.h"
#include "mapping/row_encoder.h"
#include "runtime/control/stored_record.h"
#include "runtime/pipeline/record_mapper.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::seconds time_for_logs{18}, time_for_letters{6};
constexpr std::size_t fewest_records = 100;  // of a partition, however many there are
constexpr std::size_t mentions_kept = 20;    // of a partition
constexpr std::size_t kafka_keys_at_most = 1000;
constexpr int letters_listed = 1000;  // of a topic
constexpr std::int64_t letter_bytes = 8 << 20, letters_at_once = 2 << 20;

std::string key_bytes(const Table& table, const std::vector<Cell>& cells, std::string_view arena) {
  std::string key;
  mapping::append_alike_key(table, cells, arena, key);
  return key;
}

// A topic that was made anew has other records at the same offsets.
bool same_moment(const std::optional<WallClock::time_point>& one, const std::optional<WallClock::time_point>& other) {
  return one && other ? *one == *other : one.has_value() == other.has_value();
}

void note(const DeadLetterRow& letter, bool by_kafka_key, Trace& found) {
  found.letters.push_back({letter.id, letter.at, letter.offset, letter.stage, letter.reason,
                           letter.resolved && letter.resolution.empty() ? "resolved" : letter.resolution,
                           by_kafka_key});
}

class Search {
 public:
  Search(const std::shared_ptr<const config::Pipeline>& pipeline, const TraceRequest& request,
         sink::AdminTables& tables, SchemaSource& schemas)
      : pipeline_(pipeline), request_(request), tables_(tables), mapper_(pipeline, schemas) {
    if (request.key.size() == 1) kafka_keys_.insert(request.key.front());
  }

  Result<Trace> run() {
    read_logs();
    if (wrong_key_) return std::unexpected(*wrong_key_);
    if (auto done = read_letters(); !done) return std::unexpected(done.error());
    if (wrong_key_) return std::unexpected(*wrong_key_);
    return std::move(found_);
  }

 private:
  void read_logs() {
    const InterruptScope limit(Clock::now() + time_for_logs);
    const auto share = std::max(fewest_records, request_.records / std::max<std::size_t>(1, request_.places.size()));
    for (const auto& place : request_.places) {
      auto& read = found_.read.emplace_back();
      read.at = place.at;
      if (auto done = read_log(place, share, read); !done) read.trouble = done.error().message;
      if (wrong_key_) return;
    }
  }

  Result<void> read_log(const Pointer& place, std::size_t share, Trace::Read& read) {
    const auto deadline = Clock::now() + time_for_logs;
    const auto range = listener::log_range(pipeline_->kafka, place.at, std::nullopt, deadline);
    if (!range) return std::unexpected(range.error());
    read.first = range->first;
    read.from = read.to = std::max(range->first, range->end - static_cast<Offset>(share));
    if (read.from >= range->end) return {};
    auto reader = listener::Reader::open(pipeline_->kafka, place.at, read.from, deadline);
    if (!reader) return std::unexpected(reader.error());
    std::deque<Trace::Mention> last;
    Result<void> mapped;
    // One at a time, so that it can end in front of a record that cannot be mapped now.
    while (mapped && !wrong_key_ && reader->next() < range->end) {
      const auto done = reader->read_to(
          range->end, deadline, [&](const Record& record) { mapped = look_at(record, place.next, last); }, 1);
      if (!done) mapped = done;
      read.to = reader->next();
    }
    std::ranges::move(last, std::back_inserter(found_.mentions));
    return mapped;
  }

  Result<void> look_at(const Record& record, Offset next, std::deque<Trace::Mention>& last) {
    const auto change = change_of(record);
    if (!change) return std::unexpected(change.error());
    if (change->empty()) return {};
    if (record.key && kafka_keys_.size() < kafka_keys_at_most) kafka_keys_.emplace(*record.key);
    Trace::Mention mention;
    mention.at = *record.at;
    mention.offset = record.offset;
    if (record.timestamp_ms >= 0)
      mention.timestamp = WallClock::time_point(std::chrono::milliseconds(record.timestamp_ms));
    mention.change = *change;
    mention.taken = record.offset < next;
    last.push_back(std::move(mention));
    if (last.size() > mentions_kept) last.pop_front();
    return {};
  }

  // What the record does to the row; empty: nothing.
  Result<std::string> change_of(const Record& record) {
    if (auto done = mapper_.add(record); !done) return std::unexpected(done.error());
    const auto changes = mapper_.take();
    std::string change;
    for (const auto& changed : changes.tables) {
      const auto& table = *changed.table;
      if (table.name != request_.table || table.key.empty() || !knows_key(table)) continue;
      for (const auto& step : changed.steps) {
        if (step.truncate) change = "truncate";
        for (const auto& parent : step.parents)
          if (is_of(changed, parent, changes)) change = "delete";  // unless it is among those that are written
        for (const auto& row : step.rows) {
          const Cell* first = changes.row(row);
          const std::vector<Cell> cells(first, first + table.columns.size());
          if (key_bytes(table, cells, changes.arena) != key_) continue;
          const bool gone = row.kind == ChangeKind::remove || row.kind == ChangeKind::mark;
          change = gone ? "delete" : "write";
        }
      }
    }
    return change;
  }

  // Returns true if the row belongs to this parent. The key's bytes begin with those of its first columns; the others
  // are NULL here.
  bool is_of(const TableChanges& of, const RowChange& parent, const Changes& changes) const {
    constexpr std::size_t bytes_of_null = 4;
    const Cell* first = changes.row(parent);
    std::string key = key_bytes(*of.table, {first, first + of.table->columns.size()}, changes.arena);
    key.resize(key.size() - bytes_of_null * (of.table->key.size() - of.parent->key.size()));
    return key_.starts_with(key);
  }

  // Encodes the key that is looked for as the table's columns have it, once for each description of the table.
  bool knows_key(const Table& table) {
    if (table.version == described_ && !found_.key_columns.empty()) return true;
    found_.key_columns.clear();
    for (const auto column : table.key) found_.key_columns.push_back(table.columns[column].name);
    if (found_.key_columns.size() != request_.key.size()) {
      wrong_key_ = Error{ErrorClass::reject, "",
                         fmt::format("the key of {} is ({}): give a value for each of them, not {}", table.name,
                                     fmt::join(found_.key_columns, ", "), request_.key.size())};
      return false;
    }
    mapping::Encoder encoder;
    std::vector<Cell> cells(table.columns.size());
    std::string arena;
    for (std::size_t part = 0; part < table.key.size(); ++part) {
      const auto& column = table.columns[table.key[part]];
      if (!encoder.encode(column, Value::text(request_.key[part]), false, arena, cells[table.key[part]])) continue;
      wrong_key_ = Error{ErrorClass::reject, "",
                         fmt::format("'{}' is not a value of the key column {} of {} ({})", request_.key[part],
                                     column.name, table.name, column.type_name)};
      return false;
    }
    key_ = key_bytes(table, cells, arena);
    described_ = table.version;
    return true;
  }

  Result<void> read_letters() {
    const InterruptScope limit(Clock::now() + time_for_letters);
    std::set<std::string> topics;
    for (const auto& place : request_.places) topics.insert(place.at.topic);
    for (const auto& topic : topics) {
      DeadLetterFilter filter;
      filter.topic = topic;
      filter.resolved = true;
      const auto all = tables_.count_letters(filter);
      if (!all) return std::unexpected(all.error());
      filter.limit = letters_listed;
      filter.order = LetterOrder::newest;
      const auto listed = tables_.letters(filter);
      if (!listed) return std::unexpected(listed.error());
      const auto left = std::max<std::int64_t>(0, *all - static_cast<std::int64_t>(listed->size()));
      found_.letters_left += left;
      found_.places_left += left;
      found_.replayed_left += left;
      if (auto done = read_contents(*listed); !done) return done;
    }
    std::ranges::sort(found_.letters, std::ranges::greater(), &Trace::Letter::id);
    return {};
  }

  // In slices, so that no more than one is in memory.
  Result<void> read_contents(const std::vector<DeadLetterRow>& listed) {
    DeadLetterFilter filter;
    filter.resolved = filter.contents = true;
    filter.order = LetterOrder::newest;
    std::int64_t bytes = 0;
    const auto look = [&]() -> Result<void> {
      if (filter.ids.empty()) return {};
      filter.limit = static_cast<int>(filter.ids.size());
      const auto letters = tables_.letters(filter);
      if (!letters) return std::unexpected(letters.error());
      for (const auto& letter : *letters) look_at_letter(letter);
      filter.ids.clear();
      bytes = 0;
      return {};
    };
    for (const auto& letter : listed) {
      // Before its size is asked: what became of a record must not depend on how large it is.
      if (note_letter_of_mention(letter, found_)) continue;
      if (letter_bytes_ + letter.bytes > letter_bytes) {
        ++found_.letters_left;
        if (was_replayed(letter.resolution)) ++found_.replayed_left;
        continue;
      }
      letter_bytes_ += letter.bytes;
      filter.ids.push_back(letter.id);
      if ((bytes += letter.bytes) < letters_at_once) continue;
      if (auto done = look(); !done) return done;
    }
    return look();
  }

  void look_at_letter(const DeadLetterRow& letter) {
    bool names_row = false;
    if (letter.kept) {
      const StoredRecord stored(letter);
      const auto change = change_of(stored.record());
      names_row = change && !change->empty();
    }
    if (names_row || (letter.key && kafka_keys_.contains(*letter.key))) note(letter, !names_row, found_);
  }

  const std::shared_ptr<const config::Pipeline>& pipeline_;
  const TraceRequest& request_;
  sink::AdminTables& tables_;
  RecordMapper mapper_;
  Trace found_;
  std::optional<Error> wrong_key_;
  std::string key_;
  std::uint64_t described_ = 0;       // the version of the table for which key_ is
  std::set<std::string> kafka_keys_;  // of records that concern the row
  std::int64_t letter_bytes_ = 0;
};

}  // namespace

Result<Trace> trace(const std::shared_ptr<const config::Pipeline>& pipeline, const TraceRequest& request,
                    sink::AdminTables& tables, SchemaSource& schemas) {
  return Search(pipeline, request, tables, schemas).run();
}

bool note_letter_of_mention(const DeadLetterRow& letter, Trace& found) {
  const auto mention = std::ranges::find_if(found.mentions, [&](const Trace::Mention& one) {
    return one.at == letter.at && one.offset == letter.offset && same_moment(one.timestamp, letter.timestamp);
  });
  if (mention == found.mentions.end()) return false;
  if (mention->letter == 0) mention->letter = letter.id;
  note(letter, false, found);
  return true;
}

}  // namespace sluice::runtime

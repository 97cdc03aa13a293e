#include "runtime/control/row_proof.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "admin/report/report.h"
#include "base/http_url.h"
#include "base/units.h"
#include "listener/reader.h"
#include "mapping/mapper.h"
#include "runtime/pipeline/resolver.h"
#include "sink/expected_tables.h"
#include "sink/table_catalogue.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t batch_records = 1000;
constexpr std::size_t batch_bytes = 2 << 20;  // whichever comes first
constexpr std::chrono::minutes batch_time{1};
constexpr std::size_t rows_told = 20;  // of each kind and table

// Describes the temporary tables instead of the targets.
class StandIns final : public sink::Tables {
 public:
  StandIns(const config::Postgres& postgres, sink::ExpectedTables& expected)
      : catalogue_(postgres), expected_(expected) {}

  sink::DescribedTable describe(const std::string& name, const config::Route& route) override {
    auto target = catalogue_.describe(name, route);
    if (!target) return target;
    auto found =
        expected_.stand_in(*target, (*target)->shared || (divided && route.on_truncate == config::OnTruncate::apply));
    if (found && route.mode == WriteMode::update && made_elsewhere_.insert((*target)->name).second)
      expected_.leave_out(**target);
    return found;
  }

  Result<bool> unchanged(std::span<const Table* const> tables) override {
    std::vector<const Table*> targets;
    for (const auto* table : tables) targets.push_back(&expected_.target_of(*table));
    return catalogue_.unchanged(targets);
  }

  Result<bool> equal(const Equality& values) override { return catalogue_.equal(values); }

  const std::set<std::string>& made_elsewhere() const { return made_elsewhere_; }

  bool divided = false;  // topics have partitions, among which a truncate has no order

 private:
  sink::TableCatalogue catalogue_;
  sink::ExpectedTables& expected_;
  std::set<std::string> made_elsewhere_;
};

// Records that were applied before their columns vanished, or were added, have taken effect.
std::shared_ptr<const config::Pipeline> that_keeps(const config::Pipeline& pipeline) {
  auto copy = std::make_shared<config::Pipeline>(pipeline);
  for (auto& route : copy->routes) route.vanished = config::Vanished::keep;
  return copy;
}

class RowProof {
 public:
  RowProof(const std::shared_ptr<const config::Pipeline>& pipeline, SchemaSource& schemas, Proof& proof,
           const ReadProgress& progress)
      : pipeline_(that_keeps(*pipeline)), schemas_(schemas), proof_(proof), progress_(progress), mapper_(pipeline_) {}

  Result<std::vector<sink::TableDifference>> compare();
  void judge(const std::vector<sink::TableDifference>& differences);
  std::vector<std::string> lines(const std::vector<sink::TableDifference>& differences) const;

 private:
  struct Source {
    PartitionProof* proof = nullptr;
    Offset from = 0;
    std::vector<Offset> letters;  // that were never applied
  };

  Result<void> choose();
  Result<void> follow(const std::vector<PointerRow>& now);
  Result<void> read(const Source& source, Offset from, Offset to, std::size_t together = batch_records);
  Result<void> add(const Record& record);
  Result<void> write(const Source& source);
  int origin_of(const TopicPartition& at);
  bool may_fold(const TopicPartition& at) const;
  void tell(const sink::TableDifference& one);
  bool is_whole(const sink::TableDifference& one) const;

  const std::shared_ptr<const config::Pipeline> pipeline_;
  SchemaSource& schemas_;
  Proof& proof_;
  const ReadProgress& progress_;
  sink::ExpectedTables expected_{*pipeline_};
  StandIns tables_{pipeline_->postgres, expected_};
  mapping::Mapper mapper_;
  mapping::ChangeSet set_;
  const SteadyTime time_;
  DescriptionCheck descriptions_{mapper_, tables_, time_};
  std::vector<Source> sources_;
  std::map<std::uint32_t, std::set<std::string>> topics_;  // that feed a target, by its oid
  std::map<TopicPartition, int> origins_;                  // the numbers that their rows are kept under
  std::set<std::string> cut_;                              // topics of which the first records were not read
  std::vector<Offset> batch_;
  std::set<std::string, std::less<>> keys_;  // of the batch's records, where two of one key may not fold
  std::size_t batch_bytes_ = 0;
  std::int64_t records_ = 0, unmapped_ = 0;
  Offset passed_ = 0, to_pass_ = 0;  // offsets: of those before the one that is being read, of all
  std::string first_unmapped_;
};

// Partitions whose log still has all that was applied, and from where on it is read.
Result<void> RowProof::choose() {
  for (auto& one : proof_.partitions) {
    if (!one.account || !one.log) {
      one.fail(Verdict::unknown, "its rows are not compared");
      if (one.account) cut_.insert(one.at.topic);  // rows that no record was read for may be of this one
      continue;
    }
    const auto& pointer = one.account->pointer;
    auto letters = expected_.unapplied(pointer);
    if (!letters) return std::unexpected(letters.error());
    const auto from = std::max(pointer.start, one.log->first);
    if (from > 0) {
      cut_.insert(one.at.topic);
      proof_.notes.push_back(fmt::format("{}/{} is read from {} on, where the {}", one.at.topic, one.at.partition, from,
                                         from == pointer.start ? "pointer started" : "log begins now"));
    }
    sources_.push_back({&one, from, std::move(*letters)});
    tables_.divided = tables_.divided || one.at.partition > 0;
  }
  return {};
}

Result<std::vector<sink::TableDifference>> RowProof::compare() {
  auto done = expected_.open();
  if (done) done = choose();
  for (const auto& source : sources_)
    to_pass_ += std::max<Offset>(0, source.proof->account->pointer.next - source.from);
  for (const auto& source : sources_) {
    if (done) done = read(source, source.from, source.proof->account->pointer.next);
  }
  if (!done) return std::unexpected(done.error());
  const auto now = expected_.begin_snapshot();
  if (!now) return std::unexpected(now.error());
  if (done = follow(*now); !done) return std::unexpected(done.error());
  return expected_.compare(rows_told);
}

// Reads what was applied since the proof of the books, up to where the pointers of the snapshot are.
Result<void> RowProof::follow(const std::vector<PointerRow>& now) {
  const auto moved = [](const TopicPartition& at) {
    return fail(ErrorClass::retry,
                fmt::format("{}/{}: its pointer was moved, or a dead letter of it resolved, while the "
                            "log was read; run it again",
                            at.topic, at.partition));
  };
  for (auto& source : sources_) {
    const auto& at = source.proof->at;
    const auto& then = source.proof->account->pointer;
    const auto row = std::ranges::find(now, at, &PointerRow::at);
    if (row == now.end() || row->generation != then.generation || row->start != then.start || row->next < then.next)
      return moved(at);
    auto letters = expected_.unapplied(*row);
    if (!letters) return std::unexpected(letters.error());
    const auto read_already = [&](Offset offset) { return offset < then.next; };
    std::vector<Offset> known;
    std::ranges::copy_if(*letters, std::back_inserter(known), read_already);
    std::erase_if(source.letters, [&](Offset offset) { return !read_already(offset); });
    if (known != source.letters) return moved(at);
    source.letters = std::move(*letters);
    if (auto done = read(source, std::max(source.from, then.next), row->next); !done) return done;
  }
  return {};
}

// `together`: how many records are written by the same statements at most.
Result<void> RowProof::read(const Source& source, Offset from, Offset to, std::size_t together) {
  if (from >= to) return {};
  const auto& at = source.proof->at;
  auto reader = listener::Reader::open(pipeline_->kafka, at, from, Clock::now() + batch_time);
  if (!reader) return std::unexpected(reader.error());
  while (reader->next() < to) {
    Result<void> mapped;
    const auto visit = [&](const Record& record) {
      records_ += together > 1 ? 1 : 0;  // else it is read a second time
      const bool met = !record.key || keys_.contains(*record.key);
      if (mapped && met && !may_fold(at)) mapped = write(source);
      if (mapped && !std::ranges::binary_search(source.letters, record.offset)) mapped = add(record);
      if (mapped && (batch_bytes_ >= batch_bytes || batch_.size() >= together)) mapped = write(source);
    };
    if (auto done = reader->read_to(to, Clock::now() + batch_time, visit, batch_records); !done) return done;
    if (mapped) mapped = write(source);
    if (!mapped) return mapped;
    if (progress_ && together > 1)
      progress_(passed_ + std::min(reader->next(), to) - from, std::max(to_pass_, passed_ + to - from));
  }
  if (together > 1) passed_ += to - from;
  return {};
}

// Within a batch two events of a row become one change: what each lacked, and that the row was gone in between, is not
// in it. Where another origin may have written the row in between that counts, so they are two batches.
bool RowProof::may_fold(const TopicPartition& at) const {
  return std::ranges::none_of(mapper_.routes(at.topic), [&](const auto* route) {
    return route->shares_table || (tables_.divided && route->on_truncate == config::OnTruncate::apply);
  });
}

Result<void> RowProof::add(const Record& record) {
  const auto patience = pipeline_->registry.timeout * split_urls(pipeline_->registry.url.reveal()).size();
  auto done = map_record(mapper_, record, set_, {tables_, schemas_, patience}, descriptions_);
  if (!done) return std::unexpected(std::move(done.error().error));
  if (*done == Outcome::dead && unmapped_++ == 0)
    first_unmapped_ = fmt::format("{}/{} offset {}", record.at->topic, record.at->partition, record.offset);
  batch_.push_back(record.offset);
  batch_bytes_ += record.bytes();
  if (record.key && !may_fold(*record.at)) keys_.emplace(*record.key);
  return {};
}

// Of a topic whose truncates are applied each partition is one: they have an order among its records alone.
int RowProof::origin_of(const TopicPartition& at) {
  const bool truncates = std::ranges::any_of(
      mapper_.routes(at.topic), [](const auto* route) { return route->on_truncate == config::OnTruncate::apply; });
  const auto number = static_cast<int>(origins_.size()) + 1;
  return origins_.try_emplace({at.topic, truncates ? at.partition : 0}, number).first->second;
}

Result<void> RowProof::write(const Source& source) {
  keys_.clear();
  if (batch_.empty()) return {};
  const auto& at = source.proof->at;
  const auto first = batch_.front(), last = batch_.back();
  auto changes = set_.take();
  descriptions_.batch_ended();
  for (const auto& changed : changes.tables) topics_[expected_.target_of(*changed.table).oid].insert(at.topic);
  auto written = expected_.write(std::move(changes), origin_of(at));
  batch_.clear();
  batch_bytes_ = 0;
  // Keys that only PostgreSQL calls equal: of citext, or by a collation.
  constexpr std::string_view met_twice = "21000";
  if (!written && written.error().sqlstate == met_twice && last > first) return read(source, first, last + 1, 1);
  if (!written)
    written.error().message =
        fmt::format("{}/{} offsets {} to {}: a record without a dead letter is refused now: {} {}", at.topic,
                    at.partition, first, last, written.error().sqlstate, written.error().message);
  return written;
}

// Otherwise the table may hold rows that nothing has been read about.
bool RowProof::is_whole(const sink::TableDifference& one) const {
  const auto fed = topics_.find(one.oid);
  return fed == topics_.end() ||
         std::ranges::none_of(fed->second, [&](const auto& topic) { return cut_.contains(topic); });
}

void RowProof::tell(const sink::TableDifference& one) {
  using Kind = sink::TableDifference::Kind;
  if (const auto first = std::ranges::find(one.rows, Kind::unprovable, &sink::TableDifference::Row::kind);
      first != one.rows.end())
    proof_.notes.push_back(fmt::format(
        "table {}: {} not provable, the first ({}) = ({}): several topics write and delete the row, and whether it is "
        "right depends on an order among them that nobody keeps",
        one.table, counted(one.unprovable, "row"), fmt::join(one.key, ", "), first->key));
  for (const auto& row : one.rows) {
    if (row.kind == Kind::unprovable || (row.kind == Kind::extra && !is_whole(one))) continue;
    const auto what = row.kind == Kind::missing ? std::string("the row is missing")
                      : row.kind == Kind::extra ? std::string("no record of the log makes this row")
                                                : fmt::format("the row differs in {}", row.columns);
    proof_.problems.push_back(
        fmt::format("table {}: ({}) = ({}): {}", one.table, fmt::join(one.key, ", "), row.key, what));
  }
}

void RowProof::judge(const std::vector<sink::TableDifference>& differences) {
  for (const auto& source : sources_) source.proof->rows_compared = true;
  for (const auto& one : differences) {
    tell(one);
    const bool whole = is_whole(one);
    if (!whole && one.extra > 0)
      proof_.notes.push_back(
          fmt::format("table {}: {} that what was read says nothing about", one.table, counted(one.extra, "row")));
    if (one.missing + one.changed + (whole ? one.extra : 0) == 0) continue;
    for (auto& partition : proof_.partitions) {
      if (!topics_[one.oid].contains(partition.at.topic)) continue;
      partition.verdict = Verdict::failed;
      partition.common.push_back(
          fmt::format("table {}: {} missing, {} changed, {} extra", one.table, one.missing, one.changed, one.extra));
    }
  }
  for (const auto& table : tables_.made_elsewhere())
    proof_.problems.push_back(
        fmt::format("table {} is not compared: a route with mode update writes it, so others make its rows", table));
  if (unmapped_ > 0)
    proof_.problems.push_back(fmt::format("{} without a dead letter cannot be mapped now, the first at {}",
                                          counted(unmapped_, "record"), first_unmapped_));
}

std::vector<std::string> RowProof::lines(const std::vector<sink::TableDifference>& differences) const {
  std::vector<std::string> out{fmt::format("read again: {}", counted(records_, "record"))};
  for (const auto& one : differences) {
    out.push_back(fmt::format("table {}: {} expected; {} missing, {} changed, {} extra", one.table,
                              counted(one.expected, "row"), grouped(one.missing), grouped(one.changed),
                              grouped(one.extra)));
    if (one.unprovable > 0) out.back() += fmt::format(", {} not provable", grouped(one.unprovable));
    if (!one.left_out.empty()) out.back() += fmt::format("; not compared: {}", fmt::join(one.left_out, ", "));
  }
  return out;
}

}  // namespace

std::vector<std::string> prove_rows(const std::shared_ptr<const config::Pipeline>& pipeline, SchemaSource& schemas,
                                    Proof& proof, const ReadProgress& progress) {
  if (proof.partitions.empty()) return {};
  RowProof rows(pipeline, schemas, proof, progress);
  const auto differences = rows.compare();
  if (!differences) {
    proof.problems.push_back("the rows are not compared: " + differences.error().message);
    return {};
  }
  rows.judge(*differences);
  return rows.lines(*differences);
}

}  // namespace sluice::runtime

// What the tests of the sink share: a schema of its own per test in the PostgreSQL of SLUICE_TEST_POSTGRES, and a way
// to write batches by hand.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <bit>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "mapping/mapper.h"
#include "sink/sql_client.h"
#include "sink/table_catalogue.h"
#include "sink/writer.h"

namespace sluice::sink::test {

struct Value {
  std::string bytes;
  std::int32_t length = Cell::absent;
};

inline Value bytes(std::string_view text) {
  return {std::string(text), static_cast<std::int32_t>(text.size())};
}
template <class Integer>
Value number(Integer value) {
  std::string out;
  for (int shift = static_cast<int>(sizeof value) * 8 - 8; shift >= 0; shift -= 8)
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> shift);
  return bytes(out);
}
inline Value int8(std::int64_t value) {
  return number(value);
}
inline Value null() {
  return {{}, Cell::null};
}
inline Value absent() {
  return {};
}

// A batch under construction; rows name their table by its place in `tables`.
struct Batch {
  Changes changes;
  std::vector<Record> records;
  std::vector<PartitionRange> ranges;

  Step& step(const std::shared_ptr<const Table>& table, WriteMode mode = WriteMode::upsert) {
    changes.tables.push_back({table, mode, {}});
    return changes.tables.back().steps.emplace_back();
  }
  void row(Step& step, ChangeKind kind, const std::vector<Value>& values, std::uint64_t order = 0) {
    RowChange change;
    change.order = order;
    change.kind = kind;
    change.cells = static_cast<std::uint32_t>(changes.cells.size());
    for (const auto& value : values) {
      changes.cells.push_back({static_cast<std::uint32_t>(changes.arena.size()), value.length});
      changes.arena += value.bytes;
    }
    step.rows.push_back(change);
    ++changes.rows;
  }
};

// Random sequences of events, each with keys of its own, which go through the same batches: a transaction costs far
// more than its rows. Each is cut by itself.
class Sequences {
 public:
  static constexpr int beside = 24;  // as many as go through the same batches; every other time one is alone
  static int next_width(int width) { return width == 1 ? beside : 1; }

  Sequences(int width, int events) : left_(static_cast<std::size_t>(width), events) {}

  // The next batch: for each of its events the number of its sequence. Empty at the end. `below` is random, `longest`
  // how many events of one sequence there are at most.
  template <class Below>
  std::vector<int> next_batch(const Below& below, int longest) {
    std::vector<int> batch;
    for (std::size_t at = 0; at < left_.size(); ++at) {
      for (int count = 1; left_[at] > 0; ++count) {
        --left_[at];
        batch.push_back(static_cast<int>(at));
        if (count > below(longest)) break;
      }
    }
    for (int last = static_cast<int>(batch.size()) - 1; last > 0; --last)
      std::swap(batch[static_cast<std::size_t>(last)], batch[static_cast<std::size_t>(below(last + 1))]);
    return batch;
  }

 private:
  std::vector<int> left_;
};

class SinkTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* url = std::getenv("SLUICE_TEST_POSTGRES");
    if (url == nullptr) FAIL() << "SLUICE_TEST_POSTGRES is not set: run it through tests/support/with_postgres.py";
    static int counter = 0;
    schema = fmt::format("sink_{}", ++counter);
    settings.url = Secret(url);
    settings.schema = schema;
    auto opened = SqlClient::open(settings.url);
    ASSERT_TRUE(opened) << opened.error().message;
    database = std::make_unique<SqlClient>(std::move(*opened));
    sql("DROP SCHEMA IF EXISTS " + schema + " CASCADE");
    const auto migrated = TableCatalogue(settings).migrate();
    ASSERT_TRUE(migrated) << migrated.error().message;
    writer = connect("11111111-1111-1111-1111-111111111111");
  }

  void TearDown() override {
    writer.reset();
    if (database) sql("DROP SCHEMA IF EXISTS " + schema + " CASCADE");
  }

  std::unique_ptr<Writer> connect(const std::string& owner) {
    auto made = std::make_unique<Writer>(settings, Identity{"shop", owner, "here"});
    const auto connected = made->connect();
    EXPECT_TRUE(connected) << connected.error().message;
    return made;
  }

  // The rows as text: columns by '|', rows by newline, NULL as \N.
  std::string sql(const std::string& text) {
    const auto rows = database->run(text);
    EXPECT_TRUE(rows) << rows.error().message << "\n" << text;
    std::string out;
    if (!rows) return out;
    for (const auto& row : *rows) {
      if (!out.empty()) out += '\n';
      for (std::size_t i = 0; i < row.fields().size(); ++i) out += (i > 0 ? "|" : "") + row.fields()[i].value_or("\\N");
    }
    return out;
  }

  // The server's major version, for what older ones do not know.
  int server() { return std::stoi("0" + sql("SHOW server_version_num")) / 10000; }

  // Asks until this is the answer, at most a minute; returns the last answer.
  std::string eventually(const std::string& text, const std::string& wanted) {
    const auto until = Clock::now() + std::chrono::seconds(60);
    auto found = sql(text);
    for (; found != wanted && Clock::now() < until; found = sql(text))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return found;
  }

  // The tests keep their tables beside Sluice's own, which a route may not.
  config::Postgres elsewhere() const {
    auto other = settings;
    other.schema = "elsewhere";
    return other;
  }

  std::shared_ptr<const Table> table(const std::string& name, const std::vector<std::string>& key,
                                     WriteMode mode = WriteMode::upsert) {
    config::Route route;
    route.key = key;
    route.mode = mode;
    const auto described = TableCatalogue(elsewhere()).describe(schema + "." + name, route);
    EXPECT_TRUE(described) << described.error().message;
    return described ? *described : nullptr;
  }

  // Claims the partition anew and makes [next, next + count) the batch's range.
  // One partition; an error also where another transaction holds the row.
  static Result<Claim> claim_one(Writer& by, const TopicPartition& at, Offset start) {
    const ClaimRequest request{&at, start};
    auto claims = by.claim({&request, 1});
    if (!claims) return std::unexpected(claims.error());
    if (!claims->front()) return fail(ErrorClass::retry, "the row is held", "55P03");
    return std::move(*claims->front());
  }

  void claim(Batch& batch, Writer& by, std::int64_t count = 1) {
    const auto claimed = claim_one(by, at, 0);
    ASSERT_TRUE(claimed) << claimed.error().message;
    PartitionRange range;
    range.at = &at;
    range.from = claimed->next;
    range.to = claimed->next + count;
    range.epoch = claimed->epoch;
    range.generation = claimed->generation;
    range.counts.applied = count;
    batch.ranges = {range};
  }

  static Result<void> wait(Writer& by) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      if (auto done = by.poll()) return *done;
      pollfd descriptor{by.socket(), static_cast<short>(by.wants_write() ? POLLIN | POLLOUT : POLLIN), 0};
      ::poll(&descriptor, 1, 100);
    }
    return fail(ErrorClass::retry, "the test's deadline has passed");
  }

  Result<void> write(Batch& batch) {
    claim(batch, *writer);
    writer->submit(batch.changes, batch.records, batch.ranges);
    return wait(*writer);
  }

  void expect_written(Batch& batch) {
    const auto done = write(batch);
    EXPECT_TRUE(done) << done.error().sqlstate << " " << done.error().message;
  }

  // Of the partition that is claimed by the first batch: `count` records behind those that were written.
  std::vector<PartitionRange> next_range(std::int64_t count) {
    if (next_batch.ranges.empty()) claim(next_batch, *writer, 0);
    auto range = next_batch.ranges[0];
    range.to = range.from + count;
    range.counts = {};
    range.counts.applied = count;
    return {range};
  }

  // Writes what a mapper made of records as the next batch.
  Result<void> write_mapped(Changes changes) {
    auto ranges = next_range(std::ssize(changes.outcomes));
    auto& counts = ranges[0].counts = {};
    for (const auto outcome : changes.outcomes)
      ++(outcome == Outcome::applied ? counts.applied : outcome == Outcome::folded ? counts.folded : counts.skipped);
    for (auto& place : changes.places) place = &at;
    const std::vector<Record> none;
    writer->submit(changes, none, ranges);
    auto done = wait(*writer);
    if (done) next_batch.ranges[0].from = ranges[0].to;
    return done;
  }

  // The same of these values, records of partition 0 of the topic; none may be a dead letter.
  void write_values(mapping::Mapper& mapper, const char* topic, const std::vector<std::string>& values) {
    const TopicPartition place{topic, 0};
    mapping::ChangeSet set;
    for (const auto& value : values) {
      Record record;
      record.at = &place;
      record.value = value;
      ASSERT_TRUE(mapper.map(record, set));
      ASSERT_TRUE(set.changes().dead.empty()) << value << ": " << set.changes().dead.back().reason;
    }
    const auto done = write_mapped(set.take());
    ASSERT_TRUE(done) << done.error().sqlstate << " " << done.error().message << "\n" << values.front();
    writer->take_counts();
  }

  std::string schema;
  config::Postgres settings;
  std::unique_ptr<SqlClient> database;
  std::unique_ptr<Writer> writer;
  TopicPartition at{"orders", 3};
  Batch next_batch;  // the partition of next_range(), and where its next batch begins
};

}  // namespace sluice::sink::test

// How near the writer comes to what PostgreSQL's executor can do: batches of upserts of existing keys through
// sink::Writer, beside the floor on the same server in the same run, where the same rows lie in an unlogged table and
// an INSERT … SELECT … ORDER BY key ON CONFLICT moves them, one transaction per batch, the pointer advanced in each.
//
//   with_postgres.py writer [ROUNDS]        (SLUICE_TEST_POSTGRES names the server)
//
// The gap is how long the server is idle between two batches, without and with preparing the next one ahead.
//
// Writer and floor take turns; the first round is not counted, the medians are printed.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "sink/sql_client.h"
#include "sink/table_catalogue.h"
#include "sink/writer.h"

namespace {

using namespace sluice;

constexpr std::int64_t keys = 200'000;
constexpr std::int64_t events = 60'000;  // per turn
const std::string schema = "sluice_writer_bench";

[[noreturn]] void give_up(const Error& error) {
  fmt::print(stderr, "{} {}\n", error.sqlstate, error.message);
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void put(Changes& changes, std::string_view bytes) {
  changes.cells.push_back({static_cast<std::uint32_t>(changes.arena.size()), static_cast<std::int32_t>(bytes.size())});
  changes.arena += bytes;
}
template <class Integer>
void put_number(Changes& changes, Integer value) {
  char bytes[sizeof value];
  for (std::size_t i = 0; i < sizeof value; ++i)
    bytes[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * (sizeof value - 1 - i)));
  put(changes, {bytes, sizeof value});
}

// Scattered over the table; distinct within a turn, since 7919 and the number of keys have no common factor.
std::int64_t key_of(std::int64_t event) {
  return event * 7919 % keys;
}

Changes make(const std::shared_ptr<const Table>& table, std::int64_t first, std::int64_t count) {
  Changes changes;
  changes.tables.push_back({table, WriteMode::upsert, {}});
  auto& step = changes.tables.back().steps.emplace_back();
  for (std::int64_t event = first; event < first + count; ++event) {
    RowChange row;
    row.cells = static_cast<std::uint32_t>(changes.cells.size());
    row.order = static_cast<std::uint64_t>(key_of(event));
    step.rows.push_back(row);
    put_number(changes, key_of(event));
    put(changes, fmt::format("customer {:011}", event));
    put(changes, fmt::format("{:040}", event));
    put_number(changes, 700'000'000'000'000 + event);
    put(changes, {"\0\2\0\0\0\0\0\2\0\1\13\270", 12});
    put(changes, event % 2 == 0 ? "\1" : std::string_view("\0", 1));
    put_number(changes, static_cast<std::int32_t>(event));
    put(changes, fmt::format("\1{{\"event\": {}, \"note\": \"{:0110}\"}}", event, event));
    ++changes.rows;
  }
  return changes;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Turn {
  double rate;     // rows a second
  double cpu;      // of this process, µs a row
  double gap = 0;  // from the outcome of a batch until the next one is sent, µs: the server is idle meanwhile
};

template <class Work>
Turn timed(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  const auto cpu = cpu_seconds();
  work();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  return {static_cast<double>(events) / wall.count(), (cpu_seconds() - cpu) * 1e6 / static_cast<double>(events)};
}

// With `ahead`, each batch is prepared while the one before it is under way.
Turn through_writer(sink::Writer& writer, const std::vector<Changes>& batches, const TopicPartition& at, bool ahead) {
  const sink::ClaimRequest request{&at, 0};
  const auto claims = must(writer.claim({&request, 1}));
  const auto& claim = claims.front().value();
  PartitionRange range;
  range.at = &at;
  range.from = claim.next;
  range.epoch = claim.epoch;
  std::chrono::duration<double, std::micro> gaps{0};
  std::optional<std::chrono::steady_clock::time_point> idle_since;
  std::unique_ptr<sink::PreparedRows> prepared;
  auto turn = timed([&] {
    for (std::size_t i = 0; i < batches.size(); ++i) {
      const auto& changes = batches[i];
      range.counts.applied = static_cast<std::int64_t>(changes.rows);
      range.to = range.from + range.counts.applied;
      if (prepared) {
        writer.submit_prepared(std::move(prepared), changes, {}, {&range, 1});
      } else {
        writer.submit(changes, {}, {&range, 1});
      }
      if (idle_since) gaps += std::chrono::steady_clock::now() - *idle_since;
      if (ahead && i + 1 < batches.size()) prepared = writer.prepare(batches[i + 1]);
      std::optional<Result<void>> done;
      while (!(done = writer.poll())) {
        pollfd descriptor{writer.socket(), static_cast<short>(writer.wants_write() ? POLLIN | POLLOUT : POLLIN), 0};
        ::poll(&descriptor, 1, 1000);
      }
      idle_since = std::chrono::steady_clock::now();
      must(std::move(*done));
      range.from = range.to;
    }
  });
  turn.gap = gaps.count() / static_cast<double>(batches.size() - 1);
  return turn;
}

Turn floor(sink::SqlClient& query, std::int64_t rows) {
  return timed([&] {
    for (std::int64_t first = 0; first < events; first += rows) {
      must(
          query.run(fmt::format("BEGIN; UPDATE {0}.pointer SET next_offset = next_offset + {2} WHERE topic = 'bench';"
                                "INSERT INTO {0}.t SELECT id, a, b, at, amount, flag, n, doc FROM {0}.rows "
                                "WHERE event >= {1} AND event < {1} + {2} ORDER BY id ON CONFLICT (id) DO UPDATE SET "
                                "a = excluded.a, b = excluded.b, at = excluded.at, amount = excluded.amount, "
                                "flag = excluded.flag, n = excluded.n, doc = excluded.doc; COMMIT",
                                schema, first, rows)));
    }
  });
}

void prepare(sink::SqlClient& query) {
  must(
      query.run(fmt::format("CREATE TABLE {0}.t (id bigint PRIMARY KEY, a text, b text, at timestamptz, "
                            "amount numeric, flag boolean, n int, "
                            "doc jsonb) WITH (fillfactor = 90, autovacuum_enabled = off); INSERT INTO {0}.t "
                            "SELECT i, 'customer', repeat('x', 40), "
                            "now(), 1.5, true, 1, jsonb_build_object('event', i, 'note', repeat('x', 110)) "
                            "FROM generate_series(0, {1} - 1) i;"
                            "CREATE UNLOGGED TABLE {0}.rows AS SELECT event, event * 7919 % {1} AS id, "
                            "'customer ' || lpad(event::text, 11, '0') "
                            "AS a, lpad(event::text, 40, '0') AS b, now() AS at, 1.30::numeric AS amount, "
                            "event % 2 = 0 AS flag, event::int AS n, "
                            "jsonb_build_object('event', event, 'note', lpad(event::text, 110, '0')) AS doc "
                            "FROM generate_series(0, {2} - 1) event;"
                            "CREATE INDEX ON {0}.rows (event); ANALYZE {0}.t; ANALYZE {0}.rows",
                            schema, keys, events)));
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
  const char* url = std::getenv("SLUICE_TEST_POSTGRES");
  if (url == nullptr) {
    fmt::print(stderr, "SLUICE_TEST_POSTGRES is not set\n");
    return 2;
  }
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 5;
  config::Postgres settings;
  settings.url = Secret(url);
  settings.schema = schema;
  auto query = must(sink::SqlClient::open(settings.url));
  must(query.run("DROP SCHEMA IF EXISTS " + schema + " CASCADE"));
  sink::TableCatalogue catalogue(settings);
  must(catalogue.migrate());
  prepare(query);
  config::Route route;
  route.key = {"id"};
  auto elsewhere = settings;  // nothing is routed to Sluice's own schema
  elsewhere.schema = "elsewhere";
  const auto table = must(sink::TableCatalogue(elsewhere).describe(schema + ".t", route));
  sink::Writer writer(settings, {"bench", "11111111-1111-1111-1111-111111111111", "bench"});
  must(writer.connect());
  const TopicPartition at{"bench", 0};
  fmt::print("{:>8} {:>12} {:>12} {:>12} {:>7} {:>14} {:>8} {:>10}\n", "batch", "writer/s", "prepared/s", "floor/s",
             "ratio", "client us/row", "gap us", "prepared");
  for (const std::int64_t rows : {1000, 2000, 5000, 10'000}) {
    std::vector<Changes> batches;
    for (std::int64_t first = 0; first < events; first += rows) batches.push_back(make(table, first, rows));
    std::vector<double> rates, ahead_rates, floors, cpu, gaps, ahead_gaps;
    for (int round = 0; round <= rounds; ++round) {
      must(query.run("VACUUM " + schema + ".t"));
      const auto ours = through_writer(writer, batches, at, false);
      must(query.run("VACUUM " + schema + ".t"));
      const auto ahead = through_writer(writer, batches, at, true);
      must(query.run("VACUUM " + schema + ".t"));
      const auto its = floor(query, rows);
      if (round == 0) continue;
      rates.push_back(ours.rate);
      floors.push_back(its.rate);
      cpu.push_back(ours.cpu);
      ahead_rates.push_back(ahead.rate);
      gaps.push_back(ours.gap);
      ahead_gaps.push_back(ahead.gap);
    }
    fmt::print("{:>8} {:>12.0f} {:>12.0f} {:>12.0f} {:>7.2f} {:>14.2f} {:>8.0f} {:>10.0f}\n", rows, median(rates),
               median(ahead_rates), median(floors), median(rates) / median(floors), median(cpu), median(gaps),
               median(ahead_gaps));
  }
  writer.close();
  must(query.run("DROP SCHEMA " + schema + " CASCADE"));
  return 0;
}

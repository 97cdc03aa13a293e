// Versions of rows and soft deletes: whatever the sequence and wherever batches are cut, the table is as if each event
// had been applied alone, and no older version ever takes the place of a newer one.
#include <algorithm>
#include <map>
#include <optional>
#include <random>

#include "mapping/mapper.h"
#include "sink/write_plan.h"
#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

struct GuardedEvent {
  enum class Kind { whole, part, moved, gone, gone_without_version, tombstone } kind = Kind::whole;
  int id = 0, a = 0, version = 0, from = 0;  // whose row moves

  bool deletes() const { return kind >= Kind::gone; }
};

// What a round of random events is about.
struct GuardRules {
  bool soft = false, timed = false, versioned = false;
  bool updates = false;    // mode = "update"
  bool demanding = false;  // b is NOT NULL

  // Returns true if the event needs a row that is there: there is no other value for what it does not carry.
  bool needs_row(const GuardedEvent& event) const {
    if (!demanding || updates) return false;
    const bool leaves_mark = soft && versioned && event.kind != GuardedEvent::Kind::whole;
    return event.kind == GuardedEvent::Kind::part || leaves_mark;
  }
};

struct GuardedRow {
  std::optional<int> a, b, version;
  std::string deleted;  // as the column shows it; empty: not
};

// One event after the other, as the contract says.
class GuardedModel {
 public:
  explicit GuardedModel(const GuardRules& rules) : rules_(rules) {}

  void apply(const GuardedEvent& event, std::int64_t second) {
    if (event.kind == GuardedEvent::Kind::moved && event.from != event.id)
      change({GuardedEvent::Kind::gone, event.from, 0, event.version}, second);
    if (!change(event, second)) ++outdated;
  }

  std::map<int, GuardedRow> rows;
  int outdated = 0;

 private:
  // Returns false if the row is newer.
  bool change(const GuardedEvent& event, std::int64_t second) {
    const auto found = rows.find(event.id);
    const bool is_there = found != rows.end();
    const bool says = rules_.versioned && event.kind <= GuardedEvent::Kind::gone;
    if (says && is_there && found->second.version && event.version < *found->second.version) return false;
    if (!is_there && (rules_.updates || (event.deletes() && !says))) return true;
    if (event.deletes() && !rules_.soft) {
      rows.erase(event.id);
      return true;
    }
    GuardedRow& row = rows[event.id];
    if (says) row.version = event.version;
    if (!event.deletes()) {
      row.a = event.a;
      if (event.kind != GuardedEvent::Kind::part) row.b = event.a + 1;
      row.deleted.clear();
    } else if (row.deleted.empty()) {
      row.deleted = rules_.timed ? fmt::format("{}", second) : "true";
    }
    return true;
  }

  GuardRules rules_;
};

struct Message {
  std::string key, value;
  std::int64_t timestamp_ms = 0;
};

class Guard : public SinkTest {
 protected:
  void make(const GuardRules& rules, const std::string& version) {
    sql(fmt::format(
        "DROP TABLE IF EXISTS {0}.t; CREATE TABLE {0}.t (id int PRIMARY KEY, a int, b int {1}, v {2}, deleted {3})",
        schema, rules.demanding ? "NOT NULL" : "", version, rules.timed ? "timestamptz" : "boolean"));
    described.reset();
    pipeline = std::make_shared<config::Pipeline>();
    config::Route& route = pipeline->routes.emplace_back();
    route.topics = {"orders"};
    route.table = schema + ".t";
    route.key = {"id"};
    route.mode = rules.updates ? WriteMode::update : WriteMode::upsert;
    if (rules.soft) route.on_delete = {config::OnDelete::soft, "deleted"};
    route.unknown_fields = config::UnknownFields::reject;
  }

  void guard_by(const char* path) {
    described.reset();
    pipeline->routes[0].version = config::VersionPath::parse(path);
  }

  void write_batch(std::span<const Message> messages) {
    mapping::Mapper mapper(pipeline);
    if (!described) {
      const auto asked = TableCatalogue(elsewhere()).describe(pipeline->routes[0].table, pipeline->routes[0]);
      ASSERT_TRUE(asked) << asked.error().message;
      described = *asked;
    }
    mapper.set_table({&pipeline->routes[0], pipeline->routes[0].table}, described);
    mapping::ChangeSet set;
    for (const auto& message : messages) {
      Record record;
      record.at = &at;
      record.timestamp_ms = message.timestamp_ms;
      record.key = message.key;
      if (!message.value.empty()) record.value = message.value;
      const auto mapped = mapper.map(record, set);
      ASSERT_TRUE(mapped);
      ASSERT_NE(*mapped, Outcome::dead) << set.changes().dead.back().reason;
    }
    const Changes changes = set.take();
    const auto done = write_mapped(changes);
    ASSERT_TRUE(done) << done.error().sqlstate << " " << done.error().message;
    const auto stored_counts = writer->take_counts();
    EXPECT_EQ(stored_counts.size(), std::ranges::any_of(plan(changes, false), &PlannedWrite::guarded) ? 1 : 0);
    for (const auto& [place, stored] : stored_counts) {
      EXPECT_EQ(fmt::format("{}|{}|{}", stored.applied, stored.folded, stored.skipped),
                sql(fmt::format("SELECT applied, folded, skipped FROM {}.pointer WHERE topic = 'orders'", schema)));
    }
  }

  std::string table_text() {
    return sql(fmt::format(
        "SELECT id, a, b, v, CASE WHEN deleted::text IN ('f', 'false') THEN NULL WHEN deleted::text = 'true' "
        "THEN 'true' ELSE extract(epoch FROM deleted::text::timestamptz)::bigint::text END FROM {}.t ORDER BY id",
        schema));
  }

  std::shared_ptr<config::Pipeline> pipeline;
  std::shared_ptr<const Table> described;
};

std::string guarded_text(const std::map<int, GuardedRow>& rows) {
  const auto number = [](const std::optional<int>& value) {
    return value ? std::to_string(*value) : std::string("\\N");
  };
  std::string text;
  for (const auto& [id, row] : rows) {
    text += fmt::format("{}{}|{}|{}|{}|{}", text.empty() ? "" : "\n", id, number(row.a), number(row.b),
                        number(row.version), row.deleted.empty() ? "\\N" : row.deleted);
  }
  return text;
}

Message guarded_message(const GuardedEvent& event, const GuardRules& rules, std::int64_t second) {
  const auto version = !rules.versioned ? std::string()
                       : event.kind == GuardedEvent::Kind::gone_without_version
                           ? R"(,"v":null)"
                           : fmt::format(R"(,"v":{})", event.version);
  Message message{fmt::format(R"({{"id":{}}})", event.id), {}, second * 1000};
  const auto whole = fmt::format(R"({{"id":{},"a":{},"b":{}{}}})", event.id, event.a, event.a + 1, version);
  switch (event.kind) {
    case GuardedEvent::Kind::whole:
      message.value = whole;
      break;
    case GuardedEvent::Kind::part:
      message.value = fmt::format(R"({{"id":{},"a":{}{}}})", event.id, event.a, version);
      break;
    case GuardedEvent::Kind::moved:
      message.value = fmt::format(R"({{"op":"u","before":{{"id":{}}},"after":{}}})", event.from, whole);
      break;
    case GuardedEvent::Kind::gone:
    case GuardedEvent::Kind::gone_without_version:
      message.value = fmt::format(R"({{"op":"d","before":{{"id":{}{}}},"after":null}})", event.id, version);
      break;
    case GuardedEvent::Kind::tombstone:
      break;
  }
  return message;
}

TEST_F(Guard, random_events_in_any_batches_equal_one_by_one_application) {
  std::mt19937 random(20261126);
  const auto below = [&](int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); };
  constexpr std::int64_t begin = 1'700'000'000;
  for (int round = 0; round < 24; ++round) {
    GuardRules rules{round % 4 != 0, round % 4 == 2 || round % 8 == 7, round % 4 != 3};
    rules.updates = round % 5 == 4;
    rules.demanding = round % 3 == 1;
    make(rules, round % 3 == 0 ? "numeric" : "bigint");
    if (rules.versioned) guard_by("v");
    GuardedModel model(rules);
    const std::string old = sql(fmt::format("SELECT coalesce(sum(skipped), 0) FROM {}.pointer", schema));
    std::vector<Message> batch;
    const int longest = round < 6 ? 1 : 14;
    for (int n = 0; n < 40; ++n) {
      GuardedEvent event{static_cast<GuardedEvent::Kind>(below(6)), below(3), below(100), below(8), below(3)};
      if (event.kind == GuardedEvent::Kind::moved && rules.updates) event.from = event.id;
      const int needed = event.kind == GuardedEvent::Kind::moved ? event.from : event.id;
      if (rules.needs_row(event) && !model.rows.contains(needed)) event.kind = GuardedEvent::Kind::whole;
      model.apply(event, begin + n);
      batch.push_back(guarded_message(event, rules, begin + n));
      if (static_cast<int>(batch.size()) <= below(longest) && n != 39) continue;
      write_batch(batch);
      batch.clear();
      if (HasFatalFailure()) return;
      ASSERT_EQ(table_text(), guarded_text(model.rows)) << "round " << round << " event " << n;
      // Somebody else's row, or one from before the route had versions.
      const int other = below(9);
      sql(fmt::format("UPDATE {}.t SET v = NULL WHERE id = {}", schema, other));
      if (const auto found = model.rows.find(other); found != model.rows.end()) found->second.version.reset();
      if (!rules.updates || other > 2) continue;
      sql(fmt::format("INSERT INTO {}.t (id, a, b) VALUES ({}, 1, 2) ON CONFLICT DO NOTHING", schema, other));
      model.rows.try_emplace(other, GuardedRow{1, 2, {}, {}});
    }
    if (longest == 1) {
      EXPECT_EQ(sql(fmt::format("SELECT sum(skipped) - {} FROM {}.pointer", old, schema)),
                std::to_string(model.outdated));
    }
    EXPECT_EQ(sql(fmt::format(
                  "SELECT count(*) FROM {}.pointer WHERE next_offset - start_offset <> applied + folded + skipped + "
                  "dead + gaps",
                  schema)),
              "0");
  }
}

TEST_F(Guard, a_version_comes_from_the_source_or_from_within_the_row) {
  make({.soft = true}, "bigint");
  sql(fmt::format("ALTER TABLE {0}.t RENAME v TO lsn; ALTER TABLE {0}.t ADD doc jsonb", schema));
  guard_by("@source.lsn");
  const auto event = [](const char* op, int a, int lsn) {
    const bool gone = *op == 'd';
    const auto row = fmt::format(R"({{"id":1,"a":{}}})", a);
    return Message{R"({"id":1})",
                   fmt::format(R"({{"op":"{}","before":{},"after":{},"source":{{"lsn":{}}}}})", op, gone ? row : "null",
                               gone ? "null" : row, lsn),
                   1};
  };
  const auto now = [&] { return sql(fmt::format("SELECT a, lsn, deleted FROM {}.t", schema)); };
  const std::vector<Message> first{event("c", 5, 50), event("c", 4, 40)};
  write_batch(first);
  EXPECT_EQ(now(), "5|50|f");
  const std::vector<Message> second{event("d", 5, 60)}, third{event("c", 5, 55)}, fourth{event("c", 7, 60)};
  write_batch(second);
  write_batch(third);
  EXPECT_EQ(now(), "5|60|t") << "a deleted row keeps its version";
  write_batch(fourth);
  EXPECT_EQ(now(), "7|60|f") << "an equal version applies";
  guard_by("doc.lsn");
  const std::vector<Message> older{{R"({"id":1})", R"({"id":1,"a":9,"doc":{"lsn":59}})", 1}};
  const std::vector<Message> newer{{R"({"id":1})", R"({"id":1,"a":10,"doc":{"lsn":61}})", 1}};
  write_batch(older);
  EXPECT_EQ(now(), "7|60|f");
  write_batch(newer);
  EXPECT_EQ(now(), "10|61|f");
}

// PostgreSQL makes a lasting plan after five, if that looks as cheap. The trigger sees what the writer's session has.
TEST_F(Guard, no_statement_of_a_transaction_is_planned_each_time) {
  make({}, "bigint");
  guard_by("v");
  sql(fmt::format(
      "CREATE TABLE {0}.seen (statement text, again bigint); CREATE FUNCTION {0}.note() RETURNS trigger LANGUAGE plpgsql "
      "AS $$ BEGIN DELETE FROM {0}.seen; INSERT INTO {0}.seen SELECT statement, custom_plans FROM pg_prepared_statements; "
      "RETURN NEW; END $$; CREATE TRIGGER note BEFORE INSERT ON {0}.t FOR EACH ROW EXECUTE FUNCTION {0}.note()",
      schema));
  for (int version = 0; version < 12; ++version) {
    const std::vector<Message> one{
        guarded_message({GuardedEvent::Kind::whole, version, 1, version}, {.versioned = true}, version)};
    write_batch(one);
  }
  EXPECT_GE(std::stoi(sql(fmt::format("SELECT count(*) FROM {}.seen", schema))), 4);
  EXPECT_EQ(sql(fmt::format("SELECT again, statement FROM {}.seen WHERE again > 5", schema)), "");
}

TEST_F(Guard, a_column_that_cannot_hold_a_version_or_a_mark_is_told) {
  make({}, "jsonb");
  const auto refusal = [&] {
    const auto answer = TableCatalogue(elsewhere()).describe(pipeline->routes[0].table, pipeline->routes[0]);
    return answer ? std::string() : answer.error().message;
  };
  guard_by("v");
  EXPECT_NE(refusal().find("no order of versions"), std::string::npos) << refusal();
  guard_by("missing");
  EXPECT_NE(refusal().find("no column missing"), std::string::npos) << refusal();
  pipeline->routes[0].version = {};
  pipeline->routes[0].on_delete = {config::OnDelete::soft, "a"};
  EXPECT_NE(refusal().find("cannot mark"), std::string::npos) << refusal();
}

}  // namespace
}  // namespace sluice::sink::test

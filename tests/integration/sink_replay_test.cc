#include "sink/replay_transaction.h"

#include <stop_token>
#include <thread>

#include "base/interrupt.h"
#include "base/printable.h"
#include "sink/admin_tables.h"
#include "sink/literal_text.h"
#include "sink/literals.h"
#include "sink/sql_client.h"
#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

// Everything but what the field says.
template <class Filter, class Field, class Value>
Filter with(Field Filter::* field, Value value) {
  Filter filter;
  filter.*field = value;
  return filter;
}

class ReplayTest : public SinkTest {
 protected:
  void SetUp() override {
    SinkTest::SetUp();
    sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY, a int CHECK (a > 0))");
    target = table("t", {"id"});
    identity = {"shop", "22222222-2222-2222-2222-222222222222", "here"};
    store = std::make_unique<AdminTables>(settings, identity);
    replay = std::make_unique<ReplayTransaction>(settings, identity);
    letters = store_letters(2);
  }

  // Applies records that are all dead letters, with offsets from 0 on.
  std::vector<DeadLetterRow> store_letters(int count) {
    Batch batch;
    claim(batch, *writer, count);
    batch.ranges[0].counts.applied = 0;
    batch.ranges[0].counts.dead = count;
    for (int i = 0; i < count; ++i) {
      auto& record = batch.records.emplace_back();
      record.at = &at;
      record.offset = i;
      record.key = "k";
      record.value = "v";
      batch.changes.dead.push_back({static_cast<std::uint32_t>(i), Stage::write, "public.t", "23514", "too small"});
    }
    writer->submit(batch.changes, batch.records, batch.ranges);
    EXPECT_TRUE(wait(*writer));
    const auto found = store->letters(with(&DeadLetterFilter::contents, true));
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(std::vector<DeadLetterRow>{});
  }

  Batch row(std::int64_t id, std::int32_t value) {
    Batch batch;
    batch.row(batch.step(target), ChangeKind::write, {int8(id), number(value)});
    return batch;
  }

  std::string letter_states() {
    return sql("SELECT record_offset, attempts, resolved_at IS NOT NULL, resolution, reason FROM " + schema +
               ".dead_letter ORDER BY record_offset");
  }

  std::shared_ptr<const Table> target;
  Identity identity;
  std::unique_ptr<AdminTables> store;
  std::unique_ptr<ReplayTransaction> replay;
  std::vector<DeadLetterRow> letters;
};

TEST_F(ReplayTest, a_letter_is_applied_and_resolved_in_one_transaction_and_the_pointer_stays) {
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].key, "k");
  EXPECT_EQ(letters[0].value, "v");
  const auto pointer = replay->begin(letters[0]);
  ASSERT_TRUE(pointer) << pointer.error().message;
  EXPECT_EQ(pointer->next, 2);
  EXPECT_EQ(pointer->generation, 1);
  const auto good = row(1, 5);
  const auto written = replay->write(good.changes);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".t"), "0");  // not before COMMIT
  const auto done = replay->applied(letters[0], "replayed by ann");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(sql("SELECT id, a FROM " + schema + ".t"), "1|5");
  EXPECT_EQ(letter_states(), "0|1|t|replayed by ann|too small\n1|1|f|\\N|too small");
  EXPECT_EQ(sql("SELECT next_offset, applied, dead FROM " + schema + ".pointer"), "2|0|2");
  EXPECT_EQ(store->open_letters(), 1);
}

TEST_F(ReplayTest, a_letter_that_is_refused_again_keeps_its_new_reason_and_nothing_is_written) {
  ASSERT_TRUE(replay->begin(letters[0]));
  const auto bad = row(1, -5);
  const auto written = replay->write(bad.changes);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().next, ErrorClass::reject);
  EXPECT_EQ(written.error().sqlstate, "23514");
  const auto noted = replay->refused(letters[0], {0, Stage::write, "public.t", "23514", "still too small"});
  ASSERT_TRUE(noted) << noted.error().message;
  EXPECT_EQ(letter_states(), "0|2|f|\\N|still too small\n1|1|f|\\N|too small");
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".t"), "0");
  const auto failed = store->letters(with(&DeadLetterFilter::failed, true));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->size(), 1u);
}

TEST_F(ReplayTest, a_rehearsal_says_what_postgres_says_and_leaves_nothing_and_locks_nothing) {
  const auto bad = row(1, -5), good = row(1, 5);
  const auto refused = replay->rehearse(bad.changes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().next, ErrorClass::reject);
  EXPECT_EQ(refused.error().sqlstate, "23514");
  const auto taken = replay->rehearse(good.changes);
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".t"), "0");
  EXPECT_EQ(letter_states(), "0|1|f|\\N|too small\n1|1|f|\\N|too small");
  EXPECT_EQ(sql("SELECT count(*) FROM pg_locks WHERE relation = '" + schema + ".t'::regclass"), "0");
  ASSERT_TRUE(replay->begin(letters[0]));  // the same connection goes on
  ASSERT_TRUE(replay->applied(letters[0], "replayed by ann"));
}

TEST_F(ReplayTest, letters_come_in_the_order_that_is_asked_for_and_know_their_size) {
  const auto newest = store->letters(with(&DeadLetterFilter::order, LetterOrder::newest));
  ASSERT_TRUE(newest) << newest.error().message;
  ASSERT_EQ(newest->size(), 2u);
  EXPECT_GT((*newest)[0].id, (*newest)[1].id);
  EXPECT_GE((*newest)[0].bytes, 2);  // key and value, which are not here
  EXPECT_FALSE((*newest)[0].value);
  std::vector<std::int64_t> walked;
  for (DeadLetterFilter page = with(&DeadLetterFilter::limit, 1);;) {
    const auto found = store->letters(page);
    ASSERT_TRUE(found && walked.size() < 100) << found.error().message;
    if (found->empty()) break;
    walked.push_back(found->front().id);
    page.after = LetterPlace{found->front().at, found->front().offset, found->front().generation};
  }
  std::vector<std::int64_t> at_once;
  const auto by_position = store->letters({});
  for (const auto& letter : *by_position) at_once.push_back(letter.id);
  EXPECT_EQ(walked, at_once) << "page by page, the same letters in the same order";
  EXPECT_GT(walked.size(), 1u);
  const auto older = store->letters(with(&DeadLetterFilter::up_to, std::optional(letters[0].id)));
  ASSERT_TRUE(older);
  ASSERT_EQ(older->size(), 1u);
  EXPECT_EQ((*older)[0].id, letters[0].id);
}

TEST_F(ReplayTest, letters_that_differ_in_numbers_only_are_one_group) {
  sql("UPDATE " + schema +
      ".dead_letter SET reason = 'value ' || id * 10 || '.5 of \"t1\" is out of range', sqlstate = '22003'");
  sql("INSERT INTO " + schema +
      ".dead_letter (pipeline, topic, partition, record_offset, generation, stage, table_name, sqlstate, reason)"
      " SELECT pipeline, topic, partition, 77, generation, stage, table_name, sqlstate, 'value 7.5 of \"t2\" is out of range' FROM " +
      schema + ".dead_letter LIMIT 1");
  const auto groups = store->letter_groups({}, LetterGrouping::reason, 1);
  ASSERT_TRUE(groups) << groups.error().message;
  EXPECT_EQ(groups->groups, 2);
  EXPECT_EQ(groups->letters, 3);
  ASSERT_EQ(groups->largest.size(), 2u);
  EXPECT_EQ(groups->largest[0].letters, 2);
  EXPECT_EQ(groups->largest[0].reason, "value # of \"t1\" is out of range");
  EXPECT_EQ(groups->largest[0].example, std::max(letters[0].id, letters[1].id));
  EXPECT_EQ(groups->largest[0].ids, std::vector{std::min(letters[0].id, letters[1].id)});
  EXPECT_LE(groups->largest[0].oldest, groups->largest[0].newest);
  const auto topics = store->letter_groups({}, LetterGrouping::topic, 20);
  ASSERT_TRUE(topics);
  ASSERT_EQ(topics->largest.size(), 1u);
  EXPECT_EQ(topics->largest[0].topic, at.topic);
  EXPECT_EQ(topics->largest[0].letters, 3);
}

TEST_F(ReplayTest, an_interrupted_thread_ends_its_statement_in_the_server_and_keeps_its_connection) {
  std::stop_source stop;
  auto client = SqlClient::open(settings.url);
  ASSERT_TRUE(client);
  std::jthread interrupt([&] {
    EXPECT_EQ(eventually("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'", "1"), "1");
    stop.request_stop();
  });
  {
    const InterruptScope scope(stop.get_token());
    const auto slept = client->run("SELECT pg_sleep(600)", {}, Clock::now() + std::chrono::seconds(300));
    ASSERT_FALSE(slept);
    EXPECT_EQ(slept.error().message, cancelled);
    EXPECT_EQ(slept.error().sqlstate, "57014");
    EXPECT_FALSE(replay->rehearse(row(1, 5).changes));
  }
  EXPECT_TRUE(client->run("SELECT 1"));
  EXPECT_EQ(sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"), "0");
  // A deadline of the thread's counts, too.
  const InterruptScope soon(Clock::now() + std::chrono::milliseconds(200));
  EXPECT_FALSE(client->run("SELECT pg_sleep(600)", {}, Clock::now() + std::chrono::seconds(300)));
}

TEST_F(ReplayTest, a_letter_is_applied_once_whoever_else_tries) {
  ASSERT_TRUE(replay->begin(letters[0]));
  ASSERT_TRUE(replay->applied(letters[0], "replayed by ann"));
  ReplayTransaction second(settings, identity);
  const auto again = second.begin(letters[0]);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().next, ErrorClass::reject);
}

TEST_F(ReplayTest, the_partitions_owner_waits_for_the_letter_and_goes_on_behind_it) {
  Batch batch;
  claim(batch, *writer);
  batch.row(batch.step(target), ChangeKind::write, {int8(1), number(std::int32_t{7})});
  ASSERT_TRUE(replay->begin(letters[0]));
  const auto older = row(1, 5);
  ASSERT_TRUE(replay->write(older.changes));
  writer->submit(batch.changes, batch.records, batch.ranges);
  for (int i = 0; i < 20; ++i) {
    pollfd descriptor{writer->socket(), POLLIN, 0};
    ::poll(&descriptor, 1, 10);
    ASSERT_FALSE(writer->poll()) << "the batch must wait for the pointer row";
  }
  ASSERT_TRUE(replay->applied(letters[0], "replayed by ann"));
  const auto done = wait(*writer);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(sql("SELECT id, a FROM " + schema + ".t"), "1|7");
}

TEST_F(ReplayTest, a_discarded_letter_is_resolved_and_offsets_without_effect_are_known) {
  const auto before = store->unapplied(at, 1, 0);
  ASSERT_TRUE(before);
  EXPECT_EQ(*before, (std::vector<Offset>{0, 1}));
  ASSERT_TRUE(replay->begin(letters[0]));
  ASSERT_TRUE(replay->applied(letters[0], "replayed by ann"));
  EXPECT_EQ(store->count_letters(with(&DeadLetterFilter::topic, "others")), 0);
  EXPECT_EQ(store->count_letters(with(&DeadLetterFilter::reason, "TOO SMALL")), 1);
  const auto both = with(&DeadLetterFilter::ids, std::vector{letters[0].id, letters[1].id});
  EXPECT_EQ(store->discard(with(&DeadLetterFilter::up_to, std::optional(letters[0].id)), "discarded by ann: old"), 0);
  EXPECT_EQ(store->discard(both, "discarded by ann: old"), 1);  // the other one is resolved
  const auto after = store->unapplied(at, 1, 0);
  ASSERT_TRUE(after);
  EXPECT_EQ(*after, std::vector<Offset>{1});
  EXPECT_EQ(store->open_letters(), 0);
}

TEST_F(ReplayTest, values_are_shown_as_postgres_reads_them) {
  auto batch = row(1, 5);
  batch.row(batch.changes.tables.front().steps.front(), ChangeKind::write, {int8(2), null()});
  const auto rows = literals(settings, batch.changes);
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 2u);
  using Columns = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ((*rows)[0].columns, (Columns{{"id", "'1'"}, {"a", "'5'"}}));
  EXPECT_EQ((*rows)[1].columns, (Columns{{"id", "'2'"}, {"a", "NULL"}}));
  EXPECT_EQ((*rows)[0].action, Action::upsert);
  EXPECT_EQ((*rows)[0].table, target.get());
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".t"), "0");
  const auto statements = statements_of(batch.changes);
  ASSERT_EQ(statements.size(), 1u);
  EXPECT_NE(statements[0].find("ON CONFLICT"), std::string::npos);
}

TEST_F(ReplayTest, statements_with_literals_write_what_the_service_would) {
  sql("CREATE TABLE " + schema + ".odd (\"a$1\" text PRIMARY KEY, v text, j jsonb, n numeric)");
  const auto odd = table("odd", {"a$1"});
  const std::string hostile = "it's $1 \\ \"q\" {x,y}\n\t\u202e 中";
  Batch batch;
  auto& step = batch.step(odd);
  batch.row(step, ChangeKind::write, {bytes(hostile), bytes("NULL"), bytes("\x01{\"k\": \"\\u0007'\"}"), absent()});
  batch.row(step, ChangeKind::write, {bytes("2"), null(), null(), absent()}, 1);
  const auto statements = statements_with_literals(settings, batch.changes);
  ASSERT_TRUE(statements) << statements.error().message;
  for (const auto& statement : *statements) {
    EXPECT_EQ(escape(statement), statement) << "it can be copied from a terminal";
    sql(statement);
  }
  EXPECT_EQ(sql("SELECT v, j->>'k' = chr(7) || chr(39), n FROM " + schema + ".odd ORDER BY length(\"a$1\") DESC"),
            "NULL|t|\\N\n\\N|\\N|\\N");
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".odd WHERE \"a$1\" = " + quoted_literal(hostile)), "1");
  Batch removal;
  removal.row(removal.step(odd), ChangeKind::remove, {bytes(hostile), absent(), absent(), absent()});
  const auto deletes = statements_with_literals(settings, removal.changes);
  ASSERT_TRUE(deletes) << deletes.error().message;
  for (const auto& statement : *deletes) sql(statement);
  EXPECT_EQ(sql("SELECT \"a$1\" FROM " + schema + ".odd"), "2");
}

class AdminTablesTest : public ReplayTest {};

TEST_F(AdminTablesTest, a_pause_is_stored_once_taken_back_once_and_swept_when_it_expires) {
  Pause pause{"orders", "vacuum", "ann", {}, {}};
  EXPECT_EQ(store->pause(pause), true);
  EXPECT_EQ(store->pause(pause), false);
  const auto known = store->pauses();
  ASSERT_TRUE(known) << known.error().message;
  ASSERT_EQ(known->size(), 1u);
  EXPECT_EQ(known->front().reason, "vacuum");
  EXPECT_EQ(known->front().expires, std::nullopt);
  const auto back = store->resume("orders", std::nullopt);
  ASSERT_TRUE(back && *back);
  EXPECT_EQ((*back)->by, "ann");
  EXPECT_EQ(*store->resume("orders", std::nullopt), std::nullopt);

  pause.expires = WallClock::now() - std::chrono::hours(1);
  EXPECT_EQ(store->pause(pause), true);
  EXPECT_TRUE(store->pauses()->empty());
  EXPECT_EQ(store->pause(pause), true) << "an expired pause is not in the way of a new one";
  const auto expired = store->expire();
  ASSERT_TRUE(expired) << expired.error().message;
  EXPECT_EQ(expired->size(), 1u);
  EXPECT_TRUE(store->expire()->empty());
  EXPECT_EQ(sql("SELECT who, command, target FROM " + schema + ".audit"), "sluice|expired|orders");
}

TEST_F(AdminTablesTest, the_audit_trail_keeps_who_did_what_and_how_it_ended) {
  AuditRow entry;
  entry.who = {"ann", "operator", "SHA256:x", "127.0.0.1:5"};
  entry.command = "pause orders";
  entry.detail = R"({"why": "a \"test\""})";
  entry.outcome = "asked";
  const auto id = store->record(entry);
  ASSERT_TRUE(id) << id.error().message;
  ASSERT_TRUE(store->conclude(*id, "done"));
  EXPECT_FALSE(store->conclude(*id + 1, "done"));
  entry.who.name = "bob";
  ASSERT_TRUE(store->record(entry));
  const auto all = store->audit({});
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ(all->front().who.name, "bob");
  const auto ann = store->audit(with(&AuditFilter::by, "ann"));
  ASSERT_TRUE(ann);
  ASSERT_EQ(ann->size(), 1u);
  EXPECT_EQ(ann->front().outcome, "done");
  EXPECT_EQ(ann->front().who.fingerprint, "SHA256:x");
}

TEST_F(AdminTablesTest, pointers_are_those_of_every_instance_and_ours_are_marked) {
  const auto pointers = store->pointers();
  ASSERT_TRUE(pointers) << pointers.error().message;
  ASSERT_EQ(pointers->size(), 1u);
  EXPECT_EQ(pointers->front().at, at);
  EXPECT_EQ(pointers->front().next, 2);
  EXPECT_FALSE(pointers->front().ours);
  const Identity owner{"shop", "11111111-1111-1111-1111-111111111111", "here"};
  EXPECT_TRUE(AdminTables(settings, owner).pointers()->front().ours);
}

}  // namespace
}  // namespace sluice::sink::test

// The time line: what changes a partition's state records it in its own transaction, and letters are counted once.
#include "sink/event_tables.h"

#include "base/event_kind.h"
#include "sink/notification_tables.h"
#include "sink/pointer_move.h"
#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

class EventTest : public SinkTest {
 protected:
  const Identity operators{"shop", "11111111-1111-1111-1111-111111111111", "console"};

  void SetUp() override {
    SinkTest::SetUp();
    made = std::make_unique<AdminTables>(settings, operators);
    made_events = std::make_unique<EventTables>(*made);
  }
  std::string line() {
    return sql("SELECT kind, instance, topic, partition, from_state, to_state, reason FROM " + schema +
               ".event ORDER BY id");
  }
  void set(PartitionState state, std::string_view reason) { ASSERT_TRUE(writer->set_state(*claimed, state, reason)); }
  PointerRow row() { return made->pointers()->front(); }
  void letter(int offset, const std::string& table, const std::string& reason) {
    sql(fmt::format(
        "INSERT INTO {}.dead_letter (pipeline, topic, partition, record_offset, generation, stage, table_name, reason) "
        "VALUES ('shop', 'orders', 0, {}, 1, 'write', {}, '{}')",
        schema, offset, table, reason));
  }
  void claim_it() { claimed = *claim_one(*writer, at, 40); }

  std::optional<Claim> claimed;
  std::unique_ptr<AdminTables> made;
  std::unique_ptr<EventTables> made_events;
};

TEST_F(EventTest, each_change_of_a_state_is_an_event_of_the_same_transaction_whatever_statement_makes_it) {
  claim_it();
  EXPECT_EQ(line(), "") << "being claimed is not an event";
  set(PartitionState::poison, "offset 40: bad");
  set(PartitionState::poison, "offset 40: bad, said otherwise");
  ASSERT_TRUE(*made->release(row()));
  EXPECT_EQ(line(), "stopped|here|orders|3|ok|poison|offset 40: bad\nresumed|here|orders|3|poison|ok|\\N");
  ASSERT_EQ(made->mark_missing({"orders"}, "gone")->size(), 1u);
  sql("BEGIN; UPDATE " + schema + ".pointer SET state = 'ok'; ROLLBACK");
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".event"), "3") << "what did not happen is not told";
  Move move;
  move.from = row();
  move.to = 42;
  move.between.gaps = 2;
  ASSERT_TRUE(*move_pointer(settings, operators, move, nullptr, {}));
  EXPECT_TRUE(
      line().ends_with("stopped|here|orders|3|ok|topic_missing|gone\nresumed|here|orders|3|topic_missing|ok|\\N"))
      << line();
}

TEST_F(EventTest, a_partition_that_was_let_through_and_stops_again_at_once_for_the_same_reason_was_never_resumed) {
  claim_it();
  set(PartitionState::schema, "no permission");
  for (int trial = 0; trial < 3; ++trial) {
    set(PartitionState::ok, "");
    set(PartitionState::schema, "no permission");
  }
  EXPECT_EQ(line(), "stopped|here|orders|3|ok|schema|no permission");
  set(PartitionState::ok, "");
  set(PartitionState::schema, "another reason");
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".event"), "3") << line();
  set(PartitionState::ok, "");
  sql("UPDATE " + schema + ".event SET at = at - interval '1 minute'");
  set(PartitionState::schema, "another reason");
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".event"), "5") << "it did stream for a while: " << line();
}

TEST_F(EventTest, each_letter_is_counted_once_and_a_table_has_at_most_one_event_a_minute) {
  const auto told = [&] {
    EXPECT_TRUE(made_events->record_letters("host"));
    return sql("SELECT topic, reason FROM " + schema + ".event WHERE kind = 'dead_letters' ORDER BY id");
  };
  letter(1, "'a.b'", "first");
  letter(2, "'a.b'", "second");
  letter(3, "NULL", "cannot be read");
  const std::string both = "orders|a.b: 2 new, the last: second\norders|orders: 1 new, the last: cannot be read";
  EXPECT_EQ(told(), both);
  letter(4, "'a.b'", "third");
  letter(5, "'a.b.c'", "of another table");
  EXPECT_EQ(told(), both + "\norders|a.b.c: 1 new, the last: of another table");
  sql("UPDATE " + schema + ".event SET at = at - interval '1 minute'");
  EXPECT_TRUE(told().ends_with("orders|a.b: 1 new, the last: third")) << told();
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".dead_letter WHERE NOT told"), "0");
}

TEST_F(EventTest, events_are_read_newest_first_those_that_lag_are_known_and_the_old_are_removed) {
  EventRow event;
  event.instance = "host";
  event.kind = name(EventKind::lag);
  event.topic = "orders", event.partition = 3;
  event.from = "in_time", event.to = "behind";
  event.at = WallClock::now() - std::chrono::hours(3);
  ASSERT_TRUE(made_events->record(event));
  EXPECT_EQ(*made_events->behind(), (std::set<TopicPartition>{{"orders", 3}}));
  std::swap(event.from, event.to);
  event.at = {};
  ASSERT_TRUE(made_events->record(event));
  EXPECT_TRUE(made_events->behind()->empty());
  const auto both = made_events->events(std::nullopt, 10);
  ASSERT_TRUE(both && both->size() == 2);
  EXPECT_EQ(both->front().to, "in_time");
  EXPECT_EQ(both->front().partition, 3);
  EXPECT_EQ(made_events->events(WallClock::now() - std::chrono::hours(1), 10)->size(), 1u);
  EXPECT_EQ(made_events->events(std::nullopt, 1)->size(), 1u);
  EXPECT_EQ(*made_events->purge(std::chrono::hours(1)), 1);
  EXPECT_EQ(made_events->events(std::nullopt, 10)->size(), 1u);
}

TEST_F(EventTest, each_event_is_shared_out_once_to_the_hooks_that_want_it_and_goes_when_it_was_told) {
  using std::chrono::seconds;
  NotificationTables notifications(*made), of_another(*made);
  const auto waits = [&] { return sql("SELECT hook, attempts FROM " + schema + ".notification ORDER BY hook, id"); };
  claim_it();
  set(PartitionState::poison, "bad");
  set(PartitionState::ok, "");
  EXPECT_EQ(waits(), "|0\n|0") << "with each event the fact that it has not been shared out";
  ASSERT_TRUE(notifications.share_out({{"1:a", "stopped"}, {"1:a", "resumed"}, {"2:b", "stopped"}, {"2:b", "lag"}}));
  ASSERT_TRUE(of_another.share_out({{"1:a", "stopped"}}));
  EXPECT_EQ(waits(), "|0\n1:a|0\n2:b|0") << "that it resumed is shared out when it has lasted";
  const auto first = notifications.take({"1:a"}, seconds(30));
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->hook, "1:a");
  EXPECT_EQ((*first)->event.to, "poison");
  EXPECT_EQ((*first)->event.reason, "bad");
  EXPECT_EQ((*first)->attempts, 1);
  EXPECT_FALSE(*of_another.take({"1:a"}, seconds(30))) << "one instance has it";
  ASSERT_TRUE(notifications.later(**first, seconds(0), seconds(0), true));
  EXPECT_EQ((*of_another.take({"1:a", "9:c"}, seconds(30)))->attempts, 2);
  ASSERT_TRUE(notifications.told((*first)->id));
  EXPECT_EQ(waits(), "|0\n2:b|0");
  EXPECT_TRUE(notifications.expire(seconds(3600))->empty());
  sql("UPDATE " + schema + ".notification SET at = at - interval '2 hours'");
  const auto gone = notifications.expire(seconds(3600));
  ASSERT_TRUE(gone && gone->size() == 1) << "what was never shared out is not worth a word";
  EXPECT_EQ(gone->front().hook, "2:b");
  EXPECT_EQ(gone->front().rows, 1);
  EXPECT_EQ(waits(), "");
}

TEST_F(EventTest, one_receiver_that_does_not_answer_leaves_its_other_notifications_for_later_and_none_of_another) {
  using std::chrono::seconds;
  NotificationTables notifications(*made);
  for (const auto kind : {EventKind::lag, EventKind::started}) {
    EventRow event;
    event.kind = name(kind);
    ASSERT_TRUE(made_events->record(event));
  }
  ASSERT_TRUE(notifications.share_out({{"1:a", "lag"}, {"1:a", "started"}, {"2:b", "lag"}}));
  const auto first = notifications.take({"1:a", "2:b"}, seconds(30));
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->event.kind, "lag") << "the oldest";
  ASSERT_TRUE(notifications.later(**first, seconds(60), seconds(60), true));
  const auto other = (*first)->hook == "1:a" ? "2:b" : "1:a";
  const auto next = notifications.take({"1:a", "2:b"}, seconds(30));
  ASSERT_TRUE(next && *next);
  EXPECT_EQ((*next)->hook, other);
  EXPECT_EQ(notifications.pending()->at("1:a"), 2);
}

TEST_F(EventTest, what_happened_while_notifications_were_muted_is_not_told_whenever_it_is_shared_out) {
  NotificationTables notifications(*made);
  const auto note = [&](EventKind kind, const std::string& to, const std::string& reason) {
    EventRow event;
    event.kind = name(kind);
    event.to = to;
    event.reason = reason;
    ASSERT_TRUE(made_events->record(event));
  };
  note(EventKind::lag, "", "before");
  note(EventKind::muted, "2100-01-01T00:00:00Z", "ann: migration");
  note(EventKind::lag, "", "during");
  note(EventKind::unmuted, "", "ann");
  note(EventKind::lag, "", "after");
  note(EventKind::muted, "2020-01-01T00:00:00Z", "ann: its time was up at once");
  note(EventKind::lag, "", "last");
  ASSERT_TRUE(notifications.share_out({{"1:a", "lag"}}));
  const auto waits = "SELECT string_agg(e.reason, ' ' ORDER BY e.id) FROM " + schema + ".notification n JOIN " +
                     schema + ".event e ON e.id = n.event_id WHERE n.hook <> ''";
  EXPECT_EQ(sql(waits), "before after last");
  EXPECT_EQ(*notifications.drop(), 0) << "nothing is muted any more";
  note(EventKind::muted, "2100-01-01T00:00:00Z", "ann: again");
  EXPECT_EQ(*notifications.drop(), 3);
}

TEST_F(EventTest, the_last_order_says_whether_notifications_are_muted) {
  NotificationTables notifications(*made);
  const auto order = [&](EventKind kind, const std::string& until) {
    EventRow event;
    event.kind = name(kind);
    event.to = until;
    event.reason = "ann: migration";
    EXPECT_TRUE(made_events->record(event));
    const auto mute = notifications.mute();
    EXPECT_TRUE(mute) << mute.error().message;
    return mute && *mute ? (*mute)->reason : "none";
  };
  EXPECT_EQ(order(EventKind::muted, "2100-01-01T00:00:00Z"), "ann: migration");
  EXPECT_EQ(order(EventKind::unmuted, ""), "none");
  EXPECT_EQ(order(EventKind::muted, "2020-01-01T00:00:00Z"), "none") << "its time is up";
}

TEST_F(EventTest, the_order_that_is_in_force_outlives_the_events_of_its_time) {
  NotificationTables notifications(*made);
  const auto order = [&](EventKind kind, const std::string& until) {
    EventRow event;
    event.kind = name(kind);
    event.to = until;
    event.at = WallClock::now() - std::chrono::hours(2);
    ASSERT_TRUE(made_events->record(event));
  };
  order(EventKind::started, "");
  order(EventKind::muted, "2100-01-01T00:00:00Z");
  EXPECT_EQ(*made_events->purge(std::chrono::hours(1)), 1);
  EXPECT_TRUE(*notifications.mute());
  order(EventKind::unmuted, "");
  EXPECT_EQ(*made_events->purge(std::chrono::hours(1)), 1);
  EXPECT_FALSE(*notifications.mute()) << "what ended it has not gone before it";
}

TEST_F(EventTest, hooks_take_in_the_order_in_which_they_are_named_each_its_oldest) {
  using std::chrono::seconds;
  NotificationTables notifications(*made);
  for (const auto kind : {EventKind::lag, EventKind::started}) {
    EventRow event;
    event.kind = name(kind);
    ASSERT_TRUE(made_events->record(event));
  }
  ASSERT_TRUE(notifications.share_out({{"1:a", "lag"}, {"1:a", "started"}, {"2:b", "started"}}));
  const auto take = [&](const std::vector<std::string>& hooks) {
    const auto taken = notifications.take(hooks, seconds(30));
    EXPECT_TRUE(taken) << taken.error().message;
    return taken && *taken ? (*taken)->hook + " " + (*taken)->event.kind : "none";
  };
  EXPECT_EQ(take({"1:a", "2:b"}), "1:a lag");
  EXPECT_EQ(take({"2:b", "1:a"}), "2:b started") << "though an older one waits";
  EXPECT_EQ(take({"2:b", "1:a"}), "1:a started");
  EXPECT_EQ(take({"2:b", "1:a"}), "none");
}

TEST_F(EventTest, nobody_else_makes_a_trigger_with_the_functions_that_record_events) {
  // Whose rights a trigger of the schema has is a matter of the functions that it may use.
  EXPECT_EQ(sql("SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, "
                "aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE n.nspname = '" +
                schema + "' AND p.prosecdef AND p.prorettype = 'trigger'::regtype AND a.grantee <> p.proowner"),
            "0");
}

}  // namespace
}  // namespace sluice::sink::test

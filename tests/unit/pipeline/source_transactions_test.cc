// Transactions of the source become visible as a whole, in their order, whatever comes in which order and whatever
// fails.
#include "runtime/pipeline/source_transactions.h"

#include <array>
#include <functional>
#include <random>

#include "tests/support/rounds.h"
#include "tests/unit/pipeline/fakes.h"

namespace sluice::runtime::test {
namespace {

constexpr int ends = 0, accounts = 1, tellers = 2;  // of Source's partitions

// A source with the tables a and b, whose events and metadata are written as Debezium does.
class Source {
 public:
  explicit Source(std::function<void(config::Pipeline&)> change = {}, int of_b = 1)
      : rig(places(of_b), [&](config::Pipeline& made) {
          made.routes[0].topics = {"p.s.a", "p.s.b"};
          made.consistency = {config::Transactions::source, "p.transaction", seconds(60)};
          if (change) change(made);
        }) {
    rig.consumer.partitions_then = 1000;
    rig.store.on_commit = [this] { check_whole(); };
  }

  struct Event {
    int partition;  // of the rig
    int id;
    std::string value = "x";
  };
  // The events of one transaction, in their order. `end`: so is its END.
  void commit(const std::string& transaction, const std::vector<Event>& events, bool end = true) {
    begin(transaction);
    for (const auto& event : events) write(transaction, event);
    if (end) this->end(transaction, events);
  }
  void begin(const std::string& transaction) {
    put(ends,
        fmt::format(R"({{"status":"BEGIN","id":"{}:1","event_count":null,"data_collections":null}})", transaction));
  }
  void write(const std::string& transaction, const Event& event) {
    auto& progress = progress_[transaction];
    const auto total = ++progress.total, of_table = ++progress.of_table[table(event.partition)];
    written[transaction].emplace_back(at(event.partition), rig.partition[event.partition]->end);
    put_event(transaction, event, total, of_table);
  }
  // As a connector does that was killed; total and of_table: the numbers that the event had before.
  void put_event(const std::string& transaction, const Event& event, int total, int of_table) {
    // The part behind the colon changes with each event.
    put(event.partition,
        fmt::format(R"({{"op":"c","after":{{"id":{},"v":"{}"}},"source":{{"schema":"s","table":"{}"}},)"
                    R"("transaction":{{"id":"{}:{}","total_order":{},"data_collection_order":{}}}}})",
                    event.id, event.value, table(event.partition), transaction, total + 100, total, of_table),
        event.id);
  }
  void end(const std::string& transaction, const std::vector<Event>& events) {
    std::map<std::string, int> counts;
    for (const auto& event : events) ++counts[table(event.partition)];
    std::string collections;
    for (const auto& [name, count] : counts)
      collections += fmt::format(R"({}{{"data_collection":"s.{}","event_count":{}}})", collections.empty() ? "" : ",",
                                 name, count);
    put(ends, fmt::format(R"({{"status":"END","id":"{}:999","event_count":{},"data_collections":[{}]}})", transaction,
                          events.size(), collections));
  }
  // A row that a snapshot read.
  void snapshot(int partition, int id) {
    put(partition,
        fmt::format(R"({{"op":"r","after":{{"id":{},"v":"r"}},"source":{{"schema":"s","table":"{}"}},)"
                    R"("transaction":null}})",
                    id, table(partition)),
        id);
  }
  void put(int partition, std::optional<std::string> value, int id = 1) {
    auto& log = *rig.partition[partition];
    log.write(log.end, fmt::format(R"({{"id":{}}})", id), std::move(value));
  }

  TopicPartition at(int partition) const { return rig.partition[partition]->at(); }
  std::string table(int partition) const { return at(partition).topic.substr(4); }
  std::size_t count(int partition) { return rig.store.applied[at(partition)].size(); }
  FakeStore::Row& row(int partition) { return rig.store.rows[at(partition)]; }
  bool took_effect(const std::pair<TopicPartition, Offset>& event) {
    return rig.row_of(event.first).next > event.second;
  }

  // Of each transaction all events have taken effect or none, as every pointer says.
  void check_whole() {
    for (const auto& [transaction, events] : written) {
      if (torn_by_order.contains(transaction)) continue;
      const auto effective = std::ranges::count_if(events, [this](const auto& one) { return took_effect(one); });
      EXPECT_TRUE(effective == 0 || effective == std::ssize(events))
          << "transaction " << transaction << ": " << effective << " of " << events.size();
    }
  }

  std::map<std::string, std::vector<std::pair<TopicPartition, Offset>>> written;
  std::set<std::string> torn_by_order;
  Rig rig;

 private:
  static std::vector<TopicPartition> places(int of_b) {
    std::vector<TopicPartition> all{{"p.transaction", 0}, {"p.s.a", 0}};
    for (int i = 0; i < of_b; ++i) all.push_back({"p.s.b", i});
    return all;
  }
  struct Progress {
    int total = 0;
    std::map<std::string, int> of_table;
  };
  std::map<std::string, Progress> progress_;
};

TEST(SourceTransactions, a_transaction_is_one_batch_with_the_rows_of_all_its_tables) {
  Source source;
  source.commit("1", {{accounts, 1}, {tellers, 1}, {accounts, 2}});
  source.rig.assign().run();
  EXPECT_EQ(source.count(accounts), 2u);
  EXPECT_EQ(source.count(tellers), 1u);
  EXPECT_EQ(source.row(ends).next, 2);
  EXPECT_EQ(source.row(ends).counts.skipped, 2);
}

TEST(SourceTransactions, nothing_of_a_transaction_is_visible_before_its_last_event_has_come) {
  Source source;
  source.rig.assign().run();
  const std::vector<Source::Event> events{{accounts, 1}, {tellers, 1}, {accounts, 2}};
  source.write("1", events[0]);
  source.write("1", events[1]);
  source.end("1", events);
  source.rig.run();
  EXPECT_EQ(source.count(accounts) + source.count(tellers), 0u);
  EXPECT_EQ(source.row(ends).next, 0);
  source.write("1", events[2]);
  source.rig.run();
  EXPECT_EQ(source.count(accounts) + source.count(tellers), 3u);
}

TEST(SourceTransactions, nothing_of_a_transaction_is_visible_before_its_end_has_come) {
  Source source;
  source.commit("1", {{accounts, 1}, {tellers, 1}}, false);
  source.rig.assign().run();
  EXPECT_EQ(source.count(accounts), 0u);
  source.end("1", {{accounts, 1}, {tellers, 1}});
  source.rig.run();
  EXPECT_EQ(source.count(accounts), 1u);
}

TEST(SourceTransactions, the_records_of_a_batch_are_in_the_source_s_order) {
  Source source({}, 2);
  source.commit("1", {{3, 1}, {accounts, 1}, {tellers, 2}, {3, 3}, {accounts, 4}});
  source.rig.assign().run();
  std::vector<std::pair<TopicPartition, Offset>> data;
  for (const auto& one : source.rig.store.order)
    if (one.first.topic != "p.transaction") data.push_back(one);
  EXPECT_EQ(data, source.written["1"]);
}

TEST(SourceTransactions, records_of_no_transaction_are_applied_at_once) {
  Source source;
  source.commit("1", {{accounts, 1}}, false);
  for (int id = 0; id < 5; ++id) source.snapshot(tellers, id);
  source.put(tellers, std::nullopt);
  source.rig.assign().run();
  EXPECT_EQ(source.row(tellers).next, 6);
  EXPECT_EQ(source.row(accounts).next, 0);
}

TEST(SourceTransactions, a_record_of_none_behind_events_of_a_waiting_one_waits_with_them) {
  Source source;
  source.write("1", {accounts, 1});
  source.put(accounts, std::nullopt);  // the tombstone behind a delete
  source.write("1", {accounts, 2});
  source.snapshot(accounts, 3);
  source.rig.assign().run();
  EXPECT_EQ(source.row(accounts).next, 0);
  source.end("1", {{accounts, 1}, {accounts, 2}});
  source.rig.run();
  EXPECT_EQ(source.row(accounts).next, 4);
}

TEST(SourceTransactions, a_batch_may_hold_several_transactions_and_exceed_its_rows_by_a_part_of_one) {
  Source source([](config::Pipeline& made) {
    made.batch.rows = 8;
    made.batch.adaptive = false;
  });
  for (int n = 0; n < 6; ++n) source.commit(std::to_string(n), {{accounts, n}, {tellers, n}, {accounts, n + 100}});
  source.rig.assign().run();
  EXPECT_EQ(source.row(accounts).next, 12);
  EXPECT_GT(source.rig.store.batches.front(), 8u);
  EXPECT_LT(source.rig.store.batches.size(), 6u);
}

TEST(SourceTransactions, one_larger_than_what_is_read_ahead_is_read_whole) {
  Source source;
  std::vector<Source::Event> events;
  for (int n = 0; n < 10'000; ++n) events.push_back({n % 100 == 0 ? tellers : accounts, n});
  source.commit("1", events);
  source.rig.assign().run(200);
  EXPECT_EQ(source.count(accounts) + source.count(tellers), events.size());
  EXPECT_EQ(source.rig.store.batches, (std::vector<std::size_t>{1, events.size() + 1}));  // BEGIN, and all else
}

TEST(SourceTransactions, one_larger_than_eight_batches_stops_its_partitions_and_says_so) {
  Source source([](config::Pipeline& made) { made.batch.bytes = 64 << 10; });
  std::vector<Source::Event> events;
  for (int n = 0; n < 100; ++n) events.push_back({accounts, n, std::string(10'000, 'x')});
  source.commit("1", events);
  source.rig.assign().run(100);
  EXPECT_EQ(source.row(accounts).state, PartitionState::incomplete);
  EXPECT_THAT(source.row(accounts).reason, testing::HasSubstr("more than 524288 bytes"));
  EXPECT_EQ(source.row(accounts).next, 0);
}

TEST(SourceTransactions, the_incomplete_one_stops_its_partitions_after_the_timeout_and_heals_when_it_completes) {
  Source source;
  source.commit("1", {{accounts, 1}, {tellers, 1}});
  source.rig.assign().run();
  source.write("2", {accounts, 2});
  source.end("2", {{accounts, 2}, {tellers, 2}});
  source.rig.run();
  EXPECT_EQ(source.row(accounts).state, PartitionState::ok);
  const auto held = source.rig.worker->state().memory().held;
  EXPECT_EQ(held.items, 2) << "an event and the END";
  EXPECT_GT(held.bytes, 0);
  EXPECT_GT(held.limit, held.bytes);
  source.rig.run(20, seconds(7));
  EXPECT_EQ(source.row(accounts).state, PartitionState::incomplete);
  EXPECT_EQ(source.row(ends).state, PartitionState::incomplete);
  EXPECT_EQ(source.row(tellers).state, PartitionState::ok);
  EXPECT_EQ(source.row(accounts).reason, "transaction 2: 0 of 1 events have come in p.s.b");
  EXPECT_EQ(source.rig.held(accounts).shown_state(), PartitionState::incomplete);
  source.write("2", {tellers, 2});
  source.rig.run();
  EXPECT_EQ(source.row(accounts).state, PartitionState::ok);
  EXPECT_EQ(source.row(tellers).next, 2);
  EXPECT_EQ(source.rig.held(accounts).shown_state(), PartitionState::ok);
}

TEST(SourceTransactions, the_incomplete_one_that_an_operator_lets_go_is_applied_as_far_as_it_is_there) {
  Source source;
  source.torn_by_order = {"1"};
  source.write("1", {accounts, 1});
  source.end("1", {{accounts, 1}, {tellers, 1}});
  source.rig.assign().run(20, seconds(7));
  ASSERT_EQ(source.row(accounts).state, PartitionState::incomplete);
  source.row(accounts).state = PartitionState::ok;  // as the console does
  ++source.row(accounts).epoch;
  source.rig.run(10, seconds(2));
  EXPECT_EQ(source.row(accounts).next, 1);
  EXPECT_EQ(source.row(ends).next, 1);
  EXPECT_EQ(source.row(ends).state, PartitionState::ok);
  source.commit("2", {{accounts, 2}, {tellers, 2}});
  source.rig.run();
  EXPECT_EQ(source.row(tellers).next, 1);
}

TEST(SourceTransactions, one_without_an_end_says_what_it_waits_for) {
  Source source;
  source.commit("77", {{accounts, 1}}, false);
  source.rig.assign().run(20, seconds(7));
  EXPECT_EQ(source.row(accounts).reason, "the END of transaction 77 has not come in p.transaction");
}

TEST(SourceTransactions, a_wrong_order_in_a_partition_is_incomplete_and_says_which_transaction_is_in_the_way) {
  Source source;
  const std::vector<Source::Event> events{{accounts, 1}, {tellers, 1}};
  source.write("1", events[0]);
  source.write("2", events[1]);
  source.write("1", events[1]);
  source.write("2", events[0]);
  source.end("1", events);
  source.end("2", events);
  source.rig.assign().run(20, seconds(7));
  EXPECT_EQ(source.row(tellers).reason,
            "transaction 1: 0 of 1 events have come in p.s.b; partition 0 goes on with transaction 2");
}

TEST(SourceTransactions, tables_that_no_route_takes_are_not_waited_for) {
  Source source;
  source.begin("1");
  source.put(ends, R"({"status":"END","id":"1:2","event_count":4,"data_collections":)"
                   R"([{"data_collection":"s.other","event_count":4}]})");
  source.rig.assign().run();
  EXPECT_EQ(source.row(ends).next, 2);
}

TEST(SourceTransactions, a_topic_with_another_name_than_its_table_stops_and_says_so) {
  Source source;
  source.put(accounts, R"({"op":"c","after":{"id":1,"v":"x"},"source":{"schema":"s","table":"elsewhere"},)"
                       R"("transaction":{"id":"1:1","total_order":1,"data_collection_order":1}})");
  source.rig.assign().run();
  EXPECT_EQ(source.row(accounts).state, PartitionState::incomplete);
  EXPECT_THAT(source.row(accounts).reason, testing::HasSubstr("keep Debezium's names"));
  EXPECT_EQ(source.row(accounts).next, 0);
}

TEST(SourceTransactions, a_refused_row_is_a_dead_letter_in_the_transaction_of_the_others) {
  Source source;
  source.commit("1", {{accounts, 1}, {tellers, 1, "bad"}, {accounts, 2}});
  source.commit("2", {{accounts, 3}, {tellers, 2}});
  source.rig.assign().run();
  EXPECT_EQ(source.rig.store.dead[source.at(tellers)], offsets(0, 1));
  EXPECT_EQ(source.count(accounts), 3u);
  EXPECT_EQ(source.row(tellers).next, 2);
}

TEST(SourceTransactions, a_record_that_nobody_can_read_is_not_taken_for_the_event_that_is_missing) {
  for (const bool goes_on : {false, true}) {
    Source source;
    source.torn_by_order = {"1", "2"};
    const std::vector<Source::Event> events{{accounts, 1}, {accounts, 2}, {tellers, 1}};
    source.write("1", events[0]);
    source.put(accounts, "{");
    source.write("1", events[2]);
    source.end("1", events);
    if (goes_on) source.commit("2", {{accounts, 3}});
    source.rig.assign().run(20, seconds(7));
    EXPECT_EQ(source.row(accounts).next, 0);
    EXPECT_EQ(source.row(accounts).state, PartitionState::incomplete);
    EXPECT_THAT(source.row(accounts).reason, testing::StartsWith("transaction 1: 1 of 2 events have come in p.s.a"));
    EXPECT_THAT(source.row(accounts).reason, testing::HasSubstr("1 of its records cannot be read"));
    source.row(accounts).state = PartitionState::ok;  // as the console does
    ++source.row(accounts).epoch;
    source.rig.run(10, seconds(2));
    EXPECT_EQ(source.row(accounts).next, source.rig.partition[accounts]->end);
    EXPECT_EQ(source.row(accounts).state, PartitionState::ok);
    EXPECT_EQ(source.rig.store.dead[source.at(accounts)], offsets(1, 2));
  }
}

TEST(SourceTransactions, a_record_that_nobody_can_read_stands_in_for_no_event_in_a_partition_that_is_new) {
  Source source({}, 2);
  auto& rig = source.rig;
  rig.consumer.partitions_then = 1;  // b/1 appears later, and is assigned later still
  rig.partition[3]->revoke();
  for (std::uint32_t n = 0; n < 3; ++n) rig.worker->assign(*rig.partition[n], rig.signal, n);
  rig.pause({});
  const std::vector<Source::Event> events{{tellers, 1}, {3, 2}};
  source.write("1", events[0]);
  source.put(tellers, "{");
  source.write("1", events[1]);
  source.end("1", events);
  source.commit("2", {{tellers, 3}});
  rig.run(100);
  EXPECT_EQ(source.row(tellers).next, 0);
  rig.partition[3]->assign_again();
  rig.assign().run(100);
  EXPECT_EQ(source.row(tellers).next, 3);
  EXPECT_EQ(source.row(3).next, 1);
  EXPECT_EQ(rig.store.dead[source.at(tellers)], offsets(1, 2));
}

TEST(SourceTransactions, on_error_stop_stops_in_front_of_the_whole_transaction) {
  for (const std::string poison : {"bad", "\\u0000"}) {  // refused by PostgreSQL, refused by mapping
    Source source([](config::Pipeline& made) { made.routes[0].on_error = config::OnError::stop; });
    source.commit("1", {{accounts, 1}, {tellers, 1}});
    source.commit("2", {{accounts, 2}, {accounts, 3}, {tellers, 2, poison}});
    source.commit("3", {{accounts, 4}});
    source.rig.assign().run(100);
    EXPECT_EQ(source.row(tellers).state, PartitionState::poison) << poison;
    EXPECT_EQ(source.row(tellers).next, 1) << poison;
    EXPECT_EQ(source.row(accounts).next, 1) << poison;
    EXPECT_EQ(source.row(ends).next, 3) << poison;  // the next BEGIN says nothing
    source.rig.run(30, seconds(7));
    EXPECT_EQ(source.row(accounts).state, PartitionState::incomplete) << poison;
    EXPECT_THAT(source.row(accounts).reason, testing::HasSubstr("partition 0 is poison")) << poison;
  }
}

TEST(SourceTransactions, a_pause_of_one_table_holds_up_the_transactions_that_have_rows_of_it) {
  Source source;
  source.rig.assign().run();
  source.rig.pause({{"p.s.b", "for a test", "ops", {}, {}}});
  source.commit("1", {{accounts, 1}, {tellers, 1}});
  source.rig.run();
  EXPECT_EQ(source.row(accounts).next, 0);
  source.rig.pause({});
  source.rig.run();
  EXPECT_EQ(source.row(accounts).next, 1);
}

TEST(SourceTransactions, nothing_is_claimed_while_another_instance_has_a_part_of_the_partitions) {
  Source source({}, 2);
  source.rig.partition[3]->revoke();
  for (std::uint32_t n = 0; n < 3; ++n) source.rig.worker->assign(*source.rig.partition[n], source.rig.signal, n);
  source.rig.pause({});
  source.commit("1", {{accounts, 1}});
  source.rig.run(200);
  EXPECT_TRUE(source.rig.store.rows.empty());
  EXPECT_THAT(source.rig.held(accounts).shown_reason(), testing::HasSubstr("p.s.b/1 is not assigned to this instance"));
}

TEST(SourceTransactions, nothing_is_applied_while_a_rebalance_has_taken_a_part_of_the_partitions) {
  Source source({}, 2);
  source.rig.assign().run();
  const std::vector<Source::Event> events{{3, 1}, {tellers, 2}};
  source.rig.partition[3]->revoke();
  source.rig.worker->drop_lost();
  source.commit("1", events);
  source.rig.run();
  EXPECT_EQ(source.row(tellers).next, 0) << "the event that came before it is in the partition that is gone";
  EXPECT_EQ(source.row(ends).next, 1) << "the BEGIN alone";
  source.rig.run(20, seconds(7));
  EXPECT_THAT(source.row(tellers).reason, testing::HasSubstr("p.s.b/1 is not assigned to this instance"));
  source.rig.partition[3]->assign_again();
  source.rig.assign().run(100);
  EXPECT_EQ(source.row(tellers).next, 1);
  EXPECT_EQ(source.row(3).next, 1);
  EXPECT_EQ(source.row(tellers).state, PartitionState::ok);
}

TEST(SourceTransactions, an_event_in_a_partition_that_the_topic_was_given_meanwhile_is_waited_for) {
  for (const bool at_start : {false, true}) {
    Source source({}, 2);
    auto& rig = source.rig;
    rig.consumer.partitions_then = 1;  // b/1 appears later, and is assigned later still
    rig.partition[3]->revoke();
    source.commit("1", {{accounts, 1}, {tellers, 1}});
    for (std::uint32_t n = 0; n < 3; ++n) rig.worker->assign(*rig.partition[n], rig.signal, n);
    rig.pause({});
    if (!at_start) rig.run();
    source.commit("2", {{3, 1}, {tellers, 2}, {accounts, 2}});
    source.commit("3", {{accounts, 3}, {tellers, 3}});
    rig.run(100);
    EXPECT_EQ(source.row(tellers).next, 1) << "an event of the table comes before its own, by another partition";
    EXPECT_EQ(source.row(accounts).next, 1);
    rig.partition[3]->assign_again();
    rig.assign().run(100);
    EXPECT_EQ(source.row(3).next, 1);
    EXPECT_EQ(source.row(tellers).next, 3);
    EXPECT_EQ(source.row(accounts).next, 3);
  }
}

TEST(SourceTransactions, an_event_that_is_sent_again_does_not_stand_in_for_one_that_is_missing) {
  Source source({}, 2);
  source.rig.assign().run();
  const std::vector<Source::Event> events{{tellers, 1}, {3, 2}, {tellers, 3}};
  source.write("1", events[0]);
  source.put_event("1", events[0], 1, 1);
  source.put_event("1", events[0], 1, 1);
  source.end("1", events);
  source.rig.run();
  EXPECT_EQ(source.row(tellers).next, 0);
  source.rig.run(20, seconds(7));
  EXPECT_EQ(source.row(tellers).reason, "transaction 1: 1 of 3 events have come in p.s.b");
  source.write("1", events[1]);
  source.write("1", events[2]);
  source.rig.run();
  EXPECT_EQ(source.row(tellers).next, 4) << "a repeat is applied like any other";
  EXPECT_EQ(source.row(3).next, 1);
}

TEST(SourceTransactions, one_that_is_sent_again_to_another_partition_after_the_topic_has_grown_is_counted_once) {
  Source source({}, 2);
  source.rig.assign().run();
  const std::vector<Source::Event> events{{tellers, 1}, {tellers, 2}, {tellers, 3}};
  source.write("1", events[0]);
  source.write("1", events[1]);
  source.put_event("1", {3, 1}, 1, 1);
  source.end("1", events);
  source.rig.run();
  EXPECT_EQ(source.row(tellers).next, 0);
  EXPECT_EQ(source.row(3).next, 0);
  source.write("1", events[2]);
  source.rig.run();
  EXPECT_EQ(source.row(tellers).next, 3);
  EXPECT_EQ(source.row(3).next, 1);
}

TEST(SourceTransactions, a_topic_that_grows_within_a_transaction_is_waited_for_until_its_new_partition_is_assigned) {
  // What is in the new partition comes before, between and behind what is in the old one.
  for (const std::vector<int>& places :
       {std::vector{3, tellers, tellers}, {tellers, 3, tellers}, {tellers, tellers, 3}}) {
    Source source({}, 2);
    source.rig.consumer.partitions_then = 1;
    for (std::uint32_t token = 0; token < 3; ++token)
      source.rig.worker->assign(*source.rig.partition[token], source.rig.signal, token);
    source.rig.pause({});
    source.commit("1", {{accounts, 1}, {tellers, 1}});
    source.rig.run();
    EXPECT_EQ(source.row(tellers).next, 1);
    std::vector<Source::Event> events{{accounts, 2}};
    for (const int place : places) events.push_back({place, 1 + static_cast<int>(events.size())});
    source.commit("2", events);
    source.commit("3", {{accounts, 9}, {tellers, 9}});
    source.rig.run();
    EXPECT_EQ(source.row(accounts).next, 1) << "nobody has told us of the partition yet";
    source.rig.run(20, seconds(7));
    EXPECT_EQ(source.row(tellers).reason,
              "transaction 2: 2 of 3 events have come in p.s.b; partition 0 goes on with "
              "transaction 3");
    source.rig.worker->assign(*source.rig.partition[3], source.rig.signal, 3);
    source.rig.run();
    EXPECT_EQ(source.row(3).next, 1);
    EXPECT_EQ(source.row(tellers).next, 4);
    EXPECT_EQ(source.row(accounts).next, 3);
  }
}

TEST(SourceTransactions, a_connector_that_goes_back_over_several_transactions_holds_up_nothing) {
  for (const int of_b : {1, 2}) {
    for (const bool read_at_once : {true, false}) {
      Source source({}, of_b);
      const int last = of_b == 2 ? 3 : tellers;
      const std::vector<Source::Event> first{{accounts, 1}, {tellers, 1}, {last, 2}},
          second{{tellers, 3}, {accounts, 2}, {last, 4}};
      const auto until_killed = [&] {
        source.commit("1", first);
        source.begin("2");
        source.write("2", second[0]);
      };
      const auto again = [&] {
        source.put_event("1", first[1], 2, 1);  // from the middle of the first one
        source.put_event("1", first[2], 3, 2);
        source.end("1", first);
        source.begin("2");
        source.put_event("2", second[0], 1, 1);
      };
      if (!read_at_once) source.rig.assign().run();
      until_killed();
      if (!read_at_once) source.rig.run();
      again();
      again();
      if (!read_at_once) source.rig.run();
      source.end("2", second);
      source.end("2", second);
      if (read_at_once) source.rig.assign();
      source.rig.run();
      EXPECT_EQ(source.row(accounts).next, 1) << "the second one is not complete";
      source.write("2", second[1]);
      source.write("2", second[2]);
      source.commit("3", {{accounts, 5}, {last, 5}});
      source.rig.run(20, seconds(7));
      for (int n = 0; n < 2 + of_b; ++n) {
        EXPECT_EQ(source.row(n).next, source.rig.partition[n]->end) << n << source.row(n).reason;
        EXPECT_EQ(source.row(n).state, PartitionState::ok) << n << source.row(n).reason;
      }
    }
  }
}

TEST(SourceTransactions, a_lost_answer_to_the_end_of_incomplete_is_not_taken_for_an_order) {
  Source source;
  source.rig.assign().run();
  source.write("2", {accounts, 2});
  source.end("2", {{accounts, 2}, {tellers, 2}});
  source.rig.run(20, seconds(7));
  ASSERT_EQ(source.row(accounts).state, PartitionState::incomplete);
  source.rig.store.loses_answer_to = PartitionState::ok;
  source.write("2", {tellers, 2});
  source.write("3", {accounts, 3});
  source.rig.run(100);
  EXPECT_FALSE(source.rig.store.loses_answer_to);
  EXPECT_EQ(source.row(accounts).next, 1) << "the rest of the other transaction has not come";
  EXPECT_EQ(source.row(tellers).next, 1);
}

TEST(SourceTransactions, an_event_in_front_of_which_its_partition_stops_is_not_counted) {
  Source source([](config::Pipeline& made) { made.routes[0].on_error = config::OnError::stop; });
  source.torn_by_order = {"1"};
  source.write("1", {accounts, 1});
  source.write("1", {accounts, 2, "\\u0000"});
  source.end("1", {{accounts, 1}, {accounts, 2}, {tellers, 1}});
  source.rig.assign().run(20, seconds(7));
  ASSERT_EQ(source.row(accounts).state, PartitionState::incomplete);
  std::ptrdiff_t counted = 0;
  source.rig.store.on_commit = [&] {
    counted +=
        std::ranges::count(source.rig.worker->state().in_flight.notes(), std::string("p.s.a"), &SourceNote::topic);
  };
  source.row(accounts).state = PartitionState::ok;
  ++source.row(accounts).epoch;
  source.rig.run(10, seconds(2));
  EXPECT_EQ(source.row(accounts).state, PartitionState::poison);
  EXPECT_EQ(source.row(accounts).next, 1);
  EXPECT_EQ(counted, 1);
}

TEST(SourceTransactions, what_is_held_of_the_metadata_topic_has_a_limit_in_bytes) {
  Source source([](config::Pipeline& made) { made.batch.bytes = 64 << 10; });
  for (int n = 0; n < 100; ++n)
    source.put(ends, fmt::format(R"({{"status":"END","id":"{}:1","event_count":1,"data_collections":)"
                                 R"([{{"data_collection":"s.a","event_count":1}}],"more":"{}"}})",
                                 n, std::string(10'000, 'x')));
  source.rig.assign().run(100);
  const auto* streaming = source.rig.held(ends).in<Streaming>();
  ASSERT_NE(streaming, nullptr);
  EXPECT_GT(streaming->held.bytes, 500'000u);
  EXPECT_LT(streaming->held.bytes, 540'000u);
}

TEST(SourceTransactions, an_end_whose_counts_do_not_add_up_lets_nothing_of_its_transaction_pass) {
  Source source;
  source.write("1", {accounts, 1});
  source.put(ends, R"({"status":"END","id":"1:9","event_count":2,"data_collections":)"
                   R"([{"data_collection":"s.a","event_count":1}]})");
  source.rig.assign().run();
  EXPECT_EQ(source.row(accounts).next, 0);
  source.rig.run(20, seconds(7));
  EXPECT_EQ(source.row(accounts).reason, "the END of transaction 1 has not come in p.transaction");
}

TEST(SourceTransactions, odd_metadata_holds_up_what_it_leaves_open_and_nothing_else) {
  const auto put_end = [](Source& source, const std::string& counts) {
    source.put(ends, fmt::format(R"({{"status":"END","id":"1:9"{}}})", counts));
  };
  const std::vector<Source::Event> both{{accounts, 1}, {tellers, 1}};
  struct Case {
    const char* name;
    std::function<void(Source&)> records;  // transaction 2, of one event in each table, follows
    std::array<Offset, 3> next;            // of the metadata topic and the tables
    const char* reason = "";
  };
  const Case cases[] = {
      {"no events", [&](Source& source) { source.commit("1", {}); }, {4, 1, 1}},
      {"no events, and null in place of the tables",
       [&](Source& source) { put_end(source, R"(,"event_count":0,"data_collections":null)"); },
       {3, 1, 1}},
      {"a table that has none",
       [&](Source& source) {
         put_end(source, R"(,"event_count":0,"data_collections":[{"data_collection":"s.a","event_count":0}])");
       },
       {3, 1, 1}},
      {"an END without counts",
       [&](Source& source) {
         put_end(source, "");
         source.write("1", both[0]);
       },
       {2, 0, 0},  // of the metadata topic what stands before the END of transaction 2
       "transaction 2: 0 of 1 events have come in p.s.a; partition 0 goes on with transaction 1"},
      {"an END whose counts are null",
       [&](Source& source) {
         source.write("1", both[0]);
         put_end(source, R"(,"event_count":null,"data_collections":null)");
       },
       {2, 0, 0},  // of the metadata topic what stands before the END of transaction 2
       "transaction 2: 0 of 1 events have come in p.s.a; partition 0 goes on with transaction 1"},
      {"an END before its events, and no BEGIN",
       [&](Source& source) {
         source.end("1", both);
         for (const auto& event : both) source.write("1", event);
       },
       {3, 2, 2}},
      {"BEGIN and END twice",
       [&](Source& source) {
         source.begin("1");
         source.commit("1", both);
         source.end("1", both);
       },
       {6, 2, 2}},
      {"a BEGIN behind the END",
       [&](Source& source) {
         source.commit("1", both);
         source.begin("1");
       },
       {5, 2, 2}},
      {"the right sum with other tables",
       [&](Source& source) {
         for (const auto& event : both) source.write("1", event);
         source.end("1", {{accounts, 1}, {accounts, 2}});
       },
       {0, 0, 0},
       "transaction 1: 1 of 2 events have come in p.s.a; partition 0 goes on with transaction 2"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    Source source;
    one.records(source);
    source.commit("2", both);
    source.rig.assign().run();
    source.rig.run(20, seconds(7));
    EXPECT_EQ(source.row(ends).next, one.next[0]);
    EXPECT_EQ(source.row(accounts).next, one.next[1]);
    EXPECT_EQ(source.row(tellers).next, one.next[2]);
    EXPECT_EQ(source.row(accounts).reason, one.reason);
  }
}

TEST(SourceTransactions, a_statement_that_fails_stops_no_partition_that_has_no_record_in_it) {
  Source source;
  source.rig.assign().run();
  source.rig.store.hold = true;
  source.snapshot(tellers, 9);
  source.rig.run(3);
  source.rig.store.failing[source.at(accounts)] = {ErrorClass::stop_partition, "42703", "no such column"};
  source.rig.partition[tellers]->deliver(listener::EndOfPartition{3});  // offsets without a record
  source.write("1", {accounts, 1});
  source.end("1", {{accounts, 1}});
  source.rig.run(5);
  source.rig.store.hold = false;
  source.rig.run(100);
  EXPECT_EQ(source.row(accounts).state, PartitionState::schema);
  EXPECT_EQ(source.row(tellers).state, PartitionState::ok);
}

TEST(SourceTransactions, pipelines_that_applied_events_before_go_over_to_whole_ones_without_help) {
  Source source;
  source.torn_by_order = {"1", "2"};
  source.commit("1", {{accounts, 1}, {tellers, 1}});
  source.commit("2", {{accounts, 2}, {accounts, 3}, {tellers, 2}});
  // As without the setting: all of a and the first event of b were applied, and nothing of the metadata topic.
  for (const int partition : {accounts, tellers}) {
    auto& row = source.row(partition);
    row.next = partition == accounts ? 3 : 1;
    row.anchor_offset = row.next - 1;
    Record anchor;
    const auto& stored = source.rig.partition[partition]->log[static_cast<std::size_t>(row.next - 1)];
    anchor.key = stored.key;
    anchor.value = *stored.value;
    row.anchor_crc = fingerprint(anchor);
  }
  source.rig.assign().run();
  EXPECT_EQ(source.row(tellers).next, 2);
  EXPECT_EQ(source.row(ends).next, 4);
  source.commit("3", {{accounts, 4}, {tellers, 3}});
  source.rig.run();
  EXPECT_EQ(source.row(accounts).next, 4);
}

TEST(SourceTransactions, whatever_fails_no_transaction_is_seen_in_part) {
  const int last = rounds_wanted(150);
  for (int seed = 1; seed <= last; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 random(static_cast<unsigned>(seed));
    const auto chance = [&](unsigned of) { return random() % of == 0; };
    Source source(
        [&](config::Pipeline& made) {
          made.batch.rows = chance(2) ? 1 + static_cast<int>(random() % 10) : 2000;
          made.batch.adaptive = chance(2);
        },
        chance(2) ? 2 : 1);
    auto& rig = source.rig;
    const int partitions = static_cast<int>(rig.partition.size());
    const auto disturb = [&] {
      switch (random() % 12) {
        case 0:
          rig.store.errors.push_back({ErrorClass::retry, "40P01", "deadlock"});
          break;
        case 1:
          rig.store.errors.push_back({ErrorClass::reclaim, "", "connection lost"});
          rig.store.commit_before_loss = chance(2);
          break;
        case 2:
          rig.store.fence(source.at(static_cast<int>(random()) & 1));
          break;
        case 3:
          rig.store.errors.push_back({ErrorClass::unclear, "XX000", "who knows"});
          break;
        case 4:
          for (auto* one : rig.partition) one->revoke();
          rig.worker->drop_lost();
          for (auto* one : rig.partition) one->assign_again();
          rig.assign();
          break;
        case 5:
          rig.pause({{"p.s.a", "for a test", "ops", {}, {}}});
          rig.run(3);
          rig.pause({});
          break;
        default:
          break;
      }
      rig.run(1 + static_cast<int>(random() % 3));
    };
    rig.assign();
    for (int transaction = 0; transaction < 40; ++transaction) {
      const auto name = std::to_string(transaction);
      std::vector<Source::Event> events;
      const auto size = random() % 6;
      for (unsigned n = 0; n < size; ++n) {
        const int partition = 1 + static_cast<int>(random() % static_cast<unsigned>(partitions - 1));
        events.push_back({partition, static_cast<int>(random() % 5), chance(20) ? "bad" : "x"});
      }
      source.begin(name);
      for (const auto& event : events) {
        source.write(name, event);
        if (chance(8)) source.put(event.partition, std::nullopt);
        if (chance(4)) disturb();
      }
      source.end(name, events);
      if (chance(5)) source.snapshot(1, 3);
      if (chance(3)) disturb();
    }
    rig.store.errors.clear();
    rig.run(600, milliseconds(50));
    for (int n = 0; n < partitions; ++n) {
      EXPECT_EQ(source.row(n).next, rig.partition[n]->end) << n;
      EXPECT_EQ(source.row(n).state, PartitionState::ok) << n << source.row(n).reason;
      auto all = rig.store.applied[source.at(n)];
      std::ranges::copy(rig.store.dead[source.at(n)], std::back_inserter(all));
      std::ranges::sort(all);
      EXPECT_EQ(all, offsets(0, rig.partition[n]->end)) << n;
    }
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace sluice::runtime::test

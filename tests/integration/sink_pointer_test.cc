#include <algorithm>
#include <thread>

#include "sink/connect.h"

#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

using Pointer = SinkTest;

TEST_F(Pointer, a_claim_creates_the_row_and_a_later_one_raises_the_epoch) {
  const auto first = claim_one(*writer, at, 7);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->next, 7);
  EXPECT_EQ(first->start, 7);
  EXPECT_EQ(first->epoch, 1);
  EXPECT_EQ(first->state, PartitionState::ok);
  EXPECT_EQ(first->anchor_offset, -1);
  EXPECT_EQ(first->anchor_timestamp_ms, -1);
  const auto second = claim_one(*writer, at, 99);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->next, 7);
  EXPECT_EQ(second->epoch, 2);
}

TEST_F(Pointer, knows_what_was_created_and_leaves_what_exists) {
  ASSERT_TRUE(claim_one(*writer, {"orders", 1}, 5));
  ASSERT_TRUE(writer->create_pointers({{{"orders", 1}, 9}, {{"orders", 2}, 9}}));
  EXPECT_EQ(sql("SELECT partition, next_offset, epoch FROM " + schema + ".pointer ORDER BY 1"), "1|5|1\n2|9|0");
  EXPECT_TRUE(writer->pointer_exists({"orders", 2})->partition);
  EXPECT_FALSE(writer->pointer_exists(at)->partition);
  EXPECT_TRUE(writer->pointer_exists(at)->topic);
  EXPECT_FALSE(writer->pointer_exists({"other", 1})->topic);
}

TEST_F(Pointer, advance_moves_the_pointer_with_its_counts_and_its_anchor) {
  Batch batch;
  claim(batch, *writer, 10);
  auto& range = batch.ranges[0];
  range.anchor_offset = 9;
  range.anchor_timestamp_ms = 1700000000123;
  range.anchor_crc = 4000000000;
  range.counts = {4, 3, 1, 0, 2};
  writer->submit(batch.changes, batch.records, batch.ranges);
  EXPECT_TRUE(writer->busy());
  ASSERT_TRUE(wait(*writer));
  EXPECT_FALSE(writer->busy());
  const auto claimed = claim_one(*writer, at, 0);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->next, 10);
  EXPECT_EQ(claimed->anchor_offset, 9);
  EXPECT_EQ(claimed->anchor_timestamp_ms, 1700000000123);
  EXPECT_EQ(claimed->anchor_crc, 4000000000);
  EXPECT_EQ(claimed->counts.total(), 10);
}

TEST_F(Pointer, a_stale_claim_is_fenced_and_nothing_of_its_batch_remains) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY)");
  const auto target = table("t", {"id"});
  const auto attempt = [&](auto spoil) {
    Batch batch;
    claim(batch, *writer);
    batch.row(batch.step(target), ChangeKind::write, {int8(1)});
    spoil(batch.ranges[0]);
    writer->submit(batch.changes, batch.records, batch.ranges);
    return wait(*writer);
  };
  for (const auto& done : {
           attempt([&](auto&) { EXPECT_TRUE(claim_one(*connect("22222222-2222-2222-2222-222222222222"), at, 0)); }),
           attempt([](auto& range) { --range.epoch; }),
           attempt([](auto& range) { ++range.generation; }),
           attempt([](auto& range) { ++range.from, ++range.to; }),
           attempt([](auto& range) { range.to = range.from; }),
           attempt([&](auto&) { sql("UPDATE " + schema + ".pointer SET state = 'paused'"); }),
       }) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().next, ErrorClass::fenced) << done.error().message;
    EXPECT_TRUE(done.error().sqlstate == "SL001" || done.error().sqlstate == "SL002") << done.error().sqlstate;
    EXPECT_NE(done.error().message.find("orders/3"), std::string::npos) << done.error().message;
  }
  EXPECT_TRUE(writer->connected());
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".t"), "0");
  EXPECT_EQ(sql("SELECT next_offset FROM " + schema + ".pointer"), "0");
}

TEST_F(Pointer, a_claim_waits_for_an_unfinished_predecessor_and_then_fences_it) {
  Batch batch;
  claim(batch, *writer);
  ASSERT_TRUE(writer->begin(batch.ranges, batch.changes));
  auto other = connect("22222222-2222-2222-2222-222222222222");
  const auto early = claim_one(*other, at, 0);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().next, ErrorClass::retry) << early.error().message;
  EXPECT_TRUE(other->connected());
  std::thread finishing([&] {
    EXPECT_EQ(eventually("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1"), "1");
    EXPECT_TRUE(writer->finish({}, batch.records, batch.ranges));
  });
  auto claimed = claim_one(*other, at, 0);  // which waits for 200 ms: time enough, on a machine that is quick
  for (const auto until = Clock::now() + std::chrono::seconds(60);
       !claimed && claimed.error().next == ErrorClass::retry && Clock::now() < until;)
    claimed = claim_one(*other, at, 0);
  finishing.join();
  ASSERT_TRUE(claimed) << claimed.error().message;
  EXPECT_EQ(claimed->next, 1);  // what the predecessor committed is seen
  batch.ranges[0].from = 1, batch.ranges[0].to = 2;
  EXPECT_EQ(writer->begin(batch.ranges, batch.changes).error().next, ErrorClass::fenced);
}

TEST_F(Pointer, only_the_holder_records_a_state) {
  const auto claimed = claim_one(*writer, at, 0);
  ASSERT_TRUE(claimed);
  ASSERT_TRUE(writer->set_state(*claimed, PartitionState::schema, "table t is missing"));
  EXPECT_EQ(claim_one(*writer, at, 0)->state_reason, "table t is missing");
  const auto late = writer->set_state(*claimed, PartitionState::ok, "");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().next, ErrorClass::fenced);
  ASSERT_TRUE(writer->set_state(*claim_one(*writer, at, 0), PartitionState::ok, ""));
  EXPECT_EQ(sql("SELECT state, state_reason FROM " + schema + ".pointer"), "ok|\\N");
}

TEST_F(Pointer, several_partitions_advance_together_or_not_at_all) {
  Batch batch;
  TopicPartition other{"customers", 0};
  claim(batch, *writer);
  const auto claimed = claim_one(*writer, other, 40);
  ASSERT_TRUE(claimed);
  batch.ranges.push_back(batch.ranges[0]);
  auto& range = batch.ranges[1];
  range.at = &other, range.from = 40, range.to = 50, range.epoch = claimed->epoch + 1;
  writer->submit(batch.changes, batch.records, batch.ranges);
  EXPECT_EQ(wait(*writer).error().next, ErrorClass::fenced);
  EXPECT_EQ(sql("SELECT sum(next_offset) FROM " + schema + ".pointer"), "40");
  range.epoch = claimed->epoch;
  writer->submit(batch.changes, batch.records, batch.ranges);
  ASSERT_TRUE(wait(*writer));
  EXPECT_EQ(sql("SELECT sum(next_offset) FROM " + schema + ".pointer"), "51");
}

TEST_F(Pointer, a_lost_connection_is_reclaimed_and_nothing_is_applied) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY)");
  Batch batch;
  batch.row(batch.step(table("t", {"id"})), ChangeKind::write, {int8(1)});
  claim(batch, *writer);
  sql("BEGIN; LOCK TABLE " + schema + ".t");
  writer->submit(batch.changes, batch.records, batch.ranges);
  EXPECT_FALSE(writer->poll());
  sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice/shop'");
  const auto done = wait(*writer);
  sql("ROLLBACK");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, ErrorClass::reclaim) << done.error().message;
  EXPECT_FALSE(writer->connected());
  EXPECT_EQ(writer->socket(), -1);
  ASSERT_TRUE(writer->connect());
  EXPECT_EQ(claim_one(*writer, at, 0)->next, 0);
}

TEST_F(Pointer, a_constraint_that_fails_at_commit_is_not_a_success) {
  sql("CREATE TABLE " + schema + ".parent (id bigint PRIMARY KEY); CREATE TABLE " + schema +
      ".t (id bigint PRIMARY KEY, parent bigint REFERENCES " + schema + ".parent DEFERRABLE INITIALLY DEFERRED)");
  Batch batch;
  batch.row(batch.step(table("t", {"id"})), ChangeKind::write, {int8(1), int8(2)});
  const auto done = write(batch);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, ErrorClass::reject);
  EXPECT_EQ(done.error().sqlstate, "23503");
  EXPECT_EQ(claim_one(*writer, at, 0)->next, 0);
}

// Ranges of `count` partitions, claimed, each from 0 to `to`.
struct Many {
  std::vector<TopicPartition> places;
  std::vector<Claim> claims;
  std::vector<PartitionRange> ranges;

  Many(Writer& by, int count, Offset to) {
    for (int i = 0; i < count; ++i) places.push_back({fmt::format("topic {}", i % 7), i});
    std::vector<ClaimRequest> requests;
    for (const auto& place : places) requests.push_back({&place, 0});
    const auto claimed = by.claim(requests);
    EXPECT_TRUE(claimed) << claimed.error().message;
    for (const auto& claim : *claimed) {
      EXPECT_TRUE(claim);
      claims.push_back(*claim);
      PartitionRange range;
      range.at = claim->at;
      range.to = to;
      range.epoch = claim->epoch;
      range.counts.applied = to;
      ranges.push_back(range);
    }
  }
};

TEST_F(Pointer, a_claim_of_many_takes_the_free_ones_at_once_and_leaves_the_held_one_empty) {
  const std::vector<TopicPartition> places{{"orders", 0}, {"orders", 1}, {"orders", 2}};
  std::vector<ClaimRequest> requests;
  for (const auto& place : places) requests.push_back({&place, 5});
  ASSERT_TRUE(writer->claim(requests));
  sql("BEGIN; UPDATE " + schema + ".pointer SET updated_at = now() WHERE partition = 1");
  auto other = connect("22222222-2222-2222-2222-222222222222");
  const auto claimed = other->claim(requests);  // and does not wait for the end of that transaction
  ASSERT_TRUE(claimed) << claimed.error().message;
  ASSERT_EQ(claimed->size(), 3u);
  EXPECT_FALSE((*claimed)[1]);
  for (const std::size_t i : {0u, 2u}) {
    ASSERT_TRUE((*claimed)[i]);
    EXPECT_EQ((*claimed)[i]->at, &places[i]);
    EXPECT_EQ((*claimed)[i]->epoch, 2);
    EXPECT_EQ((*claimed)[i]->next, 5);
  }
  sql("ROLLBACK");
  EXPECT_EQ((*other->claim(requests))[1]->epoch, 2);
}

TEST_F(Pointer, states_are_read_without_a_claim_and_are_empty_where_there_is_no_row) {
  const TopicPartition unknown{"orders", 9};
  const auto claimed = claim_one(*writer, at, 0);
  ASSERT_TRUE(claimed);
  ASSERT_TRUE(writer->set_state(*claimed, PartitionState::corrupt, "a damaged batch"));
  const std::vector<const TopicPartition*> of{&unknown, &at};
  const auto states = writer->states(of);
  ASSERT_TRUE(states) << states.error().message;
  EXPECT_FALSE((*states)[0]);
  ASSERT_TRUE((*states)[1]);
  EXPECT_EQ((*states)[1]->state, PartitionState::corrupt);
  EXPECT_EQ((*states)[1]->reason, "a damaged batch");
  EXPECT_EQ(sql("SELECT epoch FROM " + schema + ".pointer"), "1");
}

TEST_F(Pointer, every_state_but_claiming_can_be_stored) {
  ASSERT_TRUE(claim_one(*writer, at, 0));
  for (const auto& one : partition_states()) {
    const auto done = writer->set_state(*claim_one(*writer, at, 0), one.state, "");
    EXPECT_EQ(done.has_value(), one.state != PartitionState::claiming) << one.name;
  }
}

TEST_F(Pointer, five_hundred_pointers_advance_as_one_set_and_a_stale_one_among_them_holds_all) {
  Many many(*writer, 500, 10);
  auto& stale = many.ranges[333];
  --stale.epoch;
  Changes nothing;
  writer->submit(nothing, {}, many.ranges);
  const auto fenced = wait(*writer);
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().sqlstate, "SL001");
  EXPECT_EQ(fenced.error().message,
            fmt::format("fenced: {}/333 expected at 0 under epoch 0, generation 1; found at 0 under epoch 1, "
                        "generation 1, state ok, owner on here",
                        stale.at->topic));
  EXPECT_EQ(sql("SELECT sum(next_offset) FROM " + schema + ".pointer"), "0");
  ++stale.epoch;
  writer->submit(nothing, {}, many.ranges);
  ASSERT_TRUE(wait(*writer));
  EXPECT_EQ(sql("SELECT count(*), sum(next_offset), sum(applied) FROM " + schema + ".pointer"), "500|5000|5000");
  writer->submit(nothing, {}, many.ranges);  // every row stands where this would put it
  EXPECT_EQ(wait(*writer).error().sqlstate, "SL001");
}

TEST_F(Pointer, a_pointer_never_moves_back_and_a_missing_row_is_fenced) {
  Many many(*writer, 2, 10);
  many.ranges[1].to = -1;
  Changes nothing;
  writer->submit(nothing, {}, many.ranges);
  const auto backward = wait(*writer);
  ASSERT_FALSE(backward);
  EXPECT_EQ(backward.error().sqlstate, "SL002");
  EXPECT_EQ(backward.error().message, "the pointer of topic 1/1 must move forward, not from 0 to -1");
  many.ranges[1].to = 10;
  sql("DELETE FROM " + schema + ".pointer WHERE partition = 1");
  writer->submit(nothing, {}, many.ranges);
  EXPECT_EQ(wait(*writer).error().sqlstate, "SL001");
  EXPECT_EQ(sql("SELECT sum(next_offset) FROM " + schema + ".pointer"), "0");
}

TEST_F(Pointer, two_writers_of_the_same_pointers_lock_them_in_one_order) {
  Many many(*writer, 60, 10);
  auto reversed = many.ranges;
  std::ranges::reverse(reversed);
  auto other = std::make_unique<Writer>(settings, Identity{"shop", "11111111-1111-1111-1111-111111111111", "there"});
  ASSERT_TRUE(other->connect());
  Changes nothing;
  for (int round = 0; round < 30; ++round) {
    writer->submit(nothing, {}, many.ranges);
    other->submit(nothing, {}, reversed);
    const auto one = wait(*writer), two = wait(*other);
    EXPECT_NE(one.has_value(), two.has_value());
    for (const auto& done : {one, two}) {
      if (!done) {
        EXPECT_EQ(done.error().sqlstate, "SL001") << done.error().message;
      }
    }
    for (auto* ranges : {&many.ranges, &reversed}) {
      for (auto& range : *ranges) range.from += 10, range.to += 10;
    }
  }
}

TEST_F(Pointer, a_predecessor_that_is_frozen_in_its_transaction_is_ended_and_nobody_else) {
  const auto pipeline = std::string(90, 'p');  // longer than the server keeps of a session's name
  const auto connected_as = [&](const std::string& owner) {
    auto made = std::make_unique<Writer>(settings, Identity{pipeline, owner, "here"});
    EXPECT_TRUE(made->connect());
    return made;
  };
  const TopicPartition other_place{"orders", 4};
  auto before = connected_as("11111111-1111-1111-1111-111111111111");
  ASSERT_TRUE(claim_one(*before, at, 0));
  ASSERT_TRUE(claim_one(*before, other_place, 0));
  // As a process that stops in the middle of a pipeline: the server has executed, and waits for more.
  const auto freeze = [&](int partition) {
    auto connection = sink::connect(settings.url, "sluice/" + pipeline);
    EXPECT_TRUE(connection);
    PGconn* raw = connection->get();
    EXPECT_EQ(PQenterPipelineMode(raw), 1);
    const auto lock = fmt::format("SELECT FROM {}.pointer WHERE partition = {} FOR UPDATE", schema, partition);
    for (const auto& text : {std::string("BEGIN"), lock})
      EXPECT_EQ(PQsendQueryParams(raw, text.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0), 1);
    EXPECT_EQ(PQsendFlushRequest(raw), 1);
    EXPECT_EQ(PQflush(raw), 0);
    for (const auto status : {PGRES_COMMAND_OK, PGRES_TUPLES_OK}) {  // it has the lock once it has answered
      auto* result = PQgetResult(raw);
      EXPECT_EQ(PQresultStatus(result), status);
      PQclear(result);
      EXPECT_EQ(PQgetResult(raw), nullptr);
    }
    return std::move(*connection);
  };
  const auto begin = std::chrono::steady_clock::now();
  const auto holder = freeze(3), bystander = freeze(4);
  auto after = connected_as("22222222-2222-2222-2222-222222222222");
  auto claimed = claim_one(*after, at, 0);
  while (!claimed && std::chrono::steady_clock::now() - begin < std::chrono::seconds(60)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    claimed = claim_one(*after, at, 0);
  }
  ASSERT_TRUE(claimed) << claimed.error().message;
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(9900))
      << "a shorter transaction is waited for";
  const auto frozen = [](const ConnectionHandle& one) {
    return fmt::format("SELECT count(*) FROM pg_stat_activity WHERE pid = {}", PQbackendPID(one.get()));
  };
  EXPECT_EQ(eventually(frozen(holder), "0"), "0");
  EXPECT_EQ(sql(frozen(bystander)), "1");
}

}  // namespace
}  // namespace sluice::sink::test

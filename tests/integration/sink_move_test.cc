// A pointer that an operator moves: only from where it was found, with everything that belongs to the move or nothing.
#include "sink/pointer_move.h"

#include <atomic>
#include <thread>

#include "sink/admin_tables.h"

#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

class PointerMoves : public SinkTest {
 protected:
  const Identity operators{"shop", "11111111-1111-1111-1111-111111111111", "here"};

  // The row as an operator finds it, stopped in this state.
  PointerRow stopped(const std::string& state) {
    EXPECT_TRUE(claim_one(*writer, at, 40));
    sql("UPDATE " + schema + ".pointer SET state = '" + state + "', state_reason = 'why'");
    return row();
  }
  PointerRow row() {
    auto tables = AdminTables(settings, operators);
    const auto rows = tables.pointers();
    EXPECT_TRUE(rows && rows->size() == 1);
    return rows->front();
  }
  Move skip(const PointerRow& from) {
    Move move;
    move.from = from;
    move.to = from.next + 2;
    move.between.dead = move.between.gaps = 1;
    move.record = SkippedRecord{from.next + 1, 4711, "map", "public.orders", "23514", "skipped by alice", "the row"};
    return move;
  }
  Result<bool> carry_out(const Move& move) {
    Record record;
    record.at = &at;
    record.offset = move.from.next + 1;
    record.timestamp_ms = 1'700'000'000'123;
    record.key = "1";
    record.value = "{}";
    return move_pointer(settings, operators, move, move.record ? &record : nullptr, {});
  }
  std::string pointer() {
    return sql("SELECT start_offset, next_offset, generation, epoch, state, skipped, dead, gaps, anchor_offset FROM " +
               schema + ".pointer");
  }
  std::string letters() {
    return sql("SELECT record_offset, stage, table_name, sqlstate, reason, detail FROM " + schema + ".dead_letter");
  }
};

TEST_F(PointerMoves, a_skip_stores_the_letter_and_moves_the_pointer_beyond_it_in_one_transaction) {
  const auto from = stopped("poison");
  ASSERT_TRUE(*carry_out(skip(from)));
  EXPECT_EQ(pointer(), "40|42|1|2|ok|0|1|1|41");
  EXPECT_EQ(letters(), "41|map|public.orders|23514|skipped by alice|the row");
  const auto claimed = claim_one(*writer, at, 0);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->anchor_timestamp_ms, 1'700'000'000'123);
  EXPECT_EQ(claimed->anchor_crc, 4711);
  EXPECT_EQ(claimed->counts.total(), claimed->next - claimed->start);
}

TEST_F(PointerMoves, nothing_is_done_from_a_row_that_is_not_as_it_was_found) {
  const auto from = stopped("poison");
  const auto before = pointer();
  const auto refused = [&](auto change) {
    auto other = from;
    change(other);
    const auto done = carry_out(skip(other));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_FALSE(*done);
    EXPECT_EQ(pointer(), before);
    EXPECT_EQ(letters(), "");
  };
  refused([](PointerRow& row) { ++row.next; });
  refused([](PointerRow& row) { ++row.epoch; });
  refused([](PointerRow& row) { ++row.generation; });
  refused([](PointerRow& row) { row.state = PartitionState::paused; });
  refused([](PointerRow& row) { row.at.partition = 9; });
  // What streams is never moved, whatever the plan says.
  sql("UPDATE " + schema + ".pointer SET state = 'ok'");
  const auto streaming = carry_out(skip(row()));
  EXPECT_TRUE(streaming && !*streaming);
}

TEST_F(PointerMoves, who_believed_the_old_pointer_is_fenced) {
  Batch batch;
  claim(batch, *writer, 40);
  sql("UPDATE " + schema + ".pointer SET state = 'poison'");
  ASSERT_TRUE(*carry_out(skip(row())));
  writer->submit(batch.changes, batch.records, batch.ranges);
  const auto late = wait(*writer);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().next, ErrorClass::fenced);
}

TEST_F(PointerMoves, a_pause_outlives_the_move_unless_it_was_made_for_it) {
  AdminTables tables(settings, operators);
  const auto from = stopped("paused");
  ASSERT_TRUE(*tables.pause({"orders/3", "vacuum", "bob", {}, {}}));
  auto move = skip(from);
  move.pause = "for plan p-1: skip";
  ASSERT_TRUE(*carry_out(move));
  EXPECT_EQ(tables.pauses()->size(), 1u);
  EXPECT_EQ(row().state, PartitionState::paused);
  EXPECT_FALSE(*tables.resume("orders/3", "for plan p-1: skip"));
  move = skip(row());
  move.pause = "vacuum";
  ASSERT_TRUE(*carry_out(move));
  EXPECT_EQ(tables.pauses()->size(), 0u);
}

TEST_F(PointerMoves, what_stopped_is_released_to_try_again_but_not_what_is_paused_or_has_moved) {
  AdminTables tables(settings, operators);
  auto from = stopped("poison");
  auto other = from;
  ++other.epoch;
  EXPECT_FALSE(*tables.release(other));
  EXPECT_TRUE(*tables.release(from));
  EXPECT_EQ(row().state, PartitionState::ok);
  EXPECT_FALSE(*tables.release(from));
  sql("UPDATE " + schema + ".pointer SET state = 'paused'");
  EXPECT_FALSE(*tables.release(row()));
}

TEST_F(PointerMoves, a_seek_counts_as_skipped_or_begins_anew_and_another_log_is_the_next_generation) {
  const auto moved = [&](Offset to, bool anew, bool new_log) {
    sql("UPDATE " + schema + ".pointer SET state = 'lost_data', anchor_offset = 39, anchor_crc = 1");
    Move move;
    move.from = row();
    move.to = to;
    move.anew = anew;
    move.new_log = new_log;
    move.between.skipped = to - move.from.next;
    EXPECT_TRUE(*carry_out(move));
    const auto claimed = claim_one(*writer, at, 0);
    EXPECT_TRUE(claimed && claimed->counts.total() == claimed->next - claimed->start);
    return pointer();
  };
  stopped("lost_data");
  EXPECT_EQ(moved(52, false, false), "40|52|1|3|ok|12|0|0|\\N");
  EXPECT_EQ(moved(45, true, false), "45|45|1|5|ok|0|0|0|\\N");
  EXPECT_EQ(moved(45, true, true), "45|45|2|7|ok|0|0|0|\\N");
}

TEST_F(PointerMoves, the_trails_row_says_that_it_is_done_in_the_transaction_of_the_move) {
  AdminTables tables(settings, operators);
  const auto from = stopped("poison");
  AuditRow asked;
  asked.command = "apply";
  asked.outcome = "asked";
  const auto id = tables.record(asked);
  ASSERT_TRUE(id) << id.error().message;
  auto move = skip(from);
  move.audit = *id;
  move.outcome = "done: 40 → 42";
  ++move.from.epoch;
  EXPECT_FALSE(*carry_out(move));
  EXPECT_EQ(sql("SELECT outcome FROM " + schema + ".audit"), "asked");
  move.from = from;
  EXPECT_TRUE(*carry_out(move));
  EXPECT_EQ(sql("SELECT outcome FROM " + schema + ".audit"), "done: 40 → 42");
}

// Two operators at one place: one of them succeeds.
TEST_F(PointerMoves, of_moves_that_race_from_one_place_exactly_one_is_done_and_the_identity_holds) {
  stopped("paused");
  int none = 0, more = 0;
  for (int round = 0; round < 50; ++round) {
    const auto from = row();
    std::atomic<int> done = 0, refused = 0;
    const auto try_it = [&] {
      const auto moved = carry_out(skip(from));
      ASSERT_TRUE(moved) << moved.error().message;
      ++(*moved ? done : refused);
    };
    std::thread one(try_it), other(try_it);
    one.join();
    other.join();
    none += done == 0 ? 1 : 0;
    more += done > 1 ? 1 : 0;
    EXPECT_EQ(done + refused, 2);
  }
  EXPECT_EQ(none, 0);
  EXPECT_EQ(more, 0);
  EXPECT_EQ(pointer(), "40|140|1|51|paused|0|50|50|139");
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".dead_letter"), "50");
}

// A lane that claims raises the epoch: whichever is first, a move is done as a whole from the row that it names, or not
// at all, and the claim shows either the old pointer or the new one.
TEST_F(PointerMoves, a_move_that_races_with_a_claim_is_done_from_the_row_that_it_names_or_not_at_all) {
  stopped("paused");
  Offset moves = 0;
  for (int round = 0; round < 50; ++round) {
    const auto from = row();
    std::atomic<bool> done = false;
    std::thread mover([&] {
      const auto moved = carry_out(skip(from));
      ASSERT_TRUE(moved) << moved.error().message;
      done = *moved;
    });
    const auto claimed = claim_one(*writer, at, 0);
    mover.join();
    if (claimed) {
      EXPECT_TRUE(claimed->next == from.next || (done && claimed->next == from.next + 2)) << claimed->next;
      EXPECT_EQ(claimed->counts.total(), claimed->next - claimed->start);
      EXPECT_TRUE(!done || claimed->epoch == from.epoch + 2) << "the claim came first, and the move did not see it";
    }
    moves += done ? 1 : 0;
    EXPECT_EQ(row().next, from.next + (done ? 2 : 0));
  }
  const auto now = row();
  EXPECT_EQ(now.next, 40 + 2 * moves);
  EXPECT_EQ(now.counts, (Counts{.dead = moves, .gaps = moves}));
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".dead_letter"), std::to_string(moves));
}

}  // namespace
}  // namespace sluice::sink::test

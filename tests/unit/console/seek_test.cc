// seek and rewind: which place is meant, what the plan says will happen, and how the accounting goes on.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

// The log of every partition holds 100 to 19 999 999; 12 000 000 is where a time is. The pointer stands at 12 345 678.
class ConsoleSeek : public ConsoleTest {
 protected:
  ConsoleSeek() { stop(PartitionState::poison); }
  PartitionSnapshot& partition() { return admin.now.partitions[0]; }
  void stop(PartitionState state) {
    partition().state = state;
    partition().reason = "as the test has it";
  }
  // What the plan says.
  std::string planned(const std::string& line) {
    const auto plan = run(line);
    EXPECT_EQ(plan.code, Code::confirmation_missing) << plan.err;
    return plan.out;
  }
  // Where the command would go, or its code.
  Offset place(const std::string& position) {
    const auto before = partition();
    const auto done = run("seek shop.orders/0 " + position + " --yes --expect 12345678 --allow-stale");
    const auto to = partition().next;
    partition() = before;
    return done.code == Code::done ? to : done.code;
  }
};

TEST_F(ConsoleSeek, a_position_is_an_offset_a_distance_an_end_of_the_log_or_a_time) {
  EXPECT_EQ(place("12345700"), 12'345'700);
  EXPECT_EQ(place("+22"), 12'345'700);
  EXPECT_EQ(place("-78"), 12'345'600);
  EXPECT_EQ(place("start"), 100);
  EXPECT_EQ(place("earliest"), 100);
  EXPECT_EQ(place("end"), 20'000'000);
  EXPECT_EQ(place("latest"), 20'000'000);
  EXPECT_EQ(place("time 2026-11-21T11:52:44Z"), 12'000'000);
  EXPECT_EQ(place("2026-11-21T11:52:44Z"), 12'000'000);
  EXPECT_EQ(place("ago 2h"), 12'000'000);
  for (const std::string wrong :
       {"soon", "ago", "ago soon", "time 2h", "ago 2026-11-21T11:52:44Z", "2h", "+-3", "start 3"})
    EXPECT_EQ(place(wrong), Code::not_understood) << wrong;
  for (const std::string outside : {"99", "20000001", "-12345678", "+10000000", "+9223372036854775807"})
    EXPECT_EQ(place(outside), Code::no_such_thing) << outside;
}

TEST_F(ConsoleSeek, forward_counts_what_is_stepped_over_as_skipped) {
  const auto before = partition();
  const auto said = planned("seek shop.orders/0 12345700");
  EXPECT_NE(said.find("22 offsets (12345678 to 12345699) are stepped over: what they hold is never applied, and they "
                      "count as skipped"),
            std::string::npos)
      << said;
  EXPECT_EQ(run("seek shop.orders/0 12345700 --yes --expect 12345678").code, Code::done);
  EXPECT_EQ(partition().start, before.start);
  EXPECT_EQ(partition().counts.skipped, before.counts.skipped + 22);
  EXPECT_EQ(partition().counts.total() - before.counts.total(), partition().next - before.next);
}

TEST_F(ConsoleSeek, backward_begins_the_accounting_anew_and_wants_to_hear_that_older_rows_may_come_back) {
  const auto plan = run("rewind shop.orders/0 -78 --json");
  EXPECT_EQ(plan.code, Code::confirmation_missing);
  const auto id = plan.data().at("plan").get<std::string>();
  const auto steps = plan.data().at("steps").dump();
  EXPECT_NE(steps.find("78 offsets (12345600 to 12345677) are read again and applied again to public.order_items, "
                       "public.orders"),
            std::string::npos)
      << steps;
  EXPECT_NE(steps.find("the accounting begins anew at 12345600"), std::string::npos) << steps;
  const auto without = run("apply " + id);
  EXPECT_EQ(without.code, Code::confirmation_missing);
  EXPECT_NE(without.err.find("apply " + id + " --allow-stale"), std::string::npos) << without.err;
  EXPECT_EQ(run("apply " + id + " --allow-stale").code, Code::done);
  EXPECT_EQ(partition().next, 12'345'600);
  EXPECT_EQ(partition().start, 12'345'600);
  EXPECT_EQ(partition().counts, Counts());

  stop(PartitionState::poison);
  EXPECT_EQ(run("rewind shop.orders/0 +1").code, Code::wrong_state);
  EXPECT_EQ(run("rewind shop.orders/0 -1 --yes --expect 12345600").code, Code::confirmation_missing);
  EXPECT_EQ(run("seek shop.orders/0 12345600").out,
            "nothing to do: the pointer of shop.orders/0 is 12345600; 'reclaim shop.orders/0' tries it again\n");
}

TEST_F(ConsoleSeek, another_log_is_the_next_generation_wherever_it_is_taken_up) {
  stop(PartitionState::log_changed);
  for (const std::string position : {"start", "end", "12345678"}) {
    const auto id = run("seek shop.orders/0 " + position + " --json").data().at("plan").get<std::string>();
    const auto before = partition();
    ASSERT_EQ(run("apply " + id).code, Code::done) << position;
    EXPECT_TRUE(admin.moves.back().anew && admin.moves.back().new_log) << position;
    partition() = before;
  }
}

TEST_F(ConsoleSeek, a_log_that_ends_before_the_pointer_is_another_one_also_where_a_pause_has_hidden_it) {
  stop(PartitionState::paused);
  admin.log_end = 5000;
  const auto plan = run("seek shop.orders/0 start --json");
  ASSERT_EQ(plan.code, Code::confirmation_missing) << plan.err;
  EXPECT_NE(plan.data().at("steps").dump().find("with generation"), std::string::npos);
  EXPECT_EQ(run("apply " + plan.data().at("plan").get<std::string>()).code, Code::done);
  EXPECT_TRUE(admin.moves.back().anew && admin.moves.back().new_log);
}

TEST_F(ConsoleSeek, a_topic_that_was_missing_is_compared_with_the_pointer_before_it_is_read_from_another_place) {
  stop(PartitionState::topic_missing);
  for (const std::string position : {"start", "end", "+1"}) {
    const auto refused = run("seek shop.orders/0 " + position);
    EXPECT_EQ(refused.code, Code::wrong_state) << position;
    EXPECT_NE(refused.err.find("'reclaim shop.orders/0' compares them"), std::string::npos) << refused.err;
  }
  const auto next = std::to_string(admin.now.partitions[0].next);
  EXPECT_EQ(run("reclaim shop.orders/0 --yes --expect " + next).code, Code::done);
}

TEST_F(ConsoleSeek, a_state_that_is_tried_again_by_itself_makes_a_plan_that_says_so) {
  stop(PartitionState::schema);
  EXPECT_NE(planned("seek shop.orders/0 +1").find("once it is claimed, the plan is stale"), std::string::npos);
  stop(PartitionState::corrupt);
  EXPECT_EQ(planned("seek shop.orders/0 +1").find("once it is claimed, the plan is stale"), std::string::npos);
}

TEST_F(ConsoleSeek, what_the_log_has_lost_is_told) {
  stop(PartitionState::lost_data);
  partition().next = 90;
  EXPECT_NE(planned("seek shop.orders/0 start").find("of these the log does not hold 10 offsets (90 to 99) any more"),
            std::string::npos);
}

TEST_F(ConsoleSeek, rows_without_a_key_are_there_twice_and_the_plan_says_so) {
  pipeline->routes[0].topics = {"^shop\\."};
  pipeline->routes[0].mode = config::Mode::insert;
  pipeline->routes[0].key = {};
  EXPECT_NE(planned("rewind shop.orders/0 -1").find("each of the rows will be there twice"), std::string::npos);
  pipeline->routes[0].mode = config::Mode::upsert;
  EXPECT_EQ(planned("rewind shop.orders/0 -1").find("twice"), std::string::npos);
}

TEST_F(ConsoleSeek, behind_a_version_guard_older_rows_do_not_come_back_and_nothing_more_is_wanted) {
  pipeline->routes[0].topics = {"shop.orders"};
  pipeline->routes[0].version = config::VersionPath::parse("updated_at");
  const auto said = planned("rewind shop.orders/0 -1");
  EXPECT_NE(said.find("version guard keeps rows that are newer"), std::string::npos) << said;
  EXPECT_EQ(run("rewind shop.orders/0 -1 --yes --expect 12345678").code, Code::done);
}

// Two operators and an admin at one partition.
class ConsoleRace : public ConsoleSeek {
 protected:
  static constexpr int rounds = 200;

  void take_part(int number) {
    for (int round = 0; round < rounds; ++round) {
      // Now and then another key: each has its pace, which is not what is raced for.
      const auto key = fmt::format("op{} {}", number, round / 8);
      const Login who{{key, number == 2 ? "admin" : "operator", "SHA256:" + key, "127.0.0.1:5"}, {}};
      if ((round + number) % 3 == 0) give(who, "pause shop.orders/0 --reason race --no-wait", {Code::done});
      if ((round + number) % 3 == 1) give(who, "resume shop.orders/0", {Code::done});
      const auto [code, text] = give(who, fmt::format("seek shop.orders/0 {} --json", round % 2 == 0 ? "+3" : "-2"),
                                     {Code::confirmation_missing, Code::wrong_state});
      if (code == Code::confirmation_missing) {
        const std::lock_guard lock(ids_mutex);
        ids.push_back(json::parse(text).at("data").at("plan").get<std::string>());
      }
      const auto id = some_plan(round % 2 == 0);
      if (id.empty()) continue;
      const auto [finished, said] = give(who, "apply " + id + " --allow-stale",
                                         {Code::done, Code::not_allowed, Code::no_such_thing, Code::stale});
      if (finished == Code::done) ++applied;
      if (finished != Code::done && !said.empty()) ++wrong;
    }
  }

  std::pair<int, std::string> give(const Login& who, const std::string& line, std::initializer_list<int> allowed) {
    Captured captured;
    const auto outcome = interpreter.execute(line, who, terminal, captured, {});
    const bool both = outcome.code == Code::done && !captured.stderr_text.empty();
    if (both || std::ranges::count(allowed, outcome.code) == 0) {
      ++wrong;
      ADD_FAILURE() << line << ": " << captured.stderr_text;
    }
    return {outcome.code, captured.stdout_text};
  }
  // The latest one, which others try, too.
  std::string some_plan(bool take) {
    const std::lock_guard lock(ids_mutex);
    if (ids.empty()) return {};
    auto id = ids.back();
    if (take) ids.pop_back();
    return id;
  }

  std::mutex ids_mutex;
  std::vector<std::string> ids;
  std::atomic<int> applied = 0, wrong = 0;
};

TEST_F(ConsoleRace, each_answer_is_a_success_or_a_refusal_each_success_is_one_move_and_the_identity_holds) {
  auto& one = partition();
  one.state = PartitionState::ok;
  one.start = one.next = one.end = 10'000;
  one.counts = {};
  {
    std::vector<std::jthread> operators;
    for (int number = 0; number < 3; ++number) operators.emplace_back([this, number] { take_part(number); });
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(applied, 0);
  EXPECT_EQ(static_cast<std::size_t>(applied), admin.moves.size());
  EXPECT_EQ(one.next - one.start, one.counts.total());
}

}  // namespace
}  // namespace sluice::console

// Orders to the lanes: what they say, whom they wait for, and how the wait ends.
#include <thread>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

class ConsoleLanes : public ConsoleTest {
 protected:
  ConsoleLanes() {
    login.caller.role = "operator";
    admin.lanes_read = {{.lane = 1, .records = 5, .rows = 4, .goals = {{{"shop.orders", 0}, 12'345'680}}},
                        {.lane = 2, .goals = {}}};
  }
};

TEST_F(ConsoleLanes, a_flush_says_what_each_lane_had_read_and_names_who_is_not_waited_for) {
  admin.now.partitions[2].state = PartitionState::paused;
  admin.now.partitions[2].reason = "paused by bob";
  const auto done = run("flush");
  EXPECT_EQ(done.code, Code::done) << done.err;
  EXPECT_NE(done.out.find("not waited for: shop.orders/2 (paused: paused by bob)"), std::string::npos) << done.out;
  EXPECT_NE(done.out.find("done: 5 records of 1 lane"), std::string::npos) << done.out;
  EXPECT_EQ(admin.trail.back().outcome, "done: 5 records of 1 lane");
  const auto data = run("flush --json").data();
  ASSERT_EQ(data.at("lanes").size(), 1u);
  EXPECT_EQ(data.at("lanes")[0], (json{{"lane", 1}, {"partitions", 1}, {"records", 5}, {"rows", 4}}));
  EXPECT_EQ(data.at("left_out")[0].at("partition"), "shop.orders/2");
  login.caller.role = "viewer";
  EXPECT_EQ(run("flush").code, Code::not_allowed);
}

TEST_F(ConsoleLanes, a_flush_of_a_target_asks_for_its_partitions_only) {
  for (auto& one : admin.now.partitions) one.end = one.next;
  EXPECT_EQ(run("flush shop.items").out, "nothing to do: no lane has collected anything that is not applied\n");
  EXPECT_EQ(admin.calls, (std::vector<std::string>{"flush 1"}));
  EXPECT_EQ(run("flush shop.nothing").code, Code::no_such_thing);
  admin.lanes_read[1].held = 1;
  const auto held = run("flush").out;
  EXPECT_NE(held.find("not written: 1 record that waits for the rest of its source transaction"), std::string::npos)
      << held;
}

TEST_F(ConsoleLanes, a_flush_counts_what_no_lane_had_collected_and_does_not_wait_for_it) {
  for (auto& one : admin.now.partitions) one.end = one.next;
  admin.now.partitions[0].end = 12'345'680 + 17;
  const auto done = run("flush shop.orders/0");
  EXPECT_EQ(done.code, Code::done) << done.err;
  EXPECT_NE(done.out.find("17 records behind that no lane had collected yet: 'wait lag<1' waits for all"),
            std::string::npos)
      << done.out;
  EXPECT_EQ(run("flush shop.orders/0 --json").data().at("behind").at("records"), 17);
  EXPECT_EQ(run("flush shop.items --json").data().at("behind").at("records"), 0) << "of the target only";
}

TEST_F(ConsoleLanes, a_flush_waits_until_it_has_taken_effect_and_its_end_undoes_nothing) {
  admin.obedient = false;
  const auto late = run("flush --timeout 300ms");
  EXPECT_EQ(late.code, Code::deadline_passed);
  EXPECT_EQ(late.err,
            "error: flush not finished after 300ms: 1 of 1 partitions left; it continues, 'why shop.orders/0' "
            "says what it waits for\n");
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = run("flush --timeout 60s", stop.get_token());
  EXPECT_EQ(stopped.code, Code::interrupted);
  admin.lanes_busy = "1 of 2 lanes have not answered";
  EXPECT_EQ(run("flush --timeout 1s").err,
            "error: flush not finished after 1s: 1 of 2 lanes have not answered; it continues, see 'lanes'\n");
}

TEST_F(ConsoleLanes, a_partition_that_stops_or_leaves_during_a_flush_ends_the_wait_for_it) {
  admin.obedient = false;
  admin.lanes_read[0].goals.push_back({{"shop.items", 0}, 9});
  std::jthread trouble([&](const std::stop_token& over) {
    for (bool asked = false; !asked && !over.stop_requested(); std::this_thread::sleep_for(1ms)) {
      const std::lock_guard lock(admin.mutex);
      asked = !admin.calls.empty();
      if (!asked) continue;
      admin.now.partitions[0].state = PartitionState::poison;
      admin.now.partitions[0].reason = "a bad record";
      std::erase_if(admin.now.partitions, [](const auto& one) { return one.at.topic == "shop.items"; });
    }
  });
  const auto done = run("flush --timeout 60s");
  EXPECT_EQ(done.code, Code::partly_done);
  EXPECT_EQ(done.err,
            "error: stopped before what was read of them was applied: shop.orders/0 (poison: a bad "
            "record), shop.items/0 (revoked: another instance goes on at its pointer)\n");
}

class ConsoleReconnect : public ConsoleLanes {
 protected:
  ConsoleReconnect() {
    for (int number : {0, 1}) {
      auto& lane = admin.now.lanes[static_cast<std::size_t>(number)];
      lane.lane = number;
      lane.session = 70 + number;
      lane.connections = 1;
    }
  }
};

TEST_F(ConsoleReconnect, lanes_get_new_connections_one_after_the_other) {
  const auto data = run("reconnect postgres --json").data();
  EXPECT_EQ(admin.calls, (std::vector<std::string>{"reconnect 0", "reconnect 1"}));
  EXPECT_EQ(data.at("lanes"), (json::array({{{"lane", 0}, {"session_before", 70}, {"session", 1070}},
                                            {{"lane", 1}, {"session_before", 71}, {"session", 1071}}})));
  EXPECT_EQ(admin.trail.back().outcome, "done: 2 lanes");
  login.caller.role = "viewer";
  EXPECT_EQ(run("reconnect postgres").code, Code::not_allowed);
}

TEST_F(ConsoleReconnect, a_lane_that_gets_no_new_connection_leaves_the_others_theirs) {
  admin.obedient = false;
  admin.now.lanes[0].connected = false;
  admin.now.lanes[0].last_error = "no route to host";
  const auto late = run("reconnect postgres --timeout 300ms");
  EXPECT_EQ(late.code, Code::deadline_passed);
  EXPECT_EQ(late.err,
            "error: lane 0 has no new connection after 300ms: no route to host; it is tried further, and the "
            "lanes behind it keep theirs, see 'lanes'\n");
  EXPECT_EQ(admin.calls, (std::vector<std::string>{"reconnect 0"}));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(run("reconnect postgres", stop.get_token()).code, Code::interrupted);
}

TEST_F(ConsoleReconnect, a_lane_without_a_partition_is_not_waited_for) {
  admin.now.lanes[1].connected = false;
  admin.now.lanes[1].session = 0;
  std::erase_if(admin.now.partitions, [](const auto& one) { return one.lane == 1; });
  const auto done = run("reconnect postgres --timeout 60s");
  EXPECT_EQ(done.code, Code::done) << done.err;
  EXPECT_NE(done.out.find("done: 1 lane"), std::string::npos) << done.out;
}

TEST_F(ConsoleReconnect, kafka_is_waited_for_until_every_partition_is_claimed_again) {
  admin.now.ready = true;
  const auto data = run("reconnect kafka --json").data();
  EXPECT_EQ(admin.calls, (std::vector<std::string>{"reconnect kafka"}));
  EXPECT_EQ(data.at("consumer").at("reconnects"), 1);
  EXPECT_EQ(data.at("consumer").at("partitions"), admin.now.partitions.size());
  EXPECT_EQ(admin.trail.back().outcome, fmt::format("done: {} partitions", admin.now.partitions.size()));
  admin.now.ready = false;
  admin.now.partitions[1].state = PartitionState::claiming;
  const auto late = run("reconnect kafka --timeout 300ms");
  EXPECT_EQ(late.code, Code::deadline_passed);
  EXPECT_NE(late.err.find("not all of its partitions are claimed after 300ms; it continues, see 'why shop."),
            std::string::npos)
      << late.err;
  login.caller.role = "viewer";
  EXPECT_EQ(run("reconnect kafka").code, Code::not_allowed);
}

TEST_F(ConsoleReconnect, kafka_that_gives_nothing_or_cannot_be_asked_is_told) {
  admin.now.ready = true;
  admin.obedient = false;
  const auto late = run("reconnect kafka --timeout 300ms");
  EXPECT_EQ(late.code, Code::deadline_passed);
  EXPECT_NE(late.err.find("Kafka's group has not given it any"), std::string::npos) << late.err;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(run("reconnect kafka", stop.get_token()).code, Code::interrupted);
  admin.kafka_trouble = "Kafka has not answered yet, so there is no connection to replace";
  const auto refused = run("reconnect kafka");
  EXPECT_EQ(refused.code, Code::wrong_state);
  EXPECT_EQ(refused.err, "error: " + admin.kafka_trouble + "\n");
}

}  // namespace
}  // namespace sluice::console

#include "listener/assignments.h"

#include "listener/client_config.h"
#include "tests/unit/listener/cluster.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

TEST(Assignments, a_topic_that_is_lost_again_and_again_is_assigned_anew_seldom) {
  auto broker = MockBroker::start({"orders"}, 1);
  ASSERT_TRUE(broker) << broker.error().message;
  auto conf = consumer_conf(settings_of(**broker), fetch_limits({}, 1));
  ASSERT_TRUE(conf);
  rd_kafka_conf_set_log_cb(conf->get(), nullptr);
  auto client = make_client(RD_KAFKA_CONSUMER, std::move(*conf));
  ASSERT_TRUE(client);
  rd_kafka_poll_set_consumer(client->get());

  int assigned = 0;
  Partition* orders = nullptr;
  const Events events{.assigned =
                          [&](Partition& partition) {
                            ++assigned;
                            orders = &partition;
                          },
                      .revoked = [](Partition&, bool) {},
                      .rebalanced = [] {},
                      .fatal = [](const std::string&) {}};
  ClientGate gate;
  FetchWaker waker(gate);
  Assignments assignments(events, gate, waker);
  assignments.begin(client->get(), {});
  const ListHandle all(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(all.get(), "orders", 0);
  assignments.rebalance(RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, all.get());
  ASSERT_EQ(assigned, 1);

  const auto until = Clock::now() + milliseconds(1100);
  while (Clock::now() < until) {
    if (orders->start_at(0)) assignments.lose("orders");
    assignments.assign_waiting();
    std::this_thread::sleep_for(milliseconds(5));
  }
  // At once, after 0.2 s, and after 0.4 s more; without a pause between them, a hundred times.
  EXPECT_GE(assigned, 2);
  EXPECT_LE(assigned, 5);
  assignments.lose("another");  // nothing of it is ours
  assignments.close();
}

}  // namespace
}  // namespace sluice::listener

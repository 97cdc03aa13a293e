#include "listener/assignments.h"

#include "listener/client_config.h"
#include "tests/unit/listener/cluster.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

// Taken just before and after what may have assigned it: between them lies the moment itself, however slow the machine
// is.
struct Moment {
  Clock::time_point before, after;
};

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
  FetchBudget budget;
  Assignments assignments(events, gate, waker, budget);
  assignments.begin(client->get(), {});
  const ListHandle all(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(all.get(), "orders", 0);
  assignments.rebalance(RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, all.get());
  ASSERT_EQ(assigned, 1);

  std::vector<Moment> anew;
  EXPECT_TRUE(eventually([&] {
    if (orders->start_at(0)) assignments.lose("orders");
    const auto seen = assigned;
    const auto before = Clock::now();
    assignments.assign_waiting();
    if (assigned > seen) anew.push_back({before, Clock::now()});
    return anew.size() == 4;
  })) << anew.size();
  // The first time at once, and then with a pause that doubles; without one they are a hundredth of a second apart.
  auto pause = milliseconds(200);
  for (std::size_t i = 1; i < anew.size(); ++i, pause *= 2) EXPECT_GE(anew[i].after - anew[i - 1].before, pause) << i;
  assignments.lose("another");  // nothing of it is ours
  assignments.close();
}

}  // namespace
}  // namespace sluice::listener

#include "listener/mock_broker.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
// Needs the one above before it.
#include <librdkafka/rdkafka_mock.h>

#include "listener/handles.h"

namespace sluice::listener {

struct MockBroker::State {
  ClientHandle client;  // the cluster's books are kept in it: it goes last
  std::unique_ptr<rd_kafka_mock_cluster_t, Releaser<rd_kafka_mock_cluster_destroy>> cluster;
  std::string bootstrap;
};

MockBroker::MockBroker(std::unique_ptr<State> state) : state_(std::move(state)) {}
MockBroker::~MockBroker() = default;

Result<std::unique_ptr<MockBroker>> MockBroker::start(const std::vector<std::string>& topics, int partitions) {
  ConfHandle conf(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  auto client = make_client(RD_KAFKA_PRODUCER, std::move(conf));
  if (!client) return std::unexpected(client.error());
  auto state = std::make_unique<State>();
  state->client = std::move(*client);
  state->cluster.reset(rd_kafka_mock_cluster_new(state->client.get(), 1));
  if (!state->cluster) return fail(ErrorClass::stop_service, "librdkafka cannot start its mock cluster");
  for (const auto& topic : topics) {
    if (const auto error = rd_kafka_mock_topic_create(state->cluster.get(), topic.c_str(), partitions, 1)) {
      return fail(ErrorClass::stop_service, fmt::format("mock topic {}: {}", topic, rd_kafka_err2str(error)));
    }
  }
  state->bootstrap = rd_kafka_mock_cluster_bootstraps(state->cluster.get());
  return std::unique_ptr<MockBroker>(new MockBroker(std::move(state)));
}

const std::string& MockBroker::bootstrap() const {
  return state_->bootstrap;
}

}  // namespace sluice::listener

#include "listener/mock_broker.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
// Needs the one above before it.
#include <librdkafka/rdkafka_mock.h>

#include "listener/client_config.h"

namespace sluice::listener {

struct MockBroker::State {
  ClientHandle client;  // the cluster's books are kept in it: it goes last
  std::unique_ptr<rd_kafka_mock_cluster_t, Releaser<rd_kafka_mock_cluster_destroy>> cluster;
  std::string bootstrap;
};

MockBroker::MockBroker(std::unique_ptr<State> state) : state_(std::move(state)) {}
MockBroker::~MockBroker() = default;

Result<std::unique_ptr<MockBroker>> MockBroker::start(const std::vector<std::string>& topics, int partitions,
                                                      int brokers) {
  ConfHandle conf(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  auto client = make_client(RD_KAFKA_PRODUCER, std::move(conf));
  if (!client) return std::unexpected(client.error());
  auto state = std::make_unique<State>();
  state->client = std::move(*client);
  state->cluster.reset(rd_kafka_mock_cluster_new(state->client.get(), brokers));
  if (!state->cluster) return fail(ErrorClass::stop_service, "librdkafka cannot start its mock cluster");
  state->bootstrap = rd_kafka_mock_cluster_bootstraps(state->cluster.get());
  std::unique_ptr<MockBroker> broker(new MockBroker(std::move(state)));
  for (const auto& topic : topics) {
    if (auto done = broker->create_topic(topic, partitions); !done) return std::unexpected(done.error());
  }
  return broker;
}

const std::string& MockBroker::bootstrap() const {
  return state_->bootstrap;
}

Result<void> MockBroker::create_topic(const std::string& topic, int partitions) {
  if (const auto error = rd_kafka_mock_topic_create(state_->cluster.get(), topic.c_str(), partitions, 1))
    return fail(ErrorClass::stop_service, fmt::format("mock topic {}: {}", topic, rd_kafka_err2str(error)));
  return {};
}

void MockBroker::refuse_topic(const std::string& topic, int error) {
  rd_kafka_mock_topic_set_error(state_->cluster.get(), topic.c_str(), static_cast<rd_kafka_resp_err_t>(error));
}

void MockBroker::set_leader(const TopicPartition& at, int broker) {
  rd_kafka_mock_partition_set_leader(state_->cluster.get(), at.topic.c_str(), at.partition, broker);
}

void MockBroker::set_delay(int broker, std::chrono::milliseconds delay) {
  rd_kafka_mock_broker_set_rtt(state_->cluster.get(), broker, static_cast<int>(delay.count()));
}

}  // namespace sluice::listener

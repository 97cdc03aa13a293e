#include "listener/leaders.h"

#include <span>

#include "listener/client_config.h"
#include "listener/handles.h"

namespace sluice::listener {
namespace {

using Found = std::expected<Leaders, rd_kafka_resp_err_t>;

Found ask_leaders(rd_kafka_t* client, bool all_topics, std::chrono::milliseconds timeout) {
  const rd_kafka_metadata_t* found = nullptr;
  const auto error = rd_kafka_metadata(client, all_topics ? 1 : 0, nullptr, &found, static_cast<int>(timeout.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(error);
  const MetadataHandle owner(found);
  Leaders leaders;
  for (const auto& topic : std::span(found->topics, static_cast<std::size_t>(found->topic_cnt))) {
    for (const auto& partition : std::span(topic.partitions, static_cast<std::size_t>(topic.partition_cnt))) {
      if (partition.leader >= 0) leaders.emplace(TopicPartition{topic.topic, partition.id}, partition.leader);
    }
  }
  return leaders;
}

}  // namespace

Found find_leaders(rd_kafka_t* client, std::chrono::milliseconds timeout) {
  return ask_leaders(client, false, timeout);
}

Found find_leaders(const config::Kafka& settings, std::chrono::milliseconds timeout) {
  auto conf = client_conf(settings);
  if (!conf) return std::unexpected(RD_KAFKA_RESP_ERR__INVALID_ARG);
  // By default it connects to one broker at a time.
  static constexpr Setting ours[] = {{"enable.sparse.connections", "false"}};
  if (!require(conf->get(), ours)) return std::unexpected(RD_KAFKA_RESP_ERR__INVALID_ARG);
  const auto client = make_client(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!client) return std::unexpected(RD_KAFKA_RESP_ERR__FAIL);
  return ask_leaders(client->get(), true, timeout);
}

}  // namespace sluice::listener

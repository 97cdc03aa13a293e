#include "listener/topics.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <thread>
#include <utility>

#include "base/log.h"
#include "listener/client_config.h"
#include "listener/topic_watcher.h"

namespace sluice::listener {
namespace {

bool chosen_by(const Pattern& pattern, const Topic& topic) {
  return !topic.name.starts_with("__") && pattern.matches(topic.name);
}

}  // namespace

std::vector<std::string> topics_of(const config::Pipeline& pipeline) {
  std::vector<std::string> topics;
  for (const auto& route : pipeline.routes) {
    for (const auto& topic : route.topics) {
      if (std::ranges::find(topics, topic) == topics.end()) topics.push_back(topic);
    }
  }
  if (pipeline.consistency.whole()) topics.push_back(pipeline.consistency.topic);
  return topics;
}

Result<TopicSelection> TopicSelection::make(const std::vector<std::string>& topics) {
  TopicSelection selection;
  for (const auto& text : topics) {
    auto pattern = Pattern::parse(text);
    if (!pattern) return fail(ErrorClass::stop_service, fmt::format("topic {}: {}", text, pattern.error()));
    selection.patterns_.push_back(std::move(*pattern));
  }
  return selection;
}

std::vector<std::string> TopicSelection::names(const std::vector<Topic>& existing) const {
  std::set<std::string> names;
  for (const auto& pattern : patterns_) {
    if (pattern.is_name()) {
      names.insert(pattern.text());
      continue;
    }
    for (const auto& topic : existing) {
      if (chosen_by(pattern, topic)) names.insert(topic.name);
    }
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> TopicSelection::idle_patterns(const std::vector<Topic>& existing) const {
  std::vector<std::string> idle;
  for (const auto& pattern : patterns_) {
    const auto chosen = [&](const Topic& topic) { return chosen_by(pattern, topic); };
    if (!pattern.is_name() && std::ranges::none_of(existing, chosen)) idle.push_back(pattern.text());
  }
  return idle;
}

bool brokers_answer(rd_kafka_t* client, std::chrono::milliseconds timeout) {
  const rd_kafka_metadata_t* found = nullptr;
  const auto error = rd_kafka_metadata(client, 0, nullptr, &found, static_cast<int>(timeout.count()));
  const MetadataHandle owner(found);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

Result<std::vector<Topic>> list_topics(rd_kafka_t* client, std::chrono::milliseconds timeout) {
  const rd_kafka_metadata_t* found = nullptr;
  const auto error = rd_kafka_metadata(client, 1, nullptr, &found, static_cast<int>(timeout.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(ErrorClass::retry, rd_kafka_err2str(error));
  const MetadataHandle owner(found);
  std::vector<Topic> topics;
  for (const auto& topic : std::span(found->topics, static_cast<std::size_t>(found->topic_cnt))) {
    if (topic.err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) topics.push_back({topic.topic, topic.partition_cnt});
  }
  return topics;
}

Result<std::vector<Topic>> list_topics(const config::Kafka& settings, std::chrono::milliseconds timeout) {
  auto conf = client_conf(settings);
  if (!conf) return std::unexpected(conf.error());
  // It connects to all brokers at once, and the first that greets is asked: one that hangs does not matter.
  static constexpr Setting ours[] = {{"enable.sparse.connections", "false"}};
  if (auto done = require(conf->get(), ours); !done) return std::unexpected(done.error());
  auto client = make_client(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!client) return std::unexpected(client.error());
  auto topics = list_topics(client->get(), timeout);
  if (!topics) {
    topics.error().message =
        fmt::format("kafka.brokers: {} cannot be reached: {}", settings.brokers, topics.error().message);
  }
  return topics;
}

Result<std::vector<Topic>> wait_for_topics(const config::Kafka& settings, const std::atomic<bool>& stopping) {
  constexpr std::chrono::milliseconds timeout{2000}, pause{1000}, step{100};
  bool told = false;
  for (;;) {
    auto existing = list_topics(settings, timeout);
    if (existing || existing.error().next != ErrorClass::retry || stopping) return existing;
    if (!std::exchange(told, true)) log::warning("kafka", "waiting for Kafka: {}", existing.error().message);
    for (auto waited = step * 0; waited < pause && !stopping; waited += step) std::this_thread::sleep_for(step);
  }
}

}  // namespace sluice::listener

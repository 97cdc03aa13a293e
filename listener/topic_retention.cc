#include "listener/topic_retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

#include "base/interrupt.h"
#include "listener/client_config.h"
#include "listener/handles.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

using ResourceHandle = std::unique_ptr<rd_kafka_ConfigResource_t, Releaser<rd_kafka_ConfigResource_destroy>>;
using OptionsHandle = std::unique_ptr<rd_kafka_AdminOptions_t, Releaser<rd_kafka_AdminOptions_destroy>>;
using EventHandle = std::unique_ptr<rd_kafka_event_t, Releaser<rd_kafka_event_destroy>>;

constexpr milliseconds event_wait{200};  // after which it looks whether it is interrupted

// A limit of a topic; Kafka writes -1 for none.
std::optional<std::int64_t> limit(std::string_view text) {
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || number < 0) return std::nullopt;
  return number;
}

Result<TopicRetention> retention_of(const rd_kafka_ConfigResource_t* resource) {
  if (const auto error = rd_kafka_ConfigResource_error(resource); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* text = rd_kafka_ConfigResource_error_string(resource);
    return fail(ErrorClass::retry, fmt::format("Kafka does not tell the topic's configuration: {}",
                                               text != nullptr ? text : rd_kafka_err2str(error)));
  }
  std::size_t count = 0;
  const auto** entries = rd_kafka_ConfigResource_configs(resource, &count);
  TopicRetention found;
  for (const auto* entry : std::span(entries, count)) {
    const std::string_view name = rd_kafka_ConfigEntry_name(entry);
    const char* text = rd_kafka_ConfigEntry_value(entry);
    const std::string_view value = text == nullptr ? "" : text;
    if (name == "cleanup.policy") found.deletes = value.find("delete") != value.npos;
    if (name == "retention.bytes") found.bytes = limit(value);
    if (name != "retention.ms") continue;
    if (const auto keeps = limit(value)) found.keeps = milliseconds(*keeps);
  }
  return found;
}

// The event with the answer, or nothing at the deadline or when it is interrupted.
EventHandle wait_for(rd_kafka_queue_t* queue, Clock::time_point until) {
  while (!interruption().requested() && Clock::now() < until) {
    EventHandle event(rd_kafka_queue_poll(queue, static_cast<int>(event_wait.count())));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT) return event;
  }
  return nullptr;
}

}  // namespace

Result<std::map<std::string, Result<TopicRetention>>> topic_retention(const config::Kafka& settings,
                                                                      const std::set<std::string>& topics,
                                                                      Clock::time_point deadline) {
  std::map<std::string, Result<TopicRetention>> found;
  if (topics.empty()) return found;
  const auto until = interruption().earlier(deadline);
  auto conf = client_conf(settings);
  if (!conf) return std::unexpected(conf.error());
  const auto client = make_client(RD_KAFKA_CONSUMER, std::move(*conf));
  if (!client) return std::unexpected(client.error());
  std::vector<ResourceHandle> resources;
  std::vector<rd_kafka_ConfigResource_t*> asked;
  for (const auto& topic : topics) {
    resources.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
    asked.push_back(resources.back().get());
  }
  const QueueHandle queue(rd_kafka_queue_new(client->get()));
  const OptionsHandle options(rd_kafka_AdminOptions_new(client->get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS));
  const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now());
  char problem[256] = "";
  rd_kafka_AdminOptions_set_request_timeout(
      options.get(), static_cast<int>(std::clamp(left, milliseconds(1), milliseconds(30'000)).count()), problem,
      sizeof problem);
  rd_kafka_DescribeConfigs(client->get(), asked.data(), asked.size(), options.get(), queue.get());
  const auto event = wait_for(queue.get(), until + event_wait);
  if (interruption().requested()) return fail(ErrorClass::retry, std::string(cancelled));
  if (!event) return fail(ErrorClass::retry, "Kafka did not tell the topics' configuration in time");
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(ErrorClass::retry, fmt::format("Kafka did not tell the topics' configuration: {}",
                                               rd_kafka_event_error_string(event.get())));
  std::size_t count = 0;
  const auto** answers =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  for (const auto* one : std::span(answers, count)) found.emplace(rd_kafka_ConfigResource_name(one), retention_of(one));
  return found;
}

}  // namespace sluice::listener

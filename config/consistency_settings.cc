// Which transactions of the source stay whole, and what that asks of the other settings.
#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "config/setting_field.h"
#include "config/validators.h"

namespace sluice::config {

using enum Type;

std::vector<Setting> consistency() {
  return {
      {.section = "consistency",
       .name = "transactions",
       .type = choice,
       .field = in<&Pipeline::consistency, &Consistency::transactions>(),
       .help =
           "With source, the rows of one transaction of the source become visible in one transaction of PostgreSQL, "
           "across its tables, topics and partitions. Needs Debezium's provide.transaction.metadata = true and "
           "whole envelopes. One instance works at a time, on one lane.",
       .choices = {"none", "source"}},
      {.section = "consistency",
       .name = "topic",
       .field = in<&Pipeline::consistency, &Consistency::topic>(),
       .help =
           "The topic of Debezium's transaction metadata, such as shop.transaction: topic.prefix and .transaction, unless "
           "topic.transaction is set there. It is read besides the routes' topics and written to no table."},
      {.section = "consistency",
       .name = "timeout",
       .type = duration,
       .field = in<&Pipeline::consistency, &Consistency::timeout>(),
       .help = "A transaction of which nothing more has come for this long, and which is not complete, puts the "
               "partitions that wait for it into state incomplete. They go on by themselves when it is complete.",
       .least = 1'000,
       .most = 86'400'000},
  };
}

std::pair<std::string, std::string> wrong_for_transactions(const Pipeline& pipeline) {
  const auto& [transactions, topic, timeout] = pipeline.consistency;
  if (!pipeline.consistency.whole()) {
    if (topic.empty()) return {};
    return {"consistency.topic", "is read only with transactions = \"source\"; set that, or remove the topic"};
  }
  if (topic.empty())
    return {
        "consistency.topic",
        "is missing, and transactions = \"source\" needs it; name the topic of Debezium's transaction metadata, such "
        "as \"shop.transaction\""};
  if (topic.starts_with('^'))
    return {"consistency.topic", "is a regular expression, and one topic is meant; write its name"};
  const bool routed = std::ranges::any_of(pipeline.routes, [&](const Route& route) {
    return std::ranges::find(route.topics, topic) != route.topics.end();
  });
  if (routed)
    return {"consistency.topic",
            fmt::format("\"{}\" is also a route's topic, and its records are no rows; remove it from the route",
                        printable(topic))};
  const auto cloud_events =
      std::ranges::any_of(pipeline.routes, [](const Route& route) { return route.format == Format::cloudevents; });
  if (cloud_events)
    return {
        "consistency.transactions",
        "is \"source\", and a route's format is \"cloudevents\", whose events have no transaction; send Debezium's own "
        "envelopes, or use \"none\""};
  if (pipeline.kafka.start == Start::latest)
    return {"kafka.start",
            "is \"latest\", and the logs' ends lie in the middle of transactions of the source, which transactions = "
            "\"source\" keeps whole; use \"earliest\""};
  if (pipeline.kafka.start == Start::group)
    return {"kafka.start",
            "is a group, and where it has committed may lie in the middle of transactions of the source, which "
            "transactions = \"source\" keeps whole; use \"earliest\""};
  if (pipeline.kafka.strategy == Strategy::cooperative_sticky)
    return {"kafka.strategy",
            "shares the topics out, and transactions = \"source\" needs all of them in one instance; use \"range\""};
  return {};
}

}  // namespace sluice::config

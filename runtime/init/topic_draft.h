// Proposes a configuration, with the DDL of its table, for what was seen of a topic: `sluice init --topic`.
//
// Pure, any thread. The result is a whole file that `sluice check` accepts once the secrets that it refers to are
// there.
#pragma once

#include <map>
#include <string>

#include "runtime/init/topic_sample.h"
#include "runtime/init/topic_shape.h"

namespace sluice::runtime {

struct TopicPlace {
  std::string brokers, topic, postgres, registry;
  std::map<std::string, std::string> properties;  // as they were given
};

std::string draft_of_topic(const TopicPlace& place, const TopicSample& sample, const TopicShape& shape);

// The URL or the key=value pairs with references in place of passwords.
std::string without_password(std::string_view url);

}  // namespace sluice::runtime

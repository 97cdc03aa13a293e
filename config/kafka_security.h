// How well the way to the brokers is protected, as far as the settings say: librdkafka connects by them and by nothing
// else. Pure; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/server_security.h"
#include "config/pipeline.h"

namespace sluice::config {

// One for each of the brokers that the configuration names.
std::vector<ServerSecurity> kafka_security(const Kafka& settings);

// The first property of a login or of certificates that security.protocol makes do nothing, and what is wrong with it:
// a connection that somebody believes protected would not be. Empty if there is none.
std::pair<std::string, std::string> idle_security(const Kafka& settings);

}  // namespace sluice::config

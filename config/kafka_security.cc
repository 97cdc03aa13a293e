#include "config/kafka_security.h"

#include <algorithm>
#include <string>

#include "base/host_port.h"
#include "base/parse.h"

namespace sluice::config {
namespace {

std::string property(const Kafka& settings, const std::string& name, const char* otherwise) {
  const auto found = settings.properties.find(name);
  std::string value = found == settings.properties.end() ? otherwise : found->second.reveal();
  std::ranges::transform(value, value.begin(), lower);
  return value;
}

}  // namespace

std::vector<ServerSecurity> kafka_security(const Kafka& settings) {
  const auto protocol = property(settings, "security.protocol", "plaintext");
  const auto verification = property(settings, "enable.ssl.certificate.verification", "true");
  const bool encrypted = protocol == "ssl" || protocol == "sasl_ssl";
  const bool verified = encrypted && verification != "false" && verification != "f" && verification != "0";
  std::vector<ServerSecurity> brokers;
  for (const std::string_view part : split(settings.brokers, ',')) {
    std::string name(part);
    std::erase(name, ' ');
    if (name.empty()) continue;
    const auto address = parse_host_port(name);
    ServerSecurity broker{"kafka", std::move(name), encrypted, verified, address && is_loopback(address->host)};
    if (!broker.local && !encrypted)
      broker.advice = "security.protocol is " + protocol + "; use ssl or sasl_ssl with ssl.ca.location";
    else if (!broker.local && !verified)
      broker.advice = "enable.ssl.certificate.verification is false; set ssl.ca.location and leave it out";
    brokers.push_back(std::move(broker));
  }
  return brokers;
}

}  // namespace sluice::config

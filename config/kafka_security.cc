#include "config/kafka_security.h"

#include <algorithm>
#include <string>

#include "base/host_port.h"

namespace sluice::config {
namespace {

std::string property(const Kafka& settings, const std::string& name, const char* otherwise) {
  const auto found = settings.properties.find(name);
  std::string value = found == settings.properties.end() ? otherwise : found->second.reveal();
  std::ranges::transform(value, value.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return value;
}

}  // namespace

std::vector<ServerSecurity> kafka_security(const Kafka& settings) {
  const auto protocol = property(settings, "security.protocol", "plaintext");
  const auto verification = property(settings, "enable.ssl.certificate.verification", "true");
  const bool encrypted = protocol == "ssl" || protocol == "sasl_ssl";
  const bool verified = encrypted && verification != "false" && verification != "f" && verification != "0";
  std::vector<ServerSecurity> brokers;
  for (std::size_t at = 0; at < settings.brokers.size();) {
    const auto end = std::min(settings.brokers.find(',', at), settings.brokers.size());
    auto name = settings.brokers.substr(at, end - at);
    std::erase(name, ' ');
    at = end + 1;
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

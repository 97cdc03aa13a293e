#include "config/kafka_security.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

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

struct Layer {
  std::string_view prefix, name, protocols, instead;
};
// Properties by what they configure, and the word that security.protocol has for it.
constexpr std::array<Layer, 4> layers = {{
    {"sasl.", "SASL", "sasl", "sasl_ssl, or to sasl_plaintext within a trusted network"},
    {"enable.sasl.", "SASL", "sasl", "sasl_ssl, or to sasl_plaintext within a trusted network"},
    {"ssl.", "TLS", "ssl", "ssl, or to sasl_ssl with a login"},
    {"enable.ssl.", "TLS", "ssl", "ssl, or to sasl_ssl with a login"},
}};

}  // namespace

std::pair<std::string, std::string> idle_security(const Kafka& settings) {
  const auto protocol = property(settings, "security.protocol", "plaintext");
  for (const auto& [name, value] : settings.properties) {
    const auto layer = std::ranges::find_if(layers, [&](const Layer& one) { return name.starts_with(one.prefix); });
    if (layer == layers.end() || protocol.contains(layer->protocols)) continue;
    return {name, fmt::format("is of {}, and security.protocol is {}, with which librdkafka ignores it; set "
                              "\"security.protocol\" to {}, or remove it",
                              layer->name, protocol, layer->instead)};
  }
  return {};
}

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

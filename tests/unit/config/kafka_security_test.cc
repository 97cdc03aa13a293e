// What the properties of a way to Kafka protect, and those that protect nothing.
#include "config/kafka_security.h"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

std::string idle(std::map<std::string, std::string> properties) {
  Kafka kafka;
  for (const auto& [name, value] : properties) kafka.properties.emplace(name, Secret(value));
  return idle_security(kafka).first;
}

TEST(KafkaSecurity, a_login_or_certificates_that_the_protocol_ignores_are_named_with_what_to_set) {
  EXPECT_EQ(idle({{"sasl.username", "app"}}), "sasl.username");
  EXPECT_EQ(idle({{"security.protocol", "SSL"}, {"sasl.mechanism", "PLAIN"}}), "sasl.mechanism");
  EXPECT_EQ(idle({{"security.protocol", "sasl_plaintext"}, {"sasl.username", "app"}, {"ssl.ca.location", "/ca"}}),
            "ssl.ca.location");
  EXPECT_EQ(idle({{"enable.ssl.certificate.verification", "true"}}), "enable.ssl.certificate.verification");
  Kafka kafka;
  kafka.properties.emplace("sasl.password", Secret("hunter2"));
  EXPECT_EQ(
      idle_security(kafka).second,
      "is of SASL, and security.protocol is plaintext, with which librdkafka ignores it; set \"security.protocol\" "
      "to sasl_ssl, or to sasl_plaintext within a trusted network, or remove it");
}

TEST(KafkaSecurity, what_the_protocol_uses_is_not) {
  EXPECT_EQ(idle({{"security.protocol", "SASL_SSL"}, {"sasl.username", "app"}, {"ssl.ca.location", "/ca"}}), "");
  EXPECT_EQ(idle({{"security.protocol", "ssl"}, {"ssl.key.location", "/key"}}), "");
  EXPECT_EQ(idle({{"security.protocol", "sasl_plaintext"}, {"sasl.mechanism", "SCRAM-SHA-512"}}), "");
  EXPECT_EQ(idle({{"socket.timeout.ms", "6000"}}), "");
}

}  // namespace
}  // namespace sluice::config

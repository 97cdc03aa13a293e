// A mock cluster for the listener's tests, records in it, and waiting with a deadline.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "listener/mock_broker.h"
#include "listener/producer.h"

namespace sluice::listener {

// Of whatever is waited for: it costs nothing on a machine that is quick.
constexpr std::chrono::seconds deadline{60};

inline config::Kafka settings_of(const MockBroker& broker) {
  config::Kafka settings;
  settings.brokers = broker.bootstrap();
  settings.group = "listener-test";
  return settings;
}

inline void publish(const config::Kafka& settings, const std::string& topic, const std::vector<Outgoing>& records) {
  auto producer = Producer::make(settings);
  ASSERT_TRUE(producer) << producer.error().message;
  for (const auto& record : records) ASSERT_TRUE((*producer)->send(topic, record));
  const auto flushed = (*producer)->flush(deadline);
  ASSERT_TRUE(flushed) << flushed.error().message;
}

inline bool eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  while (std::chrono::steady_clock::now() < until) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return holds();
}

}  // namespace sluice::listener

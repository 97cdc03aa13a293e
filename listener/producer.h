// Records out, in order and acknowledged by all replicas: librdkafka's idempotent producer, for `publish` and the demo.
//
// Used by one thread. send() copies; the queue is bounded (100,000 records or 64 MiB) and a full one makes send() wait,
// which is the back-pressure. A delivery that fails is counted and remembered; nothing is ever dropped silently.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::listener {

struct Outgoing {
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;  // null is a tombstone
  std::vector<Header> headers;
  std::int32_t partition = -1;  // -1: as follows from the key
};

// A record that all replicas have. The views live as long as the call that brings it.
struct Acknowledgement {
  std::string_view topic;
  std::int32_t partition = 0;
  std::optional<Offset> offset;  // the brokers do not tell it of a record that they recognise as sent before
  std::optional<std::string_view> key;
};

class Producer {
 public:
  // Only brokers and properties of the settings are used. No connection is waited for.
  // With the name of a transaction, nothing is visible to readers of committed records before commit(), and another
  // producer of the same name ends this one's transaction.
  static Result<std::unique_ptr<Producer>> make(const config::Kafka& settings, const std::string& transaction = {});
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // Begins the one transaction; what one of the same name has left open is aborted first. Waits up to `timeout`.
  Result<void> begin(std::chrono::milliseconds timeout);
  // Waits until every record is acknowledged, and the transaction is complete. After an error nothing is visible, as
  // long as abort() succeeds, or the brokers' time for the transaction is over.
  Result<void> commit(std::chrono::milliseconds timeout);
  Result<void> abort(std::chrono::milliseconds timeout);

  // Waits up to `timeout` for room in the queue, then `retry`.
  Result<void> send(const std::string& topic, const Outgoing& record,
                    std::chrono::milliseconds timeout = std::chrono::seconds(30));
  // Called with each acknowledgement, from within the other calls.
  void on_acknowledged(std::function<void(const Acknowledgement&)> told);
  // Serves delivery reports; returns at once if there are none and `timeout` is zero.
  void serve(std::chrono::milliseconds timeout = {});
  // Waits until every record is acknowledged or has failed; an error if any failed or the time is up. `meanwhile` is
  // called several times a second.
  Result<void> flush(std::chrono::milliseconds timeout, const std::function<void()>& meanwhile = {});

  std::int64_t acknowledged() const;
  std::int64_t failed() const;
  std::string first_error() const;  // of a delivery, or the broker connection's last while none is up; empty if none
  // One past the last acknowledged record, of every partition that received any.
  const std::map<TopicPartition, Offset>& ends() const;

 private:
  struct State;
  explicit Producer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

std::string library_version();

}  // namespace sluice::listener

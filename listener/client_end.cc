#include "listener/client_end.h"

#include <algorithm>
#include <future>
#include <memory>
#include <string_view>

#include "base/thread.h"
#include "listener/handles.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds look_interval{100};

Result<bool> within(const char* name, milliseconds timeout, std::function<void()> work,
                    const std::function<bool()>& stopping) {
  const auto done = std::make_shared<std::promise<void>>();
  const auto end = done->get_future();
  auto thread = Thread::start(name, [work = std::move(work), done] {
    work();
    done->set_value();
  });
  if (!thread) return std::unexpected(thread.error());
  thread->detach();
  for (auto left = timeout; left > milliseconds(0); left -= look_interval) {
    if (end.wait_for(std::min(left, look_interval)) == std::future_status::ready) return true;
    if (stopping && stopping()) return false;
  }
  return false;
}

}  // namespace

Result<bool> close_client(rd_kafka_t* client, milliseconds timeout, const std::function<bool()>& stopping) {
  return within("kafka close", timeout, [client] { rd_kafka_consumer_close(client); }, stopping);
}

// Before 2.1.0 the client of a topic that was deleted waits for ever for its own references.
Result<bool> destroy_client(rd_kafka_t* client, milliseconds timeout) {
  return within("kafka end", timeout, [client] { rd_kafka_destroy(client); }, nullptr);
}

void give_back(rd_kafka_t* client, rd_kafka_topic_partition_list_t* partitions) {
  const char* protocol = rd_kafka_rebalance_protocol(client);
  if (protocol != nullptr && std::string_view(protocol) == "COOPERATIVE") {
    const ErrorHandle error(rd_kafka_incremental_unassign(client, partitions));
  } else {
    rd_kafka_assign(client, nullptr);
  }
}

}  // namespace sluice::listener

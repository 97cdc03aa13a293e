#include "runtime/http/http.h"

#include <fmt/format.h>
#include <httplib.h>

#include <condition_variable>
#include <deque>
#include <thread>

#include "base/host_port.h"
#include "base/log.h"
#include "base/mutex.h"
#include "runtime/http/metrics.h"

namespace sluice::runtime {
namespace {

constexpr std::string_view who = "http";
constexpr std::size_t workers = 2;
constexpr std::size_t waiting_limit = 16;
constexpr int request_seconds = 2;  // for a slow client, and so for stop()

// The library's own pool takes any number of waiting connections. This one makes the accepting thread wait instead, so
// that the kernel's backlog is the only queue that grows.
class BoundedPool final : public httplib::TaskQueue {
 public:
  BoundedPool() {
    for (std::size_t i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  }
  void enqueue(std::function<void()> task) override {
    MutexLock lock(mutex_);
    changed_.wait(lock, [this]() REQUIRES(mutex_) { return tasks_.size() < waiting_limit; });
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }
  void shutdown() override {
    {
      const MutexLock lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

 private:
  void work() {
    while (true) {
      MutexLock lock(mutex_);
      changed_.wait(lock, [this]() REQUIRES(mutex_) { return closing_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      changed_.notify_all();
      lock.unlock();
      task();
    }
  }

  Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> tasks_ GUARDED_BY(mutex_);
  bool closing_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

void respond(httplib::Response& response, const ProbeAnswer& answer) {
  response.status = answer.status;
  response.set_content(answer.line + "\n", "text/plain; charset=utf-8");
}

}  // namespace

ProbeAnswer health_answer(const Snapshot& snapshot) {
  if (snapshot.healthy) return {};
  const LaneSnapshot* stuck = nullptr;
  for (const auto& lane : snapshot.lanes) {
    if (stuck == nullptr || lane.seconds_since_progress > stuck->seconds_since_progress) stuck = &lane;
  }
  if (stuck == nullptr) return {503, "no lane is running"};
  return {503, fmt::format("lane {} has made no progress for {:.1f} s", stuck->lane, stuck->seconds_since_progress)};
}

ProbeAnswer ready_answer(const Snapshot& snapshot) {
  if (snapshot.ready) return {};
  // What is awaited, and not why: this page is for strangers, too.
  if (const auto& what = snapshot.waiting_for; !what.empty())
    return {503,
            fmt::format("starting: waiting for {}; 'status' on the console says why", what.substr(0, what.find(':')))};
  for (const auto& lane : snapshot.lanes) {
    if (!lane.connected && !lane.last_error.empty()) {
      return {503, fmt::format("lane {} has no connection to PostgreSQL: {}", lane.lane, lane.last_error)};
    }
  }
  std::size_t claiming = 0;
  for (const auto& partition : snapshot.partitions) claiming += partition.state == PartitionState::claiming ? 1 : 0;
  if (snapshot.partitions.empty()) return {503, "no partition is assigned yet"};
  return {503, fmt::format("{} of {} partitions are not claimed yet", claiming, snapshot.partitions.size())};
}

struct HttpServer::State {
  explicit State(config::Http given) : settings(std::move(given)) {}

  config::Http settings;
  httplib::Server server;
  std::thread thread;
  int port = 0;
};

HttpServer::HttpServer(config::Http settings, const Snapshots& snapshots)
    : state_(std::make_unique<State>(std::move(settings))) {
  auto& server = state_->server;
  server.new_task_queue = [] { return new BoundedPool; };
  server.set_keep_alive_max_count(1);  // a scraper that stays must not hold one of two workers
  server.set_keep_alive_timeout(1);    // also the limit for a client that sends nothing
  server.set_read_timeout(request_seconds);
  server.set_write_timeout(request_seconds);
  server.set_payload_max_length(0);
  // The library would set SO_REUSEPORT: two services on one port, each seeing half of the scrapes.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.Get("/metrics", [&snapshots](const httplib::Request&, httplib::Response& response) {
    response.set_content(metrics_text(snapshots.snapshot(), process_usage()),
                         "text/plain; version=0.0.4; charset=utf-8");
  });
  server.Get("/healthz", [&snapshots](const httplib::Request&, httplib::Response& response) {
    respond(response, health_answer(snapshots.snapshot()));
  });
  server.Get("/readyz", [&snapshots](const httplib::Request&, httplib::Response& response) {
    respond(response, ready_answer(snapshots.snapshot()));
  });
}

HttpServer::~HttpServer() {
  stop();
}

Result<void> HttpServer::start() {
  if (state_->settings.listen.empty()) return {};
  const auto address = parse_host_port(state_->settings.listen);
  if (!address || !address->port)
    return fail(ErrorClass::stop_service, fmt::format("http.listen: {} is not HOST:PORT", state_->settings.listen));
  auto& server = state_->server;
  if (*address->port == 0) {
    state_->port = std::max(0, server.bind_to_any_port(address->host));
  } else if (server.bind_to_port(address->host, *address->port)) {
    state_->port = *address->port;
  }
  if (state_->port == 0) {
    return fail(ErrorClass::stop_service,
                fmt::format("http.listen: cannot listen on {}: {}", state_->settings.listen, std::strerror(errno)));
  }
  state_->thread = std::thread([&server] { server.listen_after_bind(); });
  log::info(who, "serving /metrics, /healthz and /readyz on {}", host_port_text(address->host, state_->port));
  return {};
}

void HttpServer::stop() {
  if (!state_->thread.joinable()) return;
  // The library's stop() does nothing before its loop runs, which is a moment after start().
  for (int waited = 0; waited < 1000 && !state_->server.is_running(); ++waited) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  state_->server.stop();
  state_->thread.join();
  state_->port = 0;
}

int HttpServer::port() const {
  return state_->port;
}

}  // namespace sluice::runtime

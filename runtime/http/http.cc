#include "runtime/http/http.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <list>
#include <vector>

#include "admin/health.h"
#include "base/event_fd.h"
#include "base/log.h"
#include "base/server_socket.h"
#include "base/thread.h"
#include "runtime/http/metrics.h"
#include "runtime/http/request.h"

namespace sluice::runtime {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_connections = 128;  // the newest: the oldest one leaves for a newcomer
constexpr std::size_t most_discarded = 64u << 10;
constexpr int most_accepts = 64;  // a turn, so that a flood of connections does not keep answers waiting
constexpr auto request_limit = 2s;
// Answers share one text for that long, or for ten times as long as it took to write: however many read and however
// slowly, the memory is that of a few texts, and the work a tenth of a core.
constexpr Clock::duration metrics_age = 100ms;
constexpr int metrics_share = 10;
constexpr auto back_off = 100ms;

using Text = std::shared_ptr<const std::string>;

struct Connection {
  enum class State : std::uint8_t { reading, writing, discarding };

  int fd;
  Clock::time_point until;
  State state = State::reading;
  std::string head{};  // of the request, then of the answer
  Text body{};
  std::size_t sent = 0, discarded = 0;
};

std::string answer_head(int status, std::string_view type, std::size_t length) {
  return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n", status,
                     status_text(status), type, length, status == 405 ? "Allow: GET, HEAD\r\n" : "");
}

}  // namespace

ProbeAnswer health_answer(const Snapshot& snapshot) {
  auto trouble = health_trouble(snapshot);
  if (trouble.empty()) return {};
  return {503, std::move(trouble)};
}

// Whoever reaches the port may read it, so it names no host, no user and no text of PostgreSQL's: `status` and the log
// have those.
ProbeAnswer ready_answer(const Snapshot& snapshot) {
  if (snapshot.ready) return {};
  // What is awaited, and not why: this page is for strangers, too.
  if (const auto& what = snapshot.waiting_for; !what.empty())
    return {503,
            fmt::format("starting: waiting for {}; 'status' on the console says why", what.substr(0, what.find(':')))};
  if (snapshot.outside_group_since)
    return {503, "Kafka's consumer group gives this process no partitions; 'status' on the console says since when"};
  for (const auto& lane : snapshot.lanes) {
    if (!lane.connected && !lane.last_error.empty()) {
      return {503, fmt::format("lane {} has no connection to PostgreSQL; the log says why", lane.lane)};
    }
  }
  std::size_t claiming = 0;
  for (const auto& partition : snapshot.partitions) claiming += partition.state == PartitionState::claiming ? 1 : 0;
  if (snapshot.partitions.empty()) return {503, "no partition is assigned yet"};
  return {503, fmt::format("{} of {} partitions are not claimed yet", claiming, snapshot.partitions.size())};
}

// All of it is the server's thread's, but for stopping and the bell.
struct HttpServer::State {
  State(config::Http given, const Snapshots& source, const Hooks* of_notifications)
      : settings(std::move(given)), snapshots(source), hooks(of_notifications) {}

  void run();
  void turn();
  void accept_some();
  void close_first();
  bool serve(Connection& connection, short events);
  bool receive(Connection& connection);
  void answer(Connection& connection, const Request& request);
  static bool send_some(Connection& connection);
  static bool discard(Connection& connection);
  Text metrics();

  const config::Http settings;
  const Snapshots& snapshots;
  const Hooks* const hooks;
  ServerSocket socket;
  const EventFd bell;
  std::atomic<bool> stopping{false};
  std::list<Connection> connections;  // oldest first
  Clock::time_point accept_again{};
  Text metrics_text;
  Clock::time_point metrics_until{};
  Thread thread;
};

void HttpServer::State::run() {
  while (!stopping) {
    try {
      turn();
    } catch (const std::exception& problem) {
      log::error("http", "{} connections are dropped: {}", connections.size(), problem.what());
      while (!connections.empty()) close_first();
    }
  }
  while (!connections.empty()) close_first();
}

void HttpServer::State::turn() {
  std::vector<pollfd> events;
  events.reserve(connections.size() + 2);
  auto now = Clock::now();
  const bool accepting = now >= accept_again;
  auto until = now + (accepting ? 1s : back_off);
  events.push_back({bell.fd(), POLLIN, 0});
  events.push_back({accepting ? socket.fd() : -1, POLLIN, 0});
  for (const auto& connection : connections) {
    const bool writes = connection.state == Connection::State::writing;
    events.push_back({connection.fd, static_cast<short>(writes ? POLLOUT : POLLIN), 0});
    until = std::min(until, connection.until);
  }
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::max(until - now, Clock::duration::zero()));
  poll(events.data(), events.size(), static_cast<int>(wait.count()));
  now = Clock::now();
  std::size_t index = 2;
  for (auto connection = connections.begin(); connection != connections.end(); ++index) {
    const auto seen = events[index].revents;
    if (now < connection->until && (seen == 0 || serve(*connection, seen))) {
      ++connection;
    } else {
      ::close(connection->fd);
      connection = connections.erase(connection);
    }
  }
  if (events[1].revents != 0) accept_some();
}

void HttpServer::State::accept_some() {
  for (int i = 0; i < most_accepts; ++i) {
    const auto got = socket.accept();
    if (got.outcome == ServerSocket::Outcome::nothing) return;
    if (got.outcome == ServerSocket::Outcome::again) continue;
    if (got.outcome == ServerSocket::Outcome::no_descriptor) {
      if (connections.empty()) {
        socket.refuse_one();
        accept_again = Clock::now() + back_off;
        return;
      }
      close_first();
      continue;
    }
    if (connections.size() >= most_connections) close_first();
    connections.push_back({.fd = got.fd, .until = Clock::now() + request_limit});
    // A probe has said all of it by now, so that it is answered before anything of the next turn.
    if (!serve(connections.back(), POLLIN)) {
      ::close(got.fd);
      connections.pop_back();
    }
  }
}

void HttpServer::State::close_first() {
  ::close(connections.front().fd);
  connections.pop_front();
}

// Returns false once the connection is to be closed.
bool HttpServer::State::serve(Connection& connection, short events) {
  if ((events & POLLERR) != 0) return false;
  switch (connection.state) {
    case Connection::State::reading:
      return receive(connection);
    case Connection::State::writing:
      return send_some(connection);
    case Connection::State::discarding:
      return discard(connection);
  }
  return false;
}

bool HttpServer::State::receive(Connection& connection) {
  char block[longest_head];
  const auto room = longest_head - connection.head.size();
  const auto got = recv(connection.fd, block, room, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;  // it left in the middle
  connection.head.append(block, static_cast<std::size_t>(got));
  const auto request = parse_request(connection.head);
  if (!request) return true;
  answer(connection, *request);
  return send_some(connection);
}

void HttpServer::State::answer(Connection& connection, const Request& request) {
  std::string_view type = "text/plain; charset=utf-8";
  ProbeAnswer page{request.status, request.path};
  connection.body.reset();
  if (request.status == 200 && request.path == "/metrics") {
    type = "text/plain; version=0.0.4; charset=utf-8";
    connection.body = metrics();
  } else if (request.status == 200 && request.path == "/healthz") {
    page = health_answer(snapshots.snapshot());
  } else if (request.status == 200 && request.path == "/readyz") {
    page = ready_answer(snapshots.snapshot());
  } else if (request.status == 200) {
    page = {404, "there are /metrics, /healthz and /readyz"};
  }
  if (!connection.body) connection.body = std::make_shared<const std::string>(page.line + "\n");
  connection.head = answer_head(page.status, type, connection.body->size());
  if (request.head) connection.body = std::make_shared<const std::string>();
  connection.state = Connection::State::writing;
}

bool HttpServer::State::send_some(Connection& connection) {
  const auto length = connection.head.size();
  while (connection.sent < length + connection.body->size()) {
    const bool in_head = connection.sent < length;
    const std::string_view rest = in_head ? std::string_view(connection.head).substr(connection.sent)
                                          : std::string_view(*connection.body).substr(connection.sent - length);
    const auto done = send(connection.fd, rest.data(), rest.size(), MSG_NOSIGNAL | (in_head ? MSG_MORE : 0));
    if (done < 0) return errno == EAGAIN || errno == EINTR;
    connection.sent += static_cast<std::size_t>(done);
  }
  // Closed with bytes unread, the connection would be reset before the client has read its answer.
  shutdown(connection.fd, SHUT_WR);
  connection.state = Connection::State::discarding;
  connection.body.reset();
  return discard(connection);
}

bool HttpServer::State::discard(Connection& connection) {
  char block[16u << 10];
  while (connection.discarded < most_discarded) {
    const auto got = recv(connection.fd, block, sizeof block, 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    connection.discarded += static_cast<std::size_t>(got);
  }
  return false;
}

Text HttpServer::State::metrics() {
  const auto now = Clock::now();
  if (metrics_text == nullptr || now >= metrics_until) {
    metrics_text = std::make_shared<const std::string>(runtime::metrics_text(
        snapshots.snapshot(), process_usage(), hooks ? hooks->hooks() : std::vector<HookState>()));
    const auto done = Clock::now();
    metrics_until = done + std::max(metrics_age, metrics_share * (done - now));
  }
  return metrics_text;
}

HttpServer::HttpServer(config::Http settings, const Snapshots& snapshots, const Hooks* hooks)
    : state_(std::make_unique<State>(std::move(settings), snapshots, hooks)) {}

HttpServer::~HttpServer() {
  stop();
}

Result<void> HttpServer::start() {
  if (state_->settings.listen.empty()) return {};
  auto socket = ServerSocket::open(state_->settings.listen);
  if (!socket) return fail(ErrorClass::stop_service, "http.listen: " + socket.error().message);
  state_->socket = std::move(*socket);
  auto thread = Thread::start("http", [state = state_.get()] { state->run(); }, Thread::small_stack);
  if (!thread) {
    state_->socket.close();
    return std::unexpected(thread.error());
  }
  state_->thread = std::move(*thread);
  log::info("http", "serving /metrics, /healthz and /readyz on {}", state_->socket.text());
  return {};
}

void HttpServer::stop() {
  if (!state_->thread.joinable()) return;
  state_->stopping = true;
  state_->bell.notify();
  state_->thread.join();
  state_->socket.close();
}

int HttpServer::port() const {
  return state_->socket.port();
}

}  // namespace sluice::runtime

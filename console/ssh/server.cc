#include "console/ssh/server.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <thread>
#include <utility>

#include "base/log.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

constexpr int most_accepts = 64;           // a turn
constexpr std::size_t most_threads = 192;  // with connections that are ending
constexpr std::size_t few = 8;             // strangers; up to here a silent one may be waiting for our greeting
constexpr auto stuck_after = 5s;
constexpr auto back_off = 100ms;
constexpr auto recheck_every = 60s;
constexpr auto tell_every = 60s;

}  // namespace

Server::~Server() {
  stop(0ms);
  std::list<Connection> last;
  {
    const MutexLock lock(mutex_);
    last.swap(connections_);
  }
  for (auto& connection : last) connection.thread.join();
}

Result<void> Server::start(const std::string& listen, ssh_key host_key) {
  auto socket = ServerSocket::open(listen);
  if (!socket) {
    ssh_key_free(host_key);
    return fail(ErrorClass::stop_service, "console.listen: " + socket.error().message);
  }
  auto bind = make_bind(host_key, socket->fd());
  if (!bind) return std::unexpected(bind.error());
  if (lobby_.fd() < 0) return fail(ErrorClass::stop_service, "console: no descriptor is left; raise LimitNOFILE");
  socket_ = std::move(*socket);
  bind_ = std::move(*bind);
  auto thread = Thread::start("console", [this] { run(); });
  if (!thread) return fail(ErrorClass::stop_service, thread.error().message);
  thread_ = std::move(*thread);
  log::info("console", "SSH console on {}", socket_.text());
  return {};
}

void Server::run() {
  sigset_t signals;
  sigfillset(&signals);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  recheck_at_ = Clock::now() + recheck_every;
  while (!stopping_) {
    try {
      turn();
    } catch (const std::exception& problem) {  // no memory, mostly: a stranger's place is what can be given up
      tell(problem.what(), Clock::now());
      lobby_.close_first();
    }
  }
}

void Server::turn() {
  const bool accepting = Clock::now() >= accept_again_;
  pollfd events[3] = {{accepting ? socket_.fd() : -1, POLLIN, 0}, {wake_.fd(), POLLIN, 0}, {lobby_.fd(), POLLIN, 0}};
  const auto wait = !accepting ? std::chrono::milliseconds(back_off) : lobby_.size() > 0 ? 250ms : 1000ms;
  poll(events, std::size(events), static_cast<int>(wait.count()));
  for (int i = 0; i < most_accepts && accepting && !stopping_ && accept_one(); ++i) {
  }
  const auto now = Clock::now();
  lobby_.look(now);
  admit_guests(now);
  tend();
  if (now >= recheck_at_) {
    recheck_at_ = now + recheck_every;
    recheck();
  }
  tell_closed(now);
}

// A line each, as far as there is room in the log.
void Server::tell_closed(Clock::time_point now) {
  for (const auto& one : lobby_.take_closed()) {
    if (context_.admission.has_room_in_log(now))
      log::info("console", "no login from {}: it {}", one.peer.text(), one.why);
  }
}

bool Server::accept_one() {
  const auto got = socket_.accept();
  switch (got.outcome) {
    case ServerSocket::Outcome::accepted: {
      const auto now = Clock::now();
      const auto peer = socket_.port() != 0 ? Address::of(got.peer) : Address::of_local(got.fd);
      if (context_.admission.refused(peer.group(), now)) {
        close(got.fd);
      } else {
        lobby_.enter(got.fd, peer, now);
      }
      return true;
    }
    case ServerSocket::Outcome::again:
      return true;
    case ServerSocket::Outcome::no_descriptor:
      out_of_descriptors();
      return false;
    case ServerSocket::Outcome::nothing:
      return false;
  }
  return false;
}

// Without this the listening socket would stay readable, and the thread would spin.
void Server::out_of_descriptors() {
  const auto now = Clock::now();
  tell("no descriptor is left; raise LimitNOFILE", now);
  if (!lobby_.close_first()) socket_.refuse_one();
  accept_again_ = now + back_off;
}

// At most once a minute: strangers can cause it as often as they like.
void Server::tell(std::string_view problem, Clock::time_point now) {
  if (now < tell_again_) return;
  tell_again_ = now + tell_every;
  log::warning("console", "connections are refused: {}", problem);
}

void Server::admit_guests(Clock::time_point now) {
  while (const auto guest = lobby_.next_greeted()) admit(*guest, now);
  while (context_.admission.unauthenticated() < few) {
    const auto guest = lobby_.next_patient(now);
    if (!guest) return;
    admit(*guest, now);
  }
}

// The guest's descriptor is closed and its place given back, unless a session has taken both over.
void Server::admit(const Lobby::Guest& guest, Clock::time_point now) {
  Descriptor descriptor(guest.fd);
  tend();
  const auto id = next_id_++;
  const auto evicted =
      context_.admission.arrive(id, guest.peer.group(), guest.greeted ? Progress::greeted : Progress::silent, now);
  Place place(context_.admission, id);
  const MutexLock lock(mutex_);
  if (evicted) {
    for (auto& connection : connections_) {
      if (connection.session->id() == *evicted) connection.session->end({});
    }
  }
  if (connections_.size() >= most_threads) {
    return tell(fmt::format("{} have a thread, most of them are ending", most_threads), now);
  }
  const auto begun = begin_session(id, guest.peer, descriptor);
  if (!begun) return tell(begun.error().message, now);
  place.keep();
}

// Nothing is in the list before its thread runs: what throws on the way there leaves no trace.
Result<void> Server::begin_session(std::int64_t id, const Address& peer, Descriptor& descriptor) {
  SessionHandle ssh = accept_session(bind_.get(), descriptor);
  if (!ssh) return fail(ErrorClass::retry, "the library has no session for one; is there memory?");
  std::list<Connection> made(1);
  auto& connection = made.front();
  connection.session = std::make_unique<Session>(context_, id, peer, std::move(ssh));
  auto thread = Thread::start(
      fmt::format("console {}", id), [session = connection.session.get()] { session->run(); }, Thread::small_stack);
  if (!thread) return std::unexpected(thread.error());
  connection.thread = std::move(*thread);
  connections_.splice(connections_.end(), made);
  return {};
}

// Joins the threads that have ended, and logs those that make no progress.
void Server::tend() {
  std::list<Connection> ended;
  {
    const MutexLock lock(mutex_);
    for (auto connection = connections_.begin(); connection != connections_.end();) {
      const auto next = std::next(connection);
      if (connection->session->over()) {
        ended.splice(ended.end(), connections_, connection);
      } else if (!connection->reported && connection->session->view().since_last_turn() > stuck_after &&
                 connection->session->view().grant()) {
        connection->reported = true;
        log::warning("console", "session {} is stuck: its client's packets hold its thread", connection->session->id());
      }
      connection = next;
    }
  }
  for (auto& connection : ended) connection.thread.join();
}

void Server::stop(std::chrono::milliseconds within) {
  const auto until = Clock::now() + within;
  stopping_ = true;
  wake_.notify();
  thread_.join();
  bind_.reset();
  socket_.close();
  {
    const MutexLock lock(mutex_);
    for (auto& connection : connections_)
      connection.session->end(connection.session->view().grant() ? "the service is shutting down" : "");
  }
  while (Clock::now() < until) {
    tend();
    {
      const MutexLock lock(mutex_);
      if (connections_.empty()) return;
    }
    std::this_thread::sleep_for(10ms);
  }
}

std::vector<SessionInfo> Server::sessions() const {
  const MutexLock lock(mutex_);
  std::vector<SessionInfo> infos;
  for (const auto& connection : connections_) {
    if (auto info = connection.session->view().info()) infos.push_back(std::move(*info));
  }
  return infos;
}

bool Server::end(std::int64_t id, const std::string& reason) {
  const MutexLock lock(mutex_);
  for (auto& connection : connections_) {
    if (connection.session->id() != id || !connection.session->view().info()) continue;
    connection.session->end(reason);
    return true;
  }
  return false;
}

void Server::recheck() {
  const auto keys = context_.keys();
  std::map<std::string, int> of_key;  // the oldest sessions of a key are those that may stay
  const MutexLock lock(mutex_);
  for (auto& connection : connections_) {
    const auto grant = connection.session->view().grant();
    if (!grant) continue;
    auto& older = of_key[grant->login.caller.fingerprint];
    const auto reason = revoked(*keys, *grant, connection.session->peer(), WallClock::now(), older);
    ++older;
    if (!reason.empty()) connection.session->end(reason);
  }
}

}  // namespace sluice::console

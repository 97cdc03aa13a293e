// The listening side of the console: one socket, one thread that accepts, one thread for each connection that has
// greeted.
//
// Owned by Console. start() binds and returns; stop() ends every session with a reason and waits for their threads
// until the deadline; the destructor waits for what then still runs, which is at most a command in PostgreSQL or Kafka.
// sessions(), end() and recheck() may be called from any thread. Without a thread, memory or a descriptor for a
// connection it is closed, and the log says so now and then.
#pragma once

#include <libssh/libssh.h>
#include <libssh/server.h>

#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/event_fd.h"
#include "base/mutex.h"
#include "base/server_socket.h"
#include "base/thread.h"
#include "console/ssh/lobby.h"
#include "console/ssh/session.h"
#include "console/ssh/transport.h"

namespace sluice::console {

class Server {
 public:
  explicit Server(ServerContext& context) : context_(context) {}
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // HOST:PORT, [HOST]:PORT, unix:/path; port 0 takes a free one. Takes over the host key. The address is logged.
  Result<void> start(const std::string& listen, ssh_key host_key);
  void stop(std::chrono::milliseconds within);

  std::vector<SessionInfo> sessions() const;
  // Returns false if nobody has this session; its client reads the reason.
  bool end(std::int64_t id, const std::string& reason);
  // Ends the sessions that the keys of now would not let in, or with other rights. Also once a minute by itself.
  void recheck();

 private:
  // In the list its thread runs, until it is joined.
  struct Connection {
    std::unique_ptr<Session> session;
    Thread thread;
    bool reported = false;  // as stuck
  };

  void run();
  void turn();
  bool accept_one();
  void out_of_descriptors();
  void admit_guests(Clock::time_point now);
  void admit(const Lobby::Guest& guest, Clock::time_point now) EXCLUDES(mutex_);
  Result<void> begin_session(std::int64_t id, const Address& peer, Descriptor& descriptor) REQUIRES(mutex_);
  void tell(std::string_view problem, Clock::time_point now);
  void tell_closed(Clock::time_point now);
  void tend() EXCLUDES(mutex_);

  ServerContext& context_;
  ServerSocket socket_;
  BindHandle bind_;
  const EventFd wake_;
  std::atomic<bool> stopping_{false};
  Thread thread_;
  // The accepting thread's.
  Lobby lobby_;
  std::int64_t next_id_ = 1;
  Clock::time_point accept_again_{}, recheck_at_{}, tell_again_{};

  mutable Mutex mutex_;
  std::list<Connection> connections_ GUARDED_BY(mutex_);
};

}  // namespace sluice::console

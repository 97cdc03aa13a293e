// The listening side of the console: one socket, one thread that accepts, one thread for each connection.
//
// Owned by Console. start() binds and returns; stop() ends every session with a reason and waits for their threads
// until the deadline; the destructor waits for what then still runs, which is at most a command in PostgreSQL or Kafka.
// sessions() and end_where() may be called from any thread.
#pragma once

#include <libssh/libssh.h>
#include <libssh/server.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/event_fd.h"
#include "base/mutex.h"
#include "console/ssh/session.h"

namespace sluice::console {

class Server {
 public:
  explicit Server(ServerContext& context) : context_(context) {}
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // HOST:PORT, [HOST]:PORT; port 0 takes a free one. Takes over the host key. The port is logged.
  Result<void> start(const std::string& listen, ssh_key host_key);
  void stop(std::chrono::milliseconds within);

  std::vector<SessionInfo> sessions() const;
  // Ends the sessions for which the function gives a reason.
  void end_where(const std::function<std::string(const Grant&)>& reason);

 private:
  struct Connection {
    std::unique_ptr<Session> session;
    std::thread thread;
    bool reported = false;  // as stuck
  };

  Result<void> bind(const std::string& listen);
  Result<void> prepare(ssh_key host_key);
  void run();
  bool accept_one();
  void admit(int fd, const Address& peer);
  void out_of_descriptors();
  void tend() EXCLUDES(mutex_);

  ServerContext& context_;
  ssh_bind bind_ = nullptr;
  int socket_ = -1;
  int spare_fd_ = -1;  // given up to refuse a connection when no descriptor is left
  const EventFd wake_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  std::int64_t next_id_ = 1;  // of the accepting thread

  mutable Mutex mutex_;
  std::list<Connection> connections_ GUARDED_BY(mutex_);
};

}  // namespace sluice::console

// One connection, from its first byte to its last: key exchange, login, its channels, its end.
//
// run() is the body of a thread that alone calls the library for this connection; a hanging session affects no other.
// Non-blocking, with an event of its own; callbacks only note what came. The functions marked so may be called from any
// thread. The server owns it and keeps it until over().
#pragma once

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "admin/audit.h"
#include "base/clock.h"
#include "base/event_fd.h"
#include "base/mutex.h"
#include "console/interpreter.h"
#include "console/ssh/admission.h"
#include "console/ssh/authorized_keys.h"
#include "console/ssh/channel.h"
#include "console/ssh/login_attempts.h"
#include "console/ssh/network.h"
#include "console/ssh/session_end.h"
#include "console/ssh/session_view.h"
#include "console/ssh/transport.h"

namespace sluice::console {

// What every session of a console shares.
struct ServerContext {
  ServerContext(const Interpreter& commands, Audit& trail) : interpreter(commands), audit(trail) {}

  std::shared_ptr<const KeyRing> keys() const;
  void keys(std::shared_ptr<const KeyRing> next);

  const Interpreter& interpreter;
  Audit& audit;
  Admission admission;
  std::string user;    // the one name that may log in
  std::string prompt;  // of shells

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const KeyRing> keys_ GUARDED_BY(mutex_) = std::make_shared<KeyRing>();
};

class Session {
 public:
  // Takes over the library's session, which has accepted its connection but exchanged nothing yet.
  Session(ServerContext& context, std::int64_t id, const Address& peer, SessionHandle handle);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void run();
  // Any thread: it ends soon, and the client reads why. The first reason stays. Without a reason it just ends.
  void end(const std::string& reason, int code = Code::failed);
  bool over() const { return over_; }
  std::int64_t id() const { return id_; }
  const Address& peer() const { return peer_; }
  const SessionView& view() const { return view_; }

 private:
  // These call what follows them, and end the session if it throws.
  static int on_pubkey(ssh_session, const char* user, ssh_key key, char state, void* self) noexcept;
  static ssh_channel on_channel(ssh_session, void* self) noexcept;
  static int on_message(ssh_session, ssh_message message, void* self) noexcept;
  static int on_wake(socket_t fd, int events, void* self) noexcept;
  static void on_step(void* self, float status) noexcept;

  bool offer_key(const char* user, ssh_key key, char state);
  ssh_channel open_channel();
  void look_at(ssh_message message);
  void note_messages() { noted_ = received_; }
  std::optional<std::size_t> message_size();
  static std::string client_text(const char* text);
  bool begin();
  void loop();
  bool turn();
  void enter();
  void check_unauthenticated(Clock::time_point now);
  void check_session(Clock::time_point now);
  void serve_channels(Clock::time_point now, bool& more);
  void deny(const char* user, const std::string& key, const std::string& why);
  void refuse(std::string_view what, std::string_view name);
  void note(const std::string& command, const std::string& target, const std::string& outcome,
            const std::string& detail) const;
  void close_channels();
  void log_unauthenticated() const;
  void disconnect() noexcept;
  void close_network();

  ServerContext& context_;
  const std::int64_t id_;
  const Address peer_;
  ssh_session ssh_;
  ssh_event event_ = nullptr;
  EventFd wake_;
  ssh_server_callbacks_struct callbacks_{};
  ssh_callbacks_struct steps_{};
  ssh_counter_struct received_{}, noted_{};  // messages and their bytes: by the library, and up to the last one seen

  const Clock::time_point arrived_ = Clock::now();
  LoginAttempts attempts_;
  bool accepted_ = false;  // a signature was right
  bool inside_ = false;    // and there was room
  Clock::time_point logged_in_, last_keepalive_;
  bool had_purpose_ = false, leaving_ = false, broken_ = false;
  Progress progress_ = Progress::silent;
  bool handshake_ = false;   // the keys were exchanged
  std::size_t waiting_ = 0;  // channels of a client that is leaving
  int refusals_ = 0, errors_ = 0;
  std::list<Channel> channels_;  // a callback may add one while the loop walks

  SessionView view_;
  SessionEnd end_;
  std::atomic<bool> over_{false};
};

}  // namespace sluice::console

// Limits of connections before login, of sessions, and of addresses that misbehaved.
//
// Shared by the accepting thread and every session's; keeps a mutex for an instant and never waits. The clock is passed
// in. Everything it holds is bounded, whatever clients do. Strangers of an operator's own address must not shut her
// out: who leaves for a newcomer is decided by how far a connection has come and when it last came further, and an
// address from which somebody has logged in is not refused. Who has asked for a listed key proves nothing by that,
// because such keys are public: those have a limit of their own, so that neither crowd takes the other's places.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"

namespace sluice::console {

// How far a connection has come before its login.
enum class Progress : std::uint8_t { silent, greeted, proposed, exchanged, listed };

class Admission {
 public:
  struct Limits {
    std::size_t unauthenticated = 64;  // of which none has asked for a listed key
    std::size_t listed = 64;           // which have, and have not signed
    std::size_t sessions = 24, reserved_for_admin = 2;
    std::chrono::seconds penalty{5}, longest_penalty{600};
    std::chrono::seconds good_standing{3600};            // after a login
    std::size_t addresses = 1024;                        // that are remembered, of each kind
    double handshakes = 100, handshakes_per_second = 5;  // without a login, of one address
    int log_lines_per_second = 10;
    std::chrono::milliseconds stalled{1000};  // without progress: leaves first
  };

  Admission() = default;
  explicit Admission(Limits limits) : limits_(limits) {}

  // Returns true if the address has to wait.
  bool refused(const std::string& group, Clock::time_point now) const;
  // Returns the unauthenticated connection that has to leave for this one, if any. So there are never more of them than
  // both limits together, whoever has asked for which key meanwhile.
  std::optional<std::int64_t> arrive(std::int64_t id, const std::string& group, Progress progress,
                                     Clock::time_point now);
  void progress(std::int64_t id, Progress progress, Clock::time_point now);
  // An unauthenticated connection has logged in. If there is no room the answer says why, and the connection stays
  // unauthenticated.
  std::optional<std::string> log_in(std::int64_t id, const std::string& fingerprint, bool admin, int max_sessions,
                                    Clock::time_point now);
  void leave(std::int64_t id);
  // Too many tries, or too many handshakes: the address waits, twice as long each time. Nothing happens to an address
  // in good standing: one that has a session, or had a login within the last hour. Returns how long if that is new.
  std::optional<std::chrono::seconds> penalize(const std::string& group, Clock::time_point now);
  // Counts a key exchange that ended without a login. Returns false if the address has had too many.
  bool count_handshake(const std::string& group, Clock::time_point now);

  std::size_t unauthenticated() const;
  std::size_t sessions() const;

  // Rate limit for log lines about unauthenticated connections; returns the number suppressed so far, or nothing if
  // this one is suppressed, too.
  std::optional<std::int64_t> may_log(Clock::time_point now);
  // The same, and logs how many were suppressed. Returns true if this one may be logged.
  bool has_room_in_log(Clock::time_point now);

 private:
  struct Connection {
    std::string group;
    std::string fingerprint;  // empty: unauthenticated
    Progress progress = Progress::silent;
    Clock::time_point since{};  // of the progress
  };
  struct Offender {
    Clock::time_point until;
    std::chrono::seconds last{0};
  };
  struct Handshakes {
    double left = 0;
    Clock::time_point at{};
  };

  // The crowds that have places of their own.
  enum class Crowd : std::uint8_t { strangers, listed, sessions };

  static Crowd crowd_of(const Connection& connection);
  std::size_t size_of(Crowd crowd) const REQUIRES(mutex_);
  std::optional<std::int64_t> victim(Crowd crowd, Clock::time_point now) const REQUIRES(mutex_);
  bool in_good_standing(const std::string& group, Clock::time_point now) const REQUIRES(mutex_);

  Limits limits_{};
  mutable Mutex mutex_;
  std::map<std::int64_t, Connection> connections_ GUARDED_BY(mutex_);  // ids ascend with time
  std::map<std::string, Offender> offenders_ GUARDED_BY(mutex_);
  std::map<std::string, Handshakes> handshakes_ GUARDED_BY(mutex_);
  std::map<std::string, Clock::time_point> logins_ GUARDED_BY(mutex_);  // the last one of an address
  Clock::time_point log_second_ GUARDED_BY(mutex_){};
  int logged_ GUARDED_BY(mutex_) = 0;
  std::int64_t not_logged_ GUARDED_BY(mutex_) = 0;
};

// A connection's place, which it leaves again unless somebody keeps it.
class Place {
 public:
  Place(Admission& admission, std::int64_t id) : admission_(admission), id_(id) {}
  ~Place() {
    if (!kept_) admission_.leave(id_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  void keep() { kept_ = true; }

 private:
  Admission& admission_;
  const std::int64_t id_;
  bool kept_ = false;
};

}  // namespace sluice::console

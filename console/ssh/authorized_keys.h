// The keys file, loaded: who may log in. Immutable, so sessions share one ring while a reload makes the next.
//
// load() may run in any thread; find() in every session's. A file that others may write is refused, because whoever can
// write it can do everything. Errors are sentences for an operator.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "console/login.h"
#include "console/ssh/network.h"
#include "console/ssh/trusted_file.h"

struct ssh_key_struct;

namespace sluice::console {

// The rights of a listed key. `login.caller.address` is empty here.
struct Grant {
  Login login;
  int max_sessions = 4;
  bool pty = true;

  bool same_rights(const Grant& other) const;
};

class KeyRing {
 public:
  KeyRing();  // lets nobody in
  ~KeyRing();
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;

  static Result<std::shared_ptr<const KeyRing>> load(const std::string& file, Owner owner = Owner::service);

  // The grant of a key that comes from this address now, or why there is none: for the log, never the client.
  std::expected<const Grant*, std::string> find(ssh_key_struct* key, const Address& from,
                                                WallClock::time_point now) const;
  // The same for a key that has logged in.
  std::expected<const Grant*, std::string> find(const std::string& fingerprint, const Address& from,
                                                WallClock::time_point now) const;
  std::size_t size() const;
  std::vector<Grant> grants() const;  // in the order of the file

 private:
  struct Entry;
  static std::expected<const Grant*, std::string> permit(const Entry& entry, const Address& from,
                                                         WallClock::time_point now);
  std::vector<std::unique_ptr<Entry>> entries_;
};

// Why a session may not go on: the keys of now do not let it in, give it other rights, or allow no more than the
// `older` sessions that its key has besides. Empty: it may.
std::string revoked(const KeyRing& keys, const Grant& grant, const Address& from, WallClock::time_point now, int older);

// SHA256:… as ssh-keygen prints it.
std::string fingerprint(ssh_key_struct* key);

}  // namespace sluice::console

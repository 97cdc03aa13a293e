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

  static Result<std::shared_ptr<const KeyRing>> load(const std::string& file);

  // The grant of a key that comes from this address now, or why there is none: for the log, never the client.
  std::expected<const Grant*, std::string> find(ssh_key_struct* key, const Address& from,
                                                WallClock::time_point now) const;
  const Grant* find(const std::string& fingerprint) const;
  std::size_t size() const;
  std::vector<Grant> grants() const;  // in the order of the file

 private:
  struct Entry;
  std::vector<std::unique_ptr<Entry>> entries_;
};

// SHA256:… as ssh-keygen prints it.
std::string fingerprint(ssh_key_struct* key);

}  // namespace sluice::console

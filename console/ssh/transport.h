// The library's server side, set up: which algorithms are spoken, and a session for an accepted connection.
//
// Used by the accepting thread. Errors are sentences for an operator.
#pragma once

#include <libssh/libssh.h>
#include <libssh/server.h>

#include <memory>

#include "base/error.h"
#include "console/ssh/descriptor.h"

namespace sluice::console {

struct FreeBind {
  void operator()(ssh_bind bind) const { ssh_bind_free(bind); }
};
using BindHandle = std::unique_ptr<std::remove_pointer_t<ssh_bind>, FreeBind>;

// Takes the host key over. The listening socket is watched by the caller, never by the library.
Result<BindHandle> make_bind(ssh_key host_key, int listening);

struct FreeSession {
  void operator()(ssh_session session) const { ssh_free(session); }
};
using SessionHandle = std::unique_ptr<std::remove_pointer_t<ssh_session>, FreeSession>;

// Takes the descriptor over if the library has a session for it; else null, and it may still be the caller's.
SessionHandle accept_session(ssh_bind bind, Descriptor& descriptor);

}  // namespace sluice::console

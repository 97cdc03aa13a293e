// The library's server side, set up: which algorithms are spoken, and a session for an accepted connection.
//
// Used by the accepting thread. Errors are sentences for an operator.
#pragma once

#include <libssh/libssh.h>
#include <libssh/server.h>

#include <memory>

#include "base/error.h"

namespace sluice::console {

struct FreeBind {
  void operator()(ssh_bind bind) const { ssh_bind_free(bind); }
};
using BindHandle = std::unique_ptr<std::remove_pointer_t<ssh_bind>, FreeBind>;

// Takes the host key over. The listening socket is watched by the caller, never by the library.
Result<BindHandle> make_bind(ssh_key host_key, int listening);

// Takes the descriptor over: null, and it is closed, if the library has no session for it.
ssh_session accept_session(ssh_bind bind, int fd);

}  // namespace sluice::console

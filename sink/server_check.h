// What a connection string leads to, and how: for `check --connect` and `grants`. Any thread; ends within the time of
// connect.h; errors are its.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "base/server_security.h"

namespace sluice::sink {

// Of the server that the connection string leads to.
Result<ServerSecurity> security_of(const Secret& url);

// What the role, the database or the server have set that keeps a session from writing (an error), or that changes what
// writing does: each a sentence with what to do.
Result<std::vector<std::string>> session_findings(const Secret& url);

// Whether libpq, as it is on this machine, understands the connection string; connects to nothing.
Result<void> check_url(const Secret& url);

// Who would log in, and where; connects to nothing.
struct LoginNames {
  std::string user, database;
};
Result<LoginNames> login_names(const Secret& url);

}  // namespace sluice::sink

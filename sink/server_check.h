// What a connection string leads to, and how: for `check --connect` and `grants`. Any thread; ends within the time of
// connect.h; errors are its.
#pragma once

#include <string>

#include "base/error.h"
#include "base/secret.h"
#include "base/server_security.h"

namespace sluice::sink {

// Of the server that the connection string leads to.
Result<ServerSecurity> security_of(const Secret& url);

// Who would log in, and where; connects to nothing.
struct LoginNames {
  std::string user, database;
};
Result<LoginNames> login_names(const Secret& url);

}  // namespace sluice::sink

// What a connection string comes to: one set of libpq's options for each host, with Sluice's defaults, service files
// and the environment worked in, and with TLS demanded where the connection leaves this machine.
//
// Thread-safe; only start_connecting() connects to anything. Errors are `stop_service`: the string is not one that
// libpq understands.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "sink/connect.h"

namespace sluice::sink {

struct ConnectionOptions {
  std::map<std::string, std::string> values;  // by libpq's names
  bool demands_tls = false;                   // by us, since nobody has said anything about sslmode

  std::string get(const std::string& name) const;
  std::string server() const;  // HOST:PORT, or the socket's directory
};

// In the order in which they are to be tried.
Result<std::vector<ConnectionOptions>> connection_options(const Secret& url, const std::string& application_name);

// Begins to connect and does not wait; null if there is no memory for it.
ConnectionHandle start_connecting(const std::map<std::string, std::string>& values);

// Returns true if the name or address cannot leave this machine: a socket's directory, localhost, 127.0.0.0/8, ::1.
bool is_local(std::string_view host);

// Returns the text with every piece of a secret of eight bytes or more masked, and with a shorter secret (four bytes at
// least) masked whole: libpq and the server quote what they were given.
std::string without_secret(std::string_view text, std::string_view secret);

}  // namespace sluice::sink

// How well the way to a server is protected, as `check --connect`, `status` and the log tell it.
//
// Plain values, made in sink (PostgreSQL) and config (Kafka).
#pragma once

#include <string>

namespace sluice {

struct ServerSecurity {
  std::string kind;    // "postgres" or "kafka"
  std::string server;  // HOST:PORT, or a socket
  bool encrypted = false;
  bool verified = false;  // the server's certificate is checked against a CA
  bool local = false;     // the way does not leave this machine
  std::string advice{};   // what to do, where that is not enough; empty otherwise

  std::string text() const {
    if (local && !encrypted) return "encrypted: no (local)";
    if (!encrypted) return "encrypted: no";
    return verified ? "encrypted: yes, verified: yes" : "encrypted: yes, verified: no";
  }
};

}  // namespace sluice

// The person or program that gave a command, for the audit trail. A value.
#pragma once

#include <string>

namespace sluice {

struct Caller {
  std::string name;         // of the keys file
  std::string role;         // viewer | operator | admin
  std::string fingerprint;  // SHA256:…
  std::string address;      // HOST:PORT
};

}  // namespace sluice

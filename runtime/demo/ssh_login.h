// Login to the demo's console: a host key, a key pair that is allowed everything, and the OpenSSH client's view
// of both, all in the demo's folder.
//
// Main thread only. Errors are sentences for the user of the demo.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace sluice::runtime::demo {

class SshLogin {
 public:
  static Result<SshLogin> make(const std::string& folder, int port);

  std::string configuration() const;  // [console] of sluice.toml
  // Returns the command line to type; the client knows the host's key already, so that it asks nothing.
  std::string login() const;
  // Runs one command of the console through the client and returns what it printed. Empty if there is no client.
  Result<std::string> run(const std::vector<std::string>& words) const;
  static bool client_installed();

 private:
  SshLogin(std::string folder, int port) : folder_(std::move(folder)), port_(port) {}
  std::vector<std::string> client() const;

  std::string folder_;
  int port_;
};

}  // namespace sluice::runtime::demo

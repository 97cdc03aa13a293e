// The demo's folder and the private PostgreSQL cluster in it: a Unix socket, no port, no password, nothing outside the
// folder. Both are gone when their owner is destroyed, unless the folder is kept.
//
// Started from the demo's main thread, before any other thread. PostgreSQL refuses to run as root: then it runs as
// `postgres`, or as `nobody`.
#pragma once

#include <string>

#include "base/error.h"
#include "base/secret.h"
#include "runtime/demo/process.h"

namespace sluice::runtime::demo {

class TemporaryDirectory {
 public:
  static Result<TemporaryDirectory> make();
  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory();

  const std::string& path() const { return path_; }
  void keep() { keep_ = true; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}

  std::string path_;  // empty: moved away
  bool keep_ = false;
};

class PostgresCluster {
 public:
  // Runs initdb and the server, and waits until it answers: a second or two, at most a minute. Makes the database.
  static Result<PostgresCluster> start(const TemporaryDirectory& folder, const std::string& database);

  const std::string& socket_folder() const { return socket_folder_; }
  Secret url() const;
  bool running() { return server_.running(); }

 private:
  PostgresCluster(Process server, std::string socket_folder, std::string database)
      : server_(std::move(server)), socket_folder_(std::move(socket_folder)), database_(std::move(database)) {}

  Process server_;
  std::string socket_folder_;
  std::string database_;
};

}  // namespace sluice::runtime::demo

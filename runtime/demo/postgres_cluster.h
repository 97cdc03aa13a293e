// The demo's folder and the private PostgreSQL cluster in it: a Unix socket, no port, no password, nothing
// outside the folder. Both are gone when their owner is destroyed, unless the folder is kept.
//
// Started from the demo's main thread, before any other thread. PostgreSQL refuses to run as root: then it
// runs as `postgres`, or as `nobody`.
#pragma once

#include <string>

#include "base/error.h"
#include "base/secret.h"
#include "runtime/demo/process.h"

namespace sluice::runtime::demo {

class Folder {
 public:
  static Result<Folder> make();
  Folder(Folder&& other) noexcept;
  Folder& operator=(Folder&&) = delete;
  ~Folder();

  const std::string& path() const { return path_; }
  void keep() { keep_ = true; }

 private:
  explicit Folder(std::string path) : path_(std::move(path)) {}

  std::string path_;  // empty: moved away
  bool keep_ = false;
};

class Cluster {
 public:
  // Runs initdb and the server, and waits until it answers: a second or two, at most a minute. Makes the
  // database.
  static Result<Cluster> start(const Folder& folder, const std::string& database);

  const std::string& socket_folder() const { return socket_folder_; }
  Secret url() const;
  bool running() { return server_.running(); }

 private:
  Cluster(Child server, std::string socket_folder, std::string database)
      : server_(std::move(server)),
        socket_folder_(std::move(socket_folder)),
        database_(std::move(database)) {}

  Child server_;
  std::string socket_folder_;
  std::string database_;
};

}  // namespace sluice::runtime::demo

// Owns everything that runs during a demo: folder, PostgreSQL, broker, service.
//
// Set up from the demo's main thread while it is the only one. Members are taken down in reverse: the service drains
// before broker and database go, and the folder goes last.
#pragma once

#include <memory>
#include <string>

#include "runtime/demo/postgres_cluster.h"
#include "runtime/demo/ssh_login.h"
#include "sink/sql_client.h"

namespace sluice::runtime::demo {

struct Environment {
  static Result<std::unique_ptr<Environment>> set_up(TemporaryDirectory folder);

  TemporaryDirectory folder;
  PostgresCluster cluster;
  Process broker;
  Process service;
  sink::SqlClient query;
  int http_port;
  std::string brokers;
  SshLogin access;

  std::string log_path() const { return folder.path() + "/sluice.log"; }
};

// Returns the last lines of a file, to explain an error.
std::string tail(const std::string& path, std::size_t lines);

}  // namespace sluice::runtime::demo

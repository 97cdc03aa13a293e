// The service's HTTP side: /metrics, /healthz, /readyz. Read-only, without authentication, meant for loopback or a
// trusted network.
//
// Owned by the service; start() binds and returns, stop() (also the destructor) ends it at once. One thread of its own,
// which touches nothing but snapshots and the counts of notifications, and never waits for a client: a request has 4
// KiB, 64 headers, no body, and two seconds in all with its answer; 128 connections are served at a time, and the
// oldest one leaves for a newcomer. So memory and time are bounded whatever strangers send. Port 0 takes a free port;
// the one in use is logged.
#pragma once

#include <memory>

#include "admin/notifications.h"
#include "admin/snapshot.h"
#include "base/error.h"
#include "config/pipeline.h"

namespace sluice::runtime {

class HttpServer {
 public:
  HttpServer(config::Http settings, const Snapshots& snapshots, const Hooks* hooks = nullptr);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Does nothing, without an error, if `listen` is empty.
  Result<void> start();
  void stop();
  int port() const;  // 0 while stopped

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The answer to a probe: 200 with "ok", or 503 with the reason in one line.
struct ProbeAnswer {
  int status = 200;
  std::string line = "ok";
};
ProbeAnswer health_answer(const Snapshot& snapshot);
ProbeAnswer ready_answer(const Snapshot& snapshot);

}  // namespace sluice::runtime

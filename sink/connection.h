// The connection of a write path: one exchange on it at a time, statements pipelined up to a Sync, or a COPY.
//
// Owned by a WriterSession, used by its thread; non-blocking but for open() (connect.h) and wait() (the caller's
// deadline). An error of a statement leaves the connection usable; when the connection is in doubt it is closed and the
// error is `reclaim`.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "sink/connect.h"
#include "sink/parameters.h"

namespace sluice::sink {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

// A statement of the cache. Known to the server under its name once `ready`; without a name it is never prepared.
struct Statement {
  std::string sql;
  std::string name;
  bool ready = false;
};

// The outcome of an exchange.
struct Reply {
  ResultHandle rows;                 // of the last statement that returned some
  std::string tag;                   // of the last statement, e.g. COMMIT
  std::vector<std::int64_t> counts;  // rows affected, one per statement
};

class Connection {
 public:
  // Appends the next chunk of COPY data; returns false after the last one.
  using CopySource = std::function<bool(std::string& chunk)>;

  Connection() = default;
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<void> open(const Secret& url, const std::string& application_name);
  void close();
  bool is_open() const { return connection_ != nullptr; }
  int socket() const { return connection_ != nullptr ? PQsocket(connection_) : -1; }
  int session() const { return connection_ != nullptr ? PQbackendPID(connection_) : 0; }
  bool wants_write() const { return wants_write_; }
  bool in_transaction() const;
  // Returns true if the database's encoding has every character: UTF-8 does, LATIN1 does not.
  bool stores_any_text() const;

  // Queues a statement. What follows a failed one, up to sync(), is not executed.
  void send(Statement& statement, Parameters& parameters);
  void send(const char* sql);
  // Queues COMMIT. Only the tag COMMIT is a success: the exchange fails with `reclaim` on any other, such as the
  // ROLLBACK that ends a transaction which had failed before.
  void commit();
  void sync();
#ifdef SLUICE_FAULTS
  // For a fault point: everything queued has been sent to the server when this returns.
  void flush();
#endif
  // Instead of queued statements: sends one query string whose first statement is a COPY FROM STDIN in binary form.
  void copy(const std::string& sql, CopySource source);

  // Outside an exchange: returns the error of a connection that the server has ended meanwhile. Never blocks.
  std::optional<Error> lost_while_idle();
  // Advances the exchange without blocking; empty while it runs, then its outcome, once.
  std::optional<Result<Reply>> poll();
  // Blocks until the outcome; at the deadline the connection is closed. An interruption of the thread
  // (base/interrupt.h) cancels the statement.
  Result<Reply> wait(Clock::time_point deadline);
  Result<Reply> run(const char* sql, Clock::time_point deadline);
  // Closes the connection and returns the reason.
  std::unexpected<Error> lose(std::string_view why);

 private:
  struct Expected {
    enum class Kind { prepare, execute, commit, sync, copy } kind;
    Statement* statement = nullptr;
  };
  bool begin_pipeline();
  bool wait_for_socket(std::chrono::milliseconds at_most) const;  // false: it failed
  bool feed_copy();                                               // false: wait for the socket
  void take(PGresult* result);
  Result<Reply> conclude();

  PGconn* connection_ = nullptr;
  std::string notice_;  // the server's last message outside an exchange
  std::deque<Expected> expected_;
  bool wants_write_ = false;
  bool sent_badly_ = false;  // libpq did not take a message: the exchange cannot be trusted
  CopySource source_;
  bool copying_ = false;
  bool copy_ended_ = false;
  std::string chunk_;
  Reply reply_;
  std::optional<Error> error_;
};

}  // namespace sluice::sink

// Small questions to PostgreSQL off the hot path: `check`, the console, the demo and its proof. Text in, text out.
//
// A SqlClient is one connection, made by open() within 5 seconds and closed by the destructor; used by one thread at a
// time. A statement runs at most 20 seconds. Errors are `retry` with PostgreSQL's message; the connection stays usable
// after a failed statement, and is closed (connected() is false) when the server does not answer in time. Nothing here
// ever prints the connection string.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

namespace sluice::sink {

using Row = std::vector<std::optional<std::string>>;
using Rows = std::vector<Row>;

class SqlClient {
 public:
  static Result<SqlClient> open(const Secret& url);
  SqlClient(SqlClient&&) noexcept;
  SqlClient& operator=(SqlClient&&) noexcept;
  ~SqlClient();

  // One statement with $1, $2 …; several, separated by semicolons, if there are no parameters.
  Result<Rows> run(const std::string& sql, const Row& parameters = {});
  bool connected() const;

 private:
  struct State;
  explicit SqlClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

std::string libpq_version();
std::string libpqxx_version();

}  // namespace sluice::sink

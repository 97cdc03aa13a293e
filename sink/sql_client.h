// Queries to PostgreSQL off the hot path, through libpqxx: for the catalogue, migrations, `check`, the console and the
// demo. Text in, text out, read by the names of the columns.
//
// A SqlClient is one connection, closed by the destructor; used by one thread at a time. open() ends within the time of
// connect.h and run() at its deadline, also when the server is frozen. Errors are `retry` with PostgreSQL's message and
// SQLSTATE; the connection stays usable after a failed statement, and is closed (connected() is false) when the server
// does not answer in time. Both end early when the caller's thread is interrupted (base/interrupt.h): the server is
// asked to cancel the statement. Nothing here ever prints the connection string.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/server_security.h"

namespace sluice::sink {

using Field = std::optional<std::string>;
using Fields = std::vector<Field>;

// A row of an answer. A name that the answer does not have is a mistake in this program: std::out_of_range.
class Row {
 public:
  using Names = std::vector<std::string>;
  Row(std::shared_ptr<const Names> names, Fields fields) : names_(std::move(names)), fields_(std::move(fields)) {}

  const Field& operator[](std::string_view column) const;
  std::string text(std::string_view column) const { return (*this)[column].value_or(""); }
  std::int64_t integer(std::string_view column) const;  // NULL is 0
  bool boolean(std::string_view column) const { return (*this)[column] == "t"; }
  WallClock::time_point moment(std::string_view column) const;                         // from milliseconds since 1970
  std::optional<WallClock::time_point> perhaps_moment(std::string_view column) const;  // NULL is none
  const Fields& fields() const { return fields_; }                                     // in the order of the statement

 private:
  std::shared_ptr<const Names> names_;
  Fields fields_;
};
using Rows = std::vector<Row>;

Field unless_empty(const std::string& text);  // NULL for ""
Result<void> only_done(const Result<Rows>& rows);

class SqlClient {
 public:
  static Result<SqlClient> open(const Secret& url, const std::string& application_name = "sluice");
  SqlClient(SqlClient&&) noexcept;
  SqlClient& operator=(SqlClient&&) noexcept;
  ~SqlClient();

  // One statement with $1, $2 …; several, separated by semicolons, if there are no parameters. The server ends a
  // statement after 20 seconds unless the session says otherwise.
  Result<Rows> run(const std::string& sql, const Fields& parameters = {});
  Result<Rows> run(const std::string& sql, const Fields& parameters, Clock::time_point deadline);
  bool connected() const;
  const ServerSecurity& security() const;  // of the way to the server

 private:
  struct State;
  explicit SqlClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

std::string libpq_version();
std::string libpqxx_version();

}  // namespace sluice::sink

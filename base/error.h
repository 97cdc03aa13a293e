// Errors, named by what the caller does next.
//
// Every failure that can reach a lane carries an ErrorClass. LaneWorker::handle_error has the only switch over it that
// decides what becomes of data; who looks at a single class besides, and why, is in docs/architecture.md. Values are
// plain data and may cross threads.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

enum class ErrorClass {
  retry,           // transient: the same data again after a back-off; never a dead letter
  reclaim,         // the connection is lost at an unknown point, COMMIT included: claim again and read the pointer
  fenced,          // another instance owns the partition, or the pointer is not where we believe it to be
  reject,          // the data is at fault: bisect, the bad record becomes a dead letter
  unclear,         // internal to PostgreSQL, or unknown: retried a few times, then an experiment decides
  stop_partition,  // table, column or permission missing: wait until that is fixed; a batch's rows are ruled out first
  stop_service,    // this process cannot go on
};

struct Error {
  ErrorClass next = ErrorClass::retry;
  std::string sqlstate;  // five characters, or empty where PostgreSQL was not asked
  std::string message;   // one line: what was found, what was expected
  std::string detail{};  // may quote a whole row: kept with the dead letter, never logged
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorClass next, std::string message, std::string sqlstate = {}) {
  return std::unexpected(Error{next, std::move(sqlstate), std::move(message)});
}

const char* name(ErrorClass next);
// What went wrong, behind its SQLSTATE where there is one.
std::string with_sqlstate(std::string_view sqlstate, std::string_view text);
std::string with_sqlstate(const Error& error);

}  // namespace sluice

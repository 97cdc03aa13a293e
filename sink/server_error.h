// An error of the server as Sluice's own: what may be told to everybody apart from what may hold a record's data.
//
// The message names column, constraint, type and place, and is for viewers, states and logs. PostgreSQL's own words,
// which quote values and rows, are the detail. They are the message, too, where they can only speak of names: of a
// constraint, of a statement of Sluice's own, of the session or the server. Pure; any thread.
#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace sluice::sink {

// `otherwise`: the message where the server has given none. `role`: whom the session belongs to, for advice.
Error server_error(const PGresult* result, const std::string& otherwise, std::string_view role = {});

// What to type where the server's words are "permission denied for KIND NAME", behind a semicolon; empty where they are
// others.
std::string permission_advice(std::string_view message, std::string_view role);

// The parts of an error report that decide what of it may be told.
struct ErrorReport {
  std::string sqlstate, message, detail;
  std::string source_file;                                  // where in the server it was raised
  std::string schema, table, column, constraint, datatype;  // as the server names them, empty if it does not
  std::string context;
};
// Returns true if 42501 is said of a row: by its security, by a function, or in a statement that a function has put
// together from the row. Otherwise the role lacks a right, on the table or on what a default or a trigger uses.
bool is_of_a_row(const ErrorReport& report);
// What follows from it; `still_answers`: the server has gone on after it, so its connection to us is not what is lost.
ErrorClass next_of(const ErrorReport& report, bool still_answers);
// The report's message without a record's data.
std::string without_data(const ErrorReport& report);

}  // namespace sluice::sink

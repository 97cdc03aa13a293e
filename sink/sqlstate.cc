#include "sink/sqlstate.h"

#include <array>

namespace sluice::sink {
namespace {

struct ClassOf {
  std::string_view prefix;  // of the SQLSTATE; the first row that matches decides
  ErrorClass next;
};

constexpr auto table = std::to_array<ClassOf>({
    {"SL001", ErrorClass::fenced},       // advance(): the pointer is not where the claim said
    {"SL002", ErrorClass::fenced},       // advance(): it would not move forward
    {"08", ErrorClass::reclaim},         // connection exception
    {"0A", ErrorClass::stop_partition},  // feature not supported: of this table or view
    {"0L", ErrorClass::stop_partition},  // invalid grantor
    {"09", ErrorClass::reject},          // triggered action exception
    {"21", ErrorClass::reject},          // one statement met a key twice: bisection applies one after the other
    {"22", ErrorClass::reject},          // data exception
    {"23", ErrorClass::reject},          // integrity constraint violation
    {"25P02", ErrorClass::fenced},       // the transaction is aborted already
    {"25", ErrorClass::reclaim},         // invalid transaction state, a read-only server among them
    {"26", ErrorClass::reclaim},         // a prepared statement is gone: a pooler gave us another session
    {"27", ErrorClass::reject},          // triggered data change violation
    {"28", ErrorClass::stop_partition},  // invalid authorisation
    {"2F", ErrorClass::reject},          // SQL routine exception, of a trigger
    {"38", ErrorClass::reject},          // external routine exception, of a trigger
    {"39", ErrorClass::reject},          // external routine invocation exception, of a trigger
    {"3D", ErrorClass::stop_partition},  // no such database
    {"3F", ErrorClass::stop_partition},  // no such schema
    {"40", ErrorClass::retry},           // serialization failure, deadlock
    {"42622", ErrorClass::reject},       // a value of type name that is too long
    {"42", ErrorClass::stop_partition},  // table, column, type, function or permission
    {"44", ErrorClass::reject},          // WITH CHECK OPTION of a view
    {"53", ErrorClass::retry},           // insufficient resources
    {"54", ErrorClass::reject},          // the row is too large
    {"55P03", ErrorClass::retry},        // lock timeout
    {"55006", ErrorClass::retry},        // object in use
    {"55", ErrorClass::stop_partition},  // the view cannot be written
    {"57014", ErrorClass::retry},        // statement timeout
    {"57", ErrorClass::reclaim},         // the server or an operator ended the session
    {"58", ErrorClass::retry},           // I/O error at the server
    {"F0", ErrorClass::stop_service},    // the server's configuration file
    {"HV", ErrorClass::unclear},         // a foreign data wrapper: the value, the remote table or the network
    {"P0", ErrorClass::reject},          // RAISE in a trigger
    {"XX001", ErrorClass::retry},        // a damaged table
    {"XX002", ErrorClass::retry},        // a damaged index
});

bool names_a_constraint(std::string_view message) {
  for (const auto text : {"constraint", "duplicate key", "null value", "out of range", "too long", "invalid input"}) {
    if (message.find(text) != message.npos) return true;
  }
  return false;
}

}  // namespace

ErrorClass classify(std::string_view sqlstate, std::string_view message) {
  if (sqlstate.empty()) return ErrorClass::reclaim;  // an error of libpq itself: the connection is in doubt
  for (const auto& row : table) {
    if (sqlstate.starts_with(row.prefix)) return row.next;
  }
  // Citus reports a worker's error on INSERT ... SELECT as XX000 with the worker's message.
  if (sqlstate == "XX000" && names_a_constraint(message)) return ErrorClass::reject;
  // XX000 is also how extensions refuse a value (hstore, PostGIS); triggers may raise any code.
  return ErrorClass::unclear;
}

}  // namespace sluice::sink

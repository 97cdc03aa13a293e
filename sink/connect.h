// Opens connections to PostgreSQL, with the same defaults and the same deadline for both stacks.
//
// A session that is returned means the same whatever the role, the database or the server have set: texts, dates and
// arrays have one form, and nothing ends it while it waits on purpose. Its search path is `pg_catalog, pg_temp`:
// whoever may create objects in another schema cannot have them called by a statement of ours. Only
// sql/table_names.sql, and what is written to users' tables (WriterSession::use_path_of_user), runs under the path of
// the role and database.
//
// Thread-safe. An attempt takes at most connect_timeout (5 s unless the connection string says otherwise, 10 s at
// most) for all hosts of the string together, each of which gets an equal share of what is left; that is from the first
// packet to the answer of the session's first statements, and a host that does not give it is left for the next one.
// Only name resolution is bounded by the system's own settings alone.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"
#include "base/server_security.h"

namespace sluice::sink {

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using ConnectionHandle = std::unique_ptr<PGconn, FinishConnection>;

// Never contains the password: errors are `retry`, or `stop_service` where the string is not a connection string or
// leads to a pooler that keeps no sessions.
Result<ConnectionHandle> connect(const Secret& url, const std::string& application_name);

ServerSecurity security_of(const PGconn* connection);

// Of a session that cannot write, whatever target_session_attrs allows: what is wrong, and what to do.
std::string read_only_reason(const PGconn* connection);

// Joins a message of libpq or the server into one line.
std::string one_line(std::string_view text);

}  // namespace sluice::sink

#include "sink/server_check.h"

#include <fmt/format.h>

#include "base/table_name.h"
#include "sink/connection.h"

namespace sluice::sink {
namespace {

constexpr std::chrono::seconds findings_timeout{10};

}  // namespace

Result<std::vector<std::string>> session_findings(const Secret& url) {
  Connection connection;
  if (auto opened = connection.open(url, "sluice check"); !opened) return std::unexpected(opened.error());
  const auto reply = connection.run("SELECT current_user, pg_catalog.current_setting('session_replication_role')",
                                    Clock::now() + findings_timeout);
  if (!reply) return std::unexpected(reply.error());
  const std::string user = PQgetvalue(reply->rows.get(), 0, 0), replication = PQgetvalue(reply->rows.get(), 0, 1);
  std::vector<std::string> found;
  if (replication != "origin")
    found.push_back(
        fmt::format("session_replication_role is {}: foreign keys are not checked, and triggers fire only "
                    "where they are ENABLE REPLICA or ALWAYS; ALTER ROLE {} RESET session_replication_role, "
                    "unless it is meant so",
                    replication, quoted(user)));
  return found;
}

}  // namespace sluice::sink

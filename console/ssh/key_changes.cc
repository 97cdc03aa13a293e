#include "console/ssh/key_changes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/printable.h"

namespace sluice::console {
namespace {

nlohmann::json rights_of(const Grant& grant) {
  return {{"role", grant.login.caller.role},
          {"commands", grant.login.commands},
          {"sessions", grant.max_sessions},
          {"pty", grant.pty}};
}

AuditRow row_of(const std::string& command, const Grant& grant, const nlohmann::json& detail) {
  AuditRow row;
  row.who.name = "keys file";
  row.command = command;
  row.target = valid_utf8(grant.login.caller.name + " " + grant.login.caller.fingerprint);
  row.detail = escape_json(detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  row.outcome = "done";
  return row;
}

const Grant* of_key(const std::vector<Grant>& grants, const Grant& wanted) {
  const auto found = std::ranges::find_if(
      grants, [&](const Grant& one) { return one.login.caller.fingerprint == wanted.login.caller.fingerprint; });
  return found == grants.end() ? nullptr : &*found;
}

}  // namespace

std::vector<AuditRow> key_changes(const KeyRing& before, const KeyRing& after, const std::string& file) {
  const auto old_ones = before.grants(), new_ones = after.grants();
  std::vector<AuditRow> rows;
  for (const auto& grant : new_ones) {
    const auto* was = of_key(old_ones, grant);
    if (was == nullptr) {
      rows.push_back(row_of("key added", grant, {{"file", file}, {"rights", rights_of(grant)}}));
    } else if (!was->same_rights(grant) || was->max_sessions != grant.max_sessions) {
      rows.push_back(
          row_of("key changed", grant, {{"file", file}, {"rights", rights_of(grant)}, {"before", rights_of(*was)}}));
    }
  }
  for (const auto& grant : old_ones)
    if (of_key(new_ones, grant) == nullptr)
      rows.push_back(row_of("key removed", grant, {{"file", file}, {"before", rights_of(grant)}}));
  return rows;
}

}  // namespace sluice::console

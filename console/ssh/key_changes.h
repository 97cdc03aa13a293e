// What a reload of the keys file changes: who gained access, who lost it, whose rights are others now. For the audit
// trail. Pure functions of any thread.
#pragma once

#include <vector>

#include "admin/audit.h"
#include "console/ssh/authorized_keys.h"

namespace sluice::console {

// A row for each key that differs, without a time; `file` is who gave the order, as far as anybody knows.
std::vector<AuditRow> key_changes(const KeyRing& before, const KeyRing& after, const std::string& file);

}  // namespace sluice::console

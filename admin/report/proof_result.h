// The partitions of a proof of completeness, for `sluice verify` and the console: what a row of them has.
//
// Pure.
#pragma once

#include "admin/report/report.h"

namespace sluice::report {

Section proof_partitions_result();  // without rows

}  // namespace sluice::report

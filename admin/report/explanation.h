// An explanation of one record as a report: the record, its rows, and the SQL if wanted. For the console and for
// `sluice explain`. A pure function of any thread.
#pragma once

#include "admin/inspection.h"
#include "admin/report/report.h"

namespace sluice::report {

std::vector<Section> explanation_result();  // declared
Report report_of(const Explanation& explanation, bool with_sql);

}  // namespace sluice::report

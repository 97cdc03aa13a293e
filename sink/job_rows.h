// What the look at jobs asks (sql/job_look.sql) and how its rows are read: by whoever shows them, and once more within
// the transaction of a run. Internal to this folder; pure.
#pragma once

#include <chrono>
#include <vector>

#include "sink/job_tables.h"
#include "sink/sql_client.h"

namespace sluice::sink {

// All parameters but the pipeline.
Fields look_parameters(const std::vector<FedJob>& jobs);
// Something was committed that its last run has not seen, or that run has failed, or somebody has ordered one.
bool is_due(const Row& row);
std::chrono::milliseconds wait_of(const Row& row);  // until it may run

}  // namespace sluice::sink

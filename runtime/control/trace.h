// Looks for the records that concern one row: in the last records of the partitions that may feed its table, and among
// the stored dead letters of their topics.
//
// A function of any thread, with connections of its own; it ends within 30 seconds and says what it did not get to. A
// record counts by the rows that it is mapped to, as a lane would map it now; a dead letter that cannot be mapped by
// its Kafka key.
#pragma once

#include <memory>

#include "admin/inspection.h"
#include "base/schema.h"
#include "config/pipeline.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

Result<Trace> trace(const std::shared_ptr<const config::Pipeline>& pipeline, const TraceRequest& request,
                    sink::AdminTables& tables, SchemaSource& schemas);

}  // namespace sluice::runtime

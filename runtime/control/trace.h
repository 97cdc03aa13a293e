// Looks for the records that concern one row: in the last records of the partitions that may feed its table, and among
// the stored dead letters of their topics.
//
// A function of any thread, with connections of its own; it ends within 30 seconds and says what it did not get to. A
// record counts by the rows that it is mapped to, as a lane would map it now; a dead letter that cannot be mapped by
// its Kafka key.
#pragma once

#include <memory>

#include "admin/dead_letters.h"
#include "admin/inspection.h"
#include "base/schema.h"
#include "config/pipeline.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

Result<Trace> trace(const std::shared_ptr<const config::Pipeline>& pipeline, const TraceRequest& request,
                    sink::AdminTables& tables, SchemaSource& schemas);

// Notes in `found` a dead letter, with contents or without, if it is the one of a record that names the row. Returns
// false if it is not. Call it for the newest first: where a record has several, the newest tells what became of it.
bool note_letter_of_mention(const DeadLetterRow& letter, Trace& found);

}  // namespace sluice::runtime

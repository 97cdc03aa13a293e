// Looks at one record: how it decodes, which rows result, which SQL would run. Touches nothing.
//
// Any thread; everything it uses is its own and gone when it returns, within 30 seconds. Values are shown as PostgreSQL
// reads them; what it cannot read makes the outcome `dead`.
#pragma once

#include <memory>

#include "admin/admin.h"
#include "config/pipeline.h"

namespace sluice::runtime {

// The record at the offset of the log.
Result<Explanation> explain(std::shared_ptr<const config::Pipeline> pipeline, const TopicPartition& at, Offset offset);
// A record at hand.
Result<Explanation> explain(std::shared_ptr<const config::Pipeline> pipeline, const Record& record);

}  // namespace sluice::runtime

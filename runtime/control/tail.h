// Records as they are written, for an operator who watches: read with a consumer of its own, and mapped only where
// there is a filter.
//
// Opened and used by one thread. The schemas outlive it. A filter takes the place of every route's own, so what it
// means is what it means in the configuration; the tables are described by PostgreSQL then.
#pragma once

#include <memory>
#include <vector>

#include "admin/inspection.h"
#include "base/schema.h"
#include "config/pipeline.h"

namespace sluice::runtime {

Result<std::unique_ptr<Tail>> open_tail(const config::Pipeline& pipeline, const std::vector<TopicPartition>& partitions,
                                        const Expression& filter, SchemaSource& schemas);

}  // namespace sluice::runtime

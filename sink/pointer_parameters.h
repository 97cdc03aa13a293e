// The pointer's side of a batch: partition ranges as parameters of sql/advance.sql and sql/add_counts.sql, and the row
// that a claim returns.
//
// Pure; used by the writer's thread.
#pragma once

#include <span>

#include "base/changes.h"
#include "sink/claim.h"
#include "sink/connection.h"

namespace sluice::sink {

// The ranges in the order in which every writer locks their rows.
void add_advance(Parameters& parameters, const Identity& identity, std::span<const PartitionRange> ranges,
                 bool with_counts);
void add_counts(Parameters& parameters, const Identity& identity, std::span<const PartitionRange> ranges);
// Of one row that sql/pointer_claim.sql returns.
Claim read_claim(const PGresult* rows, int row, const TopicPartition& at);

}  // namespace sluice::sink

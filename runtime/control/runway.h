// How long Kafka keeps what is not applied: the age of the first record that waits in each partition beside the
// topic's retention.
//
// A function of any thread, with clients of its own; it ends within 30 seconds. What it could not find out of a
// partition is said there.
#pragma once

#include <vector>

#include "admin/inspection.h"
#include "config/pipeline.h"

namespace sluice::runtime {

Result<std::vector<Runway>> runways(const config::Kafka& kafka, const std::vector<Pointer>& pointers);

}  // namespace sluice::runtime

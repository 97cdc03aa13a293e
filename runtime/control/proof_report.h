// A proof as operators see it, in `sluice verify` and in the console. Pure.
#pragma once

#include <string>
#include <vector>

#include "admin/report/report.h"
#include "runtime/control/proof.h"

namespace sluice::runtime {

// Leaves what is about these partitions, sorted, and what is about none. One that was not proved is a problem.
void keep_only(const std::vector<TopicPartition>& of, Proof& proof);
report::Section section_of(const Proof& proof);
// Why it does not hold, each partition's with its name.
std::vector<std::string> problems_of(const Proof& proof);
// How much is proved, in a line.
std::string sum_of(const Proof& proof);

}  // namespace sluice::runtime

// Proves completeness from the rows: reads the topics again from where the pointers started to where they are, lets the
// service's own mapping and writer make the rows that must result, in temporary tables, and has PostgreSQL compare them
// with the targets. For `sluice verify --deep`.
//
// Any thread; connections and readers of its own, blocking: a minute for a thousand records, an hour for a comparison.
// Beside a running service the first pass follows it, and only what came meanwhile is read within the one transaction
// that sees tables and pointers as of one moment. Memory is bounded: a thousand records, and the offsets of the
// letters.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/schema.h"
#include "config/pipeline.h"
#include "runtime/control/proof.h"

namespace sluice::runtime {

// Told after every thousand records or so: offsets that were read, of how many.
using ReadProgress = std::function<void(Offset done, Offset of)>;

// Adds what differs, or cannot be compared, to the proof. Returns a line for each table that was compared.
std::vector<std::string> prove_rows(const std::shared_ptr<const config::Pipeline>& pipeline, SchemaSource& schemas,
                                    Proof& proof, const ReadProgress& progress = {});

}  // namespace sluice::runtime

// Applies dead letters again, by order of an operator: in the order of their offsets, each in a transaction of its own
// that holds its partition's pointer row.
//
// Contents are fetched and mapped a slice at a time, so that memory is bounded however many letters there are.
//
// Any thread; one replay runs at a time. All it uses but the schemas is its own (connection, mapper, catalogue,
// reader), so that lanes only wait for the row locks of one dead letter. Ends within 28 seconds: the rest of the dead
// letters is left as it is, and the answer says so.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "admin/dead_letters.h"
#include "base/schema.h"
#include "config/pipeline.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

class Replayer {
 public:
  Replayer(std::shared_ptr<const config::Pipeline> pipeline, sink::Identity identity, sink::AdminTables& store,
           SchemaSource& schemas)
      : pipeline_(std::move(pipeline)), identity_(std::move(identity)), admin_tables_(store), schemas_(schemas) {}

  Result<std::vector<Replayed>> run(DeadLetterFilter filter, bool dry_run, bool force, const Caller& by);

 private:
  class Partition;

  const std::shared_ptr<const config::Pipeline> pipeline_;
  const sink::Identity identity_;
  sink::AdminTables& admin_tables_;
  SchemaSource& schemas_;
  std::mutex one_at_a_time_;
};

}  // namespace sluice::runtime

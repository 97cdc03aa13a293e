// Explains one record: its decoded form, the rows that result, the SQL that would run, and what PostgreSQL says to it
// in a transaction that is rolled back. Leaves nothing behind but the numbers that sequences have given out, and the
// copy of a schema that its source may keep.
//
// Any thread; everything it uses but the schemas is its own and gone when it returns, within 30 seconds. Values are
// shown as PostgreSQL reads them; what it cannot read, or refuses, makes the outcome `dead`.
#pragma once

#include <memory>

#include "admin/inspection.h"
#include "base/schema.h"
#include "config/pipeline.h"
#include "runtime/control/log_record.h"
#include "runtime/control/runway.h"
#include "runtime/control/tail.h"
#include "runtime/control/trace.h"

namespace sluice::runtime {

// Explains the record at the offset of the log.
Result<Explanation> explain(std::shared_ptr<const config::Pipeline> pipeline, const TopicPartition& at, Offset offset,
                            bool ask_postgres, SchemaSource& schemas);
// Explains a given record.
Result<Explanation> explain(std::shared_ptr<const config::Pipeline> pipeline, const Record& record, bool ask_postgres,
                            SchemaSource& schemas);

class RecordInspection final : public Inspection {
 public:
  RecordInspection(std::shared_ptr<const config::Pipeline> pipeline, sink::AdminTables& tables, SchemaSource& schemas)
      : pipeline_(std::move(pipeline)), tables_(tables), schemas_(schemas) {}
  Result<LogRecord> read(const TopicPartition& at, Offset offset) override {
    return read_record(pipeline_->kafka, at, offset);
  }
  Result<Trace> trace(const TraceRequest& request) override {
    return runtime::trace(pipeline_, request, tables_, schemas_);
  }
  Result<std::vector<Runway>> runways(const std::vector<Pointer>& pointers) override {
    return runtime::runways(pipeline_->kafka, pointers);
  }
  Result<std::unique_ptr<Tail>> tail(const std::vector<TopicPartition>& partitions, const Expression& filter) override {
    return open_tail(*pipeline_, partitions, filter, schemas_);
  }
  Result<Explanation> explain(const TopicPartition& at, Offset offset, bool ask_postgres) override {
    return runtime::explain(pipeline_, at, offset, ask_postgres, schemas_);
  }

 private:
  const std::shared_ptr<const config::Pipeline> pipeline_;
  sink::AdminTables& tables_;
  SchemaSource& schemas_;
};

}  // namespace sluice::runtime

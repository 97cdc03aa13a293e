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

namespace sluice::runtime {

// Explains the record at the offset of the log.
Result<Explanation> explain(std::shared_ptr<const config::Pipeline> pipeline, const TopicPartition& at, Offset offset,
                            bool ask_postgres, SchemaSource& schemas);
// Explains a given record.
Result<Explanation> explain(std::shared_ptr<const config::Pipeline> pipeline, const Record& record, bool ask_postgres,
                            SchemaSource& schemas);

class RecordInspection final : public Inspection {
 public:
  RecordInspection(std::shared_ptr<const config::Pipeline> pipeline, SchemaSource& schemas)
      : pipeline_(std::move(pipeline)), schemas_(schemas) {}
  Result<Explanation> explain(const TopicPartition& at, Offset offset, bool ask_postgres) override {
    return runtime::explain(pipeline_, at, offset, ask_postgres, schemas_);
  }

 private:
  const std::shared_ptr<const config::Pipeline> pipeline_;
  SchemaSource& schemas_;
};

}  // namespace sluice::runtime

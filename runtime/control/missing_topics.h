// Topics that are read but are not in the cluster any more: writes state `topic_missing` into their pointer rows, and
// keeps them to be shown.
//
// Kafka takes the partitions of a deleted topic from whoever had them, so no lane is there to say it: each instance
// does, and the row's state tells who was first. A lane that is given such a partition again claims it and compares the
// log as always. Owned by the admin service; set() in any thread, refresh() in the admin service's.
#pragma once

#include <string>
#include <vector>

#include "admin/incident.h"
#include "admin/snapshot.h"
#include "base/mutex.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

class MissingTopics {
 public:
  MissingTopics(sink::AdminTables& tables, IncidentLog& incidents) : tables_(tables), incidents_(incidents) {}

  // As the last listing of the cluster says; comes again while there are any.
  void set(std::vector<std::string> topics);
  // Marks the rows once for each set(); tries again after an error.
  void refresh();
  // The partitions of missing topics that have a pointer row, sorted.
  std::vector<PartitionSnapshot> shown() const;

 private:
  sink::AdminTables& tables_;
  IncidentLog& incidents_;
  mutable Mutex mutex_;
  std::vector<std::string> topics_ GUARDED_BY(mutex_);
  bool anew_ GUARDED_BY(mutex_) = false;
  std::vector<PartitionSnapshot> shown_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime

// The routes that come of a sink: one for each table, as the topics and the chain of transforms say.
//
// Private to this folder, pure, any thread. What cannot be said is noted in the Sink.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/init/sink_model.h"

namespace sluice::runtime {

struct DraftRoute {
  std::vector<std::string> topics;
  std::string table;
  bool any_schema = false;  // events name the schema: `schemas` has to list them
  std::vector<std::string> include, exclude;
  std::map<std::string, std::string> rename, add;
  std::string mark;  // the column that says of a rewritten delete that the row is gone; empty if none is left

  bool operator==(const DraftRoute&) const = default;
};

// The key as the routes have it.
struct DraftKey {
  std::vector<std::string> columns;
  std::string from;      // empty: as the default
  std::string question;  // what has to be answered by somebody who knows the events; empty if nothing
};

DraftKey draft_key(Sink& sink);
std::vector<DraftRoute> draft_routes(Sink& sink, const DraftKey& key);

}  // namespace sluice::runtime

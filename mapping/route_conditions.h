// What a route's delete_when and filter say about an event, before anything of it is encoded.
//
// Owned by a Mapper, used by its thread.
#pragma once

#include "base/record.h"
#include "config/pipeline.h"
#include "mapping/expression/evaluator.h"
#include "mapping/formats/event.h"
#include "mapping/row_encoder.h"

namespace sluice::mapping {

class RouteConditions {
 public:
  enum class Verdict : std::uint8_t { map, skip, reject };

  static bool has_any(const config::Route& route) { return !route.delete_when.empty() || !route.filter.empty(); }

  // Returns true if one of them asks about a field of the record key.
  static bool ask_about_key(const config::Route& route);

  // Turns a written row for which delete_when holds into a delete, then asks the filter. `key` is the record key's
  // image, `row_key` what a delete without the row before carries of it.
  Verdict judge(const config::Route& route, const Record& record, const Image& key, const Image& row_key, Event& event,
                RecordError& fault);

 private:
  bool evaluate(const Expression& expression, const Subject& subject, bool partial, bool& holds, RecordError& fault);

  Evaluator evaluator_;
};

}  // namespace sluice::mapping

#include <fmt/format.h>

#include "admin/partition_state.h"
#include "config/load.h"
#include "console/interpreter.h"
#include "runtime/http/metrics.h"
#include "runtime/init/conversion.h"
#include "runtime/pipeline/assignment.h"
#include "runtime/subcommands.h"

namespace sluice::runtime {

int config_page(const std::string& page) {
  const std::string text = page == "sample"    ? config::sample()
                           : page == "metrics" ? metrics_reference()
                           : page == "console" ? console::reference()
                           : page == "json"    ? console::json_schema()
                           : page == "connect" ? connect_reference()
                           : page == "states"  ? states_reference() + transitions_reference()
                                               : config::reference();
  fmt::print("{}", text);
  return 0;
}

}  // namespace sluice::runtime

// Loads the configuration file for a command that will run it, and checks its librdkafka properties, without a
// connection.
//
// Called on the main thread. On an error prints one line to stderr and returns null; the command then
// ends with 2.
#pragma once

#include <memory>
#include <string>

#include "config/pipeline.h"

namespace sluice::runtime {

std::shared_ptr<const config::Pipeline> load_config(const std::string& path);

}  // namespace sluice::runtime

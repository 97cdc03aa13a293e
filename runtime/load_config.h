// A configuration file for a command that will run it: loaded, and its librdkafka properties tried, without a
// connection.
//
// Called on the main thread. What is wrong goes to stderr as one line; null then, and the command ends with 2.
#pragma once

#include <memory>
#include <string>

#include "config/pipeline.h"

namespace sluice::runtime {

std::shared_ptr<const config::Pipeline> load_config(const std::string& path);

}  // namespace sluice::runtime

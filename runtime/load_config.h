// Loads the configuration file for a command that will run it, and checks its librdkafka properties and its connection
// string with the libraries of this machine, without a connection.
//
// Called on the main thread. On an error prints one line to stderr and returns null; the command then
// ends with 2.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "config/pipeline.h"

namespace sluice::runtime {

// FILE:LINE:COLUMN of the property that listener::validate() has refused.
std::string place_of_property(const std::string& path, const Error& error);

std::shared_ptr<const config::Pipeline> load_config(const std::string& path);

}  // namespace sluice::runtime

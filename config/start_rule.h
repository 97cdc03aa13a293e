// The setting `kafka.start`: its text, and what a take-over demands of the rest of the section.
//
// Pure functions, any thread.
#pragma once

#include <string>

#include "config/pipeline.h"

namespace sluice::config {

// "earliest", "latest", "stop", "group:NAME"; the text has passed check_start.
StartRule parse_start(const std::string& text);
std::string start_text(const StartRule& rule);
// What is wrong and what to do, or "".
std::string check_start(const std::string& text);
// The same for the section as a whole, its group included.
std::string check_start_of(const Kafka& kafka);

}  // namespace sluice::config

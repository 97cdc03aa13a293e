// How long a command of the console may wait for Kafka and PostgreSQL. Constants.
#pragma once

#include <chrono>

namespace sluice::runtime {

inline constexpr std::chrono::seconds fetch_deadline{10};  // of what one look at a partition's log takes
inline constexpr std::chrono::seconds one_call{30};        // of a whole command, however many waits there are in it

}  // namespace sluice::runtime

// What pause, drain and resume tell of pauses.
//
// Pure.
#pragma once

#include <cstdint>
#include <string>

#include "console/command.h"

namespace sluice::console {

Section pause_result();
Section pauses_result();
Section resumed_result();
Section pause_section(const Pause& pause, std::size_t partitions, bool already);

// A pause's number is of itself and not of its place in a list, so that it means the same pause whatever others come
// and go before it is typed.
std::int64_t number_of(const Pause& pause);
std::string number_text(const Pause& pause);  // "#4711"

}  // namespace sluice::console

// The settings of [log], each changed by itself while the program runs: unlike setup(), neither ends a level that one
// module was given. Any thread.
#pragma once

#include <string_view>

namespace sluice::log {

// From now on, for everybody without a level of their own; as setup() takes it. Ends a level that was set for a time.
void set_usual_level(std::string_view level);
void set_format(std::string_view format);

}  // namespace sluice::log

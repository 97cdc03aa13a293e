// A piece of what an event holds, for the reason of a dead letter. Plain functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

// At most 60 bytes of `text`, on one line and in UTF-8; "nothing" if it is empty.
std::string excerpt(std::string_view text);

}  // namespace sluice

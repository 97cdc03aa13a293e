// A piece of what an event holds, for the reason of a dead letter. Plain functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

// At most 60 bytes of what printable() makes of `text`, between marks that split_reason() finds; "nothing" if it is
// empty.
std::string excerpt(std::string_view text);
// The same for the name of a field. One that looks like a name is not marked: it says which column is missing.
std::string name_excerpt(std::string_view name);

// A reason with excerpts, as the dead letter stores it.
struct SplitReason {
  std::string reason;  // holds no data of the record: "a value" in place of each excerpt
  std::string detail;  // whole; empty if there was no excerpt
};
SplitReason split_reason(std::string_view text);

}  // namespace sluice

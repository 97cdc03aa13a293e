// Characters that chats, manuals and other keyboards put in the place of those that a command has: typographic quotes
// and dashes, blanks of other kinds, invisible ones, full-width forms.
//
// A pure function.
#pragma once

#include <string>
#include <string_view>

namespace sluice::console {

// For a line that was not understood: which such character is the first, where it is, and what to type; begins with
// "; ". Empty if there is none.
std::string pasted_hint(std::string_view line);

}  // namespace sluice::console

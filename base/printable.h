// Makes text from outside (event data, names, database errors, client strings) fit for a terminal, a log or a message.
//
// Pure functions of any thread. escape() keeps every character that a terminal shows as itself and spells out the rest,
// so its result can be written to any terminal; it never fails. Widths are display columns, of text that escape() has
// passed.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

// Invalid UTF-8 becomes \xNN; control characters, bidirectional controls, everything invisible or unassigned becomes
// \u{…}. Line ends too: the result is one line.
std::string escape(std::string_view text);
// The same, but with its line ends kept; for texts of our own that quote others.
std::string escape_lines(std::string_view text);
// Only what is not UTF-8 becomes \xNN: for JSON, which can say the rest itself.
std::string valid_utf8(std::string_view text);
// As \uXXXX inside a JSON document whatever escape() would not let through.
std::string escape_json(std::string_view document);
// For terminals without UTF-8: everything beyond ASCII spelled out, "…" as "~".
std::string ascii(std::string_view text);

// A part of a message: what escape() makes of it, in at most so many bytes; "…" follows where something was cut off.
std::string printable(std::string_view text, std::size_t longest = 80);

// CJK 2, combining 0.
int width(std::string_view text);
// At most so many columns, the last of them "…" when something was cut off.
std::string cut(std::string_view text, int columns);

}  // namespace sluice

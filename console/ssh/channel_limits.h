// Sizes of a channel that its parts share. Bytes.
#pragma once

#include <cstddef>

namespace sluice::console {

inline constexpr std::size_t longest_command = 8 * 1024;
inline constexpr std::size_t write_size = 16 * 1024;  // to the library, or to the editor, at a time

}  // namespace sluice::console

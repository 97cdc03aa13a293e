// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78; RFC 3720 appendix B.4): recognises a record that was read
// before.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

// Continues from `crc`, 0 to begin with.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);

}  // namespace sluice

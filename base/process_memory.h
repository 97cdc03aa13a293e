// The memory of this process, as the kernel counts it. Any thread; bytes.
#pragma once

#include <cstdint>

namespace sluice {

struct ProcessMemory {
  std::int64_t virtual_bytes = -1, resident_bytes = -1;  // -1: not known
};
ProcessMemory process_memory();

}  // namespace sluice

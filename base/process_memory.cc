#include "base/process_memory.h"

#include <unistd.h>

#include <cstdio>

namespace sluice {

ProcessMemory process_memory() {
  ProcessMemory memory;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return memory;
  long total = 0, resident = 0;
  if (std::fscanf(file, "%ld %ld", &total, &resident) == 2) {
    const std::int64_t page = sysconf(_SC_PAGESIZE);
    memory = {total * page, resident * page};
  }
  std::fclose(file);
  return memory;
}

}  // namespace sluice

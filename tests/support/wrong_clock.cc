// Preloaded into the service (LD_PRELOAD): the wall clock is wrong by as many seconds as the file SLUICE_CLOCK says, 8
// bytes in this machine's order, which a test rewrites in place. The steady clock, by which the service waits, is left
// alone.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <ctime>

namespace {

long wrong_by() {
  static const auto* seconds = [] {
    static const std::atomic<long> none{0};
    const char* path = std::getenv("SLUICE_CLOCK");
    const int file = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return &none;
    void* memory = ::mmap(nullptr, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    ::close(file);
    return memory == MAP_FAILED ? &none : static_cast<const std::atomic<long>*>(memory);
  }();
  return seconds->load(std::memory_order_relaxed);
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  static const auto real = reinterpret_cast<int (*)(clockid_t, timespec*)>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int code = real(clock, now);
  if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += wrong_by();
  return code;
}

extern "C" int gettimeofday(timeval* now, void* zone) noexcept {
  static const auto real = reinterpret_cast<int (*)(timeval*, void*)>(::dlsym(RTLD_NEXT, "gettimeofday"));
  const int code = real(now, zone);
  if (code == 0) now->tv_sec += wrong_by();
  return code;
}

extern "C" time_t time(time_t* now) noexcept {
  timespec present{};
  clock_gettime(CLOCK_REALTIME, &present);
  if (now != nullptr) *now = present.tv_sec;
  return present.tv_sec;
}

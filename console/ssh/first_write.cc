#include "console/ssh/first_write.h"

#include <libssh/callbacks.h>

#include <csetjmp>
#include <cstdint>
#include <cstring>

namespace sluice::console {
namespace {

thread_local std::jmp_buf* way_out = nullptr;

// Nothing with a destructor in here, nor in between. The function's name is not the client's to choose, as a line may
// be.
void hear(int, const char* function, const char* line, void*) noexcept {
  if (way_out == nullptr || std::strcmp(function, "channel_write_common") != 0) return;
  if (std::strstr(line, "wrote 0 bytes") != nullptr) std::longjmp(*way_out, 1);
}

}  // namespace

int write_first(ssh_channel channel, std::string_view text, bool err) {
  const auto length = static_cast<std::uint32_t>(text.size());
  const int level = ssh_get_log_level();  // of the thread, as the function that hears
  if (ssh_set_log_callback(hear) != SSH_OK) return SSH_ERROR;
  std::jmp_buf back;
  if (setjmp(back) == 0) {
    way_out = &back;
    ssh_set_log_level(SSH_LOG_TRACE);
    const int done =
        err ? ssh_channel_write_stderr(channel, text.data(), length) : ssh_channel_write(channel, text.data(), length);
    way_out = nullptr;
    ssh_set_log_level(level);
    return done;
  }
  way_out = nullptr;
  ssh_set_log_level(level);
  return nothing_fits;
}

}  // namespace sluice::console

#include <libssh/libssh.h>

#include "console/ssh/console.h"

namespace sluice::console {

std::string libssh_version() {
  return ssh_version(0);
}

}  // namespace sluice::console

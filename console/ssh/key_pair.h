// The key that the console shows to clients: ed25519, made on the first start, never replaced silently.
//
// Used once, by the thread that starts the console. The file is the service's own, mode 0600; a temporary name and a
// rename keep a half-written key from ever having the real name. The public half is beside it (.pub), which also
// tells a later start that the key is another one. Errors are sentences for an operator.
#pragma once

#include <string>

#include "base/error.h"
#include "console/ssh/trusted_file.h"

struct ssh_key_struct;

namespace sluice::console {

// The setting is a file, which is made if it does not exist, or the key itself. The caller owns the key (ssh_key_free,
// or a library function that takes it over).
Result<ssh_key_struct*> load_host_key(const std::string& setting);
// The same for a check: makes nothing and logs nothing.
Result<ssh_key_struct*> read_host_key(const std::string& setting, Owner owner = Owner::service);

// A new ed25519 key in the file, readable by its owner only; the public half, as a line of authorized_keys without
// options.
Result<std::string> make_key_pair(const std::string& file);

}  // namespace sluice::console

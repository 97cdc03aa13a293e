// Files that decide who may do what: read whole, and refused where others than root and the service's user could have
// written them.
//
// Any thread. What is checked is what is read: one descriptor for both. Symbolic links are followed within one file
// system, as Kubernetes mounts secrets: links to files that belong to root. Errors are sentences for an operator.
#pragma once

#include <string>

#include "base/error.h"

namespace sluice::console {

// Everybody may read a list of public keys; a secret is for its owner, or for root and the service's group.
enum class Readers { everybody, owner };
// `anybody` is for a check by root of what another user's service will read.
enum class Owner { service, anybody };

Result<std::string> read_trusted(const std::string& path, Readers readers, Owner owner = Owner::service);

}  // namespace sluice::console

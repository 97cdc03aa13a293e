// The connection string of PostgreSQL as text: how a reference's content becomes a part of it, and how it is shown.
//
// Pure functions of any thread. libpq has the last word about what the string means (sink/connection_options.h).
#pragma once

#include <string>
#include <string_view>

namespace sluice::config {

// Returns `value`, which a reference between `before` and `after` brings, in the form that keeps it one value there:
// percent-encoded in the user-info, the database and the parameters of a URI, with backslashes in key=value pairs. As
// it is where it may be more than a value: as the whole string, as hosts of a URI, in place of a key.
std::string encode_reference(std::string_view before, std::string_view after, std::string value);

// Returns the value of a parameter by libpq's name, of a URI also the password before the host; empty if it is not set.
std::string parameter(std::string_view url, std::string_view name);

// Returns the string with host, port, database, user and sslmode as they are and all other values masked.
std::string shown_url(std::string_view url);

}  // namespace sluice::config

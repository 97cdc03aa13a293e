// HTTP URLs as a setting names them: several of the same service in one text, perhaps with a password.
//
// Plain functions. What may be shown or kept is without_user(), never the URL itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// The URLs of a list that is separated by commas, each without blanks around it and slashes at its end.
std::vector<std::string> split_urls(std::string_view list);
// Returns true for http:// or https:// with a host, perhaps user:password@, a port and a path; no query, no fragment.
bool is_http_url(std::string_view url);
std::string without_user(std::string_view url);
// The same as is_http_url(), but with a query if it has one: what a receiver of webhooks shows to be copied.
bool is_hook_url(std::string_view url);
std::string host_of(std::string_view url);  // without port; of a valid URL

}  // namespace sluice

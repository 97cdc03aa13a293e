// What is said where a name that was typed is nobody's.
//
// A function of any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace sluice::console {

// "no table 'orders'; known: public.orders, …": where not all are told, the one that was probably meant is the first.
std::string no_such_name(std::string_view kind, std::string_view name, const std::set<std::string>& known);

}  // namespace sluice::console

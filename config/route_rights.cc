#include "config/route_rights.h"

namespace sluice::config {

std::vector<std::string_view> route_rights(const Route& route) {
  std::vector<std::string_view> rights;
  if (route.mode != WriteMode::insert || !route.key.empty()) rights.push_back("SELECT");
  if (route.mode != WriteMode::update) rights.push_back("INSERT");
  if (route.mode != WriteMode::insert) rights.push_back("UPDATE");
  if (!route.key.empty() && (route.on_delete == OnDelete::apply || !route.where.empty())) rights.push_back("DELETE");
  if (route.on_truncate == OnTruncate::apply) rights.push_back("TRUNCATE");
  return rights;
}

}  // namespace sluice::config

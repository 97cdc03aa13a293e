// Topics of the routes so far that let no later one have them: the first match wins.
//
// Internal to this folder; made while the routes are read, one thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/pattern.h"
#include "config/pipeline.h"

namespace sluice::config {

class TakenTopics {
 public:
  void add(const Route& route);
  // Why a later route cannot have the topic, and what to do; empty if it can. Of two expressions nobody knows.
  std::string why_not(const std::string& topic) const;

 private:
  std::set<std::string> texts_;
  std::vector<Pattern> patterns_;
};

}  // namespace sluice::config

// Which fields of an event become which columns of a Connect sink, as the transforms of its chain leave them one after
// the other: each sees the names that the one before has made.
//
// Plain values of one conversion, pure, any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::runtime {

class SinkColumns {
 public:
  // The event's field that has this name now; nothing if none has: it was renamed, taken out, or never let in.
  std::optional<std::string> field_of(const std::string& name) const;

  void add(const std::string& name, const std::string& source) { added_[name] = source; }
  // A field of the record key, which the transforms of values do not see.
  void name_key(const std::string& field, const std::string& name) { renamed_[field] = name; }

  using Pairs = std::vector<std::pair<std::string, std::string>>;
  // What a ReplaceField does, at once: it takes out, or lets in, by the names before, and renames what is left.
  void replace(const std::vector<std::string>& exclude, const std::vector<std::string>& include, const Pairs& renames);

  const std::map<std::string, std::string>& renamed() const { return renamed_; }  // field to name
  const std::map<std::string, std::string>& added() const { return added_; }      // name to what fills it
  const std::vector<std::string>& dropped() const { return dropped_; }            // fields
  const std::optional<std::vector<std::string>>& only() const { return only_; }   // fields; nothing: all

 private:
  std::map<std::string, std::string> renamed_, added_;
  std::vector<std::string> dropped_;
  std::optional<std::vector<std::string>> only_;
};

}  // namespace sluice::runtime

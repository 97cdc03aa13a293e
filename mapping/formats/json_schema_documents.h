// What references within JSON Schemas lead to: pointers, anchors, and schemas that have a name of their own ($id).
//
// Made for the compilation of one schema, whose texts outlive it; one thread. Documents and the objects on the way are
// read once, however many references lead through them. Names are collected once for each document, also those of
// schemas that nothing uses; values that are data (default, const, enum, examples) have none.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "mapping/formats/json_reader.h"

namespace sluice::mapping {

class JsonSchemaDocuments {
 public:
  bool is_json(std::string_view document) { return root(document) != nullptr; }
  // The schema that the document calls `name`: all of it where it is empty or the document's own $id. Null if there is
  // none, or if several have the name.
  Value called(std::string_view document, const std::string& name);
  // What a fragment leads to, from a schema of the document on: nothing, a pointer such as /definitions/Address, or an
  // anchor. Null if there is nothing.
  Value target(std::string_view document, const Value& from, std::string_view fragment);

 private:
  struct Names {
    std::map<std::string, std::optional<Value>> schemas, anchors;  // nothing: several have it
  };

  const Value* root(std::string_view document);
  const std::vector<Field>& members(const Value& object);  // empty if it is wrong inside
  const Names& names(std::string_view document);
  void collect(const Value& value, const std::string& base, int depth, Names& into);

  // By where they begin.
  std::map<const char*, std::optional<Value>> roots_;
  std::map<const char*, std::vector<Field>> objects_;
  std::map<const char*, Names> names_of_;
  ValueArena names_;
};

}  // namespace sluice::mapping

// What the records of a sample have in common: their format, their key, the fields of their rows.
//
// Used by one thread; asks the schema registry, if there is one, up to a deadline. Records that no format takes are
// counted, with the reason of the first.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/schema.h"
#include "config/pipeline.h"
#include "runtime/init/column_guess.h"
#include "runtime/init/topic_sample.h"

namespace sluice::runtime {

struct ShapedColumn {
  std::string name;
  ColumnGuess guess;
  std::size_t rows = 0;          // that have a value which is not null
  std::size_t equals_key = 0;    // that have the record key's one value
  bool only_true_false = true;   // of a text: it is one of these two words
  std::set<std::string> values;  // different scalars, at most one for each record of the sample
};

struct TopicShape {
  config::Format format = config::Format::automatic;
  std::size_t records = 0, rows = 0, tombstones = 0, refused = 0;
  std::string refusal;  // of the first
  bool frames = false;  // of a schema registry
  bool deletes = false;
  std::vector<ShapedColumn> columns;  // of the value, in the order of their first occurrence
  std::set<std::pair<std::string, std::string>> sources;

  // Record keys.
  std::size_t keyed = 0;       // records with a key that can be read
  std::size_t unkeyed = 0;     // records without
  std::size_t keyed_rows = 0;  // rows with a key that is one value
  bool object_keys = false, scalar_keys = false;
  std::vector<ShapedColumn> key;  // fields of keys that are objects; of another key one without a name
  bool keys_differ = false;       // not all have the same fields

  const ShapedColumn* column(std::string_view name) const;
};

// `schemas`: null without a registry; then frames are refused. The error is a registry that gives no answer.
Result<TopicShape> shape_of(const TopicSample& sample, SchemaSource* schemas, Clock::time_point deadline);

}  // namespace sluice::runtime

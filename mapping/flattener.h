// Takes nested objects apart, where a route wants it so: the field `city` of the object `address` becomes the field
// address_city of the row, as if the event had it there.
//
// Owned by a Mapper, used by its thread. Fields are copied into space that lives until the next record; values stay
// where they are. An object stays as it is where the table has a column of its name, where it is excluded, if it is a
// map of a schema (its names are data), and beyond the bounds on depth and length, which keep a hostile record from
// taking more memory than a small multiple of its own.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "config/pipeline.h"
#include "mapping/formats/event.h"
#include "mapping/row_encoder.h"
#include "mapping/table_state.h"

namespace sluice::mapping {

class Flattener {
 public:
  // Forgets what was made of the record before.
  void begin_record() { arena_.clear(); }
  // Puts the fields of nested objects in the place of these, in an image of this kind. Without a table (null) none has
  // a column yet. Returns false with `fault` set if the event is not valid within an object.
  bool flatten(const config::Route& route, const TableState* table, ImageOf of, Image& image, RecordError& fault);

 private:
  static constexpr std::size_t most_levels = 16;
  static constexpr std::size_t longest_name = 255;

  // Fields of one object, or of the row.
  struct Level {
    std::vector<Field> fields;              // space for those of an object that is still JSON
    std::vector<std::string_view> objects;  // the fields that have gone into the row in parts
  };
  struct Flat {
    std::vector<Field> fields;
    std::vector<FieldOrigin> origins;
  };
  // An object that is null or was not sent: so are the columns that its fields have.
  struct Empty {
    std::string_view name;
    FieldOrigin origin;
    Value value;
    RowTypes types;  // of its own fields, if a schema says them
  };

  bool add_fields(std::span<const Field> fields, std::string_view prefix, const FieldOrigin* outer,
                  const RowTypes& types, std::size_t level);
  bool opens(const Field& field, std::string_view name, const RowTypes& types, std::size_t level) const;
  bool is_empty_object(const Field& field, std::string_view name, const RowTypes& types) const;
  bool stays(std::string_view name) const;
  bool leads_to_columns(std::string_view name) const;
  void add_empty(const RowTypes& types);
  std::string_view join(std::string_view prefix, std::string_view name);
  bool refuse(std::string_view found, const FieldOrigin& at);

  const config::Route* route_ = nullptr;
  const TableState* table_ = nullptr;
  const Image* image_ = nullptr;
  RecordError* fault_ = nullptr;
  Flat* out_ = nullptr;
  std::array<Level, most_levels + 1> levels_;
  std::array<Flat, image_kinds> flat_;  // by ImageOf
  std::vector<Empty> empty_;
  ValueArena arena_;
};

// Returns where a field is in the event, for a reason: value.address.city. It is one of the image's, or one beside
// them.
std::string place_of(const Image& image, const Field& field, bool excerpts = true);

}  // namespace sluice::mapping

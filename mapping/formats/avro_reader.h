// Reads Avro's binary form into Values by a compiled schema, without a copy: texts and bytes point into the record.
//
// One AvroReader per lane; what it puts together (records, arrays) is in the record's ValueArena. Nothing is allocated
// by a length that is only declared: a count is compared with the bytes that are left, types whose values take no bytes
// count against a budget, and nesting ends at a fixed depth.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "mapping/formats/avro_schema.h"

namespace sluice::mapping {

class AvroReader {
 public:
  // Reads `bytes` as one datum with nothing behind it. False if that is not what they are: see fault() and at().
  // `any_text`: texts need not be UTF-8.
  bool read(const AvroSchema& schema, std::string_view bytes, ValueArena& arena, Value& datum, bool any_text = false);

  // The node that the datum was read as: of a union at the root, the alternative.
  std::uint32_t root() const { return root_; }
  const char* fault() const { return fault_; }
  std::size_t at() const { return static_cast<std::size_t>(at_ - begin_); }
  bool not_utf8() const { return not_utf8_; }

 private:
  using Byte = std::uint8_t;

  bool read_value(std::uint32_t index, int depth, Value& out);
  bool read_record(const AvroNode& node, int depth, Value& out);
  bool read_big_decimal(std::string_view bytes, Value& out);
  bool read_items(const AvroNode& node, int depth, Value& out);
  bool read_members(const AvroNode& node, int depth, Value& out);
  bool read_block(const AvroNode& node, std::uint32_t key_bytes, std::int64_t& count);
  bool read_number(std::int64_t& number);
  bool read_length(std::string_view& bytes);
  bool read_text(std::string_view& text);
  bool take(std::size_t size, std::string_view& bytes);
  bool fail(const char* fault) {
    fault_ = fault;
    return false;
  }

  const AvroSchema* schema_ = nullptr;
  ValueArena* arena_ = nullptr;
  const Byte* begin_ = nullptr;
  const Byte* at_ = nullptr;
  const Byte* end_ = nullptr;
  std::uint32_t root_ = 0;
  std::size_t budget_ = 0;  // values that may still be made
  const char* fault_ = "";
  bool any_text_ = false;
  bool not_utf8_ = false;
  std::vector<Value> items_;    // of the arrays that are being read, the innermost last
  std::vector<Field> members_;  // of maps
};

}  // namespace sluice::mapping

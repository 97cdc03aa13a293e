// Encodes one value of an event in the wire form of its column (base/table.h, Encoding).
//
// An Encoder holds scratch space only; a Mapper has one and its thread uses it. It knows Values and columns but no
// formats: the origin of a value makes no difference. Values go straight to the end of the arena. An error may leave
// bytes there: the caller truncates the arena. Policies cost nothing where all reject.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/changes.h"
#include "base/table.h"
#include "base/value.h"
#include "base/value_policies.h"
#include "mapping/encode/datetime.h"
#include "mapping/encode/number.h"
#include "mapping/value_error.h"

namespace sluice::mapping {

// Quotes a part of an array or hstore literal.
void append_literal(std::string_view text, std::string& out);

// A number, date or time that its column cannot hold.
bool is_out_of_range(const ValueError& error);
// A column's scale or precision, or -1 if it has none.
int digits_behind_point(const Column& column);
// The characters that a varchar(n) or char(n), or an element of an array of them, may have; 0 for any.
std::size_t longest_text(const Column& column);
// Whether "char" holds it: a byte or none, or \ooo, as PostgreSQL shows bytes above 127.
bool is_single_char(std::string_view text);

class Encoder {
 public:
  // Sets `cell` to the value's bytes at the end of `arena`, to NULL, or leaves it absent. `text_is_json`: the source
  // puts JSON into strings.
  ValueError encode(const Column& column, const Value& value, bool text_is_json, std::string& arena, Cell& cell);
  // The same where a route does not reject every value that does not fit; `used` gets the policies that changed it.
  ValueError encode(const Column& column, const Value& value, bool text_is_json, const ValuePolicies& policies,
                    std::string& arena, Cell& cell, UsedPolicies& used);

 private:
  // What policies do (encoder_policies.cc).
  bool needs_mending(const Value& value);
  Value mended(const Value& value);
  bool mend_json(std::string_view json, std::string& out);
  void truncate(std::size_t characters, std::size_t begin, std::string& out);
  bool nulls(const ValueError& error);  // what is out of range becomes NULL
  ValueError append_nearest(const Column& column, Encoding encoding, const Value& value, std::string& out);
  ValueError append_number_text(const Column& column, Encoding encoding, const Value& value, std::string& out);
  ValueError counted_moment(Encoding encoding, const Value& value, Moment& moment);

  static ValueError set_cell(std::size_t begin, const std::string& arena, Cell& cell);
  ValueError append(const Column& column, const Value& value, std::string& out);
  ValueError append_integer(Encoding encoding, const Value& value, std::string& out);
  ValueError append_float(Encoding encoding, const Value& value, std::string& out);
  ValueError append_boolean(const Value& value, std::string& out);
  ValueError append_bytea(const Value& value, std::string& out);
  ValueError append_uuid_bytes(const Value& value, std::string& out);
  ValueError append_json(const Value& value, std::string& out);
  ValueError append_datetime(const Column& column, const Value& value, std::string& out);
  ValueError append_datetime(Encoding encoding, int precision, const Value& value, Moment& moment, std::string& out);

  // The text that PostgreSQL's input functions read: of text columns, of `input` columns and of array elements.
  ValueError append_text(const Column& column, const Value& value, std::string& out);
  ValueError append_short_text(const Column& column, const Value& value, std::string& out);  // varchar(n), char(n)
  ValueError append_single_char(const Column& column, const Value& value, std::string& out);
  ValueError append_integer_text(const Column& column, Encoding encoding, const Value& value, std::string& out);
  ValueError append_bit_string(const Column& column, const Value& value, std::string& out);
  ValueError append_temporal_text(const Value& value, std::string& out);
  ValueError append_structure_text(const Column& column, const Value& value, std::string& out);
  ValueError append_point(std::span<const Field> members, std::string& out);
  ValueError append_geometry(std::span<const Field> members, std::string& out);
  ValueError append_hstore(const Value& value, std::string& out);
  ValueError append_hstore_part(const Value& value, std::string& out);
  ValueError append_array(const Column& column, const Value& value, int depth, std::string& out);
  ValueError append_as_text(const Column& column, Encoding encoding, const Value& value, std::string& out);
  ValueError append_composite(const Column& column, const Value& value, std::string& out);

  // Returns the digits of a number in any form; in scratch_ if the value is not their text.
  ValueError digits_of(const Value& value, std::string_view& digits);
  ValueError decimal_of(const Value& value);         // into decimal_
  ValueError scaled_decimal_of(const Value& value);  // of a structure with scale and value
  ValueError bytes_of(const Value& value);           // or of a text in base64, into bytes_
  ValueError moment_of(Encoding encoding, const Value& value, Moment& moment);

  bool text_is_json_ = false;
  ValuePolicies policies_;  // of the value under work
  UsedPolicies used_;
  ValueArena mended_;  // what became of its texts
  Decimal decimal_;
  std::string scratch_;  // an unescaped text, or digits
  std::string bytes_;    // decoded from base64
  std::vector<Field> fields_;
  ValueArena names_;  // of fields_
};

}  // namespace sluice::mapping

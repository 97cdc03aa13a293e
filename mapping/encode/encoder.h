// One value of an event to the form in which its column travels (base/table.h, Encoding).
//
// An Encoder holds scratch space only; a Mapper has one and its thread uses it. Values go from the event's text
// straight to the end of the arena. A error may leave bytes behind there: the caller cuts the arena back.
#pragma once

#include <string>
#include <vector>

#include "base/changes.h"
#include "base/table.h"
#include "mapping/encode/datetime.h"
#include "mapping/encode/number.h"
#include "mapping/formats/connect_schema.h"
#include "mapping/formats/json.h"

namespace sluice::mapping {

class Encoder {
 public:
  // Sets `cell` to the value's bytes at the end of `arena`, to NULL, or to absent for Debezium's placeholder. `schema`
  // is null where the event has none. `text_is_json`: the source puts JSON into strings (Debezium, Connect).
  ValueError encode(const Column& column, const ConnectSchema* schema, const JsonValue& value, bool text_is_json,
                    std::string& arena, Cell& cell);

 private:
  ValueError append(const Column& column, Encoding encoding, const JsonValue& value, std::string& out);
  ValueError append_integer(Encoding encoding, const JsonValue& value, std::string& out);
  ValueError append_float(Encoding encoding, const JsonValue& value, std::string& out);
  ValueError append_boolean(const JsonValue& value, std::string& out);
  ValueError append_numeric(const JsonValue& value, std::string& out);
  ValueError append_bytea(const JsonValue& value, std::string& out);
  ValueError append_json(const JsonValue& value, std::string& out);
  ValueError append_datetime(Encoding encoding, const JsonValue& value, std::string& out);

  // The text that PostgreSQL's input functions read: of text columns, of `input` columns and of array elements.
  ValueError append_text(const Column& column, const JsonValue& value, std::string& out);
  ValueError append_logical_text(const Column& column, const JsonValue& value, std::string& out);
  ValueError append_object_text(const Column& column, const JsonValue& value, std::string& out);
  ValueError append_array(const Column& column, const JsonValue& value, std::string& out);
  ValueError append_element(const Column& column, const JsonValue& value, std::string& out);
  ValueError append_hstore(const JsonValue& value, std::string& out);
  ValueError append_geometry(const JsonValue& value, std::string& out);

  // The text of a value; into scratch_ if the event escapes it.
  ValueError plain(const JsonValue& value, std::string_view& text);
  bool decimal_of(const JsonValue& value);  // into decimal_
  ValueError moment_of(const JsonValue& value, Moment& moment);
  Logical logical() const { return schema_ ? schema_->logical : Logical::none; }

  const ConnectSchema* schema_ = nullptr;  // of the value being encoded
  bool text_is_json_ = false;
  Decimal decimal_;
  std::string scratch_;  // an unescaped text
  std::string bytes_;    // decoded from base64
  std::string element_;  // of an array, before it is quoted
  std::vector<JsonField> fields_;
};

}  // namespace sluice::mapping

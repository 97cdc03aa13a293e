// JSON as mapping needs it: the fields of an object as views of their own text, nothing converted, nothing copied.
//
// JsonReader takes a record apart with simdjson; the scan functions are a strict reader for short and nested texts,
// which need no padding. Both promise that a value's text is one complete JSON value with numbers and literals checked;
// UTF-8 is checked by JsonReader only. Used by a lane's thread; views live as long as the text they were read from.
#pragma once

#include <simdjson.h>

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/value_error.h"

namespace sluice::mapping {

enum class JsonKind : std::uint8_t { null, boolean, number, string, object, array };

struct JsonValue {
  JsonKind kind = JsonKind::null;
  std::string_view text;  // of a string: what is between the quotes, escapes untouched

  // The text with its quotes.
  std::string_view token() const {
    return kind == JsonKind::string ? std::string_view(text.data() - 1, text.size() + 2) : text;
  }
  bool is_true() const { return text.size() == 4; }
};

struct JsonField {
  std::string_view name;
  JsonValue value;
};

const JsonValue* find(const std::vector<JsonField>& fields, std::string_view name);

// The whole of `text` is one value; of an object or array all that is in it is checked too.
bool scan(std::string_view text, JsonValue& value);
bool scan_object(std::string_view text, std::vector<JsonField>& fields);
bool scan_array(std::string_view text, std::vector<JsonValue>& values);

// Appends the string that the text between two quotes stands for.
ValueError unescape(std::string_view text, std::string& out);
// Whether a JSON text holds \u0000 in some string.
bool holds_nul(std::string_view json);
// Appends `text` as a JSON string, quotes included.
void append_quoted(std::string_view text, std::string& out);

// Bytes with the room behind them that simdjson wants.
class PaddedText {
 public:
  std::string_view assign(std::string_view text);

 private:
  std::string buffer_;
};

class JsonReader {
 public:
  // Reads `text`, which lies in a PaddedText, as one object. Null, or what is wrong with it.
  simdjson::error_code read(std::string_view text, std::vector<JsonField>& fields);
  // The names that had to be unescaped live until here.
  void forget_names() { names_.clear(); }

 private:
  simdjson::ondemand::parser parser_;
  std::deque<std::string> names_;
};

}  // namespace sluice::mapping

// The text forms: of text columns, of columns that PostgreSQL's input functions read, and of arrays.
#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "base/codec.h"
#include "mapping/encode/encoder.h"

namespace sluice::mapping {

ValueError Encoder::append_text(const Column& column, const JsonValue& value, std::string& out) {
  if (schema_ && (schema_->logical != Logical::none || schema_->type == ConnectType::bytes)) {
    return append_logical_text(column, value, out);
  }
  switch (value.kind) {
    case JsonKind::string:
      if (column.type_name == "hstore" && value.text.starts_with('{')) return append_hstore(value, out);
      return unescape(value.text, out);
    case JsonKind::object:
      return append_object_text(column, value, out);
    case JsonKind::array: {
      JsonValue checked;
      if (!scan(value.text, checked)) return {"22P02", "the nested JSON is not valid"};
      break;
    }
    default:
      break;
  }
  out += value.text;
  return {};
}

ValueError Encoder::append_logical_text(const Column& column, const JsonValue& value, std::string& out) {
  if (value.kind == JsonKind::object) return append_object_text(column, value, out);
  if (value.kind == JsonKind::string && schema_->type == ConnectType::bytes) {
    if (schema_->logical == Logical::decimal) return decimal_of(value) ? decimal_.append_text(out) : value_error::text;
    bytes_.clear();
    if (!append_base64_decoded(value.text, bytes_)) return {"22P02", "not base64"};
    if (schema_->logical == Logical::bits) {
      // A varying length is not in the event: the digits from the first 1 on.
      const bool fixed = column.type_name != "varbit" && schema_->length > 0 && schema_->length <= 65536;
      append_bits(bytes_, fixed ? static_cast<std::size_t>(schema_->length) : 0, out);
    } else {
      out += "\\x";
      append_hex(bytes_, out);
    }
    return {};
  }
  if (value.kind == JsonKind::string) return unescape(value.text, out);
  if (value.kind != JsonKind::number || schema_->logical == Logical::decimal) {
    out += value.text;
    return {};
  }
  if (schema_->logical == Logical::micro_duration) {
    fmt::format_to(std::back_inserter(out), "{} microseconds", value.text);
    return {};
  }
  Moment moment;
  if (const ValueError error = moment_of(value, moment)) return error;
  append_moment_text(moment, out);
  return {};
}

ValueError Encoder::append_object_text(const Column& column, const JsonValue& value, std::string& out) {
  if (column.type_name == "hstore") return append_hstore(value, out);
  if (logical() == Logical::variable_scale_decimal || column.type_name == "money" || column.type_name == "numeric") {
    return decimal_of(value) ? decimal_.append_text(out) : value_error::text;
  }
  if (!scan_object(value.text, fields_)) return {"22P02", "the nested JSON is not valid"};
  if (column.type_name == "point") {
    const JsonValue* x = find(fields_, "x");
    const JsonValue* y = find(fields_, "y");
    if (!x || !y || x->kind != JsonKind::number || y->kind != JsonKind::number) return value_error::text;
    fmt::format_to(std::back_inserter(out), "({},{})", x->text, y->text);
    return {};
  }
  if (column.type_name == "geometry" || column.type_name == "geography") return append_geometry(value, out);
  out += value.text;
  return {};
}

// PostGIS reads hexadecimal WKB with the reference system in front.
ValueError Encoder::append_geometry(const JsonValue&, std::string& out) {
  const JsonValue* wkb = find(fields_, "wkb");
  const JsonValue* srid = find(fields_, "srid");
  bytes_.clear();
  if (!wkb || wkb->kind != JsonKind::string || !append_base64_decoded(wkb->text, bytes_)) return value_error::text;
  if (srid && srid->kind == JsonKind::number) fmt::format_to(std::back_inserter(out), "SRID={};", srid->text);
  append_hex(bytes_, out);
  return {};
}

ValueError Encoder::append_hstore(const JsonValue& value, std::string& out) {
  std::string_view text = value.text;
  if (value.kind == JsonKind::string) {
    if (const ValueError error = plain(value, text)) return error;
  }
  if (!scan_object(text, fields_)) {
    if (value.kind != JsonKind::string) return value_error::text;
    out += text;  // hstore's own notation
    return {};
  }
  const auto append_quoted_part = [&](std::string_view part) -> ValueError {
    element_.clear();
    if (const ValueError error = unescape(part, element_)) return error;
    out.push_back('"');
    for (const char c : element_) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('"');
    return {};
  };
  for (bool first = true; const JsonField& field : fields_) {
    if (!std::exchange(first, false)) out.push_back(',');
    if (const ValueError error = append_quoted_part(field.name)) return error;
    out += "=>";
    if (field.value.kind == JsonKind::null) {
      out += "NULL";
    } else if (const ValueError error = append_quoted_part(field.value.text)) {
      return error;
    }
  }
  return {};
}

ValueError Encoder::append_array(const Column& column, const JsonValue& value, std::string& out) {
  if (value.kind == JsonKind::string && value.text.starts_with('{')) return unescape(value.text, out);
  std::vector<JsonValue> values;
  if (value.kind != JsonKind::array) return {"22P02", "not an array"};
  if (!scan_array(value.text, values)) return {"22P02", "the nested JSON is not valid"};
  const ConnectSchema* whole = schema_;
  if (schema_ && !schema_->items.empty()) schema_ = &schema_->items.front();
  out.push_back('{');
  ValueError error;
  for (bool first = true; const JsonValue& item : values) {
    if (!std::exchange(first, false)) out.push_back(column.type_name == "box" ? ';' : ',');
    if (item.kind == JsonKind::null) {
      out += "NULL";
    } else if (item.kind == JsonKind::array && column.element != Encoding::json && column.element != Encoding::jsonb) {
      error = append_array(column, item, out);
    } else {
      element_.clear();
      if (!(error = append_element(column, item, element_))) {
        out.push_back('"');
        for (const char c : element_) {
          if (c == '"' || c == '\\') out.push_back('\\');
          out.push_back(c);
        }
        out.push_back('"');
      }
    }
    if (error) break;
  }
  out.push_back('}');
  schema_ = whole;
  return error;
}

}  // namespace sluice::mapping

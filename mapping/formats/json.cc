#include "mapping/formats/json.h"

#include <cstring>

namespace sluice::mapping {
namespace {

constexpr int max_depth = 512;

bool space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}
bool digit(char c) {
  return c >= '0' && c <= '9';
}

const char* skip_space(const char* at, const char* end) {
  while (at != end && space(*at)) ++at;
  return at;
}

const char* skip_digits(const char* at, const char* end) {
  while (at != end && digit(*at)) ++at;
  return at;
}

// Each skip_* returns the end of what it read, or null.
const char* skip_number(const char* at, const char* end) {
  if (at != end && *at == '-') ++at;
  if (at == end || !digit(*at)) return nullptr;
  at = *at == '0' ? at + 1 : skip_digits(at, end);
  if (at != end && *at == '.') {
    const char* fraction = ++at;
    at = skip_digits(at, end);
    if (at == fraction) return nullptr;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    const char* exponent = at;
    at = skip_digits(at, end);
    if (at == exponent) return nullptr;
  }
  return at;
}

const char* skip_string(const char* at,
                        const char* end) {  // behind the opening quote; returns the closing one
  for (; at != end && *at != '"'; ++at) {
    if (static_cast<unsigned char>(*at) < 0x20) return nullptr;
    if (*at == '\\' && ++at == end) return nullptr;
  }
  return at == end ? nullptr : at;
}

const char* skip_literal(const char* at, const char* end, std::string_view literal) {
  const auto left = static_cast<std::size_t>(end - at);
  return left >= literal.size() && std::string_view(at, literal.size()) == literal ? at + literal.size() : nullptr;
}

const char* skip_value(const char* at, const char* end, int depth, JsonValue& value);

// Calls each(name, value) for an object's members, each({}, value) for an array's; `at` is behind the bracket.
template <class Each>
const char* skip_members(const char* at, const char* end, int depth, bool object, Each&& each) {
  const char close = object ? '}' : ']';
  at = skip_space(at, end);
  if (at != end && *at == close) return at + 1;
  while (at != end) {
    std::string_view name;
    if (object) {
      if (*at != '"') return nullptr;
      const char* quote = skip_string(at + 1, end);
      if (!quote) return nullptr;
      name = {at + 1, static_cast<std::size_t>(quote - at - 1)};
      at = skip_space(quote + 1, end);
      if (at == end || *at != ':') return nullptr;
      at = skip_space(at + 1, end);
    }
    JsonValue value;
    at = skip_value(at, end, depth - 1, value);
    if (!at) return nullptr;
    each(name, value);
    at = skip_space(at, end);
    if (at == end) return nullptr;
    if (*at == close) return at + 1;
    if (*at != ',') return nullptr;
    at = skip_space(at + 1, end);
  }
  return nullptr;
}

const char* skip_value(const char* at, const char* end, int depth, JsonValue& value) {
  if (at == end || depth == 0) return nullptr;
  const char* begin = at;
  switch (*at) {
    case '"':
      value.kind = JsonKind::string;
      at = skip_string(at + 1, end);
      if (!at) return nullptr;
      value.text = {begin + 1, static_cast<std::size_t>(at - begin - 1)};
      return at + 1;
    case '{':
    case '[':
      value.kind = *at == '{' ? JsonKind::object : JsonKind::array;
      at = skip_members(at + 1, end, depth, *at == '{', [](std::string_view, const JsonValue&) {});
      break;
    case 't':
      value.kind = JsonKind::boolean;
      at = skip_literal(at, end, "true");
      break;
    case 'f':
      value.kind = JsonKind::boolean;
      at = skip_literal(at, end, "false");
      break;
    case 'n':
      value.kind = JsonKind::null;
      at = skip_literal(at, end, "null");
      break;
    default:
      value.kind = JsonKind::number;
      at = skip_number(at, end);
  }
  if (at) value.text = {begin, static_cast<std::size_t>(at - begin)};
  return at;
}

template <class Each>
bool scan_members(std::string_view text, char open, Each&& each) {
  const char* end = text.data() + text.size();
  const char* at = skip_space(text.data(), end);
  if (at == end || *at != open) return false;
  at = skip_members(at + 1, end, max_depth, open == '{', each);
  return at && skip_space(at, end) == end;
}

// Four hex digits, or -1.
int hex4(const char* at) {
  int code = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    const int nibble = digit(c)               ? c - '0'
                       : c >= 'a' && c <= 'f' ? c - 'a' + 10
                       : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                              : -1;
    if (nibble < 0) return -1;
    code = code * 16 + nibble;
  }
  return code;
}

void append_utf8(std::uint32_t code, std::string& out) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

// At the `u` of an escape; moves `at` to its last character.
ValueError unescape_unicode(const char*& at, const char* end, std::string& out) {
  int code = end - at >= 5 ? hex4(at + 1) : -1;
  if (code < 0) return value_error::text;
  if (code == 0) return value_error::nul;
  at += 4;
  if (code >= 0xDC00 && code < 0xE000) return value_error::surrogate;
  if (code >= 0xD800 && code < 0xDC00) {
    const int low = end - at >= 7 && at[1] == '\\' && at[2] == 'u' ? hex4(at + 3) : -1;
    if (low < 0xDC00 || low >= 0xE000) return value_error::surrogate;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    at += 6;
  }
  append_utf8(static_cast<std::uint32_t>(code), out);
  return {};
}

}  // namespace

const JsonValue* find(const std::vector<JsonField>& fields, std::string_view name) {
  for (const JsonField& field : fields) {
    if (field.name == name) return &field.value;
  }
  return nullptr;
}

bool scan(std::string_view text, JsonValue& value) {
  const char* end = text.data() + text.size();
  const char* at = skip_value(skip_space(text.data(), end), end, max_depth, value);
  return at && skip_space(at, end) == end;
}

bool scan_object(std::string_view text, std::vector<JsonField>& fields) {
  fields.clear();
  return scan_members(text, '{',
                      [&](std::string_view name, const JsonValue& value) { fields.push_back({name, value}); });
}

bool scan_array(std::string_view text, std::vector<JsonValue>& values) {
  values.clear();
  return scan_members(text, '[', [&](std::string_view, const JsonValue& value) { values.push_back(value); });
}

ValueError unescape(std::string_view text, std::string& out) {
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end) {
    const auto* backslash = static_cast<const char*>(std::memchr(at, '\\', static_cast<std::size_t>(end - at)));
    const char* stop = backslash ? backslash : end;
    out.append(at, stop);
    if (!backslash) break;
    at = backslash + 1;
    if (at == end) return value_error::text;
    static constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    if (*at == 'u') {
      if (const ValueError error = unescape_unicode(at, end, out)) return error;
    } else if (const auto known = from.find(*at); known != from.npos) {
      out.push_back(to[known]);
    } else {
      return value_error::text;
    }
    ++at;
  }
  return {};
}

bool holds_nul(std::string_view json) {
  for (auto at = json.find("\\u0000"); at != json.npos; at = json.find("\\u0000", at + 1)) {
    std::size_t backslashes = 1;
    while (backslashes <= at && json[at - backslashes] == '\\') ++backslashes;
    if (backslashes % 2 == 1) return true;
  }
  return false;
}

void append_quoted(std::string_view text, std::string& out) {
  static constexpr char hex[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append("\\u00");
      out.push_back(hex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(hex[c & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

std::string_view PaddedText::assign(std::string_view text) {
  if (buffer_.size() < text.size() + simdjson::SIMDJSON_PADDING) {
    buffer_.resize(text.size() * 2 + simdjson::SIMDJSON_PADDING);
  }
  if (!text.empty()) std::memcpy(buffer_.data(), text.data(), text.size());
  std::memset(buffer_.data() + text.size(), 0, simdjson::SIMDJSON_PADDING);
  return {buffer_.data(), text.size()};
}

simdjson::error_code JsonReader::read(std::string_view text, std::vector<JsonField>& fields) {
  namespace ondemand = simdjson::ondemand;
  fields.clear();
  ondemand::document document;
  const auto padded = simdjson::padded_string_view(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING);
  if (const auto error = parser_.iterate(padded).get(document)) return error;
  ondemand::object object;
  if (const auto error = document.get_object().get(object)) return error;
  for (auto next : object) {
    ondemand::field field;
    if (const auto error = std::move(next).get(field)) return error;
    const char* name = field.key().raw();
    const char* quote = name;
    while (*quote != '"') quote += *quote == '\\' ? 2 : 1;
    JsonField& found = fields.emplace_back();
    found.name = {name, static_cast<std::size_t>(quote - name)};
    if (std::memchr(name, '\\', found.name.size())) {
      std::string& plain = names_.emplace_back();
      if (unescape(found.name, plain)) return simdjson::STRING_ERROR;
      found.name = plain;
    }
    ondemand::value& value = field.value();
    ondemand::json_type type;
    if (const auto error = value.type().get(type)) return error;
    std::string_view raw;
    if (type == ondemand::json_type::object) {
      ondemand::object nested;
      if (const auto error = value.get_object().get(nested)) return error;
      if (const auto error = nested.raw_json().get(raw)) return error;
      found.value = {JsonKind::object, raw};
    } else if (type == ondemand::json_type::array) {
      ondemand::array nested;
      if (const auto error = value.get_array().get(nested)) return error;
      if (const auto error = nested.raw_json().get(raw)) return error;
      found.value = {JsonKind::array, raw};
    } else {
      raw = value.raw_json_token();
      while (!raw.empty() && space(raw.back())) raw.remove_suffix(1);
      const char* end = raw.data() + raw.size();
      if (raw.size() >= 2 && raw.front() == '"' && raw.back() == '"') {  // simdjson has looked at every byte of it
        found.value = {JsonKind::string, raw.substr(1, raw.size() - 2)};
      } else if (skip_value(raw.data(), end, 1, found.value) != end) {
        return simdjson::TAPE_ERROR;
      }
    }
  }
  const char* behind = nullptr;
  const bool at_end = document.current_location().get(behind) == simdjson::OUT_OF_BOUNDS;
  return at_end ? simdjson::SUCCESS : simdjson::TRAILING_CONTENT;
}

}  // namespace sluice::mapping

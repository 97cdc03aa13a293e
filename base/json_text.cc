#include "base/json_text.h"

#include <cstring>

#include "base/parse.h"

namespace sluice {
namespace {

constexpr int max_depth = 512;

const char* skip_space(const char* at, const char* end) {
  while (at != end && is_json_space(*at)) ++at;
  return at;
}

const char* skip_digits(const char* at, const char* end) {
  while (at != end && is_digit(*at)) ++at;
  return at;
}

// Each skip_* returns the end of what it read, or null if it is not valid.
const char* skip_number(const char* at, const char* end) {
  if (at != end && *at == '-') ++at;
  if (at == end || !is_digit(*at)) return nullptr;
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

// Begins behind the opening quote and returns the closing one.
const char* skip_string(const char* at, const char* end) {
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

const char* skip_value(const char* at, const char* end, int depth, Value& value);

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
    Value value;
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

const char* skip_value(const char* at, const char* end, int depth, Value& value) {
  if (at == end || depth == 0) return nullptr;
  const char* begin = at;
  const auto text = [&] { return std::string_view(begin, static_cast<std::size_t>(at - begin)); };
  switch (*at) {
    case '"':
      at = skip_string(++begin, end);
      if (!at) return nullptr;
      value = Value::escaped_text(text());
      return at + 1;
    case '{':
    case '[': {
      const bool object = *at == '{';
      at = skip_members(at + 1, end, depth, object, [](std::string_view, const Value&) {});
      if (at) value = Value::nested_json(object ? ValueKind::structure : ValueKind::array, text());
      return at;
    }
    case 't':
      value = Value::boolean(true);
      return skip_literal(at, end, "true");
    case 'f':
      value = Value::boolean(false);
      return skip_literal(at, end, "false");
    case 'n':
      value = {};
      return skip_literal(at, end, "null");
    default:
      at = skip_number(at, end);
      if (at) value = Value::number_text(text());
      return at;
  }
}

template <class Each>
bool read_members(std::string_view text, char open, Each&& each) {
  const char* end = text.data() + text.size();
  const char* at = skip_space(text.data(), end);
  if (at == end || *at != open) return false;
  at = skip_members(at + 1, end, max_depth, open == '{', each);
  return at && skip_space(at, end) == end;
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
TextError unescape_unicode(const char*& at, const char* end, std::string& out) {
  const auto first = escaped_code({at - 1, end});
  if (!first) return TextError::malformed;
  if (*first == 0) return TextError::nul;
  at += 4;
  if (is_low_surrogate(*first)) return TextError::surrogate;
  std::uint32_t code = *first;
  if (is_high_surrogate(code)) {
    const auto low = escaped_code({at + 1, end});
    if (!low || !is_low_surrogate(*low)) return TextError::surrogate;
    code = 0x10000 + ((code - 0xD800) << 10) + (*low - 0xDC00);
    at += 6;
  }
  append_utf8(code, out);
  return TextError::none;
}

}  // namespace

std::optional<unsigned> escaped_code(std::string_view text) {
  constexpr std::size_t size = 6;
  if (text.size() < size || text[0] != '\\' || text[1] != 'u') return std::nullopt;
  unsigned code = 0;
  for (const char c : text.substr(2, size - 2)) {
    const int nibble = is_digit(c)            ? c - '0'
                       : c >= 'a' && c <= 'f' ? c - 'a' + 10
                       : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                              : -1;
    if (nibble < 0) return std::nullopt;
    code = code * 16 + static_cast<unsigned>(nibble);
  }
  return code;
}

bool read_json(std::string_view text, Value& value) {
  const char* end = text.data() + text.size();
  const char* at = skip_value(skip_space(text.data(), end), end, max_depth, value);
  return at && skip_space(at, end) == end;
}

bool read_json_token(std::string_view token, Value& value) {
  const char* end = token.data() + token.size();
  const char* at = skip_value(token.data(), end, 1, value);
  return at && skip_space(at, end) == end;
}

bool read_json_object(std::string_view text, ValueArena& arena, std::vector<Field>& fields) {
  fields.clear();
  bool names_valid = true;
  const bool valid = read_members(text, '{', [&](std::string_view name, const Value& value) {
    if (std::memchr(name.data(), '\\', name.size())) {
      std::string plain;
      names_valid = unescape_json(name, plain) == TextError::none && names_valid;
      name = arena.keep(std::move(plain));
    }
    fields.push_back({name, value});
  });
  return valid && names_valid;
}

bool read_json_array(std::string_view text, std::vector<Value>& items) {
  items.clear();
  return read_members(text, '[', [&](std::string_view, const Value& value) { items.push_back(value); });
}

TextError unescape_json(std::string_view between_quotes, std::string& out) {
  const char* at = between_quotes.data();
  const char* end = at + between_quotes.size();
  while (at != end) {
    const auto* backslash = static_cast<const char*>(std::memchr(at, '\\', static_cast<std::size_t>(end - at)));
    const char* stop = backslash ? backslash : end;
    out.append(at, stop);
    if (!backslash) break;
    at = backslash + 1;
    if (at == end) return TextError::malformed;
    static constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    if (*at == 'u') {
      if (const TextError error = unescape_unicode(at, end, out); error != TextError::none) return error;
    } else if (const auto known = from.find(*at); known != from.npos) {
      out.push_back(to[known]);
    } else {
      return TextError::malformed;
    }
    ++at;
  }
  return TextError::none;
}

bool json_holds_nul(std::string_view json) {
  for (auto at = json.find("\\u0000"); at != json.npos; at = json.find("\\u0000", at + 1)) {
    std::size_t backslashes = 1;
    while (backslashes <= at && json[at - backslashes] == '\\') ++backslashes;
    if (backslashes % 2 == 1) return true;
  }
  return false;
}

void append_json_string(std::string_view text, std::string& out) {
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

}  // namespace sluice

#include "runtime/http/request.h"

#include <algorithm>

#include "base/parse.h"

namespace sluice::runtime {
namespace {

Request refuse(int status, std::string why) {
  return {.status = status, .head = false, .path = std::move(why)};
}

bool token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() &&
         std::ranges::all_of(text, [&](char c) { return is_letter(c) || is_digit(c) || marks.find(c) != marks.npos; });
}

bool visible(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

bool same(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other, {}, lower, lower);
}

// The next line without its end, which may lack the carriage return; nothing if it is not complete.
std::optional<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == text.npos) return std::nullopt;
  auto line = text.substr(0, end);
  text.remove_prefix(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Request parse_first(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == line.npos || first == last) return refuse(400, "the first line is not METHOD PATH HTTP/1.1");
  const auto method = line.substr(0, first), version = line.substr(last + 1);
  auto target = line.substr(first + 1, last - first - 1);
  if (!token(method) || target.empty() || !visible(target) || !visible(version) || !version.starts_with("HTTP/")) {
    return refuse(400, "the first line is not METHOD PATH HTTP/1.1");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  if (method != "GET" && method != "HEAD") return refuse(405, "only GET and HEAD are served here");
  target = target.substr(0, target.find_first_of("?#"));
  return {.status = 200, .head = method == "HEAD", .path = std::string(target)};
}

// Nothing if the header changes nothing.
std::optional<Request> judge_header(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == line.npos || !token(line.substr(0, colon))) return refuse(400, "a header is not NAME: VALUE");
  const auto name = line.substr(0, colon), value = trimmed(line.substr(colon + 1), " \t");
  if (std::ranges::any_of(value, [](unsigned char c) { return c < 0x20 ? c != '\t' : c == 0x7f; })) {
    return refuse(400, "a header holds a control character");
  }
  const bool body =
      same(name, "transfer-encoding") || (same(name, "content-length") && value.find_first_not_of('0') != value.npos);
  if (body) return refuse(413, "a request has no body here");
  return std::nullopt;
}

}  // namespace

std::optional<Request> parse_request(std::string_view received) {
  const bool full = received.size() >= longest_head;
  auto rest = received.substr(0, longest_head);
  const auto first = take_line(rest);
  if (!first) {
    // Nobody has to wait for the end of what cannot become a request any more.
    if (full) return refuse(431, "the request is longer than 4 KiB");
    if (received.find('\0') != received.npos) return refuse(400, "the first line is not METHOD PATH HTTP/1.1");
    return std::nullopt;
  }
  auto request = parse_first(*first);
  if (request.status == 400 || request.status == 505) return request;
  for (int headers = 0;; ++headers) {
    const auto line = take_line(rest);
    if (!line) return full ? std::optional(refuse(431, "the request is longer than 4 KiB")) : std::nullopt;
    if (line->empty()) return request;
    if (headers == most_headers) return refuse(431, "the request has more than 64 headers");
    auto refused = judge_header(*line);
    if (refused && request.status == 200) request = std::move(*refused);
    if (request.status == 400) return request;
  }
}

std::string_view status_text(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

}  // namespace sluice::runtime

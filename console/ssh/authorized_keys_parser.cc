#include "console/ssh/authorized_keys_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <ctime>
#include <map>

#include "base/parse.h"
#include "base/printable.h"
#include "console/command.h"

namespace sluice::console {
namespace {

template <class T>
using Parsed = std::expected<T, std::string>;  // the error: "what; what to do"

constexpr int least_rsa_bits = 3072;
constexpr int most_sessions = 24;
constexpr std::array<std::string_view, 7> known_types{"ssh-ed25519",
                                                      "sk-ssh-ed25519@openssh.com",
                                                      "ecdsa-sha2-nistp256",
                                                      "ecdsa-sha2-nistp384",
                                                      "ecdsa-sha2-nistp521",
                                                      "sk-ecdsa-sha2-nistp256@openssh.com",
                                                      "ssh-rsa"};

bool is_type(std::string_view word) {
  return std::find(known_types.begin(), known_types.end(), word) != known_types.end();
}

bool plain(std::string_view word) {
  return !word.empty() && word.size() <= 64 && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f && c != '"' && c != '\\';
  });
}

// A part of the line in a message: the line may hold anything.
std::string in_quotes(std::string_view word) {
  return fmt::format("'{}'", printable(word, 32));
}

// Returns true if the word allows one command, or several that begin with it.
bool names_commands(const std::string& granted) {
  return std::ranges::any_of(
      commands(), [&](const Command& one) { return one.words == granted || one.words.starts_with(granted + ' '); });
}

std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  for (const std::string_view word : split(list, ',')) words.emplace_back(trimmed(word, " "));
  return words;
}

// Strict: no blanks, padding only where it belongs.
std::optional<std::string> decode(std::string_view base64) {
  if (base64.empty() || base64.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = base64.ends_with("==") ? 2 : base64.ends_with("=") ? 1 : 0;
  std::string bytes;
  unsigned held = 0, bits = 0;
  for (const char c : base64.substr(0, base64.size() - padding)) {
    unsigned value = 0;
    if (c >= 'A' && c <= 'Z') {
      value = static_cast<unsigned>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      value = static_cast<unsigned>(c - 'a') + 26;
    } else if (c >= '0' && c <= '9') {
      value = static_cast<unsigned>(c - '0') + 52;
    } else if (c == '+' || c == '/') {
      value = c == '+' ? 62 : 63;
    } else {
      return std::nullopt;
    }
    held = (held << 6 | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(held >> bits & 0xff);
    }
  }
  return bytes;
}

// The next length-prefixed string of an SSH blob.
std::optional<std::string_view> take(std::string_view& blob) {
  if (blob.size() < 4) return std::nullopt;
  std::uint32_t length = 0;
  for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(blob[i]);
  blob.remove_prefix(4);
  if (length > blob.size()) return std::nullopt;
  const auto part = blob.substr(0, length);
  blob.remove_prefix(length);
  return part;
}

Parsed<std::string> check_blob(const KeyLine& key) {
  const auto blob = decode(key.base64);
  if (!blob) return std::unexpected("the key is not valid base64; copy the line of the .pub file again");
  std::string_view rest = *blob;
  const auto inner = take(rest);
  if (!inner || *inner != key.type) {
    return std::unexpected("the key's text is of another type; copy the line of the .pub file again");
  }
  if (key.type == "ssh-rsa") {
    const auto exponent = take(rest);
    auto modulus = take(rest);
    if (!exponent || !modulus) {
      return std::unexpected("the key is cut short; copy the line of the .pub file again");
    }
    while (modulus->starts_with('\0')) modulus->remove_prefix(1);
    std::size_t bits = modulus->size() * 8;
    if (bits > 0) bits -= std::countl_zero(static_cast<unsigned char>(modulus->front()));
    if (bits < least_rsa_bits) {
      return std::unexpected(fmt::format("RSA key of {} bits; use at least {}, or ssh-ed25519", bits, least_rsa_bits));
    }
  }
  return *blob;
}

// As OpenSSH reads it: YYYYMMDD[HHMM[SS]], local time, or UTC with a Z.
std::optional<WallClock::time_point> parse_time(std::string_view text) {
  const bool utc = text.ends_with('Z');
  if (utc) text.remove_suffix(1);
  if (text.size() != 8 && text.size() != 12 && text.size() != 14) return std::nullopt;
  if (!std::ranges::all_of(text, is_digit)) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = 0;
    if (at < text.size()) value = parse_integer<int>(text.substr(at, length)).value_or(0);
    return value;
  };
  std::tm time{};
  time.tm_year = number(0, 4) - 1900;
  time.tm_mon = number(4, 2) - 1;
  time.tm_mday = number(6, 2);
  time.tm_hour = number(8, 2);
  time.tm_min = number(10, 2);
  time.tm_sec = number(12, 2);
  time.tm_isdst = -1;
  const std::tm asked = time;
  const std::time_t seconds = utc ? timegm(&time) : mktime(&time);
  // A day that the calendar does not have comes back as another one.
  if (time.tm_mday != asked.tm_mday || time.tm_mon != asked.tm_mon || asked.tm_hour > 23 || asked.tm_min > 59 ||
      asked.tm_sec > 59) {
    return std::nullopt;
  }
  // The clock counts nanoseconds, from 1677 to 2262: later and earlier times become its ends.
  constexpr auto most = std::chrono::duration_cast<std::chrono::seconds>(WallClock::duration::max()).count();
  return WallClock::from_time_t(std::clamp<std::time_t>(seconds, -most, most));
}

// Options without a value. Returns false if it is none of them.
bool set_flag(KeyLine& key, std::string_view name) {
  if (name == "no-pty") return key.pty = false, true;
  if (name == "no-color") return key.no_color = true;
  if (name == "four-eyes") return key.four_eyes = true;
  return false;
}

std::string unknown_option(std::string_view name) {
  return fmt::format(
      "unknown option {}; known: role, name, from, commands, expiry-time, max-sessions, no-pty, no-color, four-eyes",
      in_quotes(name));
}

// One option; without a value `value` is empty and `has_value` false.
std::optional<std::string> apply_option(KeyLine& key, std::string_view name, const std::string& value, bool has_value) {
  if (!has_value && set_flag(key, name)) return std::nullopt;
  if (!has_value) return unknown_option(name);
  if (name == "role") {
    if (value != "viewer" && value != "operator" && value != "admin") {
      return fmt::format("unknown role {}; write viewer, operator or admin", in_quotes(value));
    }
    key.role = value;
  } else if (name == "name") {
    if (!plain(value)) return fmt::format("name {} is not a plain word of up to 64 characters", in_quotes(value));
    key.name = value;
  } else if (name == "from") {
    for (const auto& word : words_of(value)) {
      const auto network = Network::parse(word);
      if (!network) return fmt::format("{} is not an address or network; write 10.0.0.0/8 or ::1", in_quotes(word));
      key.from.push_back(*network);
    }
  } else if (name == "commands") {
    key.commands = words_of(value);
    const bool empty =
        std::any_of(key.commands.begin(), key.commands.end(), [](const auto& command) { return command.empty(); });
    if (empty) return "an empty word among the commands; write commands=\"status,count\"";
    const auto strange = std::ranges::find_if_not(key.commands, names_commands);
    if (strange != key.commands.end()) {
      return fmt::format("there is no command {}; 'help' lists them", in_quotes(*strange));
    }
  } else if (name == "expiry-time") {
    key.expires = parse_time(value);
    if (!key.expires) return fmt::format("{} is not a time; write 20271231Z or 202712312359Z", in_quotes(value));
  } else if (name == "max-sessions") {
    const auto number = parse_integer<int>(value, 1, most_sessions);
    if (!number) return fmt::format("{} is not a number of sessions; write 1 to {}", in_quotes(value), most_sessions);
    key.max_sessions = *number;
  } else {
    return unknown_option(name);
  }
  return std::nullopt;
}

// Reads options up to the blank that ends them, and removes them from the line.
std::optional<std::string> take_options(KeyLine& key, std::string_view& line) {
  std::vector<std::string> seen;
  while (true) {
    const auto end = std::min(line.find_first_of("=, \t"), line.size());
    const std::string name(line.substr(0, end));
    line.remove_prefix(end);
    std::string value;
    const bool has_value = line.starts_with('=');
    if (has_value) {
      line.remove_prefix(1);
      if (!line.starts_with('"'))
        return fmt::format("option {} has no quotes; write its value in them", in_quotes(name));
      line.remove_prefix(1);
      while (!line.empty() && line.front() != '"') {
        if (line.starts_with("\\\"")) line.remove_prefix(1);
        value += line.front();
        line.remove_prefix(1);
      }
      if (line.empty()) return fmt::format("option {} has no closing quote; add it", in_quotes(name));
      line.remove_prefix(1);
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return fmt::format("option {} appears twice; keep one", in_quotes(name));
    }
    seen.push_back(name);
    if (auto problem = apply_option(key, name, value, has_value)) return problem;
    if (!line.starts_with(',')) break;
    line.remove_prefix(1);
  }
  if (!line.empty() && line.front() != ' ' && line.front() != '\t') {
    return fmt::format("{} follows an option's quote; separate options by commas", in_quotes(line));
  }
  return std::nullopt;
}

std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  const auto word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

Parsed<KeyLine> parse_key_line(std::string_view line) {
  KeyLine key;
  auto peek = line;
  if (const auto first = take_word(peek); !is_type(first) && first.find_first_of("=,") != first.npos) {
    if (auto problem = take_options(key, line)) return std::unexpected(*problem);
  } else if (set_flag(key, first)) {
    line = peek;
  }
  key.type = take_word(line);
  key.base64 = take_word(line);
  if (key.type.find("-cert-v01@") != std::string::npos) {
    return std::unexpected("certificates are not supported; list the plain public key");
  }
  if (!is_type(key.type)) {
    return std::unexpected(
        fmt::format("unknown key type or option {}; use ssh-ed25519, ecdsa-sha2-nistp256/384/521, ssh-rsa of {} "
                    "bits, or their sk- forms",
                    in_quotes(key.type), least_rsa_bits));
  }
  if (key.role.empty()) return std::unexpected("the key has no role; begin the line with role=\"viewer\"");
  if (key.name.empty()) {
    const auto comment = take_word(line);
    if (!plain(comment)) return std::unexpected("the key has no name; add name=\"…\" to the options");
    key.name = comment;
  }
  return key;
}

}  // namespace

std::expected<std::vector<KeyLine>, std::string> parse_keys(std::string_view text, std::string_view file) {
  std::vector<KeyLine> keys;
  std::map<std::string, int> lines;  // by blob
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (line.ends_with('\r') || line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const auto broken = [&](const std::string& what) {
      return std::unexpected(fmt::format("{}:{}: {}", file, number, what));
    };
    auto key = parse_key_line(line);
    if (!key) return broken(key.error());
    const auto blob = check_blob(*key);
    if (!blob) return broken(blob.error());
    const auto [known, added] = lines.emplace(*blob, number);
    if (!added) return broken(fmt::format("the key is already in line {}; keep one", known->second));
    key->line = number;
    keys.push_back(std::move(*key));
  }
  return keys;
}

}  // namespace sluice::console

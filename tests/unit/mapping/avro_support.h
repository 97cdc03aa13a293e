// Avro's binary form written by hand, and frames around it: an encoder that knows nothing of the reader under test.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {

inline std::string number(std::int64_t value) {
  auto bits = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  std::string bytes;
  for (; bits >= 0x80; bits >>= 7) bytes.push_back(static_cast<char>(bits | 0x80));
  bytes.push_back(static_cast<char>(bits));
  return bytes;
}

inline std::string text(std::string_view characters) {
  return number(static_cast<std::int64_t>(characters.size())) + std::string(characters);
}

template <class Float>
std::string floating(Float value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

inline std::string bytes_of_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < digits.size(); at += 2)
    bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(at, 2)), nullptr, 16)));
  return bytes;
}

inline std::string frame(std::uint32_t schema, std::string_view datum) {
  std::string bytes(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(schema >> shift));
  return bytes.append(datum);
}

// A fixture whose registry knows this schema as number 7.
class AvroFixture : public Fixture {
 public:
  AvroFixture(std::shared_ptr<const Table> target, std::string schema, std::vector<std::string> key = {"id"})
      : Fixture(std::move(target), std::move(key)) {
    registry = "http://registry";
    schemas["7"] = {SchemaKind::avro, std::move(schema)};
  }

  // The only row of a value with schema 7, or the reason why there is none.
  std::string row(const std::string& datum, std::optional<std::string> key = std::nullopt) {
    add({std::move(key), frame(7, datum)});
    const Changes changes = take();
    if (changes.dead.empty()) return text_of(changes);
    return fmt::format("{} {}", changes.dead.front().sqlstate, changes.dead.front().reason);
  }
};

// {"type":"record",…} with these fields, each as `"name":TYPE`.
inline std::string record(const std::vector<std::pair<std::string, std::string>>& fields,
                          const std::string& more = "") {
  std::string json;
  for (const auto& [name, type] : fields)
    json += fmt::format(R"({}{{"name":"{}","type":{}}})", json.empty() ? "" : ",", name, type);
  return fmt::format(R"({{"type":"record","name":"Row"{},"fields":[{}]}})", more, json);
}

}  // namespace sluice::mapping::test

// Reads the configuration of a Kafka Connect connector: a .properties file, or JSON as the REST API takes and returns
// it, bare or with its name beside it.
//
// Plain values, any thread; only the named file is read. An error is one line, `FILE:LINE: what is wrong; what to do`,
// and never holds a value of the file: any may be a secret.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::runtime {

struct ConnectEntry {
  std::string name;
  std::string value;
  int line = 1;
};

struct ConnectFile {
  std::string path;
  std::vector<ConnectEntry> entries;  // in the order of the file, each name once

  const ConnectEntry* find(std::string_view name) const;
  // `FILE:LINE: TEXT`, one line.
  std::string error(int line, std::string_view text) const;
};

std::expected<ConnectFile, std::string> read_connect_file(const std::string& path);
// The same for a text that was read already.
std::expected<ConnectFile, std::string> parse_connect_file(const std::string& path, const std::string& text);

}  // namespace sluice::runtime

// Receipts: what `publish --receipt` keeps of each acknowledgement, a line of JSON each, and what `verify` reads again.
//
//   {"topic":"shop.orders","partition":3,"offset":4711,"key":"a"}
//
// A key that is not text is {"base64": "…"}, none is null; an offset that the brokers did not tell is null. Used by the
// main thread. What is acknowledged is in the file after flush(); trouble() has the first error of the file.
#pragma once

#include <cstdio>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/record.h"
#include "listener/producer.h"

namespace sluice::runtime {

class ReceiptFile {
 public:
  // Makes the file, or empties it. The error begins with the path.
  static std::expected<ReceiptFile, std::string> create(const std::string& path);

  void add(const listener::Acknowledgement& one);
  void flush();
  // Takes back what was added; a pipe keeps it.
  void clear();
  // flush(), and until the disk has it.
  void finish();
  const std::string& trouble() const { return trouble_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  ReceiptFile(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  void check(bool done);

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::string line_, trouble_;
};

struct ReceiptLine {
  std::optional<std::string> topic;
  std::int32_t partition = 0;
  std::optional<Offset> offset;
  std::string key;  // as JSON
};
// The error says what is wrong with the line.
std::expected<ReceiptLine, std::string> parse_receipt(std::string_view line);

}  // namespace sluice::runtime

#include "runtime/receipt.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "sink/dead_letters.h"

namespace sluice::runtime {

std::expected<ReceiptFile, std::string> ReceiptFile::create(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return std::unexpected(fmt::format("{} cannot be written: {}", path, std::strerror(errno)));
  return ReceiptFile(path, file);
}

void ReceiptFile::add(const listener::Acknowledgement& one) {
  line_ = R"({"topic":)";
  append_json_string(one.topic, line_);
  line_ += fmt::format(R"(,"partition":{},"offset":{},"key":)", one.partition,
                       one.offset ? fmt::to_string(*one.offset) : "null");
  if (one.key)
    sink::append_json(line_, *one.key, true);
  else
    line_ += "null";
  line_ += "}\n";
  check(std::fwrite(line_.data(), 1, line_.size(), file_.get()) == line_.size());
}

void ReceiptFile::flush() {
  check(std::fflush(file_.get()) == 0);
}

void ReceiptFile::finish() {
  flush();
  // A pipe or a terminal has no disk behind it.
  check(fsync(fileno(file_.get())) == 0 || errno == EINVAL || errno == EROFS);
}

void ReceiptFile::clear() {
  flush();
  check(ftruncate(fileno(file_.get()), 0) == 0 || errno == EINVAL);
  std::rewind(file_.get());
}

void ReceiptFile::check(bool done) {
  if (!done && trouble_.empty()) trouble_ = fmt::format("{} cannot be written: {}", path_, std::strerror(errno));
}

std::expected<ReceiptLine, std::string> parse_receipt(std::string_view line) {
  const auto object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object()) return std::unexpected("not a JSON object");
  const auto member = [&](const char* name) {
    const auto found = object.find(name);
    return found == object.end() ? nlohmann::json() : *found;
  };
  ReceiptLine out;
  const auto topic = member("topic"), partition = member("partition"), offset = member("offset");
  if (topic.is_string()) out.topic = topic.get<std::string>();
  if (!topic.is_string() && !topic.is_null()) return std::unexpected(R"("topic" is not a text)");
  if (!partition.is_number_integer() || partition < 0 || partition > INT32_MAX)
    return std::unexpected(R"("partition" is not a number of a partition)");
  out.partition = partition.get<std::int32_t>();
  if (offset.is_number_integer() && offset >= 0 && offset < INT64_MAX) {
    out.offset = offset.get<Offset>();
  } else if (!offset.is_null()) {
    return std::unexpected(R"("offset" is not an offset)");
  }
  out.key = member("key").dump();
  return out;
}

}  // namespace sluice::runtime

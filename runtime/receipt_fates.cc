#include "runtime/receipt_fates.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "base/printable.h"
#include "base/units.h"
#include "listener/topics.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t at_a_time = 1000;

std::string unknown(std::string_view why) {
  return fmt::format("unknown ({})", why);
}

}  // namespace

std::string fate_text(Offset offset, const sink::RecordFate& fate) {
  if (!fate.next || offset >= *fate.next) return "not yet";
  if (offset < *fate.start) return unknown(fmt::format("it lies before start_offset {}", *fate.start));
  if (!fate.letter) return "applied";
  return fmt::format("dead (letter {}{}{})", *fate.letter, fate.resolution.empty() ? "" : ", ", fate.resolution);
}

std::expected<ReceiptFates, std::string> ReceiptFates::open(const std::shared_ptr<const config::Pipeline>& pipeline,
                                                            const std::string& path) {
  std::ifstream file(path);
  if (!file || file.peek() == std::ifstream::traits_type::eof())
    return std::unexpected(file ? fmt::format("{} is empty; name the receipt of a publish", path)
                                : fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  return ReceiptFates(pipeline, path, std::move(file));
}

ReceiptFates::Entry ReceiptFates::entry_of(const std::string& text, const mapping::Mapper& mapper) {
  Entry entry;
  auto parsed = parse_receipt(text);
  if (!parsed) {
    entry.wrong = fmt::format("{}:{}: {}", path_, lines_, parsed.error());
    entry.fate = unknown(parsed.error());
    return entry;
  }
  entry.line = std::move(*parsed);
  // A topic is left out by other programs; the only one of the routes is meant then.
  const auto topics = listener::topics_of(*pipeline_);
  entry.at = {entry.line.topic.value_or(topics.size() == 1 ? topics.front() : ""), entry.line.partition};
  if (entry.at.topic.empty())
    entry.fate = unknown("the line names no topic, and the routes take more than one");
  else if (mapper.routes(entry.at.topic).empty())
    entry.fate = unknown("no route takes its topic");
  else if (!entry.line.offset)
    entry.fate = unknown("the brokers did not tell its offset");
  return entry;
}

Result<bool> ReceiptFates::print() {
  auto client = sink::SqlClient::open(pipeline_->postgres.url, "sluice verify");
  if (!client) return std::unexpected(client.error());
  const mapping::Mapper mapper(pipeline_);
  std::vector<Entry> entries;
  for (std::string text; std::getline(file_, text);) {
    ++lines_;
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    entries.push_back(entry_of(text, mapper));
    if (entries.size() < at_a_time) continue;
    if (const auto done = print_slice(*client, entries); !done) return std::unexpected(done.error());
  }
  if (const auto done = print_slice(*client, entries); !done) return std::unexpected(done.error());
  if (applied_ + dead_ + not_yet_ + unknown_ == 0)
    return fail(ErrorClass::stop_service, fmt::format("{} has no record", path_));
  fmt::print("receipt: {} applied, {} dead, {} not yet, {} unknown\n", grouped(applied_), grouped(dead_),
             grouped(not_yet_), grouped(unknown_));
  return not_yet_ + unknown_ == 0;
}

Result<void> ReceiptFates::print_slice(sink::SqlClient& client, std::vector<Entry>& entries) {
  std::vector<std::pair<TopicPartition, Offset>> places;
  for (const auto& entry : entries) {
    if (entry.fate.empty()) places.emplace_back(entry.at, *entry.line.offset);
  }
  auto fates = sink::read_fates(client, *pipeline_, places);
  if (!fates) return std::unexpected(fates.error());
  auto next = fates->begin();
  for (auto& entry : entries) {
    if (entry.fate.empty()) entry.fate = fate_text(*entry.line.offset, *next++);
    auto& sum = entry.fate == "applied"             ? applied_
                : entry.fate.starts_with("dead")    ? dead_
                : entry.fate.starts_with("not yet") ? not_yet_
                                                    : unknown_;
    ++sum;
    if (!entry.wrong.empty())
      fmt::print("{}\n", escape(entry.wrong));
    else
      fmt::print("{}/{} {} {} {}\n", escape(entry.at.topic), entry.at.partition,
                 entry.line.offset ? fmt::to_string(*entry.line.offset) : "-", escape(entry.line.key),
                 escape(entry.fate));
  }
  entries.clear();
  return {};
}

}  // namespace sluice::runtime

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <sstream>

#include "base/clock.h"
#include "base/log.h"
#include "base/printable.h"
#include "config/references.h"
#include "listener/log_range.h"
#include "mapping/mapper.h"
#include "runtime/load_config.h"
#include "runtime/publish_line.h"
#include "runtime/receipt.h"
#include "runtime/signal_scope.h"
#include "runtime/snapshot_keys.h"
#include "runtime/subcommands.h"
#include "runtime/wait.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t longest_line = 64u << 20;
constexpr std::size_t longest_properties = 64u << 10;
constexpr auto flush_timeout = std::chrono::seconds(60);

// NAME=VALUE options, split at the first '='.
std::expected<std::vector<std::pair<std::string, std::string>>, std::string> split_pairs(
    const std::vector<std::string>& texts, std::string_view option) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return std::unexpected(fmt::format("sluice publish: {} {}: write it as NAME=VALUE", option, text));
    }
    pairs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return pairs;
}

// Those of the file, then those of the command line, with references replaced.
std::expected<std::vector<std::pair<std::string, std::string>>, std::string> properties_of(
    const PublishOptions& options) {
  std::vector<std::string> texts;
  if (!options.properties_file.empty()) {
    const auto text = config::read_file(options.properties_file, longest_properties);
    if (!text) return std::unexpected(fmt::format("sluice publish: {} {}", options.properties_file, text.error()));
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty() && line.front() != '#') texts.push_back(std::move(line));
    }
  }
  texts.insert(texts.end(), options.properties.begin(), options.properties.end());
  auto pairs = split_pairs(texts, "--property");
  if (!pairs) return pairs;
  for (auto& [name, value] : *pairs) {
    auto expanded = config::expand(value);
    if (!expanded) return std::unexpected(fmt::format("sluice publish: {}: {}", name, expanded.error()));
    value = std::move(*expanded);
  }
  return pairs;
}

// What the brokers acknowledge: on its way into the receipt, and how far it reaches in each partition.
class Acknowledged {
 public:
  Acknowledged(listener::Producer& producer, std::optional<ReceiptFile> receipt)
      : producer_(producer), receipt_(std::move(receipt)) {
    producer_.on_acknowledged([this](const listener::Acknowledgement& one) { add(one); });
  }
  ~Acknowledged() { producer_.on_acknowledged({}); }
  Acknowledged(const Acknowledged&) = delete;
  Acknowledged& operator=(const Acknowledged&) = delete;

  void flush() {
    if (receipt_) receipt_->flush();
  }
  // Returns what kept the receipt from being written; empty if nothing did.
  std::string trouble() const { return receipt_ ? receipt_->trouble() : std::string(); }
  void finish() {
    if (receipt_) receipt_->finish();
  }
  // Of a transaction that was aborted.
  void take_back() {
    if (receipt_) receipt_->clear();
  }

  // One past the last record of each partition. Where the brokers did not tell an offset it is the log's end.
  Result<Ends> ends(const config::Kafka& kafka) const {
    Ends ends = producer_.ends();
    for (const auto& at : without_offset_) {
      const auto range = listener::log_range(kafka, at, std::nullopt, Clock::now() + flush_timeout);
      if (!range) return std::unexpected(range.error());
      ends[at] = std::max(ends[at], range->end);
    }
    return ends;
  }

 private:
  void add(const listener::Acknowledgement& one) {
    if (receipt_) receipt_->add(one);
    if (!one.offset) without_offset_.insert({std::string(one.topic), one.partition});
  }

  listener::Producer& producer_;
  std::optional<ReceiptFile> receipt_;
  std::set<TopicPartition> without_offset_;
};

// Feeds lines of stdin to the producer and reports progress once a second, also while no line arrives.
class Publishing {
 public:
  // `keys`: of a snapshot; null without one.
  Publishing(const PublishOptions& options, std::vector<std::pair<std::string, std::string>> headers,
             listener::Producer& producer, Acknowledged& acknowledged, SnapshotKeys* keys)
      : keys_(keys),
        topic_(options.topic),
        headers_(std::move(headers)),
        producer_(producer),
        acknowledged_(acknowledged),
        parser_(options.key, options.envelope) {}

  // Returns true if every line was handed to the producer; otherwise the reason is on stderr, or a delivery has failed.
  bool read_all() {
    std::string pending;
    char block[1 << 16];
    while (true) {
      pollfd ready{STDIN_FILENO, POLLIN, 0};
      const int found = ::poll(&ready, 1, 200);
      tell_progress();
      if (producer_.failed() > 0) return false;  // whoever flushes says why
      if (SignalScope::count() > 0) return refuse("interrupted");
      if (found == 0 || (found < 0 && errno == EINTR)) continue;
      const ssize_t size = read(STDIN_FILENO, block, sizeof block);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return refuse(fmt::format("cannot be read: {}", std::strerror(errno)));
      if (size == 0) break;
      pending.append(block, static_cast<std::size_t>(size));
      if (!take_lines(pending)) return false;
      if (pending.size() > longest_line) return refuse(fmt::format("longer than {} MiB", longest_line >> 20));
    }
    return pending.empty() || take_line(pending);
  }

  std::int64_t published() const { return published_; }

  // A tombstone for each live key that was not read, where its records are. Returns their number, or nothing with the
  // reason on stderr.
  std::optional<std::int64_t> remove_others() {
    std::int64_t removed = 0;
    const bool all = keys_->each_gone([&](std::string_view key, std::int32_t partition) {
      listener::Outgoing tombstone{key, std::nullopt, {}, partition};
      for (const auto& [name, value] : headers_) tombstone.headers.push_back({name, value});
      const auto sent = producer_.send(topic_, tombstone);
      if (!sent) fmt::print(stderr, "sluice publish: {}\n", escape(sent.error().message));
      if (sent && ++removed % 256 == 0) tell_progress();
      return sent.has_value() && SignalScope::count() == 0;
    });
    if (SignalScope::count() > 0) {
      fmt::print(stderr, "sluice publish: interrupted; nothing is published\n");
      return std::nullopt;
    }
    return all ? std::optional(removed) : std::nullopt;
  }

  void tell_progress() {
    producer_.serve();
    acknowledged_.flush();
    if (Clock::now() < next_word_) return;
    next_word_ = Clock::now() + std::chrono::seconds(1);
    if (lines_ == 0) return;
    const std::string error = producer_.first_error();
    fmt::print(stderr, "{} events read, {} acknowledged{}{}\n", published_, producer_.acknowledged(),
               error.empty() ? "" : ", brokers: ", error);
  }

 private:
  bool take_lines(std::string& pending) {
    std::size_t begin = 0;
    for (std::size_t end; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (!take_line(std::string_view(pending).substr(begin, end - begin))) return false;
    }
    pending.erase(0, begin);
    return true;
  }

  bool take_line(std::string_view line) {
    ++lines_;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return true;
    if (const auto trouble = acknowledged_.trouble(); !trouble.empty()) return refuse(trouble);
    auto record = parser_.parse(line);
    if (!record) return refuse(record.error());
    for (const auto& [name, value] : headers_) record->headers.push_back({name, value});
    if (keys_ != nullptr && record->key) {
      record->partition = keys_->partition_of(*record->key).value_or(-1);
      keys_->keep(*record->key);
    }
    const auto sent = producer_.send(topic_, *record);
    if (!sent) return refuse(sent.error().message);
    ++published_;
    if (published_ % 256 == 0) tell_progress();
    return true;
  }

  bool refuse(const std::string& why) {
    fmt::print(stderr, "stdin:{}: {}; nothing {}is published\n", lines_, escape(why),
               keys_ != nullptr ? "" : "from this line on ");
    return false;
  }

  SnapshotKeys* const keys_;
  const std::string topic_;
  const std::vector<std::pair<std::string, std::string>> headers_;
  listener::Producer& producer_;
  Acknowledged& acknowledged_;
  PublishLineParser parser_;
  std::int64_t lines_ = 0;
  std::int64_t published_ = 0;
  Clock::time_point next_word_ = Clock::now() + std::chrono::seconds(1);
};

int publish_refused(std::string_view text) {
  fmt::print(stderr, "sluice publish: {}\n", escape(text));
  return wrong_usage;
}

// The file's pipeline if it is to be waited for; null, and a line on stderr, if it cannot be.
std::shared_ptr<const config::Pipeline> awaited_pipeline(const PublishOptions& options) {
  auto pipeline = load_config(options.config);
  if (!pipeline || !mapping::Mapper(pipeline).routes(options.topic).empty()) return pipeline;
  publish_refused(fmt::format("no route of {} takes topic {}, so its records would never take effect", options.config,
                              options.topic));
  return nullptr;
}

bool failed(const Error& error) {
  fmt::print(stderr, "sluice publish: {}\n", escape(error.message));
  return false;
}

// The end of a noun behind a number without blanks, as scripts read it.
std::string_view plural(std::int64_t number) {
  return number == 1 ? "" : "s";
}

using Headers = std::vector<std::pair<std::string, std::string>>;

// Returns true if all of it is acknowledged; otherwise the reason is on stderr. So do the two below.
bool publish_lines(const PublishOptions& options, Headers headers, listener::Producer& producer,
                   Acknowledged& acknowledged) {
  Publishing publishing(options, std::move(headers), producer, acknowledged, nullptr);
  const bool all_read = publishing.read_all();
  const auto flushed = producer.flush(flush_timeout, [&] { publishing.tell_progress(); });
  if (!flushed) failed(flushed.error());
  const std::int64_t acknowledged_events = producer.acknowledged();
  fmt::print(stderr, "published {} event{}\n", acknowledged_events, plural(acknowledged_events));
  return all_read && flushed;
}

bool within_transaction(const PublishOptions& options, Publishing& publishing, SnapshotKeys& keys,
                        listener::Producer& producer) {
  if (!publishing.read_all()) {
    if (const auto delivered = producer.flush({}); producer.failed() > 0) return failed(delivered.error());
    return false;
  }
  if (publishing.published() == 0 && !options.allow_empty) {
    fmt::print(stderr,
               "sluice publish: the snapshot has no row, which would remove every key of {}; nothing is published. "
               "If that is meant, add --allow-empty\n",
               options.topic);
    return false;
  }
  if (const auto live = keys.live(); publishing.published() > 0 && live > 0 && keys.kept() == 0)
    fmt::print(stderr, "sluice publish: warning: none of the {} live keys of {} is in the snapshot\n", live,
               options.topic);
  if (keys.without_key() > 0)
    fmt::print(stderr, "sluice publish: warning: {} records of {} have no key, and stay\n", keys.without_key(),
               options.topic);
  const auto removed = publishing.remove_others();
  if (!removed) return false;
  if (const auto done = producer.commit(flush_timeout); !done) return failed(done.error());
  fmt::print(stderr, "published {} event{} and {} tombstone{} in one transaction\n", publishing.published(),
             plural(publishing.published()), *removed, plural(*removed));
  return true;
}

// The topic is read after the transaction has begun, which ends what a snapshot before this one has left open.
bool publish_snapshot(const PublishOptions& options, Headers headers, const config::Kafka& kafka,
                      listener::Producer& producer, Acknowledged& acknowledged) {
  if (const auto begun = producer.begin(flush_timeout); !begun) return failed(begun.error());
  auto keys = read_keys(kafka, options.topic);
  if (!keys) return failed(keys.error());
  // A transaction that nobody ends keeps readers of committed records waiting for its time-out: so a signal ends it.
  const SignalScope signals;
  Publishing publishing(options, std::move(headers), producer, acknowledged, &*keys);
  if (within_transaction(options, publishing, *keys, producer)) return true;
  if (const auto aborted = producer.abort(flush_timeout); !aborted)
    fmt::print(stderr, "sluice publish: {}; publish the snapshot again, which ends this transaction and replaces it\n",
               escape(aborted.error().message));
  acknowledged.take_back();
  return false;
}

}  // namespace

int publish(const PublishOptions& options) {
  log::setup("warning", "text");
  auto headers = split_pairs(options.headers, "--header");
  const auto properties = properties_of(options);
  if (!headers || !properties) {
    fmt::print(stderr, "{}\n", escape(headers ? properties.error() : headers.error()));
    return wrong_usage;
  }
  std::shared_ptr<const config::Pipeline> pipeline;
  if (options.wait && (pipeline = awaited_pipeline(options)) == nullptr) return wrong_usage;
  config::Kafka kafka;
  kafka.brokers = options.brokers;
  for (const auto& [name, value] : *properties) kafka.properties.insert_or_assign(name, Secret(value));
  auto producer = listener::Producer::make(kafka, options.snapshot ? "sluice-snapshot-" + options.topic : "");
  if (!producer) return publish_refused(producer.error().message);
  std::optional<ReceiptFile> receipt;
  if (!options.receipt.empty()) {
    auto created = ReceiptFile::create(options.receipt);
    if (!created) return publish_refused(created.error());
    receipt = std::move(*created);
  }
  Acknowledged acknowledged(**producer, std::move(receipt));
  const bool done = options.snapshot ? publish_snapshot(options, std::move(*headers), kafka, **producer, acknowledged)
                                     : publish_lines(options, std::move(*headers), **producer, acknowledged);
  acknowledged.finish();
  if (const auto trouble = acknowledged.trouble(); !trouble.empty()) {
    fmt::print(stderr, "sluice publish: the receipt is not complete: {}\n", escape(trouble));
    return 1;
  }
  if (!done) return 1;
  if (!pipeline) return 0;
  if (SignalScope::count() > 0) {  // it came too late for the transaction
    fmt::print(stderr, "sluice publish: interrupted; all of it is published, and was not waited for\n");
    return 1;
  }
  const auto ends = acknowledged.ends(kafka);
  if (!ends) {
    failed(ends.error());
    return 1;
  }
  return wait_and_tell(*pipeline, *ends, options.timeout, "sluice publish");
}

}  // namespace sluice::runtime

#include "runtime/wait.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <thread>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/units.h"
#include "mapping/mapper.h"
#include "runtime/load_config.h"
#include "runtime/place.h"
#include "runtime/subcommands.h"
#include "sink/pointer_rows.h"
#include "sink/sqlstate.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_pause{10};
constexpr milliseconds longest_pause{250};
constexpr std::size_t told_at_most = 5;  // partitions in the line at the time-out

bool waiting_may_help(const Error& error) {
  if (error.next == ErrorClass::stop_service) return false;
  if (error.sqlstate.empty() || sink::never_started(error)) return true;
  const auto next = sink::classify(error.sqlstate, error.message);
  return next == ErrorClass::retry || next == ErrorClass::reclaim;
}

// The question, on one connection for as long as it lasts.
class Pointers {
 public:
  explicit Pointers(const config::Pipeline& pipeline) : pipeline_(pipeline) {}

  Result<std::vector<PointerRow>> read() {
    if (!client_ || !client_->connected()) {
      client_.reset();
      auto opened = sink::SqlClient::open(pipeline_.postgres.url, "sluice wait");
      if (!opened) return std::unexpected(opened.error());
      client_ = std::move(*opened);
    }
    return sink::read_pointers(*client_, pipeline_.postgres.schema, pipeline_.name);
  }

 private:
  const config::Pipeline& pipeline_;
  std::optional<sink::SqlClient> client_;
};

// Removes what has taken effect, and returns what is missing in words.
std::string look(const std::vector<PointerRow>& rows, Ends& open) {
  std::erase_if(open, [&](const auto& wanted) {
    const auto row = std::ranges::find(rows, wanted.first, &PointerRow::at);
    return row != rows.end() && row->next >= wanted.second;
  });
  std::string missing;
  std::size_t told = 0;
  for (const auto& [at, end] : open) {
    if (told++ == told_at_most) return missing + fmt::format(", and {} more partitions", open.size() - told_at_most);
    const auto row = std::ranges::find(rows, at, &PointerRow::at);
    const auto found = row == rows.end() ? "nobody has begun to read it"
                       : row->state == PartitionState::ok
                           ? fmt::format("the next offset is {}", row->next)
                           : fmt::format("the next offset is {}, state {}", row->next, name(row->state));
    missing +=
        fmt::format("{}{}/{} offset {} ({})", missing.empty() ? "" : ", ", at.topic, at.partition, end - 1, found);
  }
  return missing;
}

}  // namespace

Result<std::string> wait_for(const config::Pipeline& pipeline, const Ends& ends, Clock::time_point deadline) {
  const InterruptScope scope(deadline);
  Pointers pointers(pipeline);
  auto open = ends;
  auto missing = look({}, open);
  std::string trouble;
  bool answered = false;
  for (auto pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
    if (const auto rows = pointers.read()) {
      missing = look(*rows, open);
      trouble.clear();
      answered = true;
      if (open.empty()) return std::string();
    } else if (!waiting_may_help(rows.error())) {
      return std::unexpected(rows.error());
    } else if (Clock::now() < deadline || (!answered && trouble.empty())) {
      // What the time-out has cut short is not the reason.
      trouble = sink::never_started(rows.error()) ? std::string(sink::never_started_here) : rows.error().message;
    }
    const auto left = deadline - Clock::now();
    if (left <= Clock::duration::zero()) break;
    std::this_thread::sleep_for(std::min<Clock::duration>(pause, left));
  }
  return trouble.empty() ? missing : fmt::format("{}; {}", missing, trouble);
}

int wait_and_tell(const config::Pipeline& pipeline, const Ends& ends, milliseconds timeout, std::string_view command) {
  const auto missing = wait_for(pipeline, ends, Clock::now() + timeout);
  if (!missing) {
    fmt::print(stderr, "{}: {}\n", command, escape(missing.error().message));
    return 1;
  }
  if (missing->empty()) return 0;
  fmt::print(stderr, "{}: not in effect after {}: {}\n", command, duration_text(timeout.count()), escape(*missing));
  return time_is_up;
}

int wait(const WaitOptions& options) {
  const auto pipeline = load_config(options.config);
  if (!pipeline) return wrong_usage;
  log::setup("error", "text");
  const auto complain = [](std::string_view text) {
    fmt::print(stderr, "sluice wait: {}\n", escape(text));
    return wrong_usage;
  };
  if (mapping::Mapper(pipeline).routes(options.topic).empty())
    return complain(fmt::format("no route takes topic {}; correct --topic, or add a route", options.topic));
  Ends ends;
  for (const auto& text : options.at) {
    const auto place = parse_place(text);
    if (!place || place->second == std::numeric_limits<Offset>::max())
      return complain(fmt::format("--at {}: write it as PARTITION:OFFSET, for example 3:4711", text));
    auto& end = ends[{options.topic, place->first}];
    end = std::max(end, place->second + 1);
  }
  return wait_and_tell(*pipeline, ends, options.timeout, "sluice wait");
}

}  // namespace sluice::runtime

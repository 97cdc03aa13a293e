#include "base/line_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

std::string note(std::int64_t lost) {
  return "lost " + std::to_string(lost) + "\n";
}

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() { EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0); }
  ~Pipe() {
    close(ends[0]);
    if (ends[1] >= 0) close(ends[1]);
  }
  // Everything that is in the pipe now.
  std::string read_now() const {
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    std::string all;
    char piece[4096];
    for (ssize_t got = 0; (got = read(ends[0], piece, sizeof piece)) > 0;) all.append(piece, static_cast<size_t>(got));
    return all;
  }
};

TEST(LineWriter, a_reader_that_stands_still_costs_lines_and_no_time) {
  const Pipe pipe;
  LineWriter writer(pipe.ends[1], note);
  const std::string line(200, 'x');
  constexpr int lines = 20'000;
  for (int i = 0; i < lines; ++i) writer.write(line + "\n");  // whoever waited for a reader would wait for ever
  EXPECT_GT(writer.lost(), 0);
  std::string all;
  std::jthread reader([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      all += pipe.read_now();
      std::this_thread::sleep_for(1ms);
    }
    all += pipe.read_now();
  });
  writer.flush(10s);
  writer.write("the last\n");
  writer.flush(10s);
  reader.request_stop();
  reader.join();
  EXPECT_TRUE(all.ends_with("the last\nlost " + std::to_string(writer.lost()) + "\n")) << all.substr(all.size() - 300);
  const auto whole = static_cast<std::int64_t>(std::ranges::count(all, '\n'));
  EXPECT_EQ(whole, lines - writer.lost() + 2);  // every line is whole, or is not there at all
  EXPECT_EQ(static_cast<std::int64_t>(all.size()),
            (whole - 2) * 201 + 9 + static_cast<std::int64_t>(note(writer.lost()).size()));
}

TEST(LineWriter, a_pipe_whose_reader_has_gone_keeps_nothing) {
  signal(SIGPIPE, SIG_IGN);
  auto pipe = std::make_unique<Pipe>();
  LineWriter writer(pipe->ends[1], note);
  close(std::exchange(pipe->ends[0], dup(pipe->ends[1])));
  for (int i = 0; i < 10'000; ++i) writer.write(std::string(1000, 'x') + "\n");
  EXPECT_EQ(writer.lost(), 0);
}

TEST(LineWriter, the_mode_of_a_descriptor_that_others_share_stays_as_it_is) {
  const Pipe pipe;
  LineWriter writer(pipe.ends[1], note);
  writer.write("a\n");
  EXPECT_EQ(fcntl(pipe.ends[1], F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(pipe.read_now(), "a\n");
}

}  // namespace
}  // namespace sluice

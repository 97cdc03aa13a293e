#include "base/line_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
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
  writer.flush(60s);
  writer.write("the last\n");
  writer.flush(60s);
  reader.request_stop();
  reader.join();
  EXPECT_TRUE(all.ends_with("lost " + std::to_string(writer.lost()) + "\nthe last\n")) << all.substr(all.size() - 300);
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

TEST(LineWriter, a_flush_says_how_many_lines_are_lost) {
  const Pipe pipe;
  LineWriter writer(pipe.ends[1], note);
  for (int i = 0; i < 20'000; ++i) writer.write(std::string(200, 'x') + "\n");
  const auto lost = writer.lost();
  ASSERT_GT(lost, 0);
  std::string all;
  for (auto until = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < until;) {
    writer.flush(0ms);
    const auto piece = pipe.read_now();
    if (piece.empty()) break;
    all += piece;
  }
  EXPECT_TRUE(all.ends_with(note(lost))) << all.substr(all.size() - 300);
}

TEST(LineWriter, lines_that_a_full_disk_refuses_are_counted) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  LineWriter writer(full, note);
  for (int i = 0; i < 3; ++i) writer.write("x\n");
  writer.flush(60s);
  EXPECT_EQ(writer.lost(), 3);
  close(full);
}

// A limit of the file's size stands for the disk.
TEST(LineWriter, once_a_disk_has_room_again_the_note_begins_a_line_of_its_own) {
  signal(SIGXFSZ, SIG_IGN);
  const std::unique_ptr<FILE, int (*)(FILE*)> file(tmpfile(), fclose);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  LineWriter writer(fileno(file.get()), note);
  const rlimit small{6, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  for (const auto* line : {"one\n", "two\n", "three\n"}) writer.write(line);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(writer.lost(), 2);
  writer.write("four\n");
  char text[64] = {};
  const auto size = pread(fileno(file.get()), text, sizeof text, 0);
  EXPECT_EQ(std::string(text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))), "one\ntw\nlost 2\nfour\n");
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

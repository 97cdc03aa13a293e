#include "runtime/demo/process.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

namespace sluice::runtime::demo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ChildTest : public testing::Test {
 protected:
  ChildTest() { close(mkstemp(output_.data())); }
  ~ChildTest() override { unlink(output_.c_str()); }

  Result<Process> shell(const std::string& script, milliseconds stop_timeout = seconds(60)) {
    return Process::start(
        {.arguments = {"/bin/sh", "-c", script}, .output = output_, .account = {}, .stop_timeout = stop_timeout});
  }
  std::string first_line() {
    std::ifstream file(output_);
    std::string line;
    std::getline(file, line);
    return line;
  }
  void await_output() {
    const auto deadline = std::chrono::steady_clock::now() + seconds(60);
    while (first_line().empty() && std::chrono::steady_clock::now() < deadline) usleep(1000);
  }

  std::string output_ = "/tmp/sluice-child-XXXXXX";
};

TEST_F(ChildTest, tells_the_exit_code_and_keeps_the_output) {
  auto child = shell("echo out; echo err >&2; exit 7");
  ASSERT_TRUE(child);
  EXPECT_EQ(child->wait(seconds(60)), 7);
  EXPECT_FALSE(child->running());
  EXPECT_EQ(first_line(), "out");
}

TEST_F(ChildTest, has_a_process_group_of_its_own_so_that_ctrl_c_does_not_reach_it) {
  auto child = shell("cut -d' ' -f5 /proc/$$/stat");
  ASSERT_TRUE(child);
  ASSERT_EQ(child->wait(seconds(60)), 0);
  EXPECT_NE(std::stoi(first_line()), getpgrp());
}

TEST_F(ChildTest, is_killed_when_it_does_not_heed_the_stop_signal) {
  auto child = shell("trap '' TERM; echo deaf; while :; do sleep 0.05; done", milliseconds(200));
  ASSERT_TRUE(child);
  await_output();
  child->stop();
  EXPECT_FALSE(child->running());
  EXPECT_EQ(child->wait(milliseconds(0)), std::nullopt) << "it did not end by itself";
}

TEST_F(ChildTest, a_program_that_does_not_exist_ends_at_once_with127) {
  auto child = Process::start({.arguments = {"/no/such/program"}, .output = output_, .account = {}});
  ASSERT_TRUE(child);
  EXPECT_EQ(child->wait(seconds(60)), 127);
}

}  // namespace
}  // namespace sluice::runtime::demo

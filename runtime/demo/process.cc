#include "runtime/demo/process.h"

#include "base/clock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace sluice::runtime::demo {
namespace {

// Between fork and exec: only calls that are safe there.
[[noreturn]] void become(const Launch& launch, char* const* arguments, int output, pid_t parent) {
  setpgid(0, 0);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (launch.account) {
    if (setgroups(0, nullptr) != 0 || setgid(launch.account->group) != 0 || setuid(launch.account->user) != 0) {
      _exit(126);
    }
  }
  prctl(PR_SET_PDEATHSIG, launch.stop_signal);  // after setuid, which clears it
  if (getppid() != parent || chdir("/") != 0) _exit(126);
  execv(arguments[0], arguments);
  _exit(127);
}

}  // namespace

Result<Process> Process::start(Launch launch) {
  const int output = open(launch.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) {
    return fail(ErrorClass::stop_service, fmt::format("cannot write {}: {}", launch.output, std::strerror(errno)));
  }
  std::vector<char*> arguments;
  for (auto& argument : launch.arguments) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(launch, arguments.data(), output, parent);
  const int error = errno;
  close(output);
  if (pid < 0) return fail(ErrorClass::stop_service, fmt::format("cannot fork: {}", std::strerror(error)));
  return Process(std::move(launch), pid);
}

Process::Process(Process&& other) noexcept
    : launch_(std::move(other.launch_)), pid_(std::exchange(other.pid_, -1)), exit_code_(other.exit_code_) {}

Process::~Process() {
  stop();
}

bool Process::running() {
  if (pid_ < 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  pid_ = -1;
  if (WIFEXITED(status)) exit_code_ = WEXITSTATUS(status);
  return false;
}

std::optional<int> Process::wait(std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (running() && Clock::now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return exit_code_;
}

void Process::stop() {
  if (!running()) return;
  kill(pid_, launch_.stop_signal);
  wait(launch_.stop_timeout);
  if (!running()) return;
  kill(pid_, SIGKILL);
  wait(std::chrono::seconds(5));
}

}  // namespace sluice::runtime::demo

#include "base/thread.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <new>

#include "base/failpoint.h"
#include "base/log.h"

namespace sluice {
namespace {

struct Body {
  std::string name;
  std::function<void()> run, failed;
};

void report(const Body& body, const char* what) noexcept {
  try {
    log::error(body.name, "a thread ended by an error that nobody expected: {}", what);
  } catch (...) {
    // There is no memory left to say so, but whoever waits for the thread is still told.
  }
  try {
    if (body.failed) body.failed();
  } catch (...) {
    // Whoever waits for the thread sees that it has ended.
  }
}

void* run_body(void* given) noexcept {
  const std::unique_ptr<Body> body(static_cast<Body*>(given));
  pthread_setname_np(pthread_self(), body->name.substr(0, 15).c_str());
  try {
    body->run();
  } catch (const std::exception& problem) {
    report(*body, problem.what());
  } catch (...) {
    report(*body, "not an exception of the standard library");
  }
  return nullptr;
}

int create(pthread_t* handle, std::size_t stack, Body* body) {
  if (FAILPOINT_FAILS("no_thread")) return EAGAIN;
  pthread_attr_t attributes;
  if (const int problem = pthread_attr_init(&attributes); problem != 0) return problem;
  pthread_attr_setstacksize(&attributes, stack);
  const int problem = pthread_create(handle, &attributes, run_body, body);
  pthread_attr_destroy(&attributes);
  return problem;
}

}  // namespace

Result<Thread> Thread::start(std::string name, std::function<void()> body, std::size_t stack,
                             std::function<void()> failed) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  stack = std::max<std::size_t>(stack, 8u << 20);  // their frames are several times as large
#endif
  const std::string shown = name;
  auto held = std::unique_ptr<Body>(new (std::nothrow) Body{std::move(name), std::move(body), std::move(failed)});
  Thread thread;
  const int problem = held ? create(&thread.handle_, stack, held.get()) : ENOMEM;
  if (problem != 0) {
    return fail(ErrorClass::retry, fmt::format("no thread for {}: {}; raise TasksMax, LimitNPROC or the memory limit",
                                               shown, std::strerror(problem)));
  }
  static_cast<void>(held.release());  // the thread's own now
  thread.running_ = true;
  return thread;
}

void Thread::join() {
  if (std::exchange(running_, false)) pthread_join(handle_, nullptr);
}

void Thread::detach() {
  if (std::exchange(running_, false)) pthread_detach(handle_);
}

}  // namespace sluice

// For the ThreadSanitizer build only: C11 threads, in terms of the POSIX ones.
//
// librdkafka starts its threads with thrd_create and synchronises with mtx_ and cnd_, which ThreadSanitizer of gcc 12
// does not know: it crashes in a thread that it has not seen start, and would see no order between threads that hand
// records over. glibc's C11 objects are its POSIX objects under another name, so that these definitions, which the
// dynamic linker finds first, lead every call to a function that the sanitizer watches.
#include <pthread.h>
#include <sched.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>
#include <memory>

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t));
static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t));
static_assert(sizeof(thrd_t) == sizeof(pthread_t));

namespace {

struct Start {
  thrd_start_t function;
  void* argument;
};

void* run(void* given) {
  const std::unique_ptr<Start> start(static_cast<Start*>(given));
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(start->function(start->argument)));
}

int translated(int error) {
  switch (error) {
    case 0:
      return thrd_success;
    case ENOMEM:
      return thrd_nomem;
    case ETIMEDOUT:
      return thrd_timedout;
    case EBUSY:
      return thrd_busy;
    default:
      return thrd_error;
  }
}

pthread_mutex_t* posix(mtx_t* mutex) {
  return reinterpret_cast<pthread_mutex_t*>(mutex);
}

pthread_cond_t* posix(cnd_t* condition) {
  return reinterpret_cast<pthread_cond_t*>(condition);
}

}  // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  auto start = std::make_unique<Start>(Start{function, argument});
  const int error = pthread_create(thread, nullptr, run, start.get());
  if (error == 0) start.release();
  return translated(error);
}

int thrd_join(thrd_t thread, int* result) {
  void* returned = nullptr;
  const int error = pthread_join(thread, &returned);
  if (error == 0 && result != nullptr) *result = static_cast<int>(reinterpret_cast<std::intptr_t>(returned));
  return translated(error);
}

int thrd_detach(thrd_t thread) {
  return translated(pthread_detach(thread));
}

int mtx_init(mtx_t* mutex, int type) noexcept {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
  const int error = pthread_mutex_init(posix(mutex), &attributes);
  pthread_mutexattr_destroy(&attributes);
  return translated(error);
}

int mtx_lock(mtx_t* mutex) {
  return translated(pthread_mutex_lock(posix(mutex)));
}

int mtx_timedlock(mtx_t* mutex, const timespec* until) {
  return translated(pthread_mutex_timedlock(posix(mutex), until));
}

int mtx_trylock(mtx_t* mutex) {
  return translated(pthread_mutex_trylock(posix(mutex)));
}

int mtx_unlock(mtx_t* mutex) noexcept {
  return translated(pthread_mutex_unlock(posix(mutex)));
}

void mtx_destroy(mtx_t* mutex) noexcept {
  pthread_mutex_destroy(posix(mutex));
}

int cnd_init(cnd_t* condition) noexcept {
  return translated(pthread_cond_init(posix(condition), nullptr));
}

int cnd_signal(cnd_t* condition) noexcept {
  return translated(pthread_cond_signal(posix(condition)));
}

int cnd_broadcast(cnd_t* condition) noexcept {
  return translated(pthread_cond_broadcast(posix(condition)));
}

int cnd_wait(cnd_t* condition, mtx_t* mutex) {
  return translated(pthread_cond_wait(posix(condition), posix(mutex)));
}

int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return translated(pthread_cond_timedwait(posix(condition), posix(mutex), until));
}

void cnd_destroy(cnd_t* condition) noexcept {
  pthread_cond_destroy(posix(condition));
}
}

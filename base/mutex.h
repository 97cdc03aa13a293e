// A mutex whose members clang checks: reading or writing what is GUARDED_BY it without holding it does not compile.
//
// Mutex and MutexLock are std::mutex and std::unique_lock with the attributes that the standard library of gcc lacks;
// other compilers see no attributes. To wait for a change, use std::condition_variable_any with a MutexLock; a
// predicate that reads guarded members is a lambda with REQUIRES, because clang looks at it alone.
#pragma once

#include <mutex>

#if defined(__clang__)
#define SLUICE_ATTRIBUTE(attribute) __attribute__((attribute))
#else
#define SLUICE_ATTRIBUTE(attribute)
#endif

// Of a member: only touched while the mutex is held.
#define GUARDED_BY(mutex) SLUICE_ATTRIBUTE(guarded_by(mutex))
// Of a function: the caller holds the mutex.
#define REQUIRES(...) SLUICE_ATTRIBUTE(requires_capability(__VA_ARGS__))
// Of a function: the caller does not hold it, as the function takes it or calls one that does.
#define EXCLUDES(...) SLUICE_ATTRIBUTE(locks_excluded(__VA_ARGS__))
// Of a function whose safety has another reason, which its comment gives.
#define NO_THREAD_SAFETY_ANALYSIS SLUICE_ATTRIBUTE(no_thread_safety_analysis)

namespace sluice {

class SLUICE_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() SLUICE_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() SLUICE_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

// Holds the mutex while it lives, except between unlock() and lock().
class SLUICE_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) SLUICE_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  // Releases only what is held, a condition that clang does not follow inside; nor in the two below.
  ~MutexLock() SLUICE_ATTRIBUTE(release_capability()) NO_THREAD_SAFETY_ANALYSIS {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() SLUICE_ATTRIBUTE(acquire_capability()) NO_THREAD_SAFETY_ANALYSIS {
    mutex_.lock();
    held_ = true;
  }
  void unlock() SLUICE_ATTRIBUTE(release_capability()) NO_THREAD_SAFETY_ANALYSIS {
    held_ = false;
    mutex_.unlock();
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

}  // namespace sluice

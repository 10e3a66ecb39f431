// Tells the thread sanitizer when a contended lock of Swift's `Mutex` is handed over.
//
// The compiler builds the fast paths of `Mutex` into our own code, where the sanitizer sees them. The slow paths are in
// libswiftSynchronization, which is not built with it: of a thread that had to wait it does not see that it came after the
// one that unlocked, and reports what both did as a race. This library, preloaded, stands before those functions, and
// says what they do: unlocking comes before the locking that follows. Nothing is suppressed.
//
// See https://github.com/swiftlang/swift/blob/main/stdlib/public/Synchronization/Mutex/LinuxImpl.swift
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

static void *next(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) abort();
    return function;
}

static void tell(const char *name, void *mutex) {
    void (*event)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, name);
    if (event) event(mutex);
}

SWIFT void lock_slow(uint32_t thread, SELF void *mutex) __asm__(LOCK);
SWIFT void lock_slow(uint32_t thread, SELF void *mutex) {
    ((SWIFT void (*)(uint32_t, SELF void *))next(LOCK))(thread, mutex);
    tell("__tsan_acquire", mutex);
}

SWIFT _Bool try_lock_slow(SELF void *mutex) __asm__(TRY_LOCK);
SWIFT _Bool try_lock_slow(SELF void *mutex) {
    _Bool locked = ((SWIFT _Bool (*)(SELF void *))next(TRY_LOCK))(mutex);
    if (locked) tell("__tsan_acquire", mutex);
    return locked;
}

SWIFT void unlock_slow(SELF void *mutex) __asm__(UNLOCK);
SWIFT void unlock_slow(SELF void *mutex) {
    tell("__tsan_release", mutex);
    ((SWIFT void (*)(SELF void *))next(UNLOCK))(mutex);
}

/* Records what a process does to the files of one folder, so that the disk can be rebuilt as a power cut at any moment
   would have left it. Made for LD_PRELOAD; scripts/crash-states and scripts/fail-calls compile it.

   DAYBOOK_FOLDER       the folder, as its path stands in /proc/self/fd; files in it that end in -shm are left out
   DAYBOOK_RECORD       the file to which records are appended; nothing is recorded without
   DAYBOOK_KILL_AFTER   after so many records the process is killed by SIGKILL; 0 for never
   DAYBOOK_DROP_SYNCS   1: syncs are neither made nor recorded, and report success
   DAYBOOK_SHORT_FIRST, DAYBOOK_SHORT_LAST   the first and last write, counted from 1, of which only half is written
   DAYBOOK_SHORT_ERROR  the error number of the write that follows one of these; 0 for none

   A record is a struct record, then the name, then the bytes. One lock is held around each call and its record, so that
   the records stand in the order in which the calls took effect. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct record {
    uint8_t kind; /* C created, O opened, W write, T truncated, S synced, D folder synced, U unlinked, R renamed, A output */
    uint8_t padding[3];
    uint32_t name_length;
    uint64_t inode;
    int64_t offset;
    uint64_t length;
};

enum { most_descriptors = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char followed[most_descriptors]; /* 1 for a file of the folder, 2 for the folder itself */
static const char *folder;
static int record_file = -1;
static long kill_after, drops_syncs, short_first, short_last, short_error;
static long records, writes;
static int fails_next_write;

static long number(const char *name) {
    const char *value = getenv(name);
    return value ? atol(value) : 0;
}

__attribute__((constructor)) static void begin(void) {
    folder = getenv("DAYBOOK_FOLDER");
    kill_after = number("DAYBOOK_KILL_AFTER");
    drops_syncs = number("DAYBOOK_DROP_SYNCS");
    short_first = number("DAYBOOK_SHORT_FIRST");
    short_last = number("DAYBOOK_SHORT_LAST");
    short_error = number("DAYBOOK_SHORT_ERROR");
    const char *path = getenv("DAYBOOK_RECORD");
    if (path) record_file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static void record(uint8_t kind, uint64_t inode, const char *name, int64_t offset, const void *bytes, uint64_t length) {
    if (record_file < 0) return;
    size_t data = kind == 'W' || kind == 'A' ? length : 0;
    struct record head = {.kind = kind, .name_length = name ? strlen(name) : 0, .inode = inode, .offset = offset,
                          .length = length};
    struct iovec parts[3] = {{&head, sizeof head}, {(void *)name, head.name_length}, {(void *)bytes, data}};
    if (syscall(SYS_writev, record_file, parts, 3) != (long)(sizeof head + head.name_length + data)) {
        static const char message[] = "record-calls: the recording cannot be written\n";
        syscall(SYS_write, 2, message, sizeof message - 1);
        _exit(70);
    }
    if (++records == kill_after) kill(getpid(), SIGKILL);
}

static int is_followed(int file) { return file >= 0 && file < most_descriptors ? followed[file] : 0; }

static uint64_t inode_of(int file) {
    struct stat status;
    return syscall(SYS_fstat, file, &status) == 0 ? status.st_ino : 0;
}

/* The name of a file within the folder; NULL when it is not in there, or not followed. */
static const char *name_in_folder(const char *path) {
    if (!folder) return NULL;
    const char *slash = strrchr(path, '/');
    size_t length = strlen(folder);
    if (!slash || (size_t)(slash - path) != length || strncmp(path, folder, length) != 0) return NULL;
    size_t name = strlen(slash + 1);
    if (name == 0 || (name > 4 && strcmp(slash + 1 + name - 4, "-shm") == 0)) return NULL;
    return slash + 1;
}

static int open_file(int at, const char *path, int flags, int mode) {
    if (!folder) return (int)syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&lock);
    int existed = (flags & O_CREAT) && syscall(SYS_faccessat, at, path, F_OK) == 0;
    int file = (int)syscall(SYS_openat, at, path, flags, mode);
    int error = errno;
    if (file >= 0 && file < most_descriptors) {
        char link[64], target[4096];
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        long length = syscall(SYS_readlinkat, AT_FDCWD, link, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = 0;
        const char *name = name_in_folder(target);
        followed[file] = name ? 1 : strcmp(target, folder) == 0 ? 2 : 0;
        if (name) record((flags & O_CREAT) && !existed ? 'C' : 'O', inode_of(file), name, 0, NULL, 0);
        if (name && existed && (flags & O_TRUNC)) record('T', inode_of(file), NULL, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return file;
}

#define MODE_OF(flags) \
    int mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list arguments; \
        va_start(arguments, flags); \
        mode = va_arg(arguments, int); \
        va_end(arguments); \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_file(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_file(at, path, flags, mode);
}

int close(int file) {
    if (file >= 0 && file < most_descriptors) followed[file] = 0;
    return (int)syscall(SYS_close, file);
}

static ssize_t write_at(int file, const void *bytes, size_t count, off_t offset) {
    if (is_followed(file) != 1) return syscall(SYS_pwrite64, file, bytes, count, offset);
    pthread_mutex_lock(&lock);
    ssize_t written;
    writes++;
    if (fails_next_write) {
        fails_next_write = 0;
        errno = (int)short_error;
        written = -1;
    } else {
        int is_short = count > 1 && writes >= short_first && writes <= short_last;
        written = syscall(SYS_pwrite64, file, bytes, is_short ? count / 2 : count, offset);
        fails_next_write = is_short && short_error != 0;
    }
    int error = errno;
    if (written > 0) record('W', inode_of(file), NULL, offset, bytes, written);
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) { return write_at(file, bytes, count, offset); }

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    return write_at(file, bytes, count, offset);
}

ssize_t write(int file, const void *bytes, size_t count) {
    if (!folder || (file != 1 && is_followed(file) != 1)) return syscall(SYS_write, file, bytes, count);
    pthread_mutex_lock(&lock);
    off_t offset = file == 1 ? 0 : lseek(file, 0, SEEK_CUR);
    ssize_t written = syscall(SYS_write, file, bytes, count);
    int error = errno;
    if (written > 0) record(file == 1 ? 'A' : 'W', file == 1 ? 0 : inode_of(file), NULL, offset, bytes, written);
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}

static int truncate_file(int file, off_t length) {
    if (is_followed(file) != 1) return (int)syscall(SYS_ftruncate, file, length);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_ftruncate, file, length);
    int error = errno;
    if (result == 0) record('T', inode_of(file), NULL, length, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int ftruncate(int file, off_t length) { return truncate_file(file, length); }

int ftruncate64(int file, off64_t length) { return truncate_file(file, length); }

static int sync_file(long call, int file) {
    int kind = is_followed(file);
    if (!kind) return (int)syscall(call, file);
    if (drops_syncs) return 0;
    pthread_mutex_lock(&lock);
    int result = (int)syscall(call, file);
    int error = errno;
    if (result == 0) record(kind == 1 ? 'S' : 'D', kind == 1 ? inode_of(file) : 0, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int fsync(int file) { return sync_file(SYS_fsync, file); }

int fdatasync(int file) { return sync_file(SYS_fdatasync, file); }

int unlink(const char *path) {
    const char *name = name_in_folder(path);
    if (!name) return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    int error = errno;
    if (result == 0) record('U', 0, name, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int rename(const char *from, const char *to) {
    const char *old_name = name_in_folder(from), *new_name = name_in_folder(to);
    if (!old_name || !new_name) return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    char names[2048];
    snprintf(names, sizeof names, "%s/%s", old_name, new_name);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    int error = errno;
    if (result == 0) record('R', 0, names, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

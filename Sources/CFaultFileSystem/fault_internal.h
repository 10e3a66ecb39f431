#ifndef FAULT_INTERNAL_H
#define FAULT_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#include "CFaultFileSystem.h"

enum {
    fault_call_kinds = FaultCallSharedMemoryLock + 1,
    fault_rule_limit = 64,
    fault_sector = 512,
    fault_lost_sector_limit = 16,
};

/* A write or truncation that no sync has made durable yet. */
typedef struct PendingChange {
    struct PendingChange *next;
    bool is_truncation;
    int64_t offset; /* The new size when it is a truncation. */
    size_t length;
    unsigned char bytes[];
} PendingChange;

/* Bytes that grow. */
typedef struct Image {
    unsigned char *bytes;
    int64_t size;
    int64_t capacity;
} Image;

/* What the disk knows of one path; outlives the file's handles. */
typedef struct DiskFile {
    struct DiskFile *next;
    char *path;
    Image durable;
    int64_t size; /* As readers see it. */
    bool exists;         /* As readers see it. */
    bool durably_exists; /* As the disk has it. */
    PendingChange *first_pending;
    PendingChange **end_of_pending;
    struct FaultFile *first_open;
    int64_t lost_sectors[fault_lost_sector_limit]; /* Their offsets. */
    int lost_sector_count;
} DiskFile;

/* Files in memory, in front of which the faults stand. */
typedef struct MemoryDisk MemoryDisk;

typedef struct ActiveRule {
    FaultRule rule;
    char *suffix;
    uint64_t matched;
    uint64_t met;
} ActiveRule;

struct FaultFileSystem {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    MemoryDisk *memory; /* Null when the files are real. */
    char *name;
    pthread_mutex_t lock;
    ActiveRule rules[fault_rule_limit];
    int rule_count;
    FaultDecision decision;
    void *decision_context;
    FaultRule decided; /* For the call that holds the lock. */
    bool is_decided;
    DiskFile *files;
    int64_t capacity;
    int device_characteristics;
    int open_files;
    bool is_off;
    uint64_t calls[fault_call_kinds];
    uint64_t faults[fault_call_kinds];
    uint64_t writes_without_room;
    uint64_t lost_sector_reads;
};

/* One open file; SQLite gives the space, the real file lies behind it. */
typedef struct FaultFile {
    sqlite3_file base;
    sqlite3_file *real;
    FaultFileSystem *fs;
    DiskFile *disk; /* Null for temporary files, which no power cut leaves anything of. */
    struct FaultFile *next_open; /* Of the same path. */
    bool syncs_directory; /* With its next sync, as SQLite does for a journal that it has created. */
} FaultFile;

extern const sqlite3_io_methods fault_io_methods;

/* Has a call decided about, and takes the lock. */
void fault_enter(FaultFileSystem *fs, FaultCall call, const char *path, int64_t offset, int64_t length);
void fault_leave(FaultFileSystem *fs);

/* The functions below want the lock held. */

/* Counts a call, and returns the rule that it meets, or null. The range is that of a read or write. */
const FaultRule *fault_meet(
    FaultFileSystem *fs, FaultCall call, const char *path, int64_t offset, int64_t length);
/* For calls that can only fail or not: `SQLITE_OK` when the call may go on. */
int fault_refuse(FaultFileSystem *fs, FaultCall call, const char *path);
/* The code that SQLite's own file system returns when a call fails, or the rule's own. */
int fault_result(const FaultRule *rule, FaultCall call);

DiskFile *disk_file(FaultFileSystem *fs, const char *path);
/* Finds or adds what the disk knows of a path. Null when memory runs out. */
DiskFile *disk_file_opened(FaultFileSystem *fs, const char *path, bool existed, sqlite3_file *real);
bool disk_file_wrote(DiskFile *file, const void *bytes, size_t length, int64_t offset);
bool disk_file_truncated(DiskFile *file, int64_t size);
bool disk_file_synced(DiskFile *file);
/* The directory of a path was synced: files in it that were deleted cannot come back, new ones cannot go. */
void disk_directory_synced(FaultFileSystem *fs, const char *path);
/* The sync failed: what it was to make durable never will be. */
void disk_file_lost(DiskFile *file);
void disk_file_deleted(DiskFile *file);
/* Whether a read meets a lost sector. */
bool disk_file_is_lost(const DiskFile *file, int64_t offset, int64_t length);
void disk_file_free(DiskFile *file);
int64_t disk_used(FaultFileSystem *fs);

bool image_resize(Image *image, int64_t size);
bool image_write(Image *image, const unsigned char *bytes, size_t length, int64_t offset);

MemoryDisk *memory_disk_create(void);
void memory_disk_free(MemoryDisk *disk);
sqlite3_vfs *memory_disk_vfs(MemoryDisk *disk);
bool memory_disk_exists(MemoryDisk *disk, const char *path);
/* Gives a file, which is not open, other contents; null removes it. */
bool memory_disk_set(MemoryDisk *disk, const char *path, const Image *image);

#endif

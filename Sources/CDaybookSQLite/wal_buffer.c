/* A SQLite VFS that writes a transaction's part of the write-ahead log in few pieces. https://sqlite.org/vfs.html */

#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CDaybookSQLite.h"

struct DaybookWALBuffer {
    sqlite3_vfs vfs;
    sqlite3_vfs *parent;
    char name[32];
};

/* The log's file. The parent's own structure follows it in memory. */
typedef struct BufferedFile {
    sqlite3_file base;
    sqlite3_file *parent;
    unsigned char *bytes;
    /* What is in the buffer belongs here. */
    sqlite3_int64 start;
    int length;
    /* Whether anything is gathered. SQLite fills the sector that a transaction ends in on a disk of which a write may damage
       what lies beside it, and syncs on the way: what it then writes is part of the transaction, and has no sync to come. */
    bool gathers;
    /* Where bytes begin that SQLite was told are written, and are not; -1 when there are none. And why. Only a transaction
       that is rolled back ends this. */
    sqlite3_int64 lost_from;
    int lost_result;
} BufferedFile;

/* SQLite's own VFS for Unix writes at most 0x1ffff bytes at once, and takes 0x20000 for none. */
enum { buffer_bytes = 124 << 10, longest_buffered_write = 1 << 15 };

static int parent_offset(void) { return ((int)sizeof(BufferedFile) + 15) & ~15; }

/* Files */

static int flush(BufferedFile *file) {
    if (file->length == 0) return SQLITE_OK;
    int length = file->length;
    file->length = 0;
    int result = file->parent->pMethods->xWrite(file->parent, file->bytes, length, file->start);
    if (result != SQLITE_OK) {
        file->lost_from = file->start;
        file->lost_result = result;
    }
    return result;
}

static int file_write(sqlite3_file *base, const void *bytes, int length, sqlite3_int64 offset) {
    BufferedFile *file = (BufferedFile *)base;
    if (file->lost_from >= 0) return file->lost_result;
    bool follows = file->length > 0 && offset == file->start + file->length;
    if (file->length > 0 && (!follows || file->length + length > buffer_bytes)) {
        int result = flush(file);
        if (result != SQLITE_OK) return result;
    }
    if (!file->gathers || length > longest_buffered_write)
        return file->parent->pMethods->xWrite(file->parent, bytes, length, offset);
    if (file->length == 0) file->start = offset;
    memcpy(file->bytes + file->length, bytes, (size_t)length);
    file->length += length;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *bytes, int length, sqlite3_int64 offset) {
    BufferedFile *file = (BufferedFile *)base;
    flush(file);
    /* What lies before the lost bytes is there. */
    if (file->lost_from >= 0 && offset + length > file->lost_from) return file->lost_result;
    return file->parent->pMethods->xRead(file->parent, bytes, length, offset);
}

static int file_sync(sqlite3_file *base, int flags) {
    BufferedFile *file = (BufferedFile *)base;
    int result = flush(file);
    if (result == SQLITE_OK && file->lost_from >= 0) result = file->lost_result;
    return result == SQLITE_OK ? file->parent->pMethods->xSync(file->parent, flags) : result;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size) {
    BufferedFile *file = (BufferedFile *)base;
    int result = flush(file);
    if (result == SQLITE_OK) result = file->parent->pMethods->xTruncate(file->parent, size);
    if (result == SQLITE_OK && file->lost_from >= size) file->lost_from = -1;
    return result;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size) {
    BufferedFile *file = (BufferedFile *)base;
    int result = flush(file);
    return result == SQLITE_OK ? file->parent->pMethods->xFileSize(file->parent, size) : result;
}

/* What is left in the buffer was never committed. */
static int file_close(sqlite3_file *base) {
    BufferedFile *file = (BufferedFile *)base;
    free(file->bytes);
    file->bytes = NULL;
    return file->parent->pMethods->xClose(file->parent);
}

static int file_lock(sqlite3_file *base, int level) {
    sqlite3_file *parent = ((BufferedFile *)base)->parent;
    return parent->pMethods->xLock(parent, level);
}

static int file_unlock(sqlite3_file *base, int level) {
    sqlite3_file *parent = ((BufferedFile *)base)->parent;
    return parent->pMethods->xUnlock(parent, level);
}

static int file_check_reserved_lock(sqlite3_file *base, int *result) {
    sqlite3_file *parent = ((BufferedFile *)base)->parent;
    return parent->pMethods->xCheckReservedLock(parent, result);
}

/* Of no use to SQLite, whose own lie below 100: whatever the buffer has, and what was lost, is nobody's. */
enum { discard_operation = 0xDB01 };

static int file_control(sqlite3_file *base, int operation, void *argument) {
    BufferedFile *file = (BufferedFile *)base;
    if (operation == discard_operation) {
        file->length = 0;
        file->lost_from = -1;
        return SQLITE_OK;
    }
    return file->parent->pMethods->xFileControl(file->parent, operation, argument);
}

static int file_sector_size(sqlite3_file *base) {
    sqlite3_file *parent = ((BufferedFile *)base)->parent;
    return parent->pMethods->xSectorSize(parent);
}

static int file_device_characteristics(sqlite3_file *base) {
    sqlite3_file *parent = ((BufferedFile *)base)->parent;
    return parent->pMethods->xDeviceCharacteristics(parent);
}

/* Version 1: a log is neither shared memory nor mapped. */
static const sqlite3_io_methods file_methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_device_characteristics,
};

/* The file system */

static sqlite3_vfs *parent_of(sqlite3_vfs *vfs) { return ((DaybookWALBuffer *)vfs)->parent; }

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out_flags) {
    sqlite3_vfs *parent = parent_of(vfs);
    if ((flags & SQLITE_OPEN_WAL) == 0) return parent->xOpen(parent, name, base, flags, out_flags);
    BufferedFile *file = (BufferedFile *)base;
    *file = (BufferedFile){.parent = (sqlite3_file *)((char *)base + parent_offset()), .lost_from = -1};
    file->bytes = malloc(buffer_bytes);
    if (file->bytes == NULL) return SQLITE_NOMEM;
    file->parent->pMethods = NULL;
    int result = parent->xOpen(parent, name, file->parent, flags, out_flags);
    if (result == SQLITE_OK) {
        file->base.pMethods = &file_methods;
        int characteristics = file->parent->pMethods->xDeviceCharacteristics(file->parent);
        file->gathers = (characteristics & SQLITE_IOCAP_POWERSAFE_OVERWRITE) != 0;
        return SQLITE_OK;
    }
    if (file->parent->pMethods != NULL) file->parent->pMethods->xClose(file->parent);
    free(file->bytes);
    file->bytes = NULL;
    return result;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int syncs_folder) {
    return parent_of(vfs)->xDelete(parent_of(vfs), name, syncs_folder);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) {
    return parent_of(vfs)->xAccess(parent_of(vfs), name, flags, result);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int length, char *out) {
    return parent_of(vfs)->xFullPathname(parent_of(vfs), name, length, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int length, char *out) {
    return parent_of(vfs)->xRandomness(parent_of(vfs), length, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds) {
    return parent_of(vfs)->xSleep(parent_of(vfs), microseconds);
}

static int vfs_current_time(sqlite3_vfs *vfs, double *out) {
    return parent_of(vfs)->xCurrentTime(parent_of(vfs), out);
}

static int vfs_current_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *out) {
    return parent_of(vfs)->xCurrentTimeInt64(parent_of(vfs), out);
}

static int vfs_get_last_error(sqlite3_vfs *vfs, int length, char *out) {
    return parent_of(vfs)->xGetLastError(parent_of(vfs), length, out);
}

DaybookWALBuffer *daybook_wal_buffer_create(const char *parent_name) {
    if (sqlite3_initialize() != SQLITE_OK) return NULL;
    sqlite3_vfs *parent = sqlite3_vfs_find(parent_name);
    DaybookWALBuffer *buffer = calloc(1, sizeof *buffer);
    if (parent == NULL || buffer == NULL) {
        free(buffer);
        return NULL;
    }
    buffer->parent = parent;
    snprintf(buffer->name, sizeof buffer->name, "daybook-%llx", (unsigned long long)(uintptr_t)buffer);
    bool tells_int64 = parent->iVersion >= 2 && parent->xCurrentTimeInt64 != NULL;
    /* It loads no extensions: nothing of a store needs one. */
    buffer->vfs = (sqlite3_vfs){
        .iVersion = tells_int64 ? 2 : 1,
        .szOsFile = parent_offset() + parent->szOsFile,
        .mxPathname = parent->mxPathname,
        .zName = buffer->name,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_pathname,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_current_time,
        .xGetLastError = parent->xGetLastError == NULL ? NULL : vfs_get_last_error,
        .xCurrentTimeInt64 = tells_int64 ? vfs_current_time_int64 : NULL,
    };
    if (sqlite3_vfs_register(&buffer->vfs, 0) != SQLITE_OK) {
        free(buffer);
        return NULL;
    }
    return buffer;
}

static void did_roll_back(void *context) {
    sqlite3 *connection = context;
    sqlite3_file *wal = NULL;
    if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) != SQLITE_OK) return;
    if (wal != NULL && wal->pMethods != NULL) wal->pMethods->xFileControl(wal, discard_operation, NULL);
}

void daybook_wal_buffer_attach(sqlite3 *connection) { sqlite3_rollback_hook(connection, did_roll_back, connection); }

const char *daybook_wal_buffer_name(const DaybookWALBuffer *buffer) { return buffer->name; }

void daybook_wal_buffer_free(DaybookWALBuffer *buffer) {
    if (buffer == NULL) return;
    sqlite3_vfs_unregister(&buffer->vfs);
    free(buffer);
}

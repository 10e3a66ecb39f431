/* The calls of SQLite on one open file. */

#include <stdlib.h>
#include <string.h>

#include "fault_internal.h"

static const char *path_of(FaultFile *file) { return file->disk == NULL ? NULL : file->disk->path; }

static FaultFile *enter(sqlite3_file *base) {
    FaultFile *file = (FaultFile *)base;
    pthread_mutex_lock(&file->fs->lock);
    return file;
}

/* For calls that are counted, and decided about. */
static FaultFile *enter_call(sqlite3_file *base, FaultCall call, int64_t offset, int64_t length) {
    FaultFile *file = (FaultFile *)base;
    fault_enter(file->fs, call, path_of(file), offset, length);
    return file;
}

static int leave(FaultFile *file, int result) {
    fault_leave(file->fs);
    return result;
}

static const sqlite3_io_methods *real_methods(FaultFile *file) { return file->real->pMethods; }

static int fault_close(sqlite3_file *base) {
    FaultFile *file = enter(base);
    if (file->disk != NULL) {
        FaultFile **link = &file->disk->first_open;
        while (*link != file) link = &(*link)->next_open;
        *link = file->next_open;
    }
    int result = real_methods(file)->xClose(file->real);
    file->fs->open_files--;
    return leave(file, result);
}

static int fault_read(sqlite3_file *base, void *bytes, int length, sqlite3_int64 offset) {
    FaultFile *file = enter_call(base, FaultCallRead, offset, length);
    FaultFileSystem *fs = file->fs;
    if (fs->is_off) return leave(file, fault_refuse(fs, FaultCallRead, path_of(file)));
    const FaultRule *rule = fault_meet(fs, FaultCallRead, path_of(file), offset, length);
    if (rule != NULL && rule->effect != FaultEffectShort && rule->effect != FaultEffectFlippedBit
        && rule->effect != FaultEffectMisdirected) {
        if (rule->effect == FaultEffectPowerOff) fs->is_off = true;
        return leave(file, fault_result(rule, FaultCallRead));
    }
    if (rule != NULL && rule->effect == FaultEffectMisdirected) {
        offset = offset + rule->offset < 0 ? 0 : offset + rule->offset;
        rule = NULL;
    }
    if (file->disk != NULL && disk_file_is_lost(file->disk, offset, length)) {
        fs->faults[FaultCallRead]++;
        fs->lost_sector_reads++;
        return leave(file, SQLITE_IOERR_READ);
    }
    int result = real_methods(file)->xRead(file->real, bytes, length, offset);
    if (rule != NULL && (result == SQLITE_OK || result == SQLITE_IOERR_SHORT_READ)) {
        if (rule->effect == FaultEffectShort) {
            size_t kept = rule->length < (size_t)length ? rule->length : (size_t)length;
            memset((unsigned char *)bytes + kept, 0, (size_t)length - kept);
            result = SQLITE_IOERR_SHORT_READ;
        } else {
            ((unsigned char *)bytes)[rule->offset - offset] ^= (unsigned char)(1 << (rule->bit & 7));
        }
    }
    return leave(file, result);
}

/* How many of the bytes fit on the disk. */
static size_t fitting(FaultFile *file, size_t length, int64_t offset) {
    int64_t limit = file->fs->capacity, end = offset + (int64_t)length;
    if (limit < 0 || file->disk == NULL || end <= file->disk->size) return length;
    int64_t room = limit - disk_used(file->fs) + file->disk->size - offset;
    if (room >= (int64_t)length) return length;
    return room > 0 ? (size_t)room : 0;
}

static int write_and_record(FaultFile *file, const void *bytes, size_t length, int64_t offset) {
    if (length == 0) return SQLITE_OK;
    int result = real_methods(file)->xWrite(file->real, bytes, (int)length, offset);
    if (result != SQLITE_OK || file->disk == NULL) return result;
    return disk_file_wrote(file->disk, bytes, length, offset) ? SQLITE_OK : SQLITE_IOERR_NOMEM;
}

static int write_flipped(FaultFile *file, const void *bytes, size_t length, int64_t offset, const FaultRule *rule) {
    unsigned char *changed = malloc(length);
    if (changed == NULL) return SQLITE_IOERR_NOMEM;
    memcpy(changed, bytes, length);
    changed[rule->offset - offset] ^= (unsigned char)(1 << (rule->bit & 7));
    int result = write_and_record(file, changed, length, offset);
    free(changed);
    return result;
}

static int fault_write(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset) {
    FaultFile *file = enter_call(base, FaultCallWrite, offset, count);
    FaultFileSystem *fs = file->fs;
    if (fs->is_off) return leave(file, fault_refuse(fs, FaultCallWrite, path_of(file)));
    size_t length = (size_t)count;
    const FaultRule *rule = fault_meet(fs, FaultCallWrite, path_of(file), offset, count);
    if (rule != NULL) {
        switch (rule->effect) {
        case FaultEffectKill:
        case FaultEffectError: return leave(file, fault_result(rule, FaultCallWrite));
        case FaultEffectDropped: return leave(file, SQLITE_OK);
        case FaultEffectFlippedBit: return leave(file, write_flipped(file, bytes, length, offset, rule));
        case FaultEffectMisdirected: {
            int64_t elsewhere = offset + rule->offset;
            bool is_inside = file->disk != NULL && elsewhere >= 0 && elsewhere + count <= file->disk->size;
            return leave(file, is_inside ? write_and_record(file, bytes, length, elsewhere) : SQLITE_OK);
        }
        case FaultEffectPowerOff: fs->is_off = true; /* fall through */
        case FaultEffectShort: {
            int result = write_and_record(file, bytes, rule->length < length ? rule->length : length, offset);
            return leave(file, result == SQLITE_OK ? fault_result(rule, FaultCallWrite) : result);
        }
        }
    }
    size_t fits = fitting(file, length, offset);
    int result = write_and_record(file, bytes, fits, offset);
    if (fits < length) {
        fs->faults[FaultCallWrite]++;
        fs->writes_without_room++;
        if (result == SQLITE_OK) result = SQLITE_FULL;
    }
    return leave(file, result);
}

static int fault_truncate(sqlite3_file *base, sqlite3_int64 size) {
    FaultFile *file = enter_call(base, FaultCallTruncate, size, 0);
    FaultFileSystem *fs = file->fs;
    if (fs->is_off) return leave(file, fault_refuse(fs, FaultCallTruncate, path_of(file)));
    const FaultRule *rule = fault_meet(fs, FaultCallTruncate, path_of(file), 0, 0);
    if (rule != NULL) {
        if (rule->effect == FaultEffectDropped) return leave(file, SQLITE_OK);
        if (rule->effect == FaultEffectPowerOff) fs->is_off = true;
        return leave(file, fault_result(rule, FaultCallTruncate));
    }
    int result = real_methods(file)->xTruncate(file->real, size);
    if (result == SQLITE_OK && file->disk != NULL && !disk_file_truncated(file->disk, size)) {
        result = SQLITE_IOERR_NOMEM;
    }
    return leave(file, result);
}

static int fault_sync(sqlite3_file *base, int flags) {
    (void)flags;
    FaultFile *file = enter_call(base, FaultCallSync, 0, 0);
    FaultFileSystem *fs = file->fs;
    if (fs->is_off) return leave(file, fault_refuse(fs, FaultCallSync, path_of(file)));
    const FaultRule *rule = fault_meet(fs, FaultCallSync, path_of(file), 0, 0);
    if (rule != NULL) {
        if (rule->effect == FaultEffectDropped) return leave(file, SQLITE_OK);
        if (rule->effect == FaultEffectPowerOff) {
            fs->is_off = true;
        } else if (file->disk != NULL) {
            disk_file_lost(file->disk);
        }
        return leave(file, fault_result(rule, FaultCallSync));
    }
    if (file->disk != NULL) {
        if (!disk_file_synced(file->disk)) return leave(file, SQLITE_IOERR_NOMEM);
        if (file->syncs_directory) disk_directory_synced(fs, file->disk->path);
        file->syncs_directory = false;
    }
    return leave(file, SQLITE_OK);
}

static int fault_file_size(sqlite3_file *base, sqlite3_int64 *size) {
    FaultFile *file = enter_call(base, FaultCallFileSize, 0, 0);
    int result = fault_refuse(file->fs, FaultCallFileSize, path_of(file));
    if (result == SQLITE_OK) result = real_methods(file)->xFileSize(file->real, size);
    return leave(file, result);
}

static int fault_lock(sqlite3_file *base, int level) {
    FaultFile *file = enter_call(base, FaultCallLock, level, 0);
    int result = fault_refuse(file->fs, FaultCallLock, path_of(file));
    if (result == SQLITE_OK) result = real_methods(file)->xLock(file->real, level);
    return leave(file, result);
}

static int fault_unlock(sqlite3_file *base, int level) {
    FaultFile *file = enter(base);
    return leave(file, real_methods(file)->xUnlock(file->real, level));
}

static int fault_check_reserved_lock(sqlite3_file *base, int *answer) {
    FaultFile *file = enter(base);
    return leave(file, real_methods(file)->xCheckReservedLock(file->real, answer));
}

static int fault_file_control(sqlite3_file *base, int operation, void *argument) {
    FaultFile *file = enter(base);
    if (operation == SQLITE_FCNTL_MMAP_SIZE) { /* A mapped page would be read without a call. */
        *(sqlite3_int64 *)argument = 0;
        return leave(file, SQLITE_OK);
    }
    int result = real_methods(file)->xFileControl(file->real, operation, argument);
    if (operation == SQLITE_FCNTL_SIZE_HINT && file->disk != NULL) { /* May have made the file longer. */
        sqlite3_int64 size = 0;
        if (real_methods(file)->xFileSize(file->real, &size) == SQLITE_OK && size != file->disk->size
            && !disk_file_truncated(file->disk, size)) {
            result = SQLITE_IOERR_NOMEM;
        }
    }
    return leave(file, result);
}

static int fault_sector_size(sqlite3_file *base) {
    FaultFile *file = enter(base);
    return leave(file, real_methods(file)->xSectorSize(file->real));
}

static int fault_device_characteristics(sqlite3_file *base) {
    FaultFile *file = enter(base);
    return leave(file, file->fs->device_characteristics);
}

static int fault_shm_map(sqlite3_file *base, int region, int size, int extends, void volatile **address) {
    FaultFile *file = enter_call(base, FaultCallSharedMemoryMap, region, size);
    int result = fault_refuse(file->fs, FaultCallSharedMemoryMap, path_of(file));
    if (result == SQLITE_OK) result = real_methods(file)->xShmMap(file->real, region, size, extends, address);
    return leave(file, result);
}

static int fault_shm_lock(sqlite3_file *base, int offset, int count, int flags) {
    FaultFile *file = (flags & SQLITE_SHM_UNLOCK) ? enter(base)
                                                  : enter_call(base, FaultCallSharedMemoryLock, offset, count);
    int result =
        (flags & SQLITE_SHM_UNLOCK) ? SQLITE_OK : fault_refuse(file->fs, FaultCallSharedMemoryLock, path_of(file));
    if (result == SQLITE_OK) result = real_methods(file)->xShmLock(file->real, offset, count, flags);
    return leave(file, result);
}

static void fault_shm_barrier(sqlite3_file *base) {
    FaultFile *file = enter(base);
    real_methods(file)->xShmBarrier(file->real);
    leave(file, SQLITE_OK);
}

static int fault_shm_unmap(sqlite3_file *base, int deletes) {
    FaultFile *file = enter(base);
    return leave(file, real_methods(file)->xShmUnmap(file->real, deletes));
}

/* Version 2: without the calls for mapped pages. */
const sqlite3_io_methods fault_io_methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_file_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_check_reserved_lock,
    .xFileControl = fault_file_control,
    .xSectorSize = fault_sector_size,
    .xDeviceCharacteristics = fault_device_characteristics,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

/* Registration, rules and counters: what the tests talk to, and the calls of a file system that are not of one file. */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault_internal.h"

size_t fault_fs_sector_size(void) { return fault_sector; }

static bool ends_with(const char *path, const char *suffix) {
    if (suffix == NULL || *suffix == 0) return true;
    if (path == NULL) return false;
    size_t path_length = strlen(path), suffix_length = strlen(suffix);
    return path_length >= suffix_length && strcmp(path + path_length - suffix_length, suffix) == 0;
}

void fault_enter(FaultFileSystem *fs, FaultCall call, const char *path, int64_t offset, int64_t length) {
    FaultRule rule = {0};
    bool is_decided = fs->decision != NULL && !fs->is_off
        && fs->decision(fs->decision_context, call, path, offset, length, &rule);
    pthread_mutex_lock(&fs->lock);
    fs->is_decided = is_decided;
    fs->decided = rule;
}

void fault_leave(FaultFileSystem *fs) {
    fs->is_decided = false;
    pthread_mutex_unlock(&fs->lock);
}

const FaultRule *fault_meet(
    FaultFileSystem *fs, FaultCall call, const char *path, int64_t offset, int64_t length
) {
    const FaultRule *met = NULL;
    fs->calls[call]++;
    if (fs->is_decided) {
        fs->is_decided = false;
        fs->faults[call]++;
        if (fs->decided.effect == FaultEffectKill) raise(SIGKILL);
        return &fs->decided;
    }
    for (int index = 0; index < fs->rule_count; index++) {
        ActiveRule *active = &fs->rules[index];
        const FaultRule *rule = &active->rule;
        if (rule->call != call || !ends_with(path, active->suffix)) continue;
        if (rule->effect == FaultEffectFlippedBit && (rule->offset < offset || rule->offset >= offset + length)) {
            continue;
        }
        active->matched++;
        if (met != NULL || active->matched < rule->first) continue;
        if (rule->count != 0 && active->matched - rule->first >= rule->count) continue;
        active->met++;
        fs->faults[call]++;
        met = rule;
        if (rule->effect == FaultEffectKill) raise(SIGKILL);
    }
    return met;
}

int fault_result(const FaultRule *rule, FaultCall call) {
    if (rule != NULL && rule->result != 0) return rule->result;
    switch (call) {
    case FaultCallOpen: return SQLITE_CANTOPEN;
    case FaultCallRead: return SQLITE_IOERR_READ;
    case FaultCallWrite: return SQLITE_IOERR_WRITE;
    case FaultCallTruncate: return SQLITE_IOERR_TRUNCATE;
    case FaultCallSync: return SQLITE_IOERR_FSYNC;
    case FaultCallDelete: return SQLITE_IOERR_DELETE;
    case FaultCallAccess: return SQLITE_IOERR_ACCESS;
    case FaultCallFileSize: return SQLITE_IOERR_FSTAT;
    case FaultCallLock: return SQLITE_IOERR_LOCK;
    case FaultCallSharedMemoryMap: return SQLITE_IOERR_SHMMAP;
    case FaultCallSharedMemoryLock: return SQLITE_IOERR_SHMLOCK;
    }
    return SQLITE_IOERR;
}

int fault_refuse(FaultFileSystem *fs, FaultCall call, const char *path) {
    if (fs->is_off) {
        fs->calls[call]++;
        fs->faults[call]++;
        return fault_result(NULL, call);
    }
    const FaultRule *rule = fault_meet(fs, call, path, 0, 0);
    if (rule == NULL || rule->effect == FaultEffectFlippedBit || rule->effect == FaultEffectMisdirected) {
        return SQLITE_OK;
    }
    if (rule->effect == FaultEffectPowerOff) fs->is_off = true;
    return fault_result(rule, call);
}

/* Calls of SQLite on the file system. */

static FaultFileSystem *owner(sqlite3_vfs *vfs) { return vfs->pAppData; }

static int fault_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *flags_out) {
    FaultFileSystem *fs = owner(vfs);
    FaultFile *file = (FaultFile *)base;
    file->base.pMethods = NULL;
    file->fs = fs;
    file->real = (sqlite3_file *)(file + 1);
    file->disk = NULL;
    file->next_open = NULL;
    file->syncs_directory = (flags & SQLITE_OPEN_CREATE) != 0
        && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL)) != 0;
    fault_enter(fs, FaultCallOpen, path, 0, 0);
    int result = fault_refuse(fs, FaultCallOpen, path);
    if (result == SQLITE_OK) {
        bool existed = path != NULL
            && (fs->memory == NULL ? access(path, F_OK) == 0 : memory_disk_exists(fs->memory, path));
        result = fs->real->xOpen(fs->real, path, file->real, flags, flags_out);
        if (result == SQLITE_OK && path != NULL && (flags & SQLITE_OPEN_DELETEONCLOSE) == 0) {
            file->disk = disk_file_opened(fs, path, existed, file->real);
            if (file->disk == NULL) {
                file->real->pMethods->xClose(file->real);
                result = SQLITE_NOMEM;
            }
        }
        if (result == SQLITE_OK) {
            file->base.pMethods = &fault_io_methods;
            if (file->disk != NULL) {
                file->next_open = file->disk->first_open;
                file->disk->first_open = file;
            }
            fs->open_files++;
        }
    }
    fault_leave(fs);
    return result;
}

static int fault_delete(sqlite3_vfs *vfs, const char *path, int syncs_directory) {
    FaultFileSystem *fs = owner(vfs);
    fault_enter(fs, FaultCallDelete, path, syncs_directory, 0);
    int result = fault_refuse(fs, FaultCallDelete, path);
    if (result == SQLITE_OK) {
        result = fs->real->xDelete(fs->real, path, 0);
        DiskFile *file = disk_file(fs, path);
        if (result == SQLITE_OK && file != NULL) disk_file_deleted(file);
        if (result == SQLITE_OK && syncs_directory) disk_directory_synced(fs, path);
    }
    fault_leave(fs);
    return result;
}

static int fault_access(sqlite3_vfs *vfs, const char *path, int flags, int *answer) {
    FaultFileSystem *fs = owner(vfs);
    fault_enter(fs, FaultCallAccess, path, flags, 0);
    int result = fault_refuse(fs, FaultCallAccess, path);
    if (result == SQLITE_OK) result = fs->real->xAccess(fs->real, path, flags, answer);
    fault_leave(fs);
    return result;
}

static int fault_full_pathname(sqlite3_vfs *vfs, const char *path, int size, char *full) {
    sqlite3_vfs *real = owner(vfs)->real;
    return real->xFullPathname(real, path, size, full);
}

static int fault_randomness(sqlite3_vfs *vfs, int size, char *bytes) {
    sqlite3_vfs *real = owner(vfs)->real;
    return real->xRandomness(real, size, bytes);
}

static int fault_sleep(sqlite3_vfs *vfs, int microseconds) {
    sqlite3_vfs *real = owner(vfs)->real;
    return real->xSleep(real, microseconds);
}

static int fault_current_time(sqlite3_vfs *vfs, double *julian_day) {
    sqlite3_vfs *real = owner(vfs)->real;
    return real->xCurrentTime(real, julian_day);
}

static int fault_last_error(sqlite3_vfs *vfs, int size, char *text) {
    sqlite3_vfs *real = owner(vfs)->real;
    return real->xGetLastError == NULL ? 0 : real->xGetLastError(real, size, text);
}

static int fault_current_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *milliseconds) {
    sqlite3_vfs *real = owner(vfs)->real;
    return real->xCurrentTimeInt64(real, milliseconds);
}

/* Calls of the tests. */

static FaultFileSystem *create(const char *name, MemoryDisk *memory) {
    sqlite3_vfs *real = memory == NULL ? sqlite3_vfs_find(NULL) : memory_disk_vfs(memory);
    if (real == NULL || real->iVersion < 2 || sqlite3_vfs_find(name) != NULL) return NULL;
    FaultFileSystem *fs = calloc(1, sizeof *fs);
    if (fs == NULL) return NULL;
    fs->name = strdup(name);
    fs->real = real;
    fs->memory = memory;
    fs->capacity = -1;
    if (fs->name == NULL || pthread_mutex_init(&fs->lock, NULL) != 0) {
        free(fs->name);
        free(fs);
        return NULL;
    }
    fs->vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(FaultFile) + real->szOsFile,
        .mxPathname = real->mxPathname,
        .zName = fs->name,
        .pAppData = fs,
        .xOpen = fault_open,
        .xDelete = fault_delete,
        .xAccess = fault_access,
        .xFullPathname = fault_full_pathname,
        .xRandomness = fault_randomness,
        .xSleep = fault_sleep,
        .xCurrentTime = fault_current_time,
        .xGetLastError = fault_last_error,
        .xCurrentTimeInt64 = fault_current_time_int64,
    };
    if (sqlite3_vfs_register(&fs->vfs, 0) != SQLITE_OK) {
        pthread_mutex_destroy(&fs->lock);
        free(fs->name);
        free(fs);
        return NULL;
    }
    return fs;
}

FaultFileSystem *fault_fs_create(const char *name) {
    sqlite3_initialize();
    return create(name, NULL);
}

FaultFileSystem *fault_fs_create_in_memory(const char *name) {
    sqlite3_initialize();
    MemoryDisk *memory = memory_disk_create();
    FaultFileSystem *fs = memory == NULL ? NULL : create(name, memory);
    if (fs == NULL) memory_disk_free(memory);
    return fs;
}

bool fault_fs_destroy(FaultFileSystem *fs) {
    if (fault_fs_open_files(fs) > 0) return false;
    sqlite3_vfs_unregister(&fs->vfs);
    fault_fs_clear_rules(fs);
    while (fs->files != NULL) {
        DiskFile *next = fs->files->next;
        disk_file_free(fs->files);
        fs->files = next;
    }
    memory_disk_free(fs->memory);
    pthread_mutex_destroy(&fs->lock);
    free(fs->name);
    free(fs);
    return true;
}

int fault_fs_add_rule(FaultFileSystem *fs, const FaultRule *rule) {
    char *suffix = strdup(rule->suffix == NULL ? "" : rule->suffix);
    pthread_mutex_lock(&fs->lock);
    int number = -1;
    if (suffix != NULL && fs->rule_count < fault_rule_limit) {
        number = fs->rule_count++;
        fs->rules[number] = (ActiveRule){.rule = *rule, .suffix = suffix};
        fs->rules[number].rule.suffix = suffix;
        suffix = NULL;
    }
    pthread_mutex_unlock(&fs->lock);
    free(suffix);
    return number;
}

uint64_t fault_fs_rule_met(FaultFileSystem *fs, int rule) {
    pthread_mutex_lock(&fs->lock);
    uint64_t met = rule >= 0 && rule < fs->rule_count ? fs->rules[rule].met : 0;
    pthread_mutex_unlock(&fs->lock);
    return met;
}

void fault_fs_clear_rules(FaultFileSystem *fs) {
    pthread_mutex_lock(&fs->lock);
    while (fs->rule_count > 0) free(fs->rules[--fs->rule_count].suffix);
    pthread_mutex_unlock(&fs->lock);
}

void fault_fs_set_decision(FaultFileSystem *fs, FaultDecision decision, void *context) {
    pthread_mutex_lock(&fs->lock);
    fs->decision = decision;
    fs->decision_context = context;
    pthread_mutex_unlock(&fs->lock);
}

void fault_fs_set_capacity(FaultFileSystem *fs, int64_t bytes) {
    pthread_mutex_lock(&fs->lock);
    fs->capacity = bytes;
    pthread_mutex_unlock(&fs->lock);
}

int64_t fault_fs_used(FaultFileSystem *fs) {
    pthread_mutex_lock(&fs->lock);
    int64_t used = disk_used(fs);
    pthread_mutex_unlock(&fs->lock);
    return used;
}

void fault_fs_set_device_characteristics(FaultFileSystem *fs, int bits) {
    pthread_mutex_lock(&fs->lock);
    fs->device_characteristics = bits;
    pthread_mutex_unlock(&fs->lock);
}

uint64_t fault_fs_calls(FaultFileSystem *fs, FaultCall call) {
    pthread_mutex_lock(&fs->lock);
    uint64_t calls = fs->calls[call];
    pthread_mutex_unlock(&fs->lock);
    return calls;
}

uint64_t fault_fs_faults(FaultFileSystem *fs, FaultCall call) {
    pthread_mutex_lock(&fs->lock);
    uint64_t faults = fs->faults[call];
    pthread_mutex_unlock(&fs->lock);
    return faults;
}

uint64_t fault_fs_writes_without_room(FaultFileSystem *fs) {
    pthread_mutex_lock(&fs->lock);
    uint64_t writes = fs->writes_without_room;
    pthread_mutex_unlock(&fs->lock);
    return writes;
}

uint64_t fault_fs_lost_sector_reads(FaultFileSystem *fs) {
    pthread_mutex_lock(&fs->lock);
    uint64_t reads = fs->lost_sector_reads;
    pthread_mutex_unlock(&fs->lock);
    return reads;
}

int fault_fs_open_files(FaultFileSystem *fs) {
    pthread_mutex_lock(&fs->lock);
    int count = fs->open_files;
    pthread_mutex_unlock(&fs->lock);
    return count;
}

static void set_off(FaultFileSystem *fs, bool is_off) {
    pthread_mutex_lock(&fs->lock);
    fs->is_off = is_off;
    pthread_mutex_unlock(&fs->lock);
}

void fault_fs_power_off(FaultFileSystem *fs) { set_off(fs, true); }

void fault_fs_power_on(FaultFileSystem *fs) { set_off(fs, false); }

bool fault_fs_is_off(FaultFileSystem *fs) {
    pthread_mutex_lock(&fs->lock);
    bool is_off = fs->is_off;
    pthread_mutex_unlock(&fs->lock);
    return is_off;
}

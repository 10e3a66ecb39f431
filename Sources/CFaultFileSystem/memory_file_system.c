/* Files that live in memory alone: what lies behind the faults when nothing is to reach a real disk. Every call holds
   the lock of the file system in front. */

#include <stdlib.h>
#include <string.h>

#include "fault_internal.h"


typedef struct MemoryFile MemoryFile;

typedef struct MemoryNode {
    struct MemoryNode *next;
    char *path; /* Null for temporary files. */
    bool is_linked; /* Else it goes with its last handle. */
    Image data;
    MemoryFile *first_open;
    void **regions; /* Shared memory, for as long as a handle maps it. */
    int region_count;
} MemoryNode;

struct MemoryFile {
    sqlite3_file base;
    MemoryDisk *disk;
    MemoryNode *node;
    MemoryFile *next_open;
    int lock;
    unsigned shared, exclusive; /* Locks on shared memory, a bit each. */
    bool maps;
};

struct MemoryDisk {
    sqlite3_vfs vfs;
    MemoryNode *nodes;
    uint64_t random;
};

static MemoryNode *find(MemoryDisk *disk, const char *path) {
    MemoryNode *node = disk->nodes;
    while (node != NULL && (!node->is_linked || strcmp(node->path, path) != 0)) node = node->next;
    return node;
}

static void free_node(MemoryDisk *disk, MemoryNode *node) {
    MemoryNode **link = &disk->nodes;
    while (*link != NULL && *link != node) link = &(*link)->next;
    if (*link == node) *link = node->next;
    free(node->data.bytes);
    free(node->path);
    free(node);
}

static MemoryNode *add(MemoryDisk *disk, const char *path, bool is_linked) {
    MemoryNode *node = calloc(1, sizeof *node);
    if (node == NULL) return NULL;
    node->path = path == NULL ? NULL : strdup(path);
    node->is_linked = is_linked;
    node->next = disk->nodes;
    disk->nodes = node;
    return node;
}

static void unmap(MemoryFile *file) {
    file->maps = false;
    file->shared = file->exclusive = 0;
    for (MemoryFile *other = file->node->first_open; other != NULL; other = other->next_open) {
        if (other->maps) return;
    }
    for (int region = 0; region < file->node->region_count; region++) free(file->node->regions[region]);
    free(file->node->regions);
    file->node->regions = NULL;
    file->node->region_count = 0;
}

static int memory_close(sqlite3_file *base) {
    MemoryFile *file = (MemoryFile *)base;
    MemoryFile **link = &file->node->first_open;
    while (*link != file) link = &(*link)->next_open;
    unmap(file);
    *link = file->next_open;
    if (file->node->first_open == NULL && !file->node->is_linked) free_node(file->disk, file->node);
    return SQLITE_OK;
}

static int memory_read(sqlite3_file *base, void *bytes, int length, sqlite3_int64 offset) {
    const Image *data = &((MemoryFile *)base)->node->data;
    int64_t there = data->size > offset ? data->size - offset : 0;
    if (there > length) there = length;
    if (there > 0) memcpy(bytes, data->bytes + offset, (size_t)there);
    if (there == length) return SQLITE_OK;
    memset((unsigned char *)bytes + there, 0, (size_t)(length - there));
    return SQLITE_IOERR_SHORT_READ;
}

static int memory_write(sqlite3_file *base, const void *bytes, int length, sqlite3_int64 offset) {
    Image *data = &((MemoryFile *)base)->node->data;
    return image_write(data, bytes, (size_t)length, offset) ? SQLITE_OK : SQLITE_IOERR_NOMEM;
}

static int memory_truncate(sqlite3_file *base, sqlite3_int64 size) {
    return image_resize(&((MemoryFile *)base)->node->data, size) ? SQLITE_OK : SQLITE_IOERR_NOMEM;
}

static int memory_sync(sqlite3_file *base, int flags) {
    (void)base;
    (void)flags;
    return SQLITE_OK;
}

static int memory_file_size(sqlite3_file *base, sqlite3_int64 *size) {
    *size = ((MemoryFile *)base)->node->data.size;
    return SQLITE_OK;
}

static bool others_hold(MemoryFile *file, int level) {
    for (MemoryFile *other = file->node->first_open; other != NULL; other = other->next_open) {
        if (other != file && other->lock >= level) return true;
    }
    return false;
}

/* See https://sqlite.org/lockingv3.html */
static int memory_lock(sqlite3_file *base, int level) {
    MemoryFile *file = (MemoryFile *)base;
    if (file->lock >= level) return SQLITE_OK;
    if (level == SQLITE_LOCK_SHARED) {
        if (others_hold(file, SQLITE_LOCK_PENDING)) return SQLITE_BUSY;
    } else {
        if (others_hold(file, SQLITE_LOCK_RESERVED)) return SQLITE_BUSY;
        if (level == SQLITE_LOCK_EXCLUSIVE && others_hold(file, SQLITE_LOCK_SHARED)) {
            file->lock = SQLITE_LOCK_PENDING;
            return SQLITE_BUSY;
        }
    }
    file->lock = level;
    return SQLITE_OK;
}

static int memory_unlock(sqlite3_file *base, int level) {
    MemoryFile *file = (MemoryFile *)base;
    if (file->lock > level) file->lock = level;
    return SQLITE_OK;
}

static int memory_check_reserved_lock(sqlite3_file *base, int *answer) {
    MemoryFile *file = (MemoryFile *)base;
    *answer = file->lock >= SQLITE_LOCK_RESERVED || others_hold(file, SQLITE_LOCK_RESERVED);
    return SQLITE_OK;
}

static int memory_file_control(sqlite3_file *base, int operation, void *argument) {
    (void)base;
    (void)operation;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int memory_sector_size(sqlite3_file *base) {
    (void)base;
    return 4096;
}

static int memory_device_characteristics(sqlite3_file *base) {
    (void)base;
    return 0;
}

static int memory_shm_map(sqlite3_file *base, int region, int size, int extends, void volatile **address) {
    MemoryFile *file = (MemoryFile *)base;
    MemoryNode *node = file->node;
    file->maps = true;
    *address = NULL;
    if (region >= node->region_count) {
        if (!extends) return SQLITE_OK;
        void **regions = realloc(node->regions, sizeof *regions * (size_t)(region + 1));
        if (regions == NULL) return SQLITE_IOERR_NOMEM;
        node->regions = regions;
        while (node->region_count <= region) {
            void *bytes = calloc(1, (size_t)size);
            if (bytes == NULL) return SQLITE_IOERR_NOMEM;
            regions[node->region_count++] = bytes;
        }
    }
    *address = node->regions[region];
    return SQLITE_OK;
}

static int memory_shm_lock(sqlite3_file *base, int offset, int count, int flags) {
    MemoryFile *file = (MemoryFile *)base;
    unsigned mask = ((1u << count) - 1) << offset;
    if (flags & SQLITE_SHM_UNLOCK) {
        file->shared &= ~mask;
        file->exclusive &= ~mask;
        return SQLITE_OK;
    }
    for (MemoryFile *other = file->node->first_open; other != NULL; other = other->next_open) {
        if (other == file) continue;
        if (other->exclusive & mask) return SQLITE_BUSY;
        if ((flags & SQLITE_SHM_EXCLUSIVE) && (other->shared & mask)) return SQLITE_BUSY;
    }
    if (flags & SQLITE_SHM_EXCLUSIVE) file->exclusive |= mask;
    else file->shared |= mask;
    return SQLITE_OK;
}

static void memory_shm_barrier(sqlite3_file *base) {
    (void)base;
    __sync_synchronize();
}

static int memory_shm_unmap(sqlite3_file *base, int deletes) {
    (void)deletes;
    unmap((MemoryFile *)base);
    return SQLITE_OK;
}

static const sqlite3_io_methods memory_io_methods = {
    .iVersion = 2,
    .xClose = memory_close,
    .xRead = memory_read,
    .xWrite = memory_write,
    .xTruncate = memory_truncate,
    .xSync = memory_sync,
    .xFileSize = memory_file_size,
    .xLock = memory_lock,
    .xUnlock = memory_unlock,
    .xCheckReservedLock = memory_check_reserved_lock,
    .xFileControl = memory_file_control,
    .xSectorSize = memory_sector_size,
    .xDeviceCharacteristics = memory_device_characteristics,
    .xShmMap = memory_shm_map,
    .xShmLock = memory_shm_lock,
    .xShmBarrier = memory_shm_barrier,
    .xShmUnmap = memory_shm_unmap,
};

static int memory_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *flags_out) {
    MemoryDisk *disk = vfs->pAppData;
    MemoryFile *file = (MemoryFile *)base;
    memset(file, 0, sizeof *file);
    bool is_temporary = path == NULL || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    MemoryNode *node = is_temporary ? NULL : find(disk, path);
    if (node == NULL) {
        if (!is_temporary && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
        node = add(disk, path, !is_temporary);
        if (node == NULL) return SQLITE_NOMEM;
    }
    file->disk = disk;
    file->node = node;
    file->next_open = node->first_open;
    node->first_open = file;
    file->base.pMethods = &memory_io_methods;
    if (flags_out != NULL) *flags_out = flags;
    return SQLITE_OK;
}

static int memory_delete(sqlite3_vfs *vfs, const char *path, int syncs_directory) {
    (void)syncs_directory;
    MemoryDisk *disk = vfs->pAppData;
    MemoryNode *node = find(disk, path);
    if (node == NULL) return SQLITE_IOERR_DELETE_NOENT;
    node->is_linked = false;
    if (node->first_open == NULL) free_node(disk, node);
    return SQLITE_OK;
}

static int memory_access(sqlite3_vfs *vfs, const char *path, int flags, int *answer) {
    MemoryNode *node = find(vfs->pAppData, path);
    /* As SQLite's own file system has it: an empty file does not count as one. */
    *answer = node != NULL && (flags != SQLITE_ACCESS_EXISTS || node->data.size > 0);
    return SQLITE_OK;
}

static int memory_full_pathname(sqlite3_vfs *vfs, const char *path, int size, char *full) {
    (void)vfs;
    return sqlite3_snprintf(size, full, "%s", path) == NULL ? SQLITE_CANTOPEN : SQLITE_OK;
}

static int memory_randomness(sqlite3_vfs *vfs, int size, char *bytes) {
    MemoryDisk *disk = vfs->pAppData;
    for (int index = 0; index < size; index++) {
        disk->random = disk->random * 6364136223846793005u + 1442695040888963407u;
        bytes[index] = (char)(disk->random >> 56);
    }
    return size;
}

static int memory_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    return microseconds;
}

static int memory_current_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *milliseconds) {
    (void)vfs;
    *milliseconds = 212600000000000; /* Some day in 2024: a clock that stands. */
    return SQLITE_OK;
}

static int memory_current_time(sqlite3_vfs *vfs, double *julian_day) {
    sqlite3_int64 milliseconds;
    memory_current_time_int64(vfs, &milliseconds);
    *julian_day = (double)milliseconds / 86400000.0;
    return SQLITE_OK;
}

static int memory_last_error(sqlite3_vfs *vfs, int size, char *text) {
    (void)vfs;
    (void)size;
    (void)text;
    return 0;
}

MemoryDisk *memory_disk_create(void) {
    MemoryDisk *disk = calloc(1, sizeof *disk);
    if (disk == NULL) return NULL;
    disk->vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(MemoryFile),
        .mxPathname = 512,
        .zName = "memory",
        .pAppData = disk,
        .xOpen = memory_open,
        .xDelete = memory_delete,
        .xAccess = memory_access,
        .xFullPathname = memory_full_pathname,
        .xRandomness = memory_randomness,
        .xSleep = memory_sleep,
        .xCurrentTime = memory_current_time,
        .xGetLastError = memory_last_error,
        .xCurrentTimeInt64 = memory_current_time_int64,
    };
    return disk;
}

void memory_disk_free(MemoryDisk *disk) {
    if (disk == NULL) return;
    while (disk->nodes != NULL) free_node(disk, disk->nodes);
    free(disk);
}

sqlite3_vfs *memory_disk_vfs(MemoryDisk *disk) { return &disk->vfs; }

bool memory_disk_exists(MemoryDisk *disk, const char *path) { return find(disk, path) != NULL; }

bool memory_disk_set(MemoryDisk *disk, const char *path, const Image *image) {
    MemoryNode *node = find(disk, path);
    if (image == NULL) {
        if (node != NULL) free_node(disk, node);
        return true;
    }
    if (node == NULL) node = add(disk, path, true);
    if (node == NULL || !image_resize(&node->data, image->size)) return false;
    if (image->size > 0) memcpy(node->data.bytes, image->bytes, (size_t)image->size);
    return true;
}

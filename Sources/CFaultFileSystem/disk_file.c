/* What the disk holds of each file, and what a power cut would leave. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault_internal.h"

bool image_resize(Image *image, int64_t size) {
    if (size > image->capacity) {
        int64_t capacity = image->capacity * 2 > size ? image->capacity * 2 : size;
        unsigned char *bytes = realloc(image->bytes, (size_t)capacity);
        if (bytes == NULL) return false;
        image->bytes = bytes;
        image->capacity = capacity;
    }
    if (size > image->size) memset(image->bytes + image->size, 0, (size_t)(size - image->size));
    image->size = size;
    return true;
}

bool image_write(Image *image, const unsigned char *bytes, size_t length, int64_t offset) {
    int64_t end = offset + (int64_t)length;
    if (end > image->size && !image_resize(image, end)) return false;
    memcpy(image->bytes + offset, bytes, length);
    return true;
}

static bool image_apply(Image *image, const PendingChange *change) {
    return change->is_truncation ? image_resize(image, change->offset)
                                 : image_write(image, change->bytes, change->length, change->offset);
}

static void forget_pending(DiskFile *file) {
    while (file->first_pending != NULL) {
        PendingChange *next = file->first_pending->next;
        free(file->first_pending);
        file->first_pending = next;
    }
    file->end_of_pending = &file->first_pending;
}

static bool remember(DiskFile *file, bool is_truncation, const void *bytes, size_t length, int64_t offset) {
    PendingChange *change = malloc(sizeof *change + length);
    if (change == NULL) return false;
    *change = (PendingChange){.is_truncation = is_truncation, .offset = offset, .length = length};
    if (length > 0) memcpy(change->bytes, bytes, length);
    *file->end_of_pending = change;
    file->end_of_pending = &change->next;
    return true;
}

DiskFile *disk_file(FaultFileSystem *fs, const char *path) {
    DiskFile *file = fs->files;
    while (file != NULL && strcmp(file->path, path) != 0) file = file->next;
    return file;
}

DiskFile *disk_file_opened(FaultFileSystem *fs, const char *path, bool existed, sqlite3_file *real) {
    DiskFile *file = disk_file(fs, path);
    if (file != NULL) {
        if (!file->exists) { /* Created again: the old one cannot come back beside it. */
            forget_pending(file);
            image_resize(&file->durable, 0);
            file->exists = true;
            file->durably_exists = false;
            file->size = 0;
        }
        return file;
    }
    file = calloc(1, sizeof *file);
    if (file == NULL) return NULL;
    file->path = strdup(path);
    file->end_of_pending = &file->first_pending;
    file->exists = true;
    file->durably_exists = existed;
    sqlite3_int64 size = 0;
    bool is_read = file->path != NULL && real->pMethods->xFileSize(real, &size) == SQLITE_OK
        && image_resize(&file->durable, size);
    for (int64_t offset = 0; is_read && offset < size;) {
        int64_t length = size - offset < (1 << 20) ? size - offset : 1 << 20;
        is_read = real->pMethods->xRead(real, file->durable.bytes + offset, (int)length, offset) == SQLITE_OK;
        offset += length;
    }
    if (!is_read) {
        disk_file_free(file);
        return NULL;
    }
    file->size = size;
    file->next = fs->files;
    fs->files = file;
    return file;
}

/* Sectors that a write covers whole, or a truncation cuts off, can be read again. */
static void find_sectors(DiskFile *file, int64_t start, int64_t end) {
    for (int index = file->lost_sector_count - 1; index >= 0; index--) {
        if (file->lost_sectors[index] < start || file->lost_sectors[index] + fault_sector > end) continue;
        file->lost_sectors[index] = file->lost_sectors[--file->lost_sector_count];
    }
}

bool disk_file_is_lost(const DiskFile *file, int64_t offset, int64_t length) {
    for (int index = 0; index < file->lost_sector_count; index++) {
        int64_t sector = file->lost_sectors[index];
        if (sector < offset + length && sector + fault_sector > offset) return true;
    }
    return false;
}

bool disk_file_wrote(DiskFile *file, const void *bytes, size_t length, int64_t offset) {
    find_sectors(file, offset, offset + (int64_t)length);
    int64_t end = offset + (int64_t)length;
    if (end > file->size) file->size = end;
    return remember(file, false, bytes, length, offset);
}

bool disk_file_truncated(DiskFile *file, int64_t size) {
    file->size = size;
    find_sectors(file, size, INT64_MAX);
    return remember(file, true, NULL, 0, size);
}

bool disk_file_synced(DiskFile *file) {
    for (PendingChange *change = file->first_pending; change != NULL; change = change->next) {
        if (!image_apply(&file->durable, change)) return false;
    }
    forget_pending(file);
    file->durably_exists = file->exists;
    return true;
}

void disk_file_lost(DiskFile *file) { forget_pending(file); }

void disk_file_deleted(DiskFile *file) {
    forget_pending(file);
    file->exists = false;
    file->size = 0;
    file->lost_sector_count = 0;
}

void disk_directory_synced(FaultFileSystem *fs, const char *path) {
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    for (DiskFile *file = fs->files; file != NULL; file = file->next) {
        if (strncmp(file->path, path, length) != 0 || strchr(file->path + length, '/') != NULL) continue;
        file->durably_exists = file->exists;
        if (!file->exists) image_resize(&file->durable, 0);
    }
}

void disk_file_free(DiskFile *file) {
    forget_pending(file);
    free(file->durable.bytes);
    free(file->path);
    free(file);
}

int64_t disk_used(FaultFileSystem *fs) {
    int64_t used = 0;
    for (DiskFile *file = fs->files; file != NULL; file = file->next) used += file->size;
    return used;
}

/* The power cut. */

/* SplitMix64. See https://prng.di.unimi.it/splitmix64.c */
static uint64_t draw(uint64_t *state) {
    uint64_t value = (*state += 0x9E3779B97F4A7C15);
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
    value = (value ^ value >> 27) * 0x94D049BB133111EB;
    return value ^ value >> 31;
}

static bool chance(uint64_t *state, uint64_t percent) { return draw(state) % 100 < percent; }

/* Lets some of the disk's sectors in a write through: the first few, or each by chance. */
static bool apply_torn(Image *image, const PendingChange *change, uint64_t *state) {
    bool is_prefix = chance(state, 50);
    int64_t end = change->offset + (int64_t)change->length;
    for (int64_t start = change->offset; start < end;) {
        int64_t next = (start / fault_sector + 1) * fault_sector;
        if (next > end) next = end;
        if (chance(state, 50)) {
            if (!image_write(image, change->bytes + (start - change->offset), (size_t)(next - start), start)) {
                return false;
            }
        } else if (is_prefix) {
            return true;
        }
        start = next;
    }
    return true;
}

static int64_t count_pending(const DiskFile *file) {
    int64_t count = 0;
    for (PendingChange *change = file->first_pending; change != NULL; change = change->next) count++;
    return count;
}

/* Brings what survives of a file into an image that begins as the durable one, and counts what does not survive whole. */
static bool survive(const DiskFile *file, FaultSurvival survival, uint64_t *state, Image *image, FaultLoss *loss) {
    int64_t count = count_pending(file);
    int64_t kept = survival == FaultSurvivalPrefix ? (int64_t)(draw(state) % (uint64_t)(count + 1)) : count;
    uint64_t likelihood = draw(state) % 101; /* Of surviving whole. */
    int64_t index = 0;
    for (PendingChange *change = file->first_pending; change != NULL; change = change->next, index++) {
        bool is_whole = false, is_torn = false;
        switch (survival) {
        case FaultSurvivalNone: break;
        case FaultSurvivalAll: is_whole = true; break;
        case FaultSurvivalPrefix:
            is_whole = index < kept;
            is_torn = index == kept;
            break;
        case FaultSurvivalRandom:
            is_whole = chance(state, likelihood);
            is_torn = !is_whole && chance(state, 50);
            break;
        }
        if (is_whole) {
            if (!image_apply(image, change)) return false;
        } else {
            loss->writes++;
            if (is_torn && !change->is_truncation) {
                loss->torn_writes++;
                if (!apply_torn(image, change, state)) return false;
            }
        }
    }
    return true;
}

static bool write_file(const char *path, const Image *image) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) return false;
    int64_t written = 0;
    while (written < image->size) {
        ssize_t count = write(descriptor, image->bytes + written, (size_t)(image->size - written));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        written += count;
    }
    return close(descriptor) == 0 && written == image->size;
}

static bool file_survives(const DiskFile *file, FaultSurvival survival, uint64_t *state) {
    if (file->exists == file->durably_exists) return file->exists;
    switch (survival) {
    case FaultSurvivalNone: return file->durably_exists;
    case FaultSurvivalAll: return file->exists;
    case FaultSurvivalPrefix:
    case FaultSurvivalRandom: return chance(state, 50);
    }
    return file->exists;
}

/* What a power cut leaves of a file. False when memory runs out. */
static bool surviving(const DiskFile *file, FaultSurvival survival, uint64_t *state, Image *image, FaultLoss *loss) {
    *image = (Image){0};
    if (!image_resize(image, file->durable.size)) return false;
    if (image->size > 0) memcpy(image->bytes, file->durable.bytes, (size_t)image->size);
    return survive(file, survival, state, image, loss);
}

static bool copy_surviving(
    const DiskFile *file, const char *directory, FaultSurvival survival, uint64_t *state, FaultLoss *loss
) {
    const char *slash = strrchr(file->path, '/');
    char *target = sqlite3_mprintf("%s/%s", directory, slash == NULL ? file->path : slash + 1);
    if (target == NULL) return false;
    bool is_copied;
    if (file_survives(file, survival, state)) {
        Image image;
        is_copied = surviving(file, survival, state, &image, loss) && write_file(target, &image);
        free(image.bytes);
    } else {
        loss->writes += count_pending(file);
        is_copied = unlink(target) == 0 || errno == ENOENT;
    }
    sqlite3_free(target);
    return is_copied;
}

int64_t fault_fs_copy_surviving(FaultFileSystem *fs, const char *directory, FaultSurvival survival, uint64_t seed) {
    uint64_t state = seed;
    FaultLoss loss = {0};
    bool is_copied = true;
    pthread_mutex_lock(&fs->lock);
    for (DiskFile *file = fs->files; file != NULL && is_copied; file = file->next) {
        is_copied = copy_surviving(file, directory, survival, &state, &loss);
    }
    pthread_mutex_unlock(&fs->lock);
    return is_copied ? loss.writes : -1;
}

/* Leaves of a file in memory what survives. */
static bool restart(FaultFileSystem *fs, DiskFile *file, FaultSurvival survival, uint64_t *state, FaultLoss *loss) {
    bool is_done = true;
    Image image = {0};
    if (file_survives(file, survival, state)) {
        is_done = surviving(file, survival, state, &image, loss) && memory_disk_set(fs->memory, file->path, &image);
        file->exists = true;
    } else {
        loss->writes += count_pending(file);
        memory_disk_set(fs->memory, file->path, NULL);
        file->exists = false;
        file->lost_sector_count = 0;
    }
    free(file->durable.bytes);
    file->durable = image;
    file->size = image.size;
    file->durably_exists = file->exists;
    forget_pending(file);
    return is_done;
}

bool fault_fs_restart(FaultFileSystem *fs, FaultSurvival survival, uint64_t seed, FaultLoss *loss) {
    uint64_t state = seed;
    *loss = (FaultLoss){0};
    pthread_mutex_lock(&fs->lock);
    bool is_done = fs->memory != NULL && fs->open_files == 0;
    if (is_done) {
        for (DiskFile *file = fs->files; file != NULL && is_done; file = file->next) {
            is_done = restart(fs, file, survival, &state, loss);
        }
        fs->is_off = false;
    }
    pthread_mutex_unlock(&fs->lock);
    return is_done;
}

int64_t fault_fs_file_size(FaultFileSystem *fs, const char *path) {
    pthread_mutex_lock(&fs->lock);
    DiskFile *file = disk_file(fs, path);
    int64_t size = file == NULL || !file->exists ? -1 : file->size;
    pthread_mutex_unlock(&fs->lock);
    return size;
}

bool fault_fs_lose_sector(FaultFileSystem *fs, const char *path, int64_t offset) {
    pthread_mutex_lock(&fs->lock);
    DiskFile *file = disk_file(fs, path);
    bool is_lost = file != NULL && offset >= 0 && offset < file->size
        && file->lost_sector_count < fault_lost_sector_limit;
    if (is_lost) file->lost_sectors[file->lost_sector_count++] = offset / fault_sector * fault_sector;
    pthread_mutex_unlock(&fs->lock);
    return is_lost;
}

static bool flip_through(sqlite3_file *file, unsigned char mask, int64_t offset) {
    unsigned char byte;
    if (file->pMethods->xRead(file, &byte, 1, offset) != SQLITE_OK) return false;
    byte ^= mask;
    return file->pMethods->xWrite(file, &byte, 1, offset) == SQLITE_OK;
}

static bool flip_in_memory(sqlite3_vfs *vfs, const char *path, unsigned char mask, int64_t offset) {
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    bool is_flipped = file != NULL
        && vfs->xOpen(vfs, path, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB, NULL) == SQLITE_OK;
    if (is_flipped) {
        is_flipped = flip_through(file, mask, offset);
        file->pMethods->xClose(file);
    }
    free(file);
    return is_flipped;
}

static bool flip_in_closed_file(const char *path, unsigned char mask, int64_t offset) {
    unsigned char byte;
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return false;
    bool is_flipped = pread(descriptor, &byte, 1, offset) == 1;
    byte ^= mask;
    is_flipped = is_flipped && pwrite(descriptor, &byte, 1, offset) == 1;
    return close(descriptor) == 0 && is_flipped;
}

bool fault_fs_flip_bit(FaultFileSystem *fs, const char *path, int64_t offset, int bit) {
    unsigned char mask = (unsigned char)(1 << (bit & 7));
    bool is_flipped = false;
    pthread_mutex_lock(&fs->lock);
    DiskFile *file = disk_file(fs, path);
    if (file != NULL && offset >= 0 && offset < file->size) {
        /* An open file is changed by its own handle: closing a second descriptor would give up SQLite's locks on it. */
        for (FaultFile *open = file->first_open; open != NULL && !is_flipped; open = open->next_open) {
            is_flipped = flip_through(open->real, mask, offset);
        }
        if (file->first_open == NULL) {
            is_flipped = fs->memory == NULL ? flip_in_closed_file(path, mask, offset)
                                            : flip_in_memory(fs->real, path, mask, offset);
        }
        if (is_flipped && offset < file->durable.size) file->durable.bytes[offset] ^= mask;
    }
    pthread_mutex_unlock(&fs->lock);
    return is_flipped;
}

/* The write-ahead log of a database that nobody has open. Its format: https://sqlite.org/fileformat2.html#walformat */

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "CDaybookSQLite.h"

typedef int (*WALTask)(sqlite3_file *file, sqlite3_int64 size, void *context);

/* Runs a task on the log of a database, if both are there. */
static int with_wal(const char *vfs_name, const char *path, int access, WALTask task, void *context) {
    if (sqlite3_initialize() != SQLITE_OK) return SQLITE_ERROR;
    sqlite3_vfs *vfs = sqlite3_vfs_find(vfs_name);
    if (vfs == NULL) return SQLITE_ERROR;
    char *full = malloc((size_t)vfs->mxPathname + 1);
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    char *wal = NULL;
    int result = full == NULL || file == NULL ? SQLITE_NOMEM : SQLITE_OK;
    if (result == SQLITE_OK) {
        result = vfs->xFullPathname(vfs, path, vfs->mxPathname, full);
        /* A path through a symbolic link is told by a code of its own that is no failure. */
        if (result == (SQLITE_OK | 2 << 8)) result = SQLITE_OK;
    }
    if (result == SQLITE_OK && (wal = sqlite3_mprintf("%s-wal", full)) == NULL) result = SQLITE_NOMEM;
    int exists = 0;
    if (result == SQLITE_OK) result = vfs->xAccess(vfs, full, SQLITE_ACCESS_EXISTS, &exists);
    if (result == SQLITE_OK && exists) result = vfs->xAccess(vfs, wal, SQLITE_ACCESS_EXISTS, &exists);
    if (result == SQLITE_OK && exists) {
        int flags = 0;
        result = vfs->xOpen(vfs, wal, file, access | SQLITE_OPEN_WAL, &flags);
        sqlite3_int64 size = 0;
        if (result == SQLITE_OK) result = file->pMethods->xFileSize(file, &size);
        if (result == SQLITE_OK) result = task(file, size, context);
        if (file->pMethods != NULL) {
            int closed = file->pMethods->xClose(file);
            if (result == SQLITE_OK) result = closed;
        }
    }
    sqlite3_free(wal);
    free(file);
    free(full);
    return result;
}

/* Rewriting */

static int rewrite_file(sqlite3_file *file, sqlite3_int64 size, void *context) {
    (void)context;
    enum { piece = 1 << 16 };
    int result = SQLITE_OK;
    unsigned char *bytes = malloc(piece);
    if (bytes == NULL) return SQLITE_NOMEM;
    for (sqlite3_int64 offset = 0; result == SQLITE_OK && offset < size; offset += piece) {
        int length = size - offset < piece ? (int)(size - offset) : piece;
        result = file->pMethods->xRead(file, bytes, length, offset);
        if (result == SQLITE_OK) result = file->pMethods->xWrite(file, bytes, length, offset);
    }
    free(bytes);
    if (result == SQLITE_OK && size > 0) result = file->pMethods->xSync(file, SQLITE_SYNC_FULL);
    return result;
}

int daybook_rewrite_wal(const char *vfs, const char *path) {
    return with_wal(vfs, path, SQLITE_OPEN_READWRITE, rewrite_file, NULL);
}

/* Checking */

enum { wal_header_bytes = 32, frame_header_bytes = 24 };

typedef struct Checksum {
    uint32_t first, second;
} Checksum;

static uint32_t big_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint32_t little_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

static Checksum continued(Checksum sum, const unsigned char *bytes, size_t length, bool is_big_endian) {
    for (size_t offset = 0; offset < length; offset += 8) {
        const unsigned char *word = bytes + offset;
        sum.first += (is_big_endian ? big_endian(word) : little_endian(word)) + sum.second;
        sum.second += (is_big_endian ? big_endian(word + 4) : little_endian(word + 4)) + sum.first;
    }
    return sum;
}

static Checksum stored_at(const unsigned char *bytes) {
    return (Checksum){big_endian(bytes), big_endian(bytes + 4)};
}

static bool equal(Checksum left, Checksum right) { return left.first == right.first && left.second == right.second; }

static bool is_page_size(uint32_t size) { return size >= 512 && size <= 65536 && (size & (size - 1)) == 0; }

/* The page size of a log whose header does not tell. */
static const uint32_t usual_page_size = 4096;

static int check_file(sqlite3_file *file, sqlite3_int64 size, void *context) {
    DaybookWALCheck *check = context;
    unsigned char header[wal_header_bytes];
    if (size < wal_header_bytes) return SQLITE_OK;
    int result = file->pMethods->xRead(file, header, wal_header_bytes, 0);
    if (result != SQLITE_OK) return result;
    uint32_t magic = big_endian(header), page_size = big_endian(header + 8);
    bool is_big_endian = magic == 0x377f0683;
    Checksum stored = stored_at(header + 24), computed = continued((Checksum){0, 0}, header, 24, is_big_endian);
    bool is_whole = (magic | 1) == 0x377f0683 && big_endian(header + 4) == 3007000 && is_page_size(page_size)
        && equal(stored, computed);
    if (!is_page_size(page_size)) page_size = usual_page_size;
    size_t frame_bytes = frame_header_bytes + page_size;
    unsigned char *frame = malloc(frame_bytes), *before = calloc(1, frame_bytes);
    if (frame == NULL || before == NULL) {
        free(frame);
        free(before);
        return SQLITE_NOMEM;
    }
    check->page_bytes = page_size;
    check->frames = (size - wal_header_bytes) / (sqlite3_int64)frame_bytes;
    int64_t damaged = is_whole ? -1 : 0;
    bool follows_commit = false;
    for (int64_t number = 1; number <= check->frames; number++) {
        result = file->pMethods->xRead(
            file, frame, (int)frame_bytes, wal_header_bytes + (number - 1) * (sqlite3_int64)frame_bytes);
        if (result != SQLITE_OK) break;
        /* Where the header does not tell, a frame has at least the salts of the one before. */
        const unsigned char *salts = is_whole ? header + 16 : before + 8;
        bool belongs = big_endian(frame) != 0 && memcmp(frame + 8, salts, 8) == 0;
        bool commits = big_endian(frame + 4) != 0;
        Checksum own = stored_at(frame + 16);
        Checksum after_stored = continued(
            continued(stored, frame, 8, is_big_endian), frame + frame_header_bytes, page_size, is_big_endian);
        Checksum after_computed = equal(stored, computed)
            ? after_stored
            : continued(
                continued(computed, frame, 8, is_big_endian), frame + frame_header_bytes, page_size, is_big_endian);
        bool links = belongs && (equal(own, after_stored) || equal(own, after_computed));
        if (damaged < 0 && !links) {
            damaged = number;
        } else if (damaged < 0) {
            if (commits) check->committed_frames = number;
        } else if (!links) {
            follows_commit = false;
        } else if (commits) {
            /* To fill a sector SQLite writes the last frame of a transaction again. */
            bool is_copy = memcmp(frame, before, 8) == 0
                && memcmp(frame + frame_header_bytes, before + frame_header_bytes, page_size) == 0;
            if (follows_commit && !is_copy) {
                check->damaged_frame = damaged;
                check->has_damage = true;
                check->last_committed_frame = number;
            }
            follows_commit = true;
        }
        stored = own;
        computed = links ? own : after_computed;
        unsigned char *swapped = before;
        before = frame;
        frame = swapped;
    }
    free(frame);
    free(before);
    return result;
}

int daybook_check_wal(const char *vfs, const char *path, DaybookWALCheck *check) {
    *check = (DaybookWALCheck){0};
    return with_wal(vfs, path, SQLITE_OPEN_READONLY, check_file, check);
}

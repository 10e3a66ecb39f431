/* The write-ahead log of a database that nobody has open. Its format: https://sqlite.org/fileformat2.html#walformat */

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "CDaybookSQLite.h"

typedef int (*FileTask)(sqlite3_file *file, sqlite3_int64 size, void *context);

/* Runs a task on a file of a database, by its suffix, if that and the database are there. */
static int with_file(
    const char *vfs_name, const char *path, const char *suffix, int flags, FileTask task, void *context
) {
    if (sqlite3_initialize() != SQLITE_OK) return SQLITE_ERROR;
    sqlite3_vfs *vfs = sqlite3_vfs_find(vfs_name);
    if (vfs == NULL) return SQLITE_ERROR;
    char *full = malloc((size_t)vfs->mxPathname + 1);
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    /* A database's name is followed by its parameters: here by none, which an empty one says. */
    size_t room = (size_t)vfs->mxPathname + 16;
    char *name = calloc(1, room);
    int result = full == NULL || file == NULL || name == NULL ? SQLITE_NOMEM : SQLITE_OK;
    if (result == SQLITE_OK) {
        result = vfs->xFullPathname(vfs, path, vfs->mxPathname, full);
        /* A path through a symbolic link is told by a code of its own that is no failure. */
        if (result == (SQLITE_OK | 2 << 8)) result = SQLITE_OK;
    }
    int exists = 0;
    if (result == SQLITE_OK) sqlite3_snprintf((int)room - 4, name, "%s%s", full, suffix);
    if (result == SQLITE_OK) result = vfs->xAccess(vfs, full, SQLITE_ACCESS_EXISTS, &exists);
    if (result == SQLITE_OK && exists) result = vfs->xAccess(vfs, name, SQLITE_ACCESS_EXISTS, &exists);
    if (result == SQLITE_OK && exists) {
        int opened = 0;
        result = vfs->xOpen(vfs, name, file, flags, &opened);
        sqlite3_int64 size = 0;
        if (result == SQLITE_OK) result = file->pMethods->xFileSize(file, &size);
        if (result == SQLITE_OK) result = task(file, size, context);
        if (file->pMethods != NULL) {
            int closed = file->pMethods->xClose(file);
            if (result == SQLITE_OK) result = closed;
        }
    }
    free(name);
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
    return with_file(vfs, path, "-wal", SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, rewrite_file, NULL);
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

/* Looks through all frames. Where the header is damaged, so that it does not tell the order of bytes of the checksums, the caller
   guesses it. */
static int check_frames(
    sqlite3_file *file, const unsigned char *header, bool is_whole, bool is_big_endian, DaybookWALCheck *check
) {
    Checksum stored = stored_at(header + 24), computed = continued((Checksum){0, 0}, header, 24, is_big_endian);
    size_t page_size = (size_t)check->page_bytes, frame_bytes = frame_header_bytes + page_size;
    unsigned char *frame = malloc(frame_bytes), *before = calloc(1, frame_bytes);
    if (frame == NULL || before == NULL) {
        free(frame);
        free(before);
        return SQLITE_NOMEM;
    }
    int result = SQLITE_OK;
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
                if (!check->has_damage) check->first_committed_frame = number;
                check->has_damage = true;
                check->last_committed_frame = number;
            }
            follows_commit = true;
        }
        if (!links && check->broken_frame != NULL) check->broken_frame(number, check->context);
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

static int check_file(sqlite3_file *file, sqlite3_int64 size, void *context) {
    DaybookWALCheck *check = context;
    unsigned char header[wal_header_bytes];
    if (size < wal_header_bytes) return SQLITE_OK;
    int result = file->pMethods->xRead(file, header, wal_header_bytes, 0);
    if (result != SQLITE_OK) return result;
    uint32_t magic = big_endian(header), page_size = big_endian(header + 8);
    bool is_big_endian = magic == 0x377f0683;
    bool is_whole = (magic | 1) == 0x377f0683 && big_endian(header + 4) == 3007000 && is_page_size(page_size)
        && equal(stored_at(header + 24), continued((Checksum){0, 0}, header, 24, is_big_endian));
    if (!is_page_size(page_size)) page_size = usual_page_size;
    check->page_bytes = page_size;
    check->frames = (size - wal_header_bytes) / (sqlite3_int64)(frame_header_bytes + page_size);
    if (!is_whole) {
        /* One bit tells the order of bytes: of the two the one counts by which transactions are found. */
        DaybookWALCheck other = *check;
        other.broken_frame = NULL;
        result = check_frames(file, header, false, !is_big_endian, &other);
        if (result != SQLITE_OK) return result;
        if (other.has_damage) is_big_endian = !is_big_endian;
    }
    return check_frames(file, header, is_whole, is_big_endian, check);
}

/* A log whose header was being written anew when the power went, or the process: SQLite begins a log anew only when the
   database has all of it. Behind the frames of the log that ended may be those of longer ones before, with other salts. */

typedef struct PageFrame {
    uint32_t page;
    int64_t number;
} PageFrame;

typedef struct LogComparison {
    const char *vfs, *path;
    sqlite3_file *log;
    DaybookWALCheck *check;
    /* Whether the database has every page as the log leaves it. */
    bool has_all;
} LogComparison;

static int by_page_and_frame(const void *left, const void *right) {
    const PageFrame *a = left, *b = right;
    if (a->page != b->page) return a->page < b->page ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static int compare_pages(sqlite3_file *database, sqlite3_int64 size, void *context) {
    LogComparison *comparison = context;
    sqlite3_file *log = comparison->log;
    const sqlite3_int64 page_bytes = comparison->check->page_bytes, frame_bytes = frame_header_bytes + page_bytes;
    PageFrame *frames = malloc((size_t)comparison->check->frames * sizeof(PageFrame));
    unsigned char *logged = malloc((size_t)page_bytes), *stored = malloc((size_t)page_bytes);
    int result = frames == NULL || logged == NULL || stored == NULL ? SQLITE_NOMEM : SQLITE_OK;
    int64_t count = 0, committed = 0;
    uint32_t pages = 0;
    /* Of a frame that is certainly the log's, which the first must be, too. */
    unsigned char salts[8];
    if (result == SQLITE_OK)
        result = log->pMethods->xRead(
            log, salts, 8, wal_header_bytes + (comparison->check->first_committed_frame - 1) * frame_bytes + 8);
    for (int64_t number = 1; result == SQLITE_OK && number <= comparison->check->frames; number++) {
        unsigned char header[frame_header_bytes];
        result = log->pMethods->xRead(log, header, frame_header_bytes, wal_header_bytes + (number - 1) * frame_bytes);
        if (result != SQLITE_OK) break;
        if (memcmp(header + 8, salts, 8) != 0) {
            if (number == 1) break;
            continue;
        }
        frames[count++] = (PageFrame){big_endian(header), number};
        if (big_endian(header + 4) == 0) continue;
        pages = big_endian(header + 4);
        committed = count;
    }
    if (result == SQLITE_OK) qsort(frames, (size_t)committed, sizeof(PageFrame), by_page_and_frame);
    comparison->has_all = committed > 0;
    for (int64_t index = 0; result == SQLITE_OK && comparison->has_all && index < committed; index++) {
        PageFrame frame = frames[index];
        bool is_last = index + 1 == committed || frames[index + 1].page != frame.page;
        sqlite3_int64 offset = (frame.page - (sqlite3_int64)1) * page_bytes;
        if (frame.page > 0 && (!is_last || frame.page > pages)) continue;
        comparison->has_all = frame.page > 0 && offset + page_bytes <= size;
        if (!comparison->has_all) break;
        result = log->pMethods->xRead(
            log, logged, (int)page_bytes, wal_header_bytes + frame_header_bytes + (frame.number - 1) * frame_bytes);
        if (result == SQLITE_OK) result = database->pMethods->xRead(database, stored, (int)page_bytes, offset);
        if (result == SQLITE_OK) comparison->has_all = memcmp(logged, stored, (size_t)page_bytes) == 0;
    }
    free(stored);
    free(logged);
    free(frames);
    return result;
}

static int compare_log(sqlite3_file *log, sqlite3_int64 size, void *context) {
    (void)size;
    LogComparison *comparison = context;
    comparison->log = log;
    return with_file(
        comparison->vfs, comparison->path, "", SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, compare_pages, comparison);
}

int daybook_check_wal(const char *vfs, const char *path, DaybookWALCheck *check) {
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_WAL;
    int result = with_file(vfs, path, "-wal", flags, check_file, check);
    if (result != SQLITE_OK || !check->has_damage || check->damaged_frame > 0) return result;
    LogComparison comparison = {.vfs = vfs, .path = path, .check = check};
    result = with_file(vfs, path, "-wal", flags, compare_log, &comparison);
    if (result == SQLITE_OK && comparison.has_all) check->has_damage = false;
    return result;
}

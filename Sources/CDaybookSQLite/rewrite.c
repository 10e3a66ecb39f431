#include <sqlite3.h>
#include <stdlib.h>

#include "CDaybookSQLite.h"

static int rewrite_open_file(sqlite3_file *file) {
    enum { piece = 1 << 16 };
    sqlite3_int64 size = 0;
    int result = file->pMethods->xFileSize(file, &size);
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

int daybook_rewrite_wal(const char *vfs_name, const char *path) {
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
        result = vfs->xOpen(vfs, wal, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, &flags);
        if (result == SQLITE_OK) result = rewrite_open_file(file);
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

#include <sqlite3.h>

#include "CDaybookSQLite.h"

int64_t daybook_extend_wal(sqlite3 *database, int64_t used, int64_t ahead, int64_t bytes) {
    static const unsigned char zeros[1 << 16];
    sqlite3_file *wal = NULL;
    if (sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) != SQLITE_OK) return 0;
    if (wal == NULL || wal->pMethods == NULL) return 0;
    sqlite3_int64 size = 0;
    if (wal->pMethods->xFileSize(wal, &size) != SQLITE_OK || size < used) return 0;
    if (size >= used + ahead) return size;
    for (int64_t end = size + bytes; size < end; size += sizeof zeros) {
        int length = end - size < (int64_t)sizeof zeros ? (int)(end - size) : (int)sizeof zeros;
        if (wal->pMethods->xWrite(wal, zeros, length, size) != SQLITE_OK) return 0;
    }
    return size;
}

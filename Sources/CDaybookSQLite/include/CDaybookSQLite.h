#ifndef CDAYBOOKSQLITE_H
#define CDAYBOOKSQLITE_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of some bytes, continuing from the CRC of those before them.
///
/// Start with 0. Uses the processor's instruction where it has one: about 0.1 ns a byte, else a table: 1 ns.
uint32_t daybook_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The same by table alone, so that tests can compare the two.
uint32_t daybook_crc32c_portable(uint32_t crc, const void *bytes, size_t count);

/// Writes every byte of a database's write-ahead log to its own place again, and syncs it.
///
/// After a sync that failed, Linux takes the bytes that did not reach the disk for written: reads return them, and a
/// later sync does nothing about them. Copied from there into the database they would leave, after a power cut, a
/// database that is newer than the log which is then played over it. Only writing them again puts them on the disk.
/// Does nothing when there is no database or no log. Nobody else may have the database open.
///
/// - Parameter vfs: The name of the SQLite VFS; the default one when null.
/// - Returns: A SQLite result code.
int daybook_rewrite_wal(const char *vfs, const char *path);

struct sqlite3;

/// Keeps a connection from copying the write-ahead log into the database when it is the last to close it.
///
/// - Returns: A SQLite result code.
int daybook_disable_checkpoint_on_close(struct sqlite3 *connection);

#endif

#ifndef CDAYBOOKSQLITE_H
#define CDAYBOOKSQLITE_H

#include <sqlite3.h>
#include <stdbool.h>
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

/// Appends zeros to a database's write-ahead log when fewer than `ahead` bytes of its file lie behind the `used` ones.
///
/// A sync that need not record a new length of the file costs about two thirds of one that does. Zeros are no frames:
/// recovery ends before them. Nothing is synced, and what fails here is left to the write that comes.
///
/// - Parameters:
///   - database: A connection to a database in WAL mode that nobody else writes to; between transactions.
///   - bytes: How many to append; a multiple of 4,096.
/// - Returns: The length of the file; 0 when it is not known.
int64_t daybook_extend_wal(sqlite3 *database, int64_t used, int64_t ahead, int64_t bytes);

/// A SQLite VFS for one connection that writes to the write-ahead log: it gathers what SQLite writes there until the next sync,
/// and then writes it at once. All other files are those of the VFS that it stands on.
///
/// SQLite writes each page in two calls, of 24 bytes and of the page. A group of 128 appends is thirty of them, which took
/// an eighth of the writer's time.
///
/// Only for a connection with `synchronous=FULL`: others, and other connections' readers, learn of a transaction when it is
/// synced, and of nothing in the buffer. On a disk without `SQLITE_IOCAP_POWERSAFE_OVERWRITE` nothing is gathered. Reads through the connection itself see everything. When the buffer cannot be
/// written, the call that wanted it fails, and every later one that builds on the lost bytes, until the transaction is rolled
/// back: then the buffer is emptied, so that nothing of it is written over what another process commits there.
typedef struct DaybookWALBuffer DaybookWALBuffer;

/// Registers it.
///
/// - Parameter parent: The name of the VFS that it stands on; the default one when null.
/// - Returns: Null when there is no such VFS, or no memory.
DaybookWALBuffer *daybook_wal_buffer_create(const char *parent);

/// The name to open a connection with.
const char *daybook_wal_buffer_name(const DaybookWALBuffer *buffer);

/// Has it told of the connection's rollbacks; to be called once the connection is open.
void daybook_wal_buffer_attach(sqlite3 *connection);

/// Takes it back when its connection is closed.
void daybook_wal_buffer_free(DaybookWALBuffer *buffer);

/// What ``daybook_check_wal()`` found.
typedef struct DaybookWALCheck {
    /// Whole frames in the file, of pages of so many bytes. Frames are numbered from 1.
    int64_t frames;
    int64_t page_bytes;
    /// The frames that SQLite takes: the last of them ends a transaction.
    int64_t committed_frames;
    /// Whether a frame is not what was written although later transactions show that it had been synced.
    bool has_damage;
    /// That frame; 0 when it is the header of the file.
    int64_t damaged_frame;
    /// The first and the last frame behind it that provably end a transaction.
    int64_t first_committed_frame;
    int64_t last_committed_frame;
    /// Told each frame that does not follow on the one before, from the first of them to the end of the file, together with
    /// `context`; may be null.
    void (*broken_frame)(int64_t frame, void *context);
    void *context;
} DaybookWALCheck;

/// Tells damage in a database's write-ahead log from what a power cut leaves.
///
/// SQLite reads the log up to the first frame that does not fit, and takes no notice of what stands behind. After a power
/// cut that is right: of the last transaction, which was not synced yet, any part may be missing. But a transaction is begun
/// only when the one before is synced. So when two different transactions end behind the frame, each frame from the first of
/// their ends to the second continuing the checksum of the one before, then that frame was on the disk once, and its
/// transaction was acknowledged: it was damaged since.
///
/// A damaged header is no damage when the database has every page as the log leaves it: SQLite begins a log anew, with another
/// header, only then, and may have been stopped while it wrote that.
///
/// Damage in the last two transactions, or three when a frame is gone with its checksum, looks like a power cut.
///
/// - Parameter vfs: The name of the SQLite VFS; the default one when null.
/// - Parameter check: All zero, but for `broken_frame` and `context`.
/// - Returns: A SQLite result code.
/// - Complexity: O(bytes of the log).
int daybook_check_wal(const char *vfs, const char *path, DaybookWALCheck *check);

/// Keeps a connection from copying the write-ahead log into the database when it is the last to close it.
///
/// - Returns: A SQLite result code.
int daybook_disable_checkpoint_on_close(sqlite3 *connection);

#endif

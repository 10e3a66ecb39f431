#ifndef CFAULTFILESYSTEM_H
#define CFAULTFILESYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A SQLite file system that breaks on purpose.
///
/// It stands in front of SQLite's own file system and does what the rules given to it say: fail a call, cut a write
/// short, flip a bit, fill the disk, cut the power. The files it opens are real files, which play the part of the
/// operating system's page cache: what was written can be read at once. Beside them it keeps, in memory, what the disk
/// would hold, byte for byte: a write reaches that copy only by a successful sync of its file. So the state after a
/// power cut can be asked for at any moment, as often as wanted, and without stopping anything.
///
/// What is modelled:
/// - A write that was not synced survives a power cut whole, in part (in units of ``fault_fs_sector_size()``), or not
///   at all, and later ones may survive where earlier ones do not.
/// - A sync that fails loses the writes that it was to make durable, although reads still return them, and a later
///   sync that succeeds does not bring them back, as on Linux. Only writing them again does.
/// - A sector that was lost cannot be read until it is written again, whole.
/// - A file that was created, and not synced since, may be missing after a power cut; one that was deleted without a
///   sync of its directory may be back. The first sync of a journal that SQLite has created syncs the directory too.
///
/// ``fault_fs_create_in_memory()`` keeps the files themselves in memory too, and nothing touches a real disk: for
/// simulations, which open and break thousands of files a minute.
///
/// No call reaches the real disk's sync: the simulated one stands for it. Files are not memory-mapped. All functions may
/// be called from any thread. Each call of SQLite holds the file system's one lock for as long as it runs.
typedef struct FaultFileSystem FaultFileSystem;

/// The calls that rules can speak of, and that are counted.
///
/// Calls for locks and shared memory carry the name of the database file.
typedef enum __attribute__((enum_extensibility(closed))) FaultCall {
    FaultCallOpen,
    FaultCallRead,
    FaultCallWrite,
    FaultCallTruncate,
    FaultCallSync,
    FaultCallDelete,
    FaultCallAccess,
    FaultCallFileSize,
    FaultCallLock,
    FaultCallSharedMemoryMap,
    FaultCallSharedMemoryLock,
} FaultCall;

/// What happens to a call that meets a rule.
typedef enum __attribute__((enum_extensibility(closed))) FaultEffect {
    /// Nothing is done, and the call returns an error.
    FaultEffectError,
    /// A read returns its first `length` bytes, zeros for the rest, and `SQLITE_IOERR_SHORT_READ`. A write writes its
    /// first `length` bytes and returns an error.
    FaultEffectShort,
    /// A read returns, or a write stores, one bit inverted, and reports success.
    FaultEffectFlippedBit,
    /// Nothing is done, and the call reports success: a sync that the disk drops, a write that it loses.
    FaultEffectDropped,
    /// The power goes off: a write still reaches the file with its first `length` bytes, and every call from now on
    /// fails.
    FaultEffectPowerOff,
    /// The process is killed by `SIGKILL` before the call is made.
    FaultEffectKill,
    /// A read returns, or a write overwrites, what lies `offset` bytes further on (or back, when negative), and reports
    /// success. A write that would land outside of the file is lost.
    FaultEffectMisdirected,
} FaultEffect;

/// Which calls break, and how.
typedef struct FaultRule {
    FaultCall call;
    /// The end of the file's name, such as `-wal`; any file when null or empty. Copied.
    const char *suffix;
    /// The first matching call, counted from the moment at which the rule was added, that meets the rule: 1 is the next.
    uint64_t first;
    /// How many matching calls in a row meet it. 0 stands for all from then on.
    uint64_t count;
    FaultEffect effect;
    /// The SQLite result code of the failing call, such as `SQLITE_FULL`. 0 stands for the code that SQLite's own file
    /// system returns when the call fails.
    int result;
    /// For ``FaultEffectShort`` and ``FaultEffectPowerOff``: how many bytes get through.
    size_t length;
    /// For ``FaultEffectFlippedBit``: the offset in the file, in bytes. Calls that do not cover it do not match. For
    /// ``FaultEffectMisdirected``: how far off the call lands.
    int64_t offset;
    /// For ``FaultEffectFlippedBit``: the bit, 0 to 7.
    int bit;
} FaultRule;

/// Which of the writes that were not synced survive a power cut.
typedef enum __attribute__((enum_extensibility(closed))) FaultSurvival {
    /// None.
    FaultSurvivalNone,
    /// All: what a killed process leaves.
    FaultSurvivalAll,
    /// In each file the first few, and a part of the next.
    FaultSurvivalPrefix,
    /// Each by chance, whole or in part.
    FaultSurvivalRandom,
} FaultSurvival;

/// The unit in which a write is torn: 512 bytes.
size_t fault_fs_sector_size(void);

/// Registers a file system with SQLite under a name, to be given to `sqlite3_open_v2`.
///
/// - Returns: Null when the name is taken, or SQLite has no file system of its own.
FaultFileSystem *fault_fs_create(const char *name);

/// The same with files that live in memory alone.
///
/// A call of SQLite to sleep returns at once, and its clock stands: what happens depends on the calls alone.
FaultFileSystem *fault_fs_create_in_memory(const char *name);

/// Takes the file system out of SQLite's list and frees it.
///
/// - Returns: False, and nothing happens, while a file is open.
bool fault_fs_destroy(FaultFileSystem *fs);

/// Adds a rule, and returns its number for ``fault_fs_rule_met()``, or -1 when there are 64 already.
///
/// When a call meets several rules, the first one added decides.
int fault_fs_add_rule(FaultFileSystem *fs, const FaultRule *rule);

/// How many calls have met a rule.
uint64_t fault_fs_rule_met(FaultFileSystem *fs, int rule);

/// Forgets all rules. What was lost stays lost.
void fault_fs_clear_rules(FaultFileSystem *fs);

/// Decides about a call of SQLite before it is made.
///
/// It is called without the file system's lock, and may itself use files: what another connection would do meanwhile.
///
/// - Parameters:
///   - path: Null for a temporary file.
///   - offset: Where a read, a write or a lock on shared memory begins; the new size of a truncation.
///   - rule: To be filled in when the call is to break; of it `effect`, `result`, `length`, `offset` and `bit` count.
/// - Returns: Whether the call breaks.
typedef bool (*FaultDecision)(
    void *context, FaultCall call, const char *path, int64_t offset, int64_t length, FaultRule *rule);

/// Has each call decided about, in front of all rules. Null for none. Set it while no file is open.
void fault_fs_set_decision(FaultFileSystem *fs, FaultDecision decision, void *context);

/// Limits the bytes of all files together. A write beyond it writes what fits, and returns `SQLITE_FULL`.
///
/// - Parameter bytes: Negative for no limit, which is how it begins. Shared memory does not count.
void fault_fs_set_capacity(FaultFileSystem *fs, int64_t bytes);

/// The bytes of all files together, as they are counted against the capacity.
int64_t fault_fs_used(FaultFileSystem *fs);

/// What the file system claims of its device, as `SQLITE_IOCAP_…` bits: none to begin with.
///
/// `SQLITE_IOCAP_POWERSAFE_OVERWRITE`, which SQLite's own file system claims, holds here too: a torn write never touches
/// bytes beside it.
void fault_fs_set_device_characteristics(FaultFileSystem *fs, int bits);

/// How many calls of a kind came, those that met a rule included.
uint64_t fault_fs_calls(FaultFileSystem *fs, FaultCall call);

/// How many calls of a kind met a rule, the end of the capacity, or a power that was off.
uint64_t fault_fs_faults(FaultFileSystem *fs, FaultCall call);

/// How many writes found no room.
uint64_t fault_fs_writes_without_room(FaultFileSystem *fs);

/// How many reads met a sector that was lost.
uint64_t fault_fs_lost_sector_reads(FaultFileSystem *fs);

/// How many files are open through it.
int fault_fs_open_files(FaultFileSystem *fs);

/// Cuts the power: every call from now on fails, except those that close and unlock.
void fault_fs_power_off(FaultFileSystem *fs);

/// Ends a power cut that was none: a killed process, whose files are as it wrote them. Nothing that was not synced is
/// lost, and nothing becomes durable.
void fault_fs_power_on(FaultFileSystem *fs);

bool fault_fs_is_off(FaultFileSystem *fs);

/// Writes the files that a power cut at this moment would leave into a directory, under their own names.
///
/// Files of that name which do not survive are removed there. The same seed gives the same state.
///
/// - Parameter directory: Exists, and is not the files' own.
/// - Returns: How many writes did not survive whole; -1 when the directory cannot be written.
int64_t fault_fs_copy_surviving(FaultFileSystem *fs, const char *directory, FaultSurvival survival, uint64_t seed);

/// What a power cut took away.
typedef struct FaultLoss {
    /// Writes that did not survive whole.
    int64_t writes;
    /// Writes of which some sectors survived.
    int64_t torn_writes;
} FaultLoss;

/// Puts the files into the state that a power cut at this moment would leave, all of it durable, and the power on.
///
/// For files in memory, none of them open. The same seed gives the same state.
///
/// - Returns: False, and nothing happens, when a file is open, or the files are not in memory.
bool fault_fs_restart(FaultFileSystem *fs, FaultSurvival survival, uint64_t seed, FaultLoss *loss);

/// The size of a file, as readers see it; -1 when the file is unknown to the file system, or deleted.
int64_t fault_fs_file_size(FaultFileSystem *fs, const char *path);

/// Loses the sector around an offset of a file: reads of it fail until it is written again, whole.
///
/// - Returns: False when the file is unknown to the file system, ends before the offset, or has lost 16 already.
bool fault_fs_lose_sector(FaultFileSystem *fs, const char *path, int64_t offset);

/// Inverts a bit of a file, both on the disk and for those that have it open.
///
/// - Returns: False when the file is unknown to the file system, or ends before the offset.
bool fault_fs_flip_bit(FaultFileSystem *fs, const char *path, int64_t offset, int bit);

#endif

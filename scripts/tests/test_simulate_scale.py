"""What scripts/simulate-scale takes for granted, against SQLite itself, arithmetic and what was measured."""

import contextlib
import io
import pathlib
import random
import sqlite3
import tempfile
import unittest

import script_loader

scale = script_loader.load("simulate-scale")
MIB = 1 << 20


def output(*arguments):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        scale.main(list(arguments))
    return text.getvalue()


class FileTests(unittest.TestCase):
    def test_has_the_pages_that_sqlite_makes(self):
        for payload in (300, 60, 1_000):
            connection = sqlite3.connect(":memory:", isolation_level=None)
            connection.execute("CREATE TABLE events(position INTEGER PRIMARY KEY, record BLOB NOT NULL)")
            before = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute("BEGIN")
            rows = ((number, bytes(76 + payload)) for number in range(20_000, 40_000))
            connection.executemany("INSERT INTO events VALUES(?, ?)", rows)
            connection.execute("COMMIT")
            made = connection.execute("PRAGMA page_count").fetchone()[0] - before
            log = scale.Log(20_000, 20, payload=payload)
            expected = log.leaves * (1 + 1 / log.fan_out)
            self.assertAlmostEqual(made / expected, 1, delta=0.02, msg=f"payload of {payload}")

    def test_has_the_index_that_was_measured(self):
        for (events, per_stream), (_, file_mib, index_mib) in scale.MEASURED_READS.items():
            if events < 1_000_000:  # Half of it is still in memory.
                continue
            log = scale.Log(events, events // per_stream, (10, 100) if per_stream == 1_000 else (100, 1))
            self.assertAlmostEqual(log.index_bytes() / MIB / index_mib, 1, delta=0.15)
            self.assertAlmostEqual(log.file_bytes() / MIB / file_mib, 1, delta=0.05)

    def test_places_every_event_of_a_log_that_was_filled_in_turns_once(self):
        log = scale.Log(2_000, 20, (10, 25))
        found = sorted(position for stream in range(20) for position in log.positions(stream, 100))
        self.assertEqual(found, list(range(2_000)))


class CacheTests(unittest.TestCase):
    @unittest.skipUnless(pathlib.Path("/proc/self/io").exists(), "counts the reads of this process as Linux tells them")
    def test_drops_what_a_reader_has_when_another_has_committed(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = folder.name + "/log.db"
        writer, reader = (sqlite3.connect(path, isolation_level=None) for _ in range(2))
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE events(position INTEGER PRIMARY KEY, record BLOB NOT NULL)")
        writer.execute("BEGIN")
        writer.executemany("INSERT INTO events VALUES(?, ?)", ((number, bytes(386)) for number in range(2_000)))
        writer.execute("COMMIT")

        def reads():
            before = scale.system_counts()[0]
            for number in range(0, 2_000, 20):
                reader.execute("SELECT record FROM events WHERE position = ?", (number,)).fetchone()
            return scale.system_counts()[0] - before

        first, again = reads(), reads()
        writer.execute("INSERT INTO events VALUES(2000, x'00')")
        afterwards = reads()
        self.assertGreater(first, 90)
        self.assertLess(again, 10)
        self.assertGreater(afterwards, 90)
        writer.close()
        reader.close()

    def test_forgets_what_was_used_longest_ago(self):
        cache = scale.LeastRecent(2)
        self.assertEqual([cache.has(key) for key in "abacab"], [False, False, True, False, True, False])
        halves = scale.TwoHalves(4)
        self.assertEqual([halves.has(key) for key in "abcab"], [False, False, False, True, True])
        halves = scale.TwoHalves(4)
        self.assertEqual([halves.has(key) for key in "abcdea"], [False] * 6)

    def test_holds_of_pages_that_are_used_alike_as_many_as_it_has_room_for(self):
        generator, cache = random.Random(1), scale.LeastRecent(100)
        hits = [cache.has(generator.randrange(400)) for _ in range(20_000)][2_000:]
        self.assertAlmostEqual(sum(hits) / len(hits), 0.25, delta=0.02)

    def test_gives_four_fifths_to_a_fifth(self):
        generator, used = random.Random(1), scale.EightyTwenty()
        ranks = [used.rank(generator, 1_000) for _ in range(20_000)]
        self.assertAlmostEqual(sum(rank < 200 for rank in ranks) / len(ranks), 0.8, delta=0.01)
        self.assertAlmostEqual(sum(used.share(rank, 1_000) for rank in range(200)), 0.8, delta=0.001)


class OutcomeTests(unittest.TestCase):
    def test_a_scale_changes_no_outcome(self):
        found = []
        for factor in (32, 64):
            log = scale.Log(10**8, 10**6, scale=factor)
            found.append(scale.simulate_reads(log, 4 << 30, count=20, popularity=scale.EightyTwenty(), effort=0.1))
        self.assertAlmostEqual(found[0].from_disk / found[1].from_disk, 1, delta=0.15)
        self.assertAlmostEqual(found[0].from_system / found[1].from_system, 1, delta=0.15)

    def test_more_memory_reads_less_from_the_disk(self):
        log = scale.Log(10**8, 10**7, scale=128)
        few, many = (scale.simulate_appends(log, gib << 30, effort=0.1).from_disk for gib in (1, 8))
        self.assertLess(many, few)
        self.assertEqual(scale.simulate_appends(log, log.file_bytes() + 1, effort=0.1).from_disk, 0)

    def test_a_lone_writer_waits_for_each_commit_and_many_share_one(self):
        self.assertAlmostEqual(scale.simulate_commits(1, 100, 10, 90, 0), 5_000, delta=50)
        self.assertAlmostEqual(scale.simulate_commits(50, 100, 10, 0, 0), 50 / 600e-6, delta=1_000)

    def test_is_not_further_off_what_was_measured_than_the_page_on_it_says(self):
        text = output("check", "--quick")
        reads = [line.split("|") for line in text.splitlines() if line.startswith("| 10^")]
        self.assertEqual(len(reads), 6)
        for row in reads:
            self.assertLess(abs(int(row[7].strip().rstrip("%"))), 40, row)

    def test_the_same_seed_gives_the_same_figures(self):
        self.assertEqual(*(output("shards", "postgres", "--quick", "--seed", "7") for _ in range(2)))

    def test_shards_never_take_more_than_there_are(self):
        middle, bad = scale.simulate_shards(100, 4, 1, seed=1, rounds=20)
        self.assertTrue(0.25 < middle <= bad < 1)

    def test_what_it_does_not_know_is_named(self):
        for arguments, named in ((["waves"], "waves"), (["--set", "luck=1"], "luck"), (["--set", "page=x"], "x")):
            error = io.StringIO()
            with contextlib.redirect_stderr(error), self.assertRaises(SystemExit):
                scale.main(arguments)
            self.assertIn(f"'{named}'", error.getvalue())


if __name__ == "__main__":
    unittest.main()

"""Tests of scripts/plot-bench, without drawing."""

import json
import pathlib
import tempfile
import unittest

import script_loader

plot_bench = script_loader.load("plot-bench")


class MeasurementsTest(unittest.TestCase):
    def write(self, *lines):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "bench.json"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    def test_later_files_win(self):
        first = self.write(json.dumps({"workload": "W1", "mean_ms": 1}), json.dumps({"workload": "W4"}))
        second = self.write(json.dumps({"workload": "W1", "mean_ms": 2}))
        found = plot_bench.measurements([first, second])
        self.assertEqual(found["W1"]["mean_ms"], 2)
        self.assertEqual(set(found), {"W1", "W4"})

    def test_a_line_that_is_none_is_named(self):
        path = self.write(json.dumps({"workload": "W1"}), "WORKLOAD EVENTS/S")
        with self.assertRaisesRegex(SystemExit, ":2: not a line"):
            plot_bench.measurements([path])


class FiguresTest(unittest.TestCase):
    def test_parts_add_up(self):
        parts = plot_bench.parts({"mean_ms": 0.2, "commit_mean_ms": 0.16, "disk_sync_ms": 0.11})
        self.assertAlmostEqual(sum(parts), 0.2)
        self.assertAlmostEqual(parts[0], 0.11)
        self.assertIsNone(plot_bench.parts({"mean_ms": 0.2}))

    def test_growth_tells_streams_of_ten_from_others(self):
        found = {
            name: {"events_per_s": rate}
            for name, rate in [
                ("W8-10M-read", 80), ("W8-100k-read", 100), ("W8-100kx10-read", 50), ("W8-1Mx1M-read", 1),
                ("W8-100k-append-32", 7), ("W8-100k-fill", 3), ("W1", 2),
            ]
        }
        self.assertEqual(
            plot_bench.growth(found, ""), {"read": [(100_000, 100), (10_000_000, 80)], "append-32": [(100_000, 7)]})
        self.assertEqual(plot_bench.growth(found, "x10"), {"read": [(100_000, 50)]})


if __name__ == "__main__":
    unittest.main()

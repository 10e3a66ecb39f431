"""What counts as staying below a ceiling of memory."""

import types
import unittest

from script_loader import load

memory_ceiling = load("memory-ceiling")
CEILING = types.SimpleNamespace(bytes=256 << 20)


class JudgeTests(unittest.TestCase):
    def faults(self, code=0, peak=200, alone=1000, beside=900):
        return memory_ceiling.judge(code, {"peakKiB": peak << 10, "alone": alone, "beside": beside}, "", CEILING)

    def test_takes_a_reader_that_keeps_half_of_its_rate(self):
        self.assertEqual(self.faults(), [])
        self.assertEqual(self.faults(beside=500), [])

    def test_finds_a_kill_a_failure_a_peak_and_a_slow_reader(self):
        self.assertIn("more than 256 MiB", self.faults(code=-9)[0])
        self.assertIn("code 1", self.faults(code=1)[0])
        self.assertIn("257 MiB resident", self.faults(peak=257)[0])
        self.assertIn("499 events a second", self.faults(beside=499)[0])


if __name__ == "__main__":
    unittest.main()

"""What the traces of failed calls tell, on traces written here."""

import unittest

from script_loader import load

fail_calls = load("fail-calls")

WAL = "/store/log.daybook-wal"


def sync(file=WAL, failed=False, call="fdatasync"):
    return f"7 {call}(8<{file}>) = " + ("-1 EIO (Input/output error) (INJECTED)" if failed else "0")


def acknowledge(line):
    return f'9 write(1<pipe:[5]>, "{{\\"line\\":{line},\\"position\\":{line},\\"count\\":1"..., 90) = 90'


REFUSE = '9 write(1<pipe:[5]>, "{\\"line\\":3,\\"error\\":{\\"code\\":\\"storageFailed\\""..., 90) = 90'


class AcknowledgementTests(unittest.TestCase):
    def late(self, *lines):
        return fail_calls.acknowledged_after_failed_sync("\n".join(lines), "/store")

    def test_takes_syncs_that_succeed(self):
        self.assertIsNone(self.late(sync(), acknowledge(1), sync(), acknowledge(2)))

    def test_finds_an_acknowledgement_after_a_failed_sync(self):
        self.assertEqual(self.late(sync(), acknowledge(1), sync(failed=True), acknowledge(2)), acknowledge(2))

    def test_a_second_sync_makes_nothing_good(self):
        self.assertEqual(
            self.late(sync(), acknowledge(1), sync(failed=True), sync(), acknowledge(2)), acknowledge(2))

    def test_what_was_durable_before_may_still_be_acknowledged_but_nothing_else(self):
        self.assertIsNone(self.late(sync(), sync(failed=True), acknowledge(1), REFUSE))
        self.assertEqual(self.late(sync(), sync(failed=True), acknowledge(1), acknowledge(2)), acknowledge(2))

    def test_what_was_synced_while_the_file_was_opened_makes_no_request_durable(self):
        self.assertEqual(
            self.late(sync(), sync("/store", call="fsync"), sync(failed=True), acknowledge(1)), acknowledge(1))

    def test_the_sync_of_a_folder_may_be_made_good(self):
        failed = sync("/store", failed=True)
        self.assertIsNone(self.late(failed, sync("/store", call="fsync"), sync(), acknowledge(1)))
        self.assertEqual(self.late(failed, sync(), acknowledge(1)), acknowledge(1))


class LeakTests(unittest.TestCase):
    def test_finds_descriptors_that_stay_open(self):
        self.assertEqual(fail_calls.leaks([{"descriptors": 7}, {"descriptors": 7}]), [])
        self.assertIn("[7, 9]", fail_calls.leaks([{"descriptors": 7}, {"descriptors": 9}])[0])


if __name__ == "__main__":
    unittest.main()

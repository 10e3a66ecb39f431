"""What the command asks for on the terminal: a password, which is not shown."""

import os
import pathlib
import pty
import select
import signal
import subprocess
import tempfile
import termios
import time
import unittest

from server import PATIENCE, Server

PASSWORD = "correct horse"


class Terminal:
    """A command with a terminal of its own, which its input need not be."""

    def __init__(self, *arguments, input=None):
        self.said = b""
        reading, writing = (None, None) if input is None else os.pipe()
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            if reading is not None:
                os.dup2(reading, 0)
                os.close(writing)
            os.execv(os.environ["DAYBOOK"], [os.environ["DAYBOOK"], *arguments])
        if writing is not None:
            os.close(reading)
            os.write(writing, input)
            os.close(writing)

    def wait_for(self, text, end=None):
        end = end or time.monotonic() + PATIENCE
        while text not in self.said:
            if time.monotonic() > end or not self.listen(end):
                raise AssertionError(f"'{text}' was not said: {self.said}")

    def listen(self, end):
        """Takes what comes next; false when nothing does any more."""
        if not select.select([self.terminal], [], [], max(0, end - time.monotonic()))[0]:
            return False
        try:
            piece = os.read(self.terminal, 65536)
        except OSError:  # How Linux tells that nobody has the terminal open any more.
            return False
        self.said += piece
        return bool(piece)

    def write(self, text):
        os.write(self.terminal, text.encode())

    def end(self):
        """The exit code."""
        end = time.monotonic() + PATIENCE
        while self.listen(end):
            pass
        if time.monotonic() > end:
            os.kill(self.process, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        # Whether it shows what is written, as the command has left it.
        self.shows = bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)
        os.close(self.terminal)
        return status


class PasswordTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        os.environ.pop("DAYBOOK_PASSWORD", None)

    def test_of_a_new_user_is_asked_for(self):
        terminal = Terminal("users", "add", str(self.folder / "a.db"), "ada")
        terminal.wait_for(b"Password of the new user: ")
        terminal.write(PASSWORD + "\n")
        self.assertEqual(terminal.end(), 0, terminal.said)
        self.assertNotIn(PASSWORD.encode(), terminal.said)
        self.assertTrue(terminal.shows)

    def test_is_not_waited_for_after_control_c_and_the_terminal_shows_again_what_is_written(self):
        server = "daybook://127.0.0.1:9?tls=false"  # Nobody is asked there before there is a password.
        for arguments in (
            ("users", "add", str(self.folder / "b.db"), "ada"),
            ("read", "--server", server, "--user", "ada"),
            ("follow", "--server", server, "--user", "ada"),
        ):
            with self.subTest(arguments[0]):
                terminal = Terminal(*arguments)
                terminal.wait_for(b"assword")
                terminal.write("half a pass\x03")
                self.assertEqual(terminal.end(), 130, terminal.said)
                self.assertTrue(terminal.shows)
                self.assertNotIn(b"half", terminal.said)

    def test_of_who_asks_is_asked_for_where_standard_input_is_taken(self):
        server = Server(self.folder, access=("--without-tls",))
        made = subprocess.run(
            [os.environ["DAYBOOK"], "users", "add", str(server.file), "ada", "--group", "$admins"], input=PASSWORD + "\n", text=True,
            capture_output=True, timeout=PATIENCE)
        self.assertEqual(made.returncode, 0, made.stderr)
        server.start()
        self.addCleanup(server.stop)
        address = f"daybook://127.0.0.1:{server.port}?tls=false"
        for arguments, input in (
            (("append", "--requests", "-"), b'{"writes":[{"stream":"a","events":[{"type":"T","data":{}}]}]}\n'),
            (("users", "add", "bob"), b"another horse\n"),
        ):
            terminal = Terminal(*arguments, "--server", address, "--user", "ada", input=input)
            terminal.wait_for(b"Password of ada at ")
            terminal.write(PASSWORD + "\n")
            self.assertEqual(terminal.end(), 0, terminal.said)
            self.assertNotIn(PASSWORD.encode(), terminal.said)

    def test_is_not_asked_for_without_a_terminal(self):
        done = subprocess.run(
            [os.environ["DAYBOOK"], "read", "--server", "daybook://127.0.0.1:9?tls=false", "--user", "ada"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, start_new_session=True)
        self.assertEqual(done.returncode, 64, done.stderr)
        self.assertIn("no terminal to ask on", done.stderr)


if __name__ == "__main__":
    unittest.main()

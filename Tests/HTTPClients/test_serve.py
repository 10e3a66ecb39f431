"""The command `daybook serve`: what it is told by flags, variables and a file, what it says, and how it ends."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from server import PATIENCE, Server


class ServeCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_serve(self, *arguments, **variables):
        return subprocess.run(
            [os.environ["DAYBOOK"], "serve", *arguments], capture_output=True, text=True, timeout=PATIENCE,
            env={**os.environ, **variables})

    def file(self, text):
        path = self.folder / "server.json"
        path.write_text(text)
        return str(path)

    def start(self, *arguments):
        server = Server(self.folder, *arguments).start()
        self.addCleanup(server.stop)
        return server


class SettingsTests(ServeCase):
    def test_prints_what_holds_and_where_it_is_said(self):
        path = self.file('{"host": "::1", "limits": {"connections": 7}}')
        done = self.run_serve(
            "a.daybook", "--insecure", "--config", path, "--limit", "resets=77", "--print-configuration",
            DAYBOOK_PORT="2114")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = {line.split()[0]: line.split(maxsplit=2)[1:] for line in done.stdout.splitlines()}
        self.assertEqual(lines["file"], ["a.daybook", "FILE"])
        self.assertEqual(lines["port"], ["2114", "DAYBOOK_PORT"])
        self.assertEqual(lines["host"], ["::1", f"file '{path}'"])
        self.assertEqual(lines["limits.connections"], ["7", f"file '{path}'"])
        self.assertEqual(lines["limits.resets"], ["77", "--limit resets"])
        self.assertEqual(lines["log-level"], ["info", "default"])
        self.assertFalse(pathlib.Path("a.daybook").exists())

    def test_prints_what_holds_without_a_store(self):
        done = self.run_serve("--print-configuration")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = {line.split()[0]: line.split(maxsplit=2)[1:] for line in done.stdout.splitlines()}
        self.assertEqual(lines["file"], ["-", "default"])
        self.assertEqual(lines["port"], ["2113", "default"])

    def test_says_that_the_file_of_settings_is_missing(self):
        path = str(self.folder / "none.json")
        for arguments, variables, source in ((("--config", path), {}, "--config"), ((), {"DAYBOOK_CONFIG": path}, "DAYBOOK_CONFIG")):
            done = self.run_serve("a.daybook", "--insecure", *arguments, **variables)
            self.assertEqual(done.returncode, 66)
            self.assertIn(f"'{path}', which {source} names, does not exist", done.stderr)

    def test_says_what_is_wrong_and_does_not_start(self):
        for text, code, said in (
            ('{"prot": 1}', 64, "'prot' is no setting; did you mean 'port'"),
            ('{"port": "many"}', 64, "'port' is \"many\""),
            ('{"limits": {"connections": 0}}', 64, "from 1 to 1000000"),
            ("{", 65, "it is no JSON"),
        ):
            with self.subTest(text):
                done = self.run_serve("a.daybook", "--insecure", "--config", self.file(text))
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(said, done.stderr)
                self.assertIn("server.json", done.stderr)
        done = self.run_serve("--insecure")
        self.assertEqual(done.returncode, 64)
        self.assertIn("No store is named", done.stderr)

    def test_takes_all_of_it_from_a_file(self):
        store = self.folder / "store.daybook"
        path = self.file(json.dumps({"file": str(store), "insecure": True, "port": 0, "host": "127.0.0.1"}))
        process = subprocess.Popen(
            [os.environ["DAYBOOK"], "serve"], stderr=subprocess.PIPE, text=True, env={**os.environ, "DAYBOOK_CONFIG": path})
        try:
            self.assertIn("Serving on 127.0.0.1:", process.stderr.readline())
            self.assertTrue(store.exists())
        finally:
            process.terminate()
            self.assertEqual(process.wait(PATIENCE), 0)
            process.stderr.close()


class LogTests(ServeCase):
    def test_is_lines_of_json_with_each_call(self):
        server = self.start("--log-format", "json", "--access-log")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        connection.request("GET", "/v1/streams/a-1?limit=7")
        connection.getresponse().read()
        connection.close()
        self.assertEqual(server.stop(), 0)
        lines = [json.loads(line) for line in server.said]
        call = next(line for line in lines if line["label"] == "daybook.access")
        self.assertEqual((call["method"], call["status"], call["user"]), ("GET /v1/streams/a-1", "404", "-"))
        self.assertGreater(call["sent"], 10)
        self.assertFalse([line for line in server.said if "limit=7" in line])

    def test_has_the_token_of_the_first_user_whatever_the_level_is(self):
        server = Server(
            self.folder, "--log-format", "json", "--log-level", "critical", access=("--without-tls",)).start()
        self.assertEqual(server.stop(), 0)
        self.assertEqual(len([line for line in server.said if "token" in json.loads(line)]), 1)

    def test_has_no_calls_unless_asked(self):
        server = self.start("--log-format", "json")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        connection.request("GET", "/version")
        connection.getresponse().read()
        connection.close()
        server.stop()
        self.assertFalse([line for line in server.said if "daybook.access" in line])


class ReloadTests(ServeCase):
    def certificate(self):
        certificate, key = str(self.folder / "server.pem"), str(self.folder / "server.key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-keyout", key, "-out", certificate, "-subj", "/CN=localhost"],
            check=True, capture_output=True)
        return certificate, key

    def said(self, server, text):
        end = time.monotonic() + PATIENCE
        while not any(text in line for line in server.said):
            self.assertLess(time.monotonic(), end, f"'{text}' was not said: {server.said}")
            time.sleep(0.01)
        return next(line for line in server.said if text in line)

    def test_a_hangup_has_the_certificate_read_again_and_says_so(self):
        certificate, key = self.certificate()
        server = Server(
            self.folder, "--log-format", "json", access=("--tls-certificate", certificate, "--tls-key", key)).start()
        self.addCleanup(server.stop)
        server.process.send_signal(signal.SIGHUP)
        line = json.loads(self.said(server, "The certificate was read again."))
        self.assertEqual((line["file"], line["key"]), (certificate, key))
        pathlib.Path(key).write_text("")
        server.process.send_signal(signal.SIGHUP)
        self.assertIn("which --tls-key names, is empty", self.said(server, "The certificate cannot be read"))

    def test_a_hangup_without_a_certificate_says_that_there_is_none(self):
        server = self.start("--log-format", "json")
        server.process.send_signal(signal.SIGHUP)
        self.said(server, "There is no certificate to read again")


class StartTests(ServeCase):
    def test_says_that_the_port_is_taken(self):
        server = self.start()
        done = self.run_serve(str(self.folder / "other.daybook"), "--insecure", "--port", str(server.port))
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"port {server.port} (Address already in use)", done.stderr)

    def test_makes_no_file_when_it_cannot_serve(self):
        store = self.folder / "other.daybook"
        done = self.run_serve(str(store), "--tls-certificate", "missing.pem", "--tls-key", "missing.pem")
        self.assertEqual(done.returncode, 1)
        self.assertIn("certificate cannot be used: 'missing.pem', which --tls-certificate names, does not exist", done.stderr)
        self.assertFalse(store.exists())
        done = self.run_serve(str(store), "--insecure", "--backup-folder", str(self.folder / "none"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("which --backup-folder names, does not exist", done.stderr)
        self.assertFalse(store.exists())


class UserTests(ServeCase):
    def test_what_the_log_has_of_a_user_that_makes_no_sense_is_told(self):
        server = self.start()
        for path, body, status in (
            ("/v1/append", {"writes": [{"stream": "$user-0", "events": [{"type": "$UserCreated", "data": 1}]}]}, 200),
            ("/v1/users", {"login": "0"}, 409),
        ):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            self.addCleanup(connection.close)
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
            self.assertEqual(answer.status, status, text)
        self.assertIn("userUnreadable", text)


class EndTests(ServeCase):
    def test_a_follower_is_told_and_the_program_ends(self):
        server = self.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.request("GET", "/v1/log/follow", headers={"Accept": "text/event-stream"})
        answer = connection.getresponse()
        self.assertIn(b"id: 0", answer.readline())
        server.process.send_signal(signal.SIGTERM)
        answer.read()  # To the last chunk: one that is missing is an error.
        self.assertEqual(server.process.wait(PATIENCE), 0)

    def silent_client(self, server):
        """One whose request never comes to its end, so that its connection stays open until the server has had enough."""
        connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        self.addCleanup(connection.close)
        connection.sendall(
            b"POST /v1/append HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{")
        end = time.monotonic() + PATIENCE
        # Beside the one that asks.
        while 'daybook_calls_in_hand{protocol="http"} 2' not in self.metrics(server):
            self.assertLess(time.monotonic(), end, "The request has not begun.")
        return connection

    def metrics(self, server):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def test_a_client_that_answers_nothing_holds_it_no_longer_than_the_limit(self):
        server = self.start("--limit", "shutdown-seconds=1")
        self.silent_client(server)
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_a_second_signal_ends_it_at_once(self):
        server = self.start("--limit", "shutdown-seconds=60")
        self.silent_client(server)
        server.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(1)
            self.fail("It did not wait for its client.")
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(server.process.wait(PATIENCE), 128 + signal.SIGINT)
        # What was recorded is there, and the file can be opened.
        self.start()

    def test_a_second_signal_ends_it_while_nobody_reads_its_log(self):
        store = str(self.folder / "store.daybook")
        process = subprocess.Popen(
            [os.environ["DAYBOOK"], "serve", store, "--insecure", "--port", "0", "--access-log"],
            stderr=subprocess.PIPE, text=True)
        try:
            port = int(re.search(r":(\d+)\.", process.stderr.readline())[1])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            for _ in range(2_000):  # More lines than a pipe holds.
                connection.request("GET", "/version")
                connection.getresponse().read()
            connection.close()
            process.send_signal(signal.SIGTERM)
            end = time.monotonic() + PATIENCE
            while subprocess.run([os.environ["DAYBOOK"], "verify", store], capture_output=True).returncode == 69:
                self.assertLess(time.monotonic(), end, "The store is not closed.")
            self.assertIsNone(process.poll(), "Its log has been read.")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE), 128 + signal.SIGTERM)
        finally:
            process.kill()
            process.wait(PATIENCE)
            process.stderr.close()


if __name__ == "__main__":
    unittest.main()

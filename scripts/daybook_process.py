"""What the scripts that break the real store have in common: the programs they run, the requests they send, what they
know of a log, and how they report.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
VIOLATIONS_SHOWN = 20
# A process that has not answered by then hangs.
PATIENCE = 60.0
LEAST_ROOM_IN_MEMORY = 2 << 30


class CannotRun(Exception):
    """The test cannot be made here; says why, and what to do."""


class Request:
    """One append request, and what is known of it."""

    def __init__(self, writer, writes, command):
        self.writer = writer
        self.writes = writes  # [(stream, expected, [event])]
        self.command = command
        self.acknowledgement = None
        self.is_resolved = False  # Whether it is known to be in the log.

    @property
    def events(self):
        return [(stream, event) for stream, _, events in self.writes for event in events]

    def line(self):
        body = {
            "writes": [
                {"stream": stream, "expected": expected, "events": events} for stream, expected, events in self.writes
            ]
        }
        if self.command:
            body["commandID"] = self.command
        return json.dumps(body, separators=(",", ":")).encode() + b"\n"

    def __str__(self):
        first = self.writes[0][2][0]["id"]
        return f"the request of {len(self.events)} events with {first} to {[stream for stream, _, _ in self.writes]}"


class Log:
    """What a file has been seen to hold so far, and what was asked of it."""

    def __init__(self):
        self.exported = b""
        self.by_id = {}
        self.versions = {}
        self.position = 0
        self.recorded_at = ""
        self.requests = []
        self.open_requests = []
        self.violations = []
        self.event_count = 0

    def add(self, request):
        self.requests.append(request)
        self.open_requests.append(request)

    def violate(self, text):
        self.violations.append(text)

    def take_in(self, exported):
        """Checks what is new in an export, and settles which requests are in the log."""
        if not exported.startswith(self.exported):
            self.violate(f"the {len(self.exported)} bytes seen before are not the beginning of the log any more")
            return
        known = {event["id"]: (stream, event) for request in self.open_requests for stream, event in request.events}
        for line in exported[len(self.exported):].splitlines():
            self.take_in_event(json.loads(line), known)
        self.exported = exported
        for request in self.open_requests:
            self.settle(request)
        # What is not there after the process has gone will never be, unless it is sent again.
        self.open_requests = [request for request in self.open_requests if not request.is_resolved and request.command]

    def take_in_event(self, event, known):
        where = f"the event {event['id']} at position {event['position']}"
        if event["id"] in self.by_id:
            self.violate(f"{where} is there twice")
            return
        if event["position"] <= self.position:
            self.violate(f"{where} follows position {self.position}")
        if event["recordedAt"] < self.recorded_at:
            self.violate(f"{where} was recorded before the one in front of it")
        expected = self.versions.get(event["stream"], -1) + 1
        if event["version"] != expected:
            self.violate(f"{where} has version {event['version']} of '{event['stream']}'; {expected} comes next")
        self.position = max(self.position, event["position"])
        self.recorded_at = max(self.recorded_at, event["recordedAt"])
        self.versions[event["stream"]] = event["version"]
        self.by_id[event["id"]] = event
        self.event_count += 1
        if event["id"] not in known:
            self.violate(f"{where} was never asked for, or was known not to be there")
            return
        stream, sent = known[event["id"]]
        if (event["stream"], event["type"], event.get("data"), event.get("tags", [])) != (
            stream, sent["type"], sent["data"], sent.get("tags", [])
        ):
            self.violate(f"{where} is not what was sent")

    def settle(self, request):
        found = [self.by_id[event["id"]] for _, event in request.events if event["id"] in self.by_id]
        if len(found) not in (0, len(request.events)):
            self.violate(f"{len(found)} of {len(request.events)} events of {request} are there")
            request.is_resolved = True
            return
        if not found:
            if request.acknowledgement:
                self.violate(f"{request}, acknowledged as {request.acknowledgement}, is missing")
            return
        request.is_resolved = True
        positions = [event["position"] for event in found]
        if positions != sorted(positions):
            self.violate(f"the events of {request} are out of order: {positions}")
        actual = self.result(request)
        if request.acknowledgement and not same_result(request.acknowledgement, actual):
            self.violate(f"{request} was acknowledged as {request.acknowledgement}, and is there as {actual}")

    def result(self, request):
        """Where a request that is in the log stands, in the words of an acknowledgement."""
        streams = [
            {"stream": stream, "version": self.by_id[events[-1]["id"]]["version"]}
            for stream, _, events in request.writes
        ]
        last = self.by_id[request.writes[-1][2][-1]["id"]]
        return {
            "position": last["position"], "count": len(request.events), "streams": streams,
            "recordedAt": last["recordedAt"],
        }

    def acknowledge(self, request, answer):
        if "error" in answer:
            self.violate(f"{request} was refused: {answer['error']}")
            return
        if request.is_resolved:
            actual = self.result(request)
            if not same_result(answer, actual):
                self.violate(f"{request} was answered by {answer} when sent again; it is there as {actual}")
            if not answer["repeat"]:
                self.violate(f"{request} was recorded before, and the answer does not say so: {answer}")
        elif answer["repeat"]:
            self.violate(f"{request} was never recorded, and the answer says that it was: {answer}")
        request.acknowledgement = answer


def same_result(one, other):
    return all(one[key] == other[key] for key in ("position", "count", "streams", "recordedAt"))


class Workload:
    """Requests as an application might send them: to several streams, with and without a command identifier."""

    def __init__(self, generator, streams=6, most_events=4, most_bytes=300):
        self.generator = generator
        self.streams = streams
        self.most_events = most_events
        self.most_bytes = most_bytes

    def requests(self, count):
        return [self.next() for _ in range(count)]

    def next(self):
        draw = self.generator
        names = draw.sample(range(self.streams), 1 if draw.random() < 0.6 else draw.randint(2, 3))
        size = 1 if draw.random() < 0.5 else draw.randint(1, self.most_events)
        writes = [(f"account-{name}", "any", [self.event() for _ in range(size)]) for name in names]
        return Request(0, writes, str(self.uuid()) if draw.random() < 0.6 else None)

    def event(self):
        return {
            "id": str(self.uuid()), "type": self.generator.choice(["Opened", "Changed", "Closed"]),
            "data": {"text": "x" * self.generator.randrange(self.most_bytes)},
            "tags": [f"owner:{self.generator.randrange(10)}"],
        }

    def uuid(self):
        return uuid.UUID(int=self.generator.getrandbits(128), version=4)


class Appender:
    """A process that appends requests, one after the other: `daybook append FILE --requests -`, or one like it."""

    def __init__(self, command, environment=None, patience=PATIENCE):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})})
        self.sent = 0
        self.rest = []
        self.hung = False
        self.watch = threading.Timer(patience, self.give_up)
        self.watch.daemon = True
        self.watch.start()

    def give_up(self):
        self.hung = True
        self.process.kill()

    def send(self, line):
        """Sends a line of JSON; False when nobody takes it any more."""
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
        except BrokenPipeError:
            return False
        self.sent += 1
        return True

    def answer(self):
        """The next whole answer; None when there will be none. Half a line answers nothing."""
        line = self.process.stdout.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def ask(self, line):
        return self.answer() if self.send(line) else None

    def end(self):
        """Closes the input and waits; returns the exit code, negative for a signal, and what the process said.

        Answers that nobody has asked for yet are in `rest`.
        """
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        rest = self.process.stdout.read()
        message = self.process.stderr.read().decode(errors="replace").strip()
        self.process.wait()
        self.watch.cancel()
        self.process.stdout.close()
        self.process.stderr.close()
        self.rest = [json.loads(line) for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]
        return self.process.returncode, "it gave no answer in time" if self.hung else message


class Checker:
    """Opens files with the store's own recovery, many in one process: `StoreUnderFaults check`."""

    # So many files may be on their way; the pipe holds as many answers.
    MOST_WAITING = 4

    def __init__(self, binary, prefix=(), environment=None):
        self.process = subprocess.Popen(
            [*prefix, binary, "check"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})})
        self.waiting = 0

    def send(self, path, commands=(), append=False):
        task = {"path": str(path), "commands": list(commands), "append": append}
        self.process.stdin.write(json.dumps(task).encode() + b"\n")
        self.process.stdin.flush()
        self.waiting += 1

    def answer(self):
        line = self.process.stdout.readline()
        self.waiting -= 1
        if not line.endswith(b"\n"):
            return {"error": f"the process that opens the files ended with code {self.process.wait(PATIENCE)}"}
        return json.loads(line)

    def check(self, path, commands=(), append=False):
        self.send(path, commands, append)
        return self.answer()

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(PATIENCE)


def index_segments(path):
    """How many segments of the index stand in a file that no process has open."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT count(*) FROM index_segments").fetchone()[0]


def compile_library(source, folder):
    """Compiles a C file of this folder to a library for LD_PRELOAD; returns its path."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotRun("There is no C compiler: run scripts/setup.")
    library = pathlib.Path(folder) / (pathlib.Path(source).stem + ".so")
    built = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-pthread", "-o", library, ROOT / "scripts" / source],
        capture_output=True, text=True)
    if built.returncode != 0:
        raise CannotRun(f"{source} cannot be compiled: {built.stderr.strip()}")
    return library


def require(program, package):
    if shutil.which(program) is None:
        raise CannotRun(f"There is no {program}: install the package {package}, or run scripts/setup.")


def find_binary(name):
    """The newest build of a product of this package; it is built when there is none."""
    built = [ROOT / ".build" / kind / name for kind in ("release", "debug")]
    found = [path for path in built if path.exists()]
    if not found:
        print(f"Building {name} first.", file=sys.stderr)
        subprocess.run(["swift", "build", "--product", name], cwd=ROOT, check=True, stdout=sys.stderr)
        found = [path for path in built if path.exists()]
    return str(max(found, key=lambda path: path.stat().st_mtime))


def show_progress(done, total, totals):
    """Says on standard error how far a test has come; the total is None while nobody knows it."""
    text = f"{done} of {total}" if total is not None else f"{done}"
    text += "".join(f", {value:,} {key}" for key, value in totals.items() if key != "kills")
    if sys.stderr.isatty():
        print(f"\r{text}\033[K", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif done == total or done % (100 if total is None else max(20, total // 40)) == 0:
        print(text, file=sys.stderr, flush=True)


def add_options(parser):
    """The options that every one of these scripts has."""
    parser.add_argument("--seed", type=int, help="repeats the choices of a run; the scheduling of threads stays by chance")
    parser.add_argument("--directory", help="where the files are made; they are kept when something is found")
    parser.add_argument("--binary", help="the daybook command; the newest in .build by default")
    parser.add_argument("--store-binary", help="StoreUnderFaults; the newest in .build by default")


def folder_in_memory():
    """A folder whose files are in memory, where a sync costs nothing; None when there is none with enough room."""
    path = "/dev/shm"
    if not os.access(path, os.W_OK):
        return None
    status = os.statvfs(path)
    return path if status.f_bavail * status.f_frsize >= LEAST_ROOM_IN_MEMORY else None


def run_script(parser, arguments, run, in_memory=False):
    """Runs a test and reports: `run(options, generator, folder)` returns figures and violations. Returns the exit code.

    With `in_memory` the files are made in memory where that is possible: for tests to which a disk's syncs mean nothing.
    """
    options = parser.parse_args(arguments)
    options.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    name = parser.prog
    folder = None
    try:
        options.binary = options.binary or find_binary("daybook")
        options.store_binary = options.store_binary or find_binary("StoreUnderFaults")
        place = options.directory or (folder_in_memory() if in_memory else None)
        folder = tempfile.mkdtemp(prefix=f"daybook-{name}-", dir=place)
        print(f"Seed {options.seed}", file=sys.stderr)
        started = time.monotonic()
        figures, violations = run(options, random.Random(options.seed), pathlib.Path(folder))
    except (CannotRun, OSError, subprocess.SubprocessError) as error:
        print(f"{name} cannot be run: {error}", file=sys.stderr)
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        return 2
    summary = dict(figures, seed=options.seed, seconds=round(time.monotonic() - started, 1), violations=len(violations))
    for text in violations[:VIOLATIONS_SHOWN]:
        print(text, file=sys.stderr)
    if violations:
        print(f"The files are in {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(summary))
    return 1 if violations else 0

"""Runs of the writing process in which strace meddles with its system calls, and what has to hold after each.

strace counts calls for each thread alone, so that the n-th call of the process is nothing it can name. The thread that
opens a store and the one that writes are reached one after the other: by tracing from the start, where the one that
opens comes first, and by attaching to a process that has opened already, where it is gone.
"""

import contextlib
import os
import re
import shutil
import subprocess
import threading

from daybook_process import Appender, CannotRun, Log, Request, Workload, require

FILE = "log.daybook"
# Few enough that the short script of these tests writes segments.
INDEX_ENTRIES = 20
INJECTED = re.compile(r"^(\d+) +(\w+)\(.*\(INJECTED\)", re.MULTILINE)


class Scenario:
    """A way to bring the process to its calls.

    - `create`: `daybook append`, from its start, makes the file;
    - `reopen`: `daybook append`, from its start, finds what a killed process left, with a write-ahead log to copy;
    - `append`: `daybook append`, once it has acknowledged something;
    - `index`: a store that writes a segment of the index every few commits, once it has acknowledged something, and
      that reads the whole log between two appends.
    """

    NAMES = ("create", "reopen", "append", "index")

    def __init__(self, name, options, folder, generator, request_count):
        self.name = name
        self.options = options
        self.folder = folder
        self.folder.mkdir()
        self.script = Workload(generator, streams=4).requests(request_count)
        self.attaches = name in ("append", "index")
        self.base = folder / "base"
        self.base.mkdir()
        self.base_requests = []
        self.base_export = b""
        if name == "reopen":
            self.make_base(generator)

    def make_base(self, generator):
        self.base_requests = Workload(generator, streams=4).requests(10)
        appender = Appender([self.options.binary, "append", str(self.base / FILE), "--requests", "-"])
        for request in self.base_requests:
            if not appender.ask(request.line()):
                raise CannotRun(f"The log to begin with cannot be written: {appender.end()[1]}")
        appender.process.kill()
        appender.end()
        copy = self.folder / "copy"
        shutil.copytree(self.base, copy)
        self.base_export = export(self.options.binary, copy / FILE)[1]
        shutil.rmtree(copy)

    def command(self, path):
        if self.name == "index":
            return [self.options.store_binary, "serve", str(path), str(INDEX_ENTRIES), "0"]
        return [self.options.binary, "append", str(path), "--requests", "-"]

    def log(self):
        """The log as it is before the script, which knows the requests that made it."""
        log = Log()
        for request in self.base_requests:
            log.add(Request(0, request.writes, request.command))
        log.take_in(self.base_export)
        return log


class Trial:
    """One run of a scenario's script, with calls that are meddled with, and the check of what it left."""

    def __init__(self, scenario, name):
        self.scenario = scenario
        self.folder = scenario.folder / name
        shutil.copytree(scenario.base, self.folder)
        self.path = self.folder / FILE
        self.log = scenario.log()
        self.refused = {}
        self.reads = []

    def run(self, calls, inject, environment=None):
        """Runs the script; `calls` and `inject` are for strace, which is left out when `inject` is None.

        strace writes what it saw to `trace`."""
        self.trace = str(self.folder) + ".trace"
        traced = [
            "strace", "-f", "-y", "-o", self.trace, "-e", f"trace={calls},write", "-e", "signal=none", *(inject or [])]
        command = self.scenario.command(self.path)
        requests = [Request(0, request.writes, request.command) for request in self.scenario.script]
        if inject is not None and not self.scenario.attaches:
            self.appender = Appender([*traced, "-q", *command], environment)
        else:
            self.appender = Appender(command, environment)
        attached = contextlib.nullcontext()
        if inject is not None and self.scenario.attaches:
            first = requests.pop(0)
            self.ask(first)
            attached = attach(traced, self.appender.process.pid)
        with attached:
            for request in requests:
                if not self.ask(request):
                    break
                if self.scenario.name == "index":
                    self.reads.append(self.appender.ask(b'{"read":true}\n'))
            self.code, self.message = self.appender.end()

    def ask(self, request):
        self.log.add(request)
        answer = self.appender.ask(request.line())
        if answer and "error" in answer:
            self.refused[request] = answer["error"]
        elif answer:
            self.log.acknowledge(request, answer)
        return answer

    @property
    def injected(self):
        """How many calls were meddled with."""
        with open(self.trace, errors="replace") as file:
            return len(INJECTED.findall(file.read()))

    def check(self, export_spoiler=None):
        """Reads the log back, sends every command again, and reads it once more; returns what is wrong."""
        log = self.log
        self.take_in(export_spoiler)
        for request, error in self.refused.items():
            if request.is_resolved and not error.get("mayBeWritten", True):
                log.violate(f"{request} is there, and was refused with nothing written: {error['message']}")
        if self.appender.hung:
            log.violate("the process gave no answer in time")
        self.send_again()
        self.take_in(None)
        return log.violations

    def take_in(self, spoiler):
        if not self.path.exists():
            exported = b""
        else:
            code, exported, message = export(self.scenario.options.binary, self.path)
            # A file that was being made may have nothing in it yet: as good as none, and compared as such.
            if code == 65 and "(it is empty)" in message:
                code, exported = 0, b""
            if code != 0:
                self.log.violate(f"export ended with code {code}: {message}")
                return
        self.log.take_in(spoiler(exported) if spoiler else exported)

    def send_again(self):
        """Whoever got no answer asks again: the command is recorded once, and answered as it was the first time."""
        commands = [request for request in self.log.requests if request.command]
        appender = Appender([self.scenario.options.binary, "append", str(self.path), "--requests", "-"])
        for request in commands:
            answer = appender.ask(request.line())
            if not answer:
                break
            self.log.acknowledge(request, answer)
        code, message = appender.end()
        if code != 0:
            self.log.violate(f"sending every command again ended with code {code}: {message}")

    def remove(self):
        shutil.rmtree(self.folder)
        if os.path.exists(self.trace):
            os.remove(self.trace)


@contextlib.contextmanager
def attach(traced, process_id):
    """strace on a process that runs already, until that process ends."""
    tracer = subprocess.Popen([*traced, "-p", str(process_id)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    for line in tracer.stderr:
        if b"attached" in line:
            break
    else:
        raise CannotRun(f"strace cannot attach to a process (code {tracer.wait()}): is ptrace allowed here?")
    rest = threading.Thread(target=tracer.stderr.read, daemon=True)
    rest.start()
    try:
        yield
    finally:
        tracer.wait()
        rest.join()
        tracer.stderr.close()


def export(binary, path, prefix=()):
    result = subprocess.run([*prefix, binary, "export", str(path)], capture_output=True)
    return result.returncode, result.stdout, result.stderr.decode(errors="replace").strip()[-500:]


def paths_of(path):
    """The files of a store, as strace's -P wants them: other calls are not counted, and not met."""
    files = [path.parent, path] + [f"{path}{suffix}" for suffix in ("-wal", "-shm", "-owner", "-journal")]
    return [word for file in files for word in ("-P", str(file))]


def require_strace():
    require("strace", "strace")
    if subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        raise CannotRun("strace cannot trace here: allow ptrace (in a container: --cap-add=SYS_PTRACE).")

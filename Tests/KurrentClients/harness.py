"""A server under test, and those who talk to it: the Python clients of KurrentDB, and their generated messages where they hide
what a test has to see.

Two packages speak the protocol, kurrentdbclient and its forerunner esdbclient. They cannot be installed side by side (they ask
for different versions of grpcio), so that the tests run once in each environment, on whichever package is there. DAYBOOK is
the path of the program under test.
"""

import collections
import contextlib
import importlib
import os
import pathlib
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import uuid

import grpc
from google.protobuf import empty_pb2

try:
    import kurrentdbclient as package

    PROTOS = "kurrentdbclient.protos.v1"
    Client = package.KurrentDBClient
    AsyncClient = package.AsyncKurrentDBClient
except ImportError:
    import esdbclient as package

    PROTOS = "esdbclient.protos.Grpc"
    Client = package.EventStoreDBClient
    AsyncClient = package.AsyncEventStoreDBClient

NewEvent = package.NewEvent
StreamState = package.StreamState
# The forerunner's messages are those of an older server: what came since then cannot be seen through them.
IS_NEWEST = package.__name__ == "kurrentdbclient"
newest_only = unittest.skipUnless(IS_NEWEST, "Only kurrentdbclient has this.")

streams = importlib.import_module(f"{PROTOS}.streams_pb2")
shared = importlib.import_module(f"{PROTOS}.shared_pb2")
gossip = importlib.import_module(f"{PROTOS}.gossip_pb2")
StreamsStub = importlib.import_module(f"{PROTOS}.streams_pb2_grpc").StreamsStub
GossipStub = importlib.import_module(f"{PROTOS}.gossip_pb2_grpc").GossipStub

EMPTY = shared.Empty()
NOTHING = empty_pb2.Empty()
# All ones: the end, wherever a revision or a position is asked for.
ALL_ONES = 2**64 - 1
TOMBSTONE = 2**63 - 1
# How long anything that should come is waited for, and how long a test may take, in seconds.
PATIENCE = 15
TEST_LIMIT = 60


def error(name):
    """A class of errors; the newer package has `Error` at the end of each name."""
    module = importlib.import_module(f"{package.__name__}.exceptions")
    return getattr(module, name, None) or getattr(module, f"{name}Error")


def new_event(type="Happened", data=b"{}", **more):
    return NewEvent(type=type, data=data, **more)


def new_events(count, type="Happened"):
    return [new_event(type, b'{"n":%d}' % number) for number in range(count)]


def fresh(prefix="stream"):
    """A name of a stream that nobody has used."""
    return f"{prefix}-{uuid.uuid4().hex}"


class Server:
    """`daybook serve` on a port that is free, with a store in a folder of its own."""

    def __init__(self, folder, *arguments):
        self.file = pathlib.Path(folder) / "store.daybook"
        self.arguments = arguments or ("--insecure",)
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [os.environ["DAYBOOK"], "serve", str(self.file), *self.arguments, "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = []
        listening = threading.Event()
        self.port = None

        def listen():
            for line in self.process.stderr:
                self.said.append(line)
                match = re.search(r"Serving on [^ ]*:(\d+)\.", line)
                if match:
                    self.port = int(match[1])
                    listening.set()
            listening.set()

        self.listener = threading.Thread(target=listen, daemon=True)
        self.listener.start()
        if not listening.wait(PATIENCE) or self.port is None:
            self.stop()
            raise AssertionError(f"The server does not listen: {self.last_words()}")
        return self

    def stop(self, by=signal.SIGTERM):
        """Ends it, and returns its exit code."""
        if self.process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, by)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise AssertionError(f"The server does not end: {self.last_words()}") from None
        finally:
            self.listener.join(PATIENCE)
            self.process.stderr.close()
        self.process = None
        return code

    def last_words(self):
        """What it said, of a crash only where it happened."""
        crashed = [index for index, line in enumerate(self.said) if "crashed:" in line]
        return "".join(self.said[:4] + [line for index in crashed for line in self.said[index : index + 5]])

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def uri(self):
        return f"esdb://{self.address}?tls=false"


class ServerTestCase(unittest.TestCase):
    """Tests on one server, with a store that was empty before the first of them."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="daybook-clients-")
        cls.addClassCleanup(folder.cleanup)
        cls.server = Server(folder.name)
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()
        cls.connect()

    @classmethod
    def connect(cls):
        cls.client = Client(cls.server.uri)
        cls.addClassCleanup(cls.client.close)
        cls.channel = grpc.insecure_channel(
            cls.server.address,
            options=[
                ("grpc.max_receive_message_length", 17 << 20),
                ("grpc.max_send_message_length", 32 << 20),
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )
        cls.addClassCleanup(cls.channel.close)
        cls.stub = StreamsStub(cls.channel)

    def setUp(self):
        def over(*_):
            raise AssertionError(f"The test takes more than {TEST_LIMIT} seconds.")

        before = signal.signal(signal.SIGALRM, over)
        signal.setitimer(signal.ITIMER_REAL, TEST_LIMIT)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        self.addCleanup(self.check_server)

    def check_server(self):
        """A test that ends the server fails, and those after it have another one on the same store."""
        try:
            call_bytes(self.channel, "/event_store.client.gossip.Gossip/Read")
        except grpc.RpcError:
            # One that crashes is there for a moment, and tells where.
            self.eventually(lambda: not self.server.is_running, "The server does not answer.")
            self.server.stop()
            said = self.server.last_words()
            self.server.start()
            type(self).connect()
            self.fail(f"The server has died: {said}")

    # What a test expects

    def assert_status(self, code, call, *arguments, message=None, **trailers):
        """The call ends with a status; when any trailer is named (`stream_name` for `stream-name`), those are all of them."""
        with self.assertRaises(grpc.RpcError) as raised:
            answer = call(*arguments)
            if hasattr(answer, "__next__"):
                list(answer)
        self.check_status(raised.exception, code, message, **trailers)
        return raised.exception

    def check_status(self, failure, code, message=None, **trailers):
        self.assertEqual((failure.code(), failure.details()), (code, message if message else failure.details()))
        if trailers:
            got = {item.key: item.value for item in failure.trailing_metadata()}
            self.assertEqual(got, {key.replace("_", "-"): value for key, value in trailers.items()})

    def eventually(self, holds, what="It does not come true."):
        """Asks again until it holds."""
        end = time.monotonic() + PATIENCE
        while True:
            answer = holds()
            if answer:
                return answer
            if time.monotonic() > end:
                self.fail(what)
            time.sleep(0.02)

    # Shorter words for what many tests do

    def append(self, stream, *events, expected=StreamState.ANY):
        """Appends by a batch; returns the position of the last event."""
        return self.client.append_to_stream(stream, events=list(events), current_version=expected)

    def filled(self, count, prefix="stream"):
        """A new stream with events."""
        stream = fresh(prefix)
        self.append(stream, *new_events(count), expected=StreamState.NO_STREAM)
        return stream

    def read(self, stream, start="start", **options):
        return self.stub.Read(read_stream(stream, start, **options), timeout=PATIENCE)

    def read_all(self, **options):
        return self.stub.Read(read_all(**options), timeout=PATIENCE)

    def follow(self, request):
        following = Following(self.stub, request)
        self.addCleanup(following.cancel)
        return following

    def write(self, stream, expected, *proposals):
        """One Append by its messages; returns the reply."""
        return self.stub.Append(iter(append_requests(stream, expected, *proposals)), timeout=PATIENCE)

    def events_of_all(self, **options):
        """What the log has, one `RecordedEvent` after another."""
        return [message.event.event for message in self.read_all(**options)]


# Messages


def identifier(name):
    return shared.StreamIdentifier(stream_name=name.encode() if isinstance(name, str) else name)


def text_id(value):
    return shared.UUID(string=str(value))


def signed(half):
    return half - (1 << 64) if half >= 1 << 63 else half


def structured_id(value):
    structured = shared.UUID.Structured(
        most_significant_bits=signed(value.int >> 64), least_significant_bits=signed(value.int & ALL_ONES)
    )
    return shared.UUID(structured=structured)


def uuid_of(message):
    """The value of a message in either form."""
    if message.WhichOneof("value") == "string":
        return uuid.UUID(message.string)
    halves = message.structured
    return uuid.UUID(int=(halves.most_significant_bits % (1 << 64)) << 64 | halves.least_significant_bits % (1 << 64))


def expectation(expected, empty=EMPTY, revision="revision"):
    """The member of the oneof: a number, or one of `any`, `no_stream`, `stream_exists`; nothing for None."""
    if expected is None:
        return {}
    if isinstance(expected, int):
        return {revision: expected}
    return {expected: empty}


Proposal = collections.namedtuple("Proposal", "id metadata data custom_metadata")


def proposal(data=b"{}", type="Happened", content_type="application/json", id=None, custom_metadata=b"", metadata=None):
    if id is None:
        id = text_id(uuid.uuid4())
    elif isinstance(id, uuid.UUID):
        id = text_id(id)
    if metadata is None:
        metadata = {"type": type, "content-type": content_type}
    return Proposal(id, metadata, data, custom_metadata)


def append_requests(stream, expected, *proposals):
    """The messages of one Append. A stream of None is left out, as an expectation of None is."""
    options = streams.AppendReq.Options(**expectation(expected))
    if stream is not None:
        options.stream_identifier.CopyFrom(identifier(stream))
    yield streams.AppendReq(options=options)
    for proposed in proposals:
        yield streams.AppendReq(proposed_message=streams.AppendReq.ProposedMessage(**proposed._asdict()))


def batch_request(correlation, stream=None, expected=None, proposals=(), is_final=True, **options):
    """One message of a BatchAppend; without options when there is neither a stream nor an expectation."""
    request = streams.BatchAppendReq(
        correlation_id=correlation,
        proposed_messages=[streams.BatchAppendReq.ProposedMessage(**proposed._asdict()) for proposed in proposals],
        is_final=is_final,
    )
    if stream is None and expected is None and not options:
        return request
    request.options.CopyFrom(
        streams.BatchAppendReq.Options(**expectation(expected, NOTHING, "stream_position"), **options)
    )
    if stream is not None:
        request.options.stream_identifier.CopyFrom(identifier(stream))
    return request


def read_options(backwards=False, count=None, subscription=False, links=False, uuid_form="string", compatibility=0):
    options = streams.ReadReq.Options(
        read_direction=streams.ReadReq.Options.Backwards if backwards else streams.ReadReq.Options.Forwards,
        resolve_links=links,
        no_filter=EMPTY,
    )
    if uuid_form == "string":
        options.uuid_option.string.SetInParent()
    elif uuid_form == "structured":
        options.uuid_option.structured.SetInParent()
    if subscription:
        options.subscription.SetInParent()
    else:
        options.count = ALL_ONES if count is None else count
    if compatibility:
        options.control_option.compatibility = compatibility
    return options


def read_stream(stream, start="start", **options):
    """A Read of a stream from a revision, `start` or `end`."""
    request = streams.ReadReq(options=read_options(**options))
    request.options.stream.stream_identifier.CopyFrom(identifier(stream))
    if isinstance(start, int):
        request.options.stream.revision = start
    else:
        getattr(request.options.stream, start).SetInParent()
    return request


def read_all(start="start", filter=None, **options):
    """A Read of all streams from a position, `start` or `end`."""
    request = streams.ReadReq(options=read_options(**options))
    if isinstance(start, int):
        request.options.all.position.commit_position = start
        request.options.all.position.prepare_position = start
    else:
        getattr(request.options.all, start).SetInParent()
    if filter is not None:
        request.options.filter.CopyFrom(filter)
    return request


def only(types=None, streams_=None, regex="", window=None, multiplier=1):
    """A filter by prefixes of types or of streams, or by an expression: `only(types=[], regex="^A")`."""
    expression = streams.ReadReq.Options.FilterOptions.Expression(regex=regex, prefix=types or streams_ or [])
    options = streams.ReadReq.Options.FilterOptions(checkpointIntervalMultiplier=multiplier)
    if streams_ is not None:
        options.stream_identifier.CopyFrom(expression)
    else:
        options.event_type.CopyFrom(expression)
    if window is None:
        options.count.SetInParent()
    else:
        options.max = window
    return options


class Following:
    """A call that answers for long, read on a thread, so that a test can wait for each message with patience."""

    def __init__(self, stub, request):
        self.call = stub.Read(request, timeout=TEST_LIMIT * 2)
        self.messages = queue.Queue()
        self.failure = None
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        try:
            for message in self.call:
                self.messages.put(message)
        except grpc.RpcError as failure:
            self.failure = failure
        self.messages.put(None)

    def next(self, patience=PATIENCE):
        """The next message; None at the end of the call."""
        try:
            return self.messages.get(timeout=patience)
        except queue.Empty:
            raise AssertionError("The server sends nothing more.") from None

    def until(self, kind):
        """The messages up to the first of a kind, and that one."""
        passed = []
        while True:
            message = self.next()
            if message is None:
                raise AssertionError(f"The call ends before a message {kind}: {self.failure}")
            if message.WhichOneof("content") == kind:
                return passed, message
            passed.append(message)

    def events(self, count):
        """So many events, without what else comes."""
        return [self.until("event")[1].event for _ in range(count)]

    def end(self):
        """What the call ended with; events before it are left out."""
        while self.next() is not None:
            pass
        return self.failure

    def cancel(self):
        self.call.cancel()


class BatchCall:
    """A BatchAppend that stays open: messages are sent as a test wants, and answers come on a thread."""

    def __init__(self, stub):
        self.requests = queue.Queue()
        self.answers = queue.Queue()
        self.failure = None
        self.call = stub.BatchAppend(iter(self.requests.get, None), timeout=TEST_LIMIT * 2)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        try:
            for answer in self.call:
                self.answers.put(answer)
        except grpc.RpcError as failure:
            self.failure = failure
        self.answers.put(None)

    def send(self, *arguments, **options):
        self.requests.put(batch_request(*arguments, **options))

    def finish(self):
        """Sends no more."""
        self.requests.put(None)

    def answer(self):
        try:
            return self.answers.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError("The server does not answer.") from None

    def rest(self):
        """The answers up to the end of the call, which is to end well."""
        answers = list(iter(self.answer, None))
        if self.failure is not None:
            raise AssertionError(f"The call ended with {self.failure.code()}: {self.failure.details()}")
        return answers


def kinds(messages):
    return [message.WhichOneof("content") for message in messages]


def fields(data):
    """The fields of a message that nobody has generated code for: numbers, and values as numbers or bytes."""
    found, at = [], 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            found.append((tag >> 3, varint()))
        elif tag & 7 == 2:
            length = varint()
            found.append((tag >> 3, data[at : at + length]))
            at += length
        else:
            raise AssertionError(f"A field of type {tag & 7}.")
    return found


def call_bytes(channel, path, request=b"", metadata=None):
    """Calls a unary method by its path, with bytes for messages."""
    method = channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)
    return method(request, timeout=PATIENCE, metadata=metadata)

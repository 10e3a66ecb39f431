"""A server that asks who calls: TLS, users, rights. The certificates are made by openssl for the test."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

import grpc
from harness import (
    EMPTY,
    PATIENCE,
    Client,
    Following,
    GossipStub,
    Server,
    ServerTestCase,
    StreamsStub,
    StreamState,
    append_requests,
    call_bytes,
    fields,
    fresh,
    new_event,
    new_events,
    proposal,
    read_all,
    read_stream,
)

PASSWORD = "correct-horse"
USERS = "/event_store.client.users.Users"


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def make_authority(folder):
    openssl(folder, "req", "-x509", *NEW_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Authority")


def make_certificate(folder, name, common_name, serial):
    """A certificate `name.pem` of the authority, and its key `name.key`."""
    (folder / f"{name}.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl(folder, "req", *NEW_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={common_name}")
    signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", str(serial), "-days", "2", "-extfile", f"{name}.ext"]
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing)


def basic(login, password=PASSWORD):
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


def varint(value):
    data = bytearray()
    while value >= 0x80:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def options(*values):
    """A request whose field 1 is a message of these (number, text)."""
    inner = b"".join(varint(number << 3 | 2) + varint(len(text.encode())) + text.encode() for number, text in values)
    return varint(1 << 3 | 2) + varint(len(inner)) + inner


class SecureTestCase(ServerTestCase):
    """Tests on a server with a certificate, where `admin` is an admin."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="daybook-security-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        make_authority(cls.folder)
        make_certificate(cls.folder, "server", "localhost", 1)
        certificate = ["--tls-certificate", f"{cls.folder}/server.pem", "--tls-key", f"{cls.folder}/server.key"]
        cls.server = Server(folder.name, *certificate, "--tls-client-ca", f"{cls.folder}/ca.pem")
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()
        end = time.monotonic() + PATIENCE
        while not (token := re.search(r"Bearer (\S+)", "".join(cls.server.said))):
            assert time.monotonic() < end, "The server says no token."
            time.sleep(0.02)
        cls.token = token[1]
        cls.found()
        cls.connect()

    @classmethod
    def found(cls):
        status, _, _ = cls.request("POST", "/v1/users", {"login": "admin", "password": PASSWORD}, f"Bearer {cls.token}")
        assert status == 201, status

    @classmethod
    def connect(cls):
        root = (cls.folder / "ca.pem").read_bytes()
        cls.client = cls.client_of("admin")
        cls.addClassCleanup(cls.client.close)
        cls.channel = grpc.secure_channel(
            f"localhost:{cls.server.port}",
            grpc.ssl_channel_credentials(root),
            options=[("grpc.use_local_subchannel_pool", 1)],
        )
        cls.addClassCleanup(cls.channel.close)
        cls.stub = StreamsStub(cls.channel)

    @classmethod
    def client_of(cls, login, password=PASSWORD):
        return Client(
            f"esdb://{login}:{password}@localhost:{cls.server.port}",
            root_certificates=(cls.folder / "ca.pem").read_bytes(),
        )

    @classmethod
    def context(cls):
        return ssl.create_default_context(cafile=f"{cls.folder}/ca.pem")

    @classmethod
    def request(cls, method, path, body=None, authorization=None, context=None):
        connection = http.client.HTTPSConnection(
            "localhost", cls.server.port, context=context or cls.context(), timeout=PATIENCE
        )
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json"} if body is not None else {}
            if authorization:
                headers["Authorization"] = authorization
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, json.loads(answer.read() or b"null")

    def add_user(self, *groups):
        """A new user; returns the login."""
        login = fresh("user")
        request = options((1, login), (2, PASSWORD), (3, "A user"), *((4, group) for group in groups))
        self.users("Create", request)
        return login

    def users(self, method, request=b"", login="admin", password=PASSWORD):
        return call_bytes(self.channel, f"{USERS}/{method}", request, [("authorization", basic(login, password))])


def of(login, password=PASSWORD):
    """Metadata of a call."""
    return [("authorization", basic(login, password))]


class CredentialsTests(SecureTestCase):
    def test_without_them_the_server_can_be_found_and_nothing_else(self):
        GossipStub(self.channel).Read(EMPTY, timeout=PATIENCE)
        call_bytes(self.channel, "/event_store.client.server_features.ServerFeatures/GetSupportedMethods")
        for call in (
            lambda: list(self.stub.Read(read_stream("a"), timeout=PATIENCE)),
            lambda: list(self.stub.Read(read_all(), timeout=PATIENCE)),
            lambda: self.stub.Append(append_requests("a", "any", proposal()), timeout=PATIENCE),
            lambda: call_bytes(self.channel, f"{USERS}/Details"),
            lambda: call_bytes(self.channel, "/event_store.client.operations.Operations/Shutdown"),
        ):
            self.assert_status(grpc.StatusCode.UNAUTHENTICATED, call, message="Unauthenticated")
        status, headers, problem = self.request("GET", "/v1/log")
        self.assertEqual((status, problem["code"]), (401, "unauthenticated"))
        self.assertIn("Basic", headers["WWW-Authenticate"])

    def test_wrong_ones_are_refused(self):
        for authorization in (basic("admin", "wrong"), basic("nobody"), "Bearer abc", "nonsense"):
            self.assert_status(
                grpc.StatusCode.UNAUTHENTICATED,
                lambda authorization=authorization: list(
                    self.stub.Read(read_all(), timeout=PATIENCE, metadata=[("authorization", authorization)])
                ),
            )

    def test_clients_work_with_them(self):
        stream = fresh()
        self.client.append_to_stream(stream, events=new_events(3), current_version=StreamState.NO_STREAM)
        self.assertEqual(len(self.client.get_stream(stream)), 3)

    def test_the_token_has_ended(self):
        status, _, _ = self.request("POST", "/v1/users", {"login": "eve", "password": PASSWORD}, f"Bearer {self.token}")
        self.assertEqual(status, 401)

    def test_a_certificate_is_one(self):
        login = self.add_user("$readers")
        make_certificate(self.folder, "client", login, 7)
        context = self.context()
        context.load_cert_chain(f"{self.folder}/client.pem", f"{self.folder}/client.key")
        self.assertEqual(self.request("GET", "/v1/log?limit=1", context=context)[0], 200)
        self.assertEqual(self.request("POST", "/v1/append", {"writes": []}, context=context)[0] // 100, 4)
        make_certificate(self.folder, "stranger", fresh("stranger"), 8)
        context = self.context()
        context.load_cert_chain(f"{self.folder}/stranger.pem", f"{self.folder}/stranger.key")
        self.assertEqual(self.request("GET", "/v1/log?limit=1", context=context)[0], 401)


class UsersTests(SecureTestCase):
    def test_are_made_and_told_of(self):
        login = self.add_user("$writers", "clerks")
        method = self.channel.unary_stream(f"{USERS}/Details", request_serializer=bytes, response_deserializer=bytes)
        [answer] = method(options((1, login)), timeout=PATIENCE, metadata=of(login))
        [(_, details)] = fields(answer)
        told = fields(details)
        self.assertEqual(told[:4], [(1, login.encode()), (2, b"A user"), (3, b"$writers"), (3, b"clerks")])
        [(_, ticks)] = fields(dict(told)[4])
        self.assertLess(abs(ticks / 1e7 - time.time()), 60)
        everybody = list(method(b"", timeout=PATIENCE, metadata=of(login)))
        self.assertGreaterEqual(len(everybody), 2)

    def test_errors_are_those_of_kurrentdb(self):
        login = self.add_user()
        request = options((1, login), (2, PASSWORD))
        self.assert_status(
            grpc.StatusCode.FAILED_PRECONDITION,
            lambda: self.users("Create", request),
            message="Conflict.",
            exception="user-conflict",
            login_name=login,
        )
        self.assert_status(
            grpc.StatusCode.NOT_FOUND,
            lambda: self.users("Disable", options((1, "nobody"))),
            message="User 'nobody' is not found.",
            exception="user-not-found",
            login_name="nobody",
        )
        self.assert_denied(lambda: self.users("Create", request, login=login))
        self.assert_denied(
            lambda: self.users("ChangePassword", options((1, login), (2, "wrong"), (3, "battery staple")), login=login)
        )

    def assert_denied(self, call):
        self.assert_status(
            grpc.StatusCode.PERMISSION_DENIED, call, message="Access Denied", exception="access-denied"
        )

    def test_change_their_password(self):
        login = self.add_user("$readers")
        self.users("ChangePassword", options((1, login), (2, PASSWORD), (3, "battery staple")), login=login)
        self.assert_status(
            grpc.StatusCode.UNAUTHENTICATED, lambda: list(self.stub.Read(read_all(count=1), metadata=of(login)))
        )
        list(self.stub.Read(read_all(count=1), metadata=of(login, "battery staple")))
        self.users("ResetPassword", options((1, login), (2, "third password")))
        list(self.stub.Read(read_all(count=1), metadata=of(login, "third password")))

    def test_are_not_in_what_others_read(self):
        login = self.add_user("$readers")
        messages = self.stub.Read(read_all(), timeout=PATIENCE, metadata=of(login))
        names = {message.event.event.stream_identifier.stream_name for message in messages}
        self.assertFalse([name for name in names if name.startswith(b"$")], names)
        for stream in (f"$user-{login}", f"$$$user-{login}", "$users"):
            self.assert_denied(lambda stream=stream: list(self.stub.Read(read_stream(stream), metadata=of(login))))


class RightsTests(SecureTestCase):
    def denied(self, call, *arguments):
        self.assert_status(
            grpc.StatusCode.PERMISSION_DENIED, call, *arguments, message="Access Denied", exception="access-denied"
        )

    def append_as(self, login, stream, **more):
        return self.stub.Append(append_requests(stream, "any", proposal(**more)), timeout=PATIENCE, metadata=of(login))

    def read_as(self, login, stream, **more):
        return list(self.stub.Read(read_stream(stream, **more), timeout=PATIENCE, metadata=of(login)))

    def test_follow_from_groups(self):
        reader, writer, nobody = self.add_user("$readers"), self.add_user("$writers"), self.add_user()
        stream = fresh("order")
        self.append_as(writer, stream)
        self.assertEqual(len(self.read_as(reader, stream)), 1)
        self.denied(lambda: self.append_as(reader, stream))
        self.denied(lambda: self.read_as(nobody, stream))
        self.denied(lambda: call_bytes(self.channel, "/event_store.client.operations.Operations/Shutdown", b"", of(writer)))

    def test_the_actor_is_stamped(self):
        writer, stream = self.add_user("$writers"), fresh("order")
        self.append_as(writer, stream, custom_metadata=b'{"$actor":"eve","$correlationId":"7"}')
        self.append_as(writer, stream, custom_metadata=b"\x00\x01")
        first, second = (message.event.event.custom_metadata for message in self.read_as(writer, stream))
        self.assertEqual(json.loads(first), {"$actor": writer, "$correlationId": "7"})
        self.assertEqual(second, b"\x00\x01")

    def test_follow_from_the_list_of_a_stream(self):
        reader, named, stream = self.add_user("$readers"), self.add_user(), fresh("secret")
        self.append(stream, new_event())
        self.client.set_stream_metadata(stream, metadata={"$acl": {"$r": named}})
        self.denied(lambda: self.read_as(reader, stream))
        self.assertEqual(len(self.read_as(named, stream)), 1)
        for index in ("$ce-secret", "$streams", "$et-Happened"):
            for links in (False, True):
                with self.subTest(index, links=links):
                    for message in self.read_as(reader, index, links=links):
                        self.assertNotIn(stream.encode(), message.SerializeToString())
        for message in self.stub.Read(read_all(), timeout=PATIENCE, metadata=of(reader)):
            self.assertNotIn(stream.encode(), message.SerializeToString())

    def test_a_link_shows_no_more_than_its_target(self):
        writer, secret, open_ = self.add_user("$writers"), fresh("secret"), fresh("open")
        self.append(secret, new_event(data=b'{"secret":1}'))
        self.client.set_stream_metadata(secret, metadata={"$acl": {"$r": "$admins"}})
        link = f"0@{secret}".encode()
        self.append_as(writer, open_, type="$>", content_type="application/octet-stream", data=link)
        [message] = self.read_as(writer, open_, links=True)
        self.assertFalse(message.event.HasField("event"))
        self.assertNotIn(b'"secret"', message.SerializeToString())

    def test_a_subscription_ends_with_its_right(self):
        reader, stream = self.add_user("$readers"), fresh("order")
        self.append(stream, new_event())
        for end in ("list", "user"):
            with self.subTest(end):
                other = fresh("order")
                self.append(other, new_event())
                following = Following(MetadataStub(self.stub, of(reader)), read_stream(other, subscription=True))
                self.addCleanup(following.cancel)
                following.until("caught_up")
                start = time.monotonic()
                if end == "list":
                    self.client.set_stream_metadata(other, metadata={"$acl": {"$r": "$admins"}})
                    code = grpc.StatusCode.PERMISSION_DENIED
                else:
                    self.users("Disable", options((1, reader)))
                    code = grpc.StatusCode.UNAUTHENTICATED
                self.assertEqual(following.end().code(), code)
                self.assertLess(time.monotonic() - start, 5)


class MetadataStub:
    """Calls with metadata."""

    def __init__(self, stub, metadata):
        self.stub = stub
        self.metadata = metadata

    def Read(self, request, timeout):
        return self.stub.Read(request, timeout=timeout, metadata=self.metadata)


class TLSTests(SecureTestCase):
    def certificate(self, protocols=("http/1.1",)):
        """The server's certificate, and the protocol that was agreed on."""
        context = self.context()
        context.set_alpn_protocols(list(protocols))
        with socket.create_connection(("localhost", self.server.port), PATIENCE) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as encrypted:
                return encrypted.getpeercert()["serialNumber"], encrypted.selected_alpn_protocol()

    def test_agrees_on_the_protocol(self):
        self.assertEqual(self.certificate(["h2"])[1], "h2")
        self.assertEqual(self.certificate(["h2", "http/1.1"])[1], "http/1.1")
        self.assertEqual(self.request("GET", "/version")[0], 200)

    def test_plain_text_is_told_of_tls_and_nothing_else(self):
        with socket.create_connection(("localhost", self.server.port), PATIENCE) as plain:
            plain.sendall(b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b"".join(iter(lambda: plain.recv(1000), b""))
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertIn(b"TLS", answer)
        self.assertEqual(answer.count(b"HTTP/1.1"), 1)

    def test_a_new_certificate_is_used_and_old_connections_stay(self):
        stream = fresh()
        self.append(stream, new_event())
        self.assertEqual(self.certificate()[0], "01")
        following = Following(MetadataStub(self.stub, of("admin")), read_stream(stream, subscription=True))
        self.addCleanup(following.cancel)
        following.until("caught_up")
        make_certificate(self.folder, "next", "localhost", 2)
        os.replace(self.folder / "next.key", self.folder / "server.key")
        os.replace(self.folder / "next.pem", self.folder / "server.pem")
        os.kill(self.server.process.pid, signal.SIGHUP)
        self.eventually(lambda: self.certificate()[0] == "02", "The certificate is not read again.")
        self.append(stream, new_event("Later"))
        self.assertEqual([event.event.metadata["type"] for event in following.events(1)], ["Later"])


class FailuresTests(SecureTestCase):
    def test_too_many_are_not_looked_at(self):
        def attempt():
            try:
                list(self.stub.Read(read_all(), timeout=PATIENCE, metadata=of("admin", "wrong")))
            except grpc.RpcError as failure:
                return failure.code()

        list(self.stub.Read(read_all(count=1), timeout=PATIENCE, metadata=of("admin")))
        self.assertEqual({attempt() for _ in range(5)}, {grpc.StatusCode.UNAUTHENTICATED})
        self.eventually(lambda: attempt() == grpc.StatusCode.RESOURCE_EXHAUSTED, "Logins fail without end.")
        # Who is in stays in.
        list(self.stub.Read(read_all(count=1), timeout=PATIENCE, metadata=of("admin")))


class CommandTests(unittest.TestCase):
    def serve(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run(
                [os.environ["DAYBOOK"], "serve", f"{folder}/a.db", "--port", "0", *arguments],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )

    def test_one_way_to_serve_is_to_be_named(self):
        for arguments in ((), ("--insecure", "--without-tls"), ("--tls-certificate", "a"), ("--tls-client-ca", "a")):
            with self.subTest(arguments):
                self.assertEqual(self.serve(*arguments).returncode, 64)

    def test_others_reach_no_server_without_tls(self):
        for way in ("--insecure", "--without-tls"):
            result = self.serve(way, "--host", "0.0.0.0")
            self.assertNotEqual(result.returncode, 0)
            self.assertIn("without TLS", result.stderr)

    def test_a_certificate_that_is_none_is_said_so(self):
        result = self.serve("--tls-certificate", os.devnull, "--tls-key", os.devnull)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("certificate", result.stderr)

    def test_users_are_made_without_a_server(self):
        with tempfile.TemporaryDirectory() as folder:

            def users(verb, *arguments, password=""):
                return subprocess.run(
                    [os.environ["DAYBOOK"], "users", verb, f"{folder}/a.db", *arguments],
                    input=password,
                    capture_output=True,
                    text=True,
                    timeout=PATIENCE,
                )

            self.assertEqual(users("add", "ada", "--group", "$admins", password=PASSWORD + "\n").returncode, 0)
            self.assertEqual(users("add", "ada", password=PASSWORD).returncode, 1)
            self.assertEqual(users("add", "bob", password="short").returncode, 1)
            self.assertEqual(users("list").stdout, "ada\t$admins\n")
            self.assertEqual(users("password", "ada", password="battery staple\n").returncode, 0)
            self.assertEqual(users("remove", "ada").returncode, 0)
            self.assertEqual(users("list").stdout, "")


if __name__ == "__main__":
    unittest.main()

"""Connections: two protocols on one port, and what a connection may do."""

import http.client
import json
import socket
import unittest

from server import PATIENCE, Answer, Case, fresh, read_to_end

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


class OnePort(Case):
    def frame_type(self, connection):
        head = b""
        while len(head) < 9:
            piece = connection.recv(9 - len(head))
            self.assertTrue(piece, "The connection was closed.")
            head += piece
        return head[3]

    def test_http2_is_answered_by_settings(self):
        connection = self.socket()
        connection.sendall(PREFACE + SETTINGS)
        self.assertEqual(self.frame_type(connection), 4)

    def test_a_preface_in_pieces_is_known(self):
        connection = self.socket()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in PREFACE + SETTINGS:
            connection.sendall(bytes([byte]))
        self.assertEqual(self.frame_type(connection), 4)

    def test_a_request_in_pieces_is_answered(self):
        connection = self.socket()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n":
            connection.sendall(bytes([byte]))
        self.assertTrue(read_to_end(connection).startswith(b"HTTP/1.1 200 "))


class Connections(Case):
    def test_one_connection_takes_many_requests(self):
        stream = fresh()
        for number in range(100):
            answer = self.append(stream, number)
            self.assertEqual(answer.status, 200)
        self.assertEqual(self.get(f"/v1/streams/{stream}/state").json["version"], 99)

    def test_requests_may_be_sent_before_answers_have_come(self):
        connection = self.socket()
        count = 20
        request = b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(request * (count - 1) + last)
        self.assertEqual(read_to_end(connection).count(b"HTTP/1.1 200 "), count)

    def test_a_client_that_has_sent_everything_is_answered(self):
        connection = self.socket()
        connection.sendall(b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        self.assertTrue(read_to_end(connection).startswith(b"HTTP/1.1 200 "))

    def test_a_body_in_chunks_is_taken(self):
        stream = fresh()
        body = json.dumps({"writes": [{"stream": stream, "events": [{"type": "T", "data": 1}]}]}).encode()
        self.connection.request(
            "POST", "/v1/append", iter([body[:10], body[10:]]), {"Content-Type": "application/json"}, encode_chunked=True
        )
        self.assertEqual(Answer(self.connection.getresponse()).status, 200)

    def test_too_large_a_body_is_refused_before_it_has_come(self):
        connection = self.socket()
        connection.sendall(
            b"POST /v1/append HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 99999999999\r\n\r\n{"
        )
        self.assertTrue(connection.recv(65536).startswith(b"HTTP/1.1 413 "))

    def test_too_large_a_body_in_chunks_is_refused(self):
        def chunks():
            for _ in range(40):
                yield b" " * (1 << 20)

        self.connection.request(
            "POST", "/v1/append", chunks(), {"Content-Type": "application/json"}, encode_chunked=True
        )
        self.assertEqual(Answer(self.connection.getresponse()).status, 413)

    def test_too_many_headers_are_refused(self):
        connection = self.socket()
        connection.sendall(b"GET /version HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 1000 + b"\r\n")
        self.assertTrue(read_to_end(connection).startswith(b"HTTP/1.1 400 "))

    def test_what_is_no_http_is_refused(self):
        connection = self.socket()
        connection.sendall(b"\x16\x03\x01\x00\xa5 hello")
        self.assertTrue(read_to_end(connection).startswith(b"HTTP/1.1 400 "))

    def test_another_host_is_refused(self):
        answer = self.request("GET", "/version", headers={"Host": "evil.example"})
        self.assertEqual(answer.status, 421)

    def test_a_head_has_no_body(self):
        answer = self.request("HEAD", "/version")
        self.assertEqual((answer.status, answer.body), (200, b""))
        answer = self.request("HEAD", "/nowhere")
        self.assertEqual((answer.status, answer.body), (404, b""))
        self.assertEqual(self.get("/version").status, 200)

    def test_the_server_ends_with_connections_open(self):
        idle = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        idle.request("GET", "/version")
        idle.getresponse().read()
        follower = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        follower.request("GET", "/v1/log/follow?after=end")
        answer = follower.getresponse()
        self.assertEqual(answer.status, 200)
        answer.readline()
        silent = self.socket()
        self.server.stop()
        answer.read()  # To the end: the answer is whole.
        idle.close()
        silent.close()
        type(self).server.start()


if __name__ == "__main__":
    unittest.main()

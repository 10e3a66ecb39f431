"""HTTP/2 by hand, for clients that do what no library lets them do: https://www.rfc-editor.org/rfc/rfc9113#section-4.1"""

import socket
import struct

from server import PATIENCE

DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, PRIORITY_FLAG, ACK = 0x1, 0x4, 0x8, 0x20, 0x1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# What a client may have of a stream before it must give room.
WINDOW_BYTES = 65535
GOSSIP = "/event_store.client.gossip.Gossip/Read"
BATCH_APPEND = "/event_store.client.streams.Streams/BatchAppend"


def frame(type, flags=0, stream=0, payload=b"", length=None):
    """A frame; one with another length than it has is a lie."""
    length = len(payload) if length is None else length
    return struct.pack(">I", length << 8 | type) + bytes([flags]) + struct.pack(">I", stream) + payload


def integer(value, bits, first=0):
    """https://www.rfc-editor.org/rfc/rfc7541#section-5.1"""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out = [first | most]
    value -= most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + [value])


def literal(name, value, first=0, bits=4):
    """A header that is not indexed, without Huffman's code; `first=0x40, bits=6` for one that is remembered."""
    name, value = (text.encode() if isinstance(text, str) else text for text in (name, value))
    return integer(0, bits, first) + integer(len(name), 7) + name + integer(len(value), 7) + value


def block(path=GOSSIP, method="POST", content_type="application/grpc", **more):
    """The headers of a call; those of None are left out, and `_` stands for `-`."""
    headers = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "localhost")]
    headers += [("content-type", content_type)]
    headers += [(name.replace("_", "-"), value) for name, value in more.items()]
    return b"".join(literal(name, value) for name, value in headers if value is not None)


def message(payload=b"", compressed=0, length=None):
    """A message as gRPC frames it."""
    return bytes([compressed]) + struct.pack(">I", len(payload) if length is None else length) + payload


def data(stream, body, flags=END_STREAM):
    """A body in frames that are no larger than every server takes them."""
    pieces = [body[at : at + 16_384] for at in range(0, len(body), 16_384)] or [b""]
    return b"".join(frame(DATA, flags if piece is pieces[-1] else 0, stream, piece) for piece in pieces)


def window_update(increment, stream=0):
    return frame(WINDOW, 0, stream, struct.pack(">I", increment))


class Connection:
    """A connection on which frames are sent and read one by one."""

    def __init__(self, port, settings=b"", preface=PREFACE, wrap=lambda connection: connection):
        self.socket = wrap(socket.create_connection(("127.0.0.1", port), PATIENCE))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.ids = iter(range(1, 1 << 31, 2))
        self.socket.sendall(preface + frame(SETTINGS, 0, 0, settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """Whether all of it was sent: the server may have closed the connection."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def frame(self):
        """The next frame: type, flags, stream, payload. None when the server has closed the connection."""
        while True:
            if len(self.received) >= 9:
                end = 9 + int.from_bytes(self.received[:3], "big")
                if len(self.received) >= end:
                    head, payload = self.received[:9], self.received[9:end]
                    self.received = self.received[end:]
                    return head[3], head[4], int.from_bytes(head[5:9], "big"), payload
            try:
                piece = self.socket.recv(65536)
            except TimeoutError:
                raise AssertionError(f"The server sends nothing for {PATIENCE} s, and the connection is open.") from None
            except OSError:
                return None
            if not piece:
                return None
            self.received += piece

    def frames_to_end(self):
        """The types of all frames until the server closes the connection."""
        types = []
        while (got := self.frame()) is not None:
            types.append(got[0])
            # Whoever reads is a client that lives.
            if got[0] == PING and not got[1] & ACK:
                self.send(frame(PING, ACK, 0, got[3]))
        return types

    def begin(self, path=GOSSIP, flags=END_HEADERS, **headers):
        """Begins a call, and returns its stream."""
        stream = next(self.ids)
        self.send(frame(HEADERS, flags, stream, block(path, **headers)))
        return stream

    def call(self, path=GOSSIP, body=None, **headers):
        """A call with one message, or the bytes of a body. Returns whether an answer came, and then its end."""
        stream = self.begin(path, **headers)
        self.send(data(stream, message() if body is None else body))
        return self.answer(stream)

    def answer(self, stream):
        """Waits for the end of a call. Returns whether it has brought a message; None when the connection was closed."""
        has_message = False
        while True:
            got = self.frame()
            if got is None:
                return None
            type, flags, other, payload = got
            if type == DATA and payload:
                self.send(window_update(len(payload)))
            if type == PING and not flags & ACK:
                self.send(frame(PING, ACK, 0, payload))
            if type == SETTINGS and not flags & ACK:
                self.send(frame(SETTINGS, ACK, 0))  # Before, a hundred calls may be open.
            if other != stream:
                continue
            if type == RESET:
                return False
            has_message = has_message or type == DATA and len(payload) > 5
            if flags & END_STREAM and type in (HEADERS, DATA):
                return has_message

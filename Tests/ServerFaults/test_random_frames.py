"""Connections of frames as chance has it: of every kind, damaged, out of order, cut anywhere, in pieces and at once."""

import contextlib
import os
import random
import socket
import struct
import unittest

from faults import LONG, FaultCase
from frames import (
    ACK,
    BATCH_APPEND,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    GOSSIP,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PRIORITY_FLAG,
    PUSH,
    RESET,
    SETTINGS,
    WINDOW,
    block,
    frame,
    literal,
    message,
    window_update,
)

SEED = int(os.environ.get("SEED", random.randrange(1_000_000)))


def number(chance):
    return chance.choice([0, 1, 1, 4, 8, 255, 16_384, 65_535, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, chance.getrandbits(32)])


def headers(chance):
    parts = chance.choice(
        [{}, {"path": BATCH_APPEND}, {"path": None}, {"path": ""}, {"method": "GET"}, {"content_length": "3"},
         {"content_type": None}, {"grpc_timeout": "1m"}, {"authorization": "Basic eDp5"}]
    )
    text = block(**parts)
    if chance.random() < 0.2:
        text += literal(chance.choice([":path", "te", "X", "x-bin", "", "cookie"]), chance.randbytes(chance.choice([0, 3, 900])))
    return text


def some_frame(chance):
    """A frame that is well-formed, or nearly."""
    stream = chance.choice([1, 1, 1, 3, 3, 5, 7, 2, 0, 0xFFFFFFFF, chance.getrandbits(31)])
    kind = chance.choice([DATA, DATA, HEADERS, HEADERS, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW,
                          CONTINUATION, 0xFA])
    flags = 0
    for flag in (END_STREAM, END_HEADERS, PADDED, PRIORITY_FLAG):
        flags |= flag * (chance.random() < (0.8 if flag == END_HEADERS else 0.15))
    if kind == DATA:
        body = chance.choice([b"", message(), message(b"\x0a\x00"), message(length=900), b"\0", chance.randbytes(40)])
        return frame(DATA, flags & (END_STREAM | PADDED), stream, body)
    if kind in (HEADERS, CONTINUATION):
        return frame(kind, flags, stream, headers(chance))
    if kind == SETTINGS:
        pairs = b"".join(struct.pack(">HI", chance.randrange(9), number(chance)) for _ in range(chance.randrange(3)))
        return frame(SETTINGS, chance.choice([0, 0, ACK]), chance.choice([0, 0, 0, 1]), pairs)
    if kind == WINDOW:
        return window_update(number(chance), chance.choice([0, stream]))
    payload = {RESET: 4, PING: 8, GOAWAY: 8, PRIORITY: 5}.get(kind, chance.randrange(20))
    return frame(kind, flags & 1, chance.choice([0, stream]), chance.randbytes(payload))


def damaged(chance, data):
    """Perhaps with some bytes changed, missing or doubled."""
    data = bytearray(data)
    for _ in range(chance.choice([0, 0, 0, 1, 3])):
        if not data:
            break
        at = chance.randrange(len(data))
        what = chance.randrange(3)
        if what == 0:
            data[at] = chance.getrandbits(8)
        elif what == 1:
            del data[at : at + chance.randrange(1, 20)]
        else:
            data[at:at] = data[at : at + chance.randrange(1, 20)]
    return bytes(data)


class RandomFrames(FaultCase):
    limits = {"shutdown-seconds": 1}

    def test_frames_as_chance_has_it(self):
        for round in range(20_000 if LONG else 400):
            chance = random.Random(SEED * 1_000_000 + round)
            frames = [some_frame(chance) for _ in range(chance.choice([1, 3, 10, 40]))]
            data = damaged(chance, b"".join(frames))
            if chance.random() < 0.2:
                data += frame(DATA, 0, 1) * 120 + frame(PING, 0, 0, b"123")
            try:
                connection = self.connect(settings=struct.pack(">HI", 4, chance.choice([0, 1, 65_535])))
            except OSError as error:
                self.fail(f"The server takes no connection after round {round - 1}, SEED={SEED}: {error}")
            # At once, which the server may read in one piece, or cut anywhere.
            cut = chance.randrange(len(data) + 1) if chance.random() < 0.5 else len(data)
            connection.send(data[:cut])
            connection.send(data[cut:])
            # All of it is read before the end is seen; closed at once, it would be dropped.
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_WR)
                while connection.socket.recv(65_536):
                    pass
            connection.close()
            self.opened.remove(connection)
        self.neighbour.wait()
        # One that does well is answered.
        self.assertTrue(self.connect().call(GOSSIP))


if __name__ == "__main__":
    unittest.main()

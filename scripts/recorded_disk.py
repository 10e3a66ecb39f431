"""What a disk holds after a power cut, from a recording of record-calls.c.

A write, a change of length, and a change of the folder are pending until they are synced: the first two by a sync of
their file, the third by a sync of the folder. Of what is pending any part may be on the disk, a write in units of 512
bytes. A file that was never synced by its folder may be missing, and one that was deleted may be back.
"""

import json
import struct

SECTOR = 512
HEAD = struct.Struct("=B3xIQqQ")
# What becomes of the pending changes: none of them, all, the first ones and a part of the next, each by chance, each
# sector by chance.
SURVIVALS = ("none", "all", "prefix", "random", "torn")


class Record:
    __slots__ = ("kind", "inode", "name", "offset", "length", "data")

    def __init__(self, kind, inode=0, name="", offset=0, length=0, data=b""):
        self.kind = kind
        self.inode = inode
        self.name = name
        self.offset = offset
        self.length = length
        self.data = data


def read_records(path):
    """The records of a file, in their order."""
    with open(path, "rb") as file:
        raw = file.read()
    records, at = [], 0
    while at < len(raw):
        kind, name_length, inode, offset, length = HEAD.unpack_from(raw, at)
        at += HEAD.size
        name = raw[at : at + name_length].decode()
        at += name_length
        data = b""
        if chr(kind) in "WA":
            data = raw[at : at + length]
            at += length
        if at > len(raw):
            raise ValueError(f"{path} ends within a record")
        records.append(Record(chr(kind), inode, name, offset, length, data))
    return records


class File:
    """One file, whatever its name: what of it is on the disk for certain."""

    def __init__(self, content=b""):
        self.content = bytearray(content)


def change(content, record, data=None, offset=None):
    """Makes a write or a change of length."""
    if record.kind == "T":
        if record.offset <= len(content):
            del content[record.offset :]
        else:
            content.extend(bytes(record.offset - len(content)))
        return
    data = record.data if data is None else data
    offset = record.offset if offset is None else offset
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def sectors(record):
    """The pieces of a write that lie in one sector each."""
    at = record.offset
    end = at + len(record.data)
    while at < end:
        stop = min(end, (at // SECTOR + 1) * SECTOR)
        yield at, record.data[at - record.offset : stop - record.offset]
        at = stop


class Disk:
    def __init__(self, files=None):
        """A disk that holds some files, by name, for certain."""
        self.names = {name: File(content) for name, content in (files or {}).items()}
        self.pending = []  # [(file, record)]; the file is None for a change of the folder
        self.live = dict(self.names)  # What the process sees.
        self.by_inode = {}
        self.acknowledged = 0
        self.output = b""

    def apply(self, record):
        kind = record.kind
        if kind == "C":
            file = File()
            self.by_inode[record.inode] = self.live[record.name] = file
            self.pending.append((None, Record("C", name=record.name, data=file)))
        elif kind == "O":
            self.by_inode[record.inode] = self.live[record.name]
            if record.name.endswith("-owner"):
                # A process begins by locking this file; half a line that the one before it left stays half.
                self.output = b""
        elif kind in "WT":
            self.pending.append((self.by_inode[record.inode], record))
        elif kind == "S":
            self.sync(self.by_inode[record.inode])
        elif kind == "D":
            self.sync(None)
        elif kind == "U":
            del self.live[record.name]
            self.pending.append((None, record))
        elif kind == "R":
            old, new = record.name.split("/")
            self.live[new] = self.live.pop(old)
            self.pending.append((None, record))
        elif kind == "A":
            self.acknowledge(record.data)

    def acknowledge(self, output):
        self.output += output
        *lines, self.output = self.output.split(b"\n")
        for line in lines:
            self.acknowledged = max(self.acknowledged, json.loads(line).get("position", 0))

    def sync(self, file):
        rest = []
        for item in self.pending:
            if item[0] is not file:
                rest.append(item)
            elif file is None:
                rename(self.names, item[1])
            else:
                change(file.content, item[1])
        self.pending = rest

    def state(self, survival, generator):
        """The files that a power cut now would leave, by name; what is pending survives as told."""
        names = dict(self.names)
        contents = {}

        def content(file):
            if id(file) not in contents:
                contents[id(file)] = bytearray(file.content)
            return contents[id(file)]

        kept = len(self.pending)
        if survival == "none":
            kept = 0
        elif survival == "prefix":
            kept = generator.randrange(len(self.pending) + 1)
        for index, (file, record) in enumerate(self.pending):
            torn = survival == "torn" or (survival == "prefix" and index == kept)
            if index >= kept and not torn:
                break
            if file is None or record.kind == "T":
                if survival in ("random", "torn") and generator.random() < 0.5:
                    continue
                if survival == "prefix" and torn:
                    continue
                if file is None:
                    rename(names, record)
                else:
                    change(content(file), record)
            elif torn:
                for offset, data in sectors(record):
                    if generator.random() < 0.5:
                        change(content(file), record, data, offset)
            elif survival != "random" or generator.random() < 0.5:
                change(content(file), record)
        return {name: bytes(content(file)) for name, file in names.items()}


def rename(names, record):
    """Makes a change of the folder."""
    if record.kind == "C":
        names[record.name] = record.data
    elif record.kind == "U":
        names.pop(record.name, None)
    else:
        old, new = record.name.split("/")
        if old in names:
            names[new] = names.pop(old)

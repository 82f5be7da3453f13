"""A name server's zone that tests fill: what each name is, and every question that came.

    {"one.test": {"A": ["45.1.1.1"], "AAAA": [...]},     what there is; the other types are empty
     "alias.test": {"CNAME": "one.test"},
     "moves.test": {"A": [...], "every": 1},             one address at a time, the next one each second
     "turns.test": {"A": [...], "turns": 1},             one address an answer, each in its turn; the last one stays
     "slow.test": {"A": [...], "delay": 0.5},
     "large.test": {"A": [...], "truncated": 1},         over UDP it does not fit
     "bad.test": {"code": 2},                            SERVFAIL; 5: REFUSED
     "dead.test": {"code": -1},                          no answer at all
     "*.below.test": {...}}                              whatever is below

"ttl" is 60 unless a name has its own.
"""

import collections
import socket
import struct
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "HTTPS": 65}
_NXDOMAIN, _SILENCE = 3, -1
_QR, _AA, _TC, _RA = 0x8000, 0x0400, 0x0200, 0x0080
_LONGEST_CHAIN = 20


class Zone:
    def __init__(self, names):
        self.names, self.queries, self.turns = dict(names), [], collections.Counter()

    def answer(self, data, over_tcp):
        """The packet to send back, None for none, and after how many seconds."""
        identity, flags, count, _, _, _ = struct.unpack("!6H", data[:12])
        labels, end = _labels(data, 12)
        kind = struct.unpack("!H", data[end : end + 2])[0]
        name = ".".join(labels).lower()
        self.queries.append({"name": name, "labels": labels, "type": kind, "tcp": over_tcp, "hex": data.hex()})
        code, delay, records, truncated = self._find(name, kind)
        if code == _SILENCE:
            return None, 0
        truncated = truncated and not over_tcp
        header = struct.pack(
            "!6H", identity, _QR | _AA | _RA | flags & 0x7900 | (_TC if truncated else 0) | code, count,
            0 if truncated else len(records), 0, 0,
        )  # fmt: skip
        return header + data[12 : end + 4] + (b"" if truncated else b"".join(records)), delay

    def _find(self, name, kind):
        records, delay, truncated = [], 0, False
        for _ in range(_LONGEST_CHAIN):
            entry = self._entry(name)
            if entry is None:
                above = any(known.endswith("." + name) for known in self.names)
                return 0 if above else _NXDOMAIN, delay, records, truncated
            delay, truncated = delay + entry.get("delay", 0), truncated or "truncated" in entry
            if "code" in entry:
                return entry["code"], delay, records, truncated
            ttl = entry.get("ttl", 60)
            if "CNAME" in entry and kind != TYPES["CNAME"]:
                records.append(_record(name, TYPES["CNAME"], ttl, _wire(entry["CNAME"])))
                name = entry["CNAME"]
                continue
            records += [_record(name, kind, ttl, _data(kind, value)) for value in self._values(name, kind, entry)]
            break
        return 0, delay, records, truncated

    def _entry(self, name):
        if name in self.names:
            return self.names[name]
        while "." in name:
            name = name.split(".", 1)[1]
            if "*." + name in self.names:
                return self.names["*." + name]
        return None

    def _values(self, name, kind, entry):
        values = next((entry[word] for word, number in TYPES.items() if number == kind and word in entry), [])
        if "every" in entry and values:
            return [values[int(time.time() / entry["every"]) % len(values)]]
        if "turns" in entry and values:
            turn = self.turns[name, kind]
            self.turns[name, kind] += 1
            return [values[min(turn, len(values) - 1)]]
        return values


def _labels(data, at):
    labels = []
    while data[at]:
        labels.append(data[at + 1 : at + 1 + data[at]].decode("latin-1"))
        at += 1 + data[at]
    return labels, at + 1


def _wire(name):
    return b"".join(bytes((len(label),)) + label.encode("latin-1") for label in name.split(".") if label) + b"\0"


def _record(name, kind, ttl, data):
    return _wire(name) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def _data(kind, value):
    if kind in (TYPES["A"], TYPES["AAAA"]):
        return socket.inet_pton(socket.AF_INET6 if ":" in value else socket.AF_INET, value)
    if kind == TYPES["TXT"]:
        return bytes((len(value),)) + value.encode()
    if kind == TYPES["MX"]:
        return struct.pack("!H", 10) + _wire(value)
    if kind == TYPES["SRV"]:
        return struct.pack("!HHH", 0, 0, 443) + _wire(value)
    if kind == TYPES["HTTPS"]:
        return struct.pack("!H", 1) + _wire(value)
    return _wire(value)

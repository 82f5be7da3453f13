"""DNS packets as tests write and read them (RFC 1035, RFC 6891)."""

import struct

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, OPT, HTTPS = 1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 65
TRUNCATED = 0x0200
NOTIMP = 4


def query(name, kind=A, id=0x1234, flags=0x0100, edns=None, klass=1):
    """A request in hexadecimal. The name may be bytes of a packet; `edns` is the UDP payload size to announce."""
    labels = name if isinstance(name, bytes) else wire(label.encode() for label in name.split(".") if label)
    opt = b"\0" + struct.pack("!HHIH", OPT, edns, 0, 0) if edns else b""
    return (struct.pack("!6H", id, flags, 1, 0, 0, 1 if edns else 0) + labels + struct.pack("!HH", kind, klass) + opt).hex()


def wire(labels):
    """A name in a packet, whatever its labels are."""
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


class Message:
    def __init__(self, text):
        self.data = bytes.fromhex(text)
        self.id, self.flags, questions, answers, _, self.additional = struct.unpack("!6H", self.data[:12])
        at = 12
        for _ in range(questions):
            at = self._skip(at) + 4
        self.answers = []
        for _ in range(answers):
            at = self._skip(at)
            kind, _, _, size = struct.unpack("!HHIH", self.data[at : at + 10])
            self.answers.append((kind, self.data[at + 10 : at + 10 + size]))
            at += 10 + size

    @property
    def code(self):
        return self.flags & 15

    @property
    def truncated(self):
        return bool(self.flags & TRUNCATED)

    def _skip(self, at):
        while self.data[at]:
            if self.data[at] >= 0xC0:
                return at + 2
            at += 1 + self.data[at]
        return at + 1

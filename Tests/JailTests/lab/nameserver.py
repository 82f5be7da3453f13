"""A DNS server for what dnsmasq does not do on request: truncation, huge answers, silence, forged answers, a log.

The first label of the name asked for says what to do; the last bytes of a request are answered as they came.
"""

import struct

A, TXT, AAAA, OPT = 1, 16, 28, 41
_TC, _QR, _RA, _AA = 0x0200, 0x8000, 0x0080, 0x0400


def answers(data, over_tcp):
    """The packets to send back, in order; the log's entry."""
    identity, flags, count, _, _, additional = struct.unpack("!6H", data[:12])
    opcode = flags >> 11 & 15
    labels, end = _name(data, 12) if count else ([], 12)
    kind = struct.unpack("!H", data[end : end + 2])[0] if count else 0
    entry = {
        "name": ".".join(labels), "type": kind, "opcode": opcode, "tcp": over_tcp, "flags": flags,
        "edns": additional > 0, "hex": data.hex(),
    }  # fmt: skip
    question = data[12 : end + 4]

    def reply(records, extra=0, code=0, id=identity, opt=b""):
        header = struct.pack(
            "!6H", id, _QR | _AA | _RA | flags & 0x7900 | extra | code, 1 if count else 0, len(records), 0, 1 if opt else 0
        )
        return header + question + b"".join(records) + opt

    word = labels[0].lower() if labels else ""
    if opcode != 0:
        return [reply([])], entry
    if word == "silent":
        return [], entry
    if word in ("servfail", "nxdomain", "refused"):
        return [reply([], code={"servfail": 2, "nxdomain": 3, "refused": 5}[word])], entry
    if word == "truncated" and not over_tcp:
        return [reply([], extra=_TC)], entry
    if word == "huge":  # 40 KB: over UDP only "truncated" fits
        return [reply([], extra=_TC) if not over_tcp else reply([_txt(200, n) for n in range(190)])], entry
    if word.startswith("bytes"):  # bytes3000.test: one UDP answer of about that size, whatever the request allowed
        return [reply([_txt(200, n) for n in range(int(word[5:]) // 213)], opt=_opt())], entry
    if word == "forged":
        return [reply([_address(kind, 66)], id=identity ^ 0x5555), reply([_address(kind, 7)])], entry
    if word == "edns":
        return [reply([_address(kind, 7)], opt=_opt(b"\x00\x0a\x00\x08cookie!!"))], entry
    if kind in (A, AAAA):
        return [reply([_address(kind, 7)])], entry
    if kind == TXT:
        return [reply([_txt(20, 0)])], entry
    return [reply([])], entry


def _name(data, at):
    labels = []
    while data[at]:
        length = data[at]
        labels.append(data[at + 1 : at + 1 + length].decode("latin-1"))
        at += 1 + length
    return labels, at + 1


def _record(kind, data):
    return struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data


def _address(kind, last):
    return _record(kind, bytes((45, 33, 7, last)) if kind == A else bytes.fromhex("26064700") + bytes(11) + bytes((last,)))


def _txt(length, number):
    return _record(TXT, bytes((length,)) + (b"%03d" % number).ljust(length, b"x"))


def _opt(option=b""):
    return b"\0" + struct.pack("!HHIH", OPT, 1232, 0, len(option)) + option

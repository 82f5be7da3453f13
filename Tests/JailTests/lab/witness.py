"""Packet sockets that record what arrived. "Blocked" means that nothing is in this record.

Two things arrive late, and are no sign of a new packet:

- the closing segments (FIN, ACK, RST) of a TCP connection that was opened before `forget`. Whatever a new probe sends
  begins with a SYN, or carries data.
- what neighbours say to one of them: answers, and questions about an address that is known (RFC 4861, 7.3.3). A packet
  to a known address is sent at once, so that it is seen itself; an unknown one is asked for by broadcast or multicast.
"""

import re
import socket
import struct

_ETH_P_ALL = 3
_HOST, _OUTGOING = 0, 4
_SOLICITATION, _ADVERTISEMENT = 135, 136
_SYN, _ACK = 2, 16
_TOKEN = re.compile(rb"token-[0-9a-z]+")
_PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 58: "icmp6"}


class Witness:
    """Every packet that arrives on a namespace's links, or only on some of them. Open it in that namespace."""

    def __init__(self, place, only=None):
        self.place, self.only = place, only
        self.opened, self.earlier = set(), set()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)

    def drain(self):
        """The packets seen since the last call."""
        packets = []
        while True:
            try:
                data, (link, protocol, kind, _, _) = self.socket.recvfrom(65536)
            except BlockingIOError:
                return packets
            if kind == _OUTGOING or (self.only and link not in self.only) or (not self.only and link == "lo"):
                continue
            packet = parse(protocol, data)
            if packet and not self._is_late(packet, kind):
                packets.append({"place": self.place, "link": link, **packet})

    def forget(self):
        """The connections that are open now are earlier ones from here on."""
        self.earlier |= self.opened
        self.opened.clear()

    def _is_late(self, packet, kind):
        if packet["proto"] == "arp" or packet.get("type") in (_SOLICITATION, _ADVERTISEMENT) and packet["proto"] == "icmp6":
            return kind == _HOST
        if packet["proto"] != "tcp" or "opens" not in packet:
            return False
        connection = tuple(packet[field] for field in ("src", "sport", "dst", "dport"))
        if packet["opens"]:
            self.opened.add(connection)
            self.earlier.discard(connection)
        return connection in self.earlier and packet["carries"] == 0


def parse(protocol, data):
    """The fields of a packet that a test may ask for; None for what is neither IP nor ARP."""
    token = _TOKEN.search(data)
    common = {"token": token.group().decode() if token else None, "length": len(data)}
    if protocol == 0x0806 and len(data) >= 28:
        return {"proto": "arp", "src": _ip4(data[14:18]), "dst": _ip4(data[24:28]), **common}
    if protocol == 0x0800 and len(data) >= 20:
        number, src, dst, payload = data[9], _ip4(data[12:16]), _ip4(data[16:20]), data[(data[0] & 15) * 4 :]
        if struct.unpack("!H", data[6:8])[0] & 0x1FFF:
            payload = b""
    elif protocol == 0x86DD and len(data) >= 40:
        number, src, dst, payload = data[6], _ip6(data[8:24]), _ip6(data[24:40]), data[40:]
    else:
        return None
    packet = {"proto": _PROTOCOLS.get(number, number), "src": src, "dst": dst, **common}
    if number in (6, 17) and len(payload) >= 4:
        packet["sport"], packet["dport"] = struct.unpack("!HH", payload[:4])
    if number == 6 and len(payload) >= 20:
        packet["opens"] = payload[13] & (_SYN | _ACK) == _SYN
        packet["carries"] = len(payload) - (payload[12] >> 4) * 4
    if number in (1, 58) and payload:
        packet["type"] = payload[0]
    if number == 58 and payload[:1] == bytes([_SOLICITATION]) and len(payload) >= 24:
        packet["asks"] = _ip6(payload[8:24])
    return packet


def _ip4(data):
    return socket.inet_ntop(socket.AF_INET, data)


def _ip6(data):
    return socket.inet_ntop(socket.AF_INET6, data)

"""Packet sockets that record what arrived. "Blocked" means that nothing is in this record."""

import re
import socket
import struct

_ETH_P_ALL = 3
_OUTGOING = 4
_TOKEN = re.compile(rb"token-[0-9a-z]+")
_PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 58: "icmp6"}


class Witness:
    """Every packet that arrives on a namespace's links, or only on some of them. Open it in that namespace."""

    def __init__(self, place, only=None):
        self.place, self.only = place, only
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
            if packet:
                packets.append({"place": self.place, "link": link, **packet})


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
    if number in (1, 58) and payload:
        packet["type"] = payload[0]
    return packet


def _ip4(data):
    return socket.inet_ntop(socket.AF_INET, data)


def _ip6(data):
    return socket.inet_ntop(socket.AF_INET6, data)

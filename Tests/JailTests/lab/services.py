"""What answers in the lab: one process with sockets in both namespaces.

World: on every address, TCP and UDP echo and HTTP on some ports, a device that names a TCP port, a DNS server.
Host: canaries on every address of the host, loopback included, and on Unix sockets; they must never be reached.
"""

import contextlib
import errno
import os
import resource
import select
import selectors
import socket
import struct
import urllib.parse

from . import kernel, nameserver
from .filesystem import LAB
from .network import WORLD
from .shape import GATEWAY4, GATEWAY6, TINY4, TINY6
from .witness import Witness

ECHO, HTTP, HTTP_ALT, HTTPS, DEVICE, DISCARD = 7, 80, 81, 443, 5064, 9
WORLD_PORTS = (ECHO, 22, HTTP, HTTP_ALT, HTTPS, DEVICE, 5065, 8080, 5353, 1900)
CANARY = 7007  # on every address of the host
CANARY_LOOPBACK = 5432  # on 127.0.0.1 and ::1 only
CANARY_UNIX = f"{LAB}/canary.sock"
CANARY_ABSTRACT = "\0lab-canary"
MASKED_SOCKETS = (
    "/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve", "/run/avahi-daemon/socket",
)  # fmt: skip

_PKTINFO = {socket.AF_INET: (socket.IPPROTO_IP, 8), socket.AF_INET6: (socket.IPPROTO_IPV6, 50)}
_RECVPKTINFO = {socket.AF_INET: (socket.IPPROTO_IP, 8), socket.AF_INET6: (socket.IPPROTO_IPV6, 49)}


class Services:
    def __init__(self, channel, shape, tunnels):
        self.channel, self.selector = channel, selectors.DefaultSelector()
        # A test may open thousands of connections.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.events, self.queries, self.device_port, self.fences = [], [], 0, 0
        for pair in tunnels:
            self._cross(*pair)
        with kernel.network_namespace(WORLD):
            self.witnesses = [Witness("world")]
            self._everywhere("world", WORLD_PORTS)
            self.device_port = self._tcp("world", socket.AF_INET6, "::", 0)
            self._dns()
        self.witnesses.append(Witness("host", only=("lo",)))
        self._everywhere("host", (CANARY,))
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            self._tcp("host", family, address, CANARY_LOOPBACK)
            self._udp("host", family, address, CANARY_LOOPBACK)
        for path in (CANARY_UNIX, CANARY_ABSTRACT, *(MASKED_SOCKETS if shape.sockets else ())):
            self._unix(path)
        for witness in self.witnesses:
            self.selector.register(witness.socket, selectors.EVENT_READ, self._look)
        self.selector.register(channel.socket, selectors.EVENT_READ, self._command)

    def run(self):
        self.running = True
        while self.running:
            for key, _ in self.selector.select():
                # Peers come and go as tests please; what they break is theirs.
                with contextlib.suppress(ConnectionError, BlockingIOError, BrokenPipeError, TimeoutError):
                    key.data(key.fileobj)

    # What a test may ask for.

    def _command(self, _):
        message, _ = self.channel.receive()
        if message is None:
            self.running = False
            return
        self._look()
        answer = getattr(self, "ask_" + message["ask"])(**message.get("with", {}))
        self.channel.send({"answer": answer})

    def ask_ports(self):
        return {"device": self.device_port}

    def ask_forget(self):
        for witness in self.witnesses:
            witness.forget()
        self.events.clear()
        self.queries.clear()
        return True

    def ask_fence(self):
        """Everything sent before this call has been recorded after it: packets on a link stay in order."""
        self.fences += 1
        token = f"token-fence{self.fences}"
        for place, addresses in (("host", ("127.0.0.1",)), ("world", (GATEWAY4, GATEWAY6))):
            self._beacon(token, addresses)
            self._wait_for(token, place)
        self.events[:] = [event for event in self.events if event.get("token") != token]
        return True

    def ask_seen(self):
        return self.events

    def ask_queries(self):
        return self.queries

    def _beacon(self, token, addresses):
        for address in addresses:
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sender:
                with contextlib.suppress(OSError):
                    sender.sendto(token.encode(), (address, DISCARD))
                    return

    def _wait_for(self, token, place):
        sockets = [witness.socket for witness in self.witnesses]
        while not any(event.get("token") == token and event["place"] == place for event in self.events):
            if not select.select(sockets, [], [], 5)[0]:
                raise TimeoutError(f"{token} was not seen in the {place}")
            self._look()

    # What packets and peers do.

    def _look(self, _=None):
        for witness in self.witnesses:
            self.events.extend(witness.drain())

    def _record(self, place, kind, local, peer, data):
        self.events.append(
            {"place": place, "service": kind, "local": local, "peer": peer, "data": data[:200].decode("latin-1")}
        )

    def _everywhere(self, place, ports):
        for port in ports:
            self._tcp(place, socket.AF_INET6, "::", port)
            for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                self._udp(place, family, address, port)

    def _tcp(self, place, family, address, port):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if place == "world":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # `named` serves some addresses itself
        if family == socket.AF_INET6 and address == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._listen(place, listener, (address, port))
        return listener.getsockname()[1]

    def _unix(self, path):
        if not path.startswith("\0"):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        self._listen("host", socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), path)
        if not path.startswith("\0"):
            os.chmod(path, 0o666)

    def _listen(self, place, listener, address):
        listener.bind(address)
        listener.listen(256)
        listener.setblocking(False)

        def accept(_):
            peer, _ = listener.accept()
            local = _text(peer.getsockname())
            if place == "host":
                self._record(place, "stream", local, _text(peer.getpeername()), b"")
            peer.setblocking(False)
            self.selector.register(peer, selectors.EVENT_READ, Conversation(self, place, local).readable)

        self.selector.register(listener, selectors.EVENT_READ, accept)

    def _udp_socket(self, family, address, port):
        server = socket.socket(family, socket.SOCK_DGRAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.setsockopt(*_RECVPKTINFO[family], 1)
        server.bind((address, port))
        server.setblocking(False)
        return server

    def _udp(self, place, family, address, port):
        server = self._udp_socket(family, address, port)

        def answer(_):
            data, ancillary, _, peer = server.recvmsg(65536, 256)
            level, kind, local = _PKTINFO[family] + (_local(family, ancillary),)
            if place == "host":
                self._record(place, "datagram", socket.inet_ntop(family, local), _text(peer), data)
            if port == DEVICE and data.startswith(b"search"):
                data = b"%d" % self.device_port
            info = struct.pack("=I4s4s", 0, local, local) if family == socket.AF_INET else local + bytes(4)
            with contextlib.suppress(OSError):  # A multicast or broadcast address cannot answer.
                server.sendmsg([data], [(level, kind, info)], 0, peer)

        self.selector.register(server, selectors.EVENT_READ, answer)

    def _dns(self):
        for family, address in ((socket.AF_INET, TINY4), (socket.AF_INET6, TINY6)):
            server = self._udp_socket(family, address, 53)

            def answer(server):
                data, peer = server.recvfrom(65536)
                packets, entry = nameserver.answers(data, over_tcp=False)
                self.queries.append({"server": server.getsockname()[0], "peer": peer[0], "port": peer[1], **entry})
                for packet in packets:
                    server.sendto(packet, peer)

            self.selector.register(server, selectors.EVENT_READ, answer)
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listen("world", listener, (address, 53))

    def _cross(self, near, far):
        """Joins two tun devices: what one side sends, the other receives."""
        for source, target in ((near, far), (far, near)):

            def forward(source, target=target):
                with contextlib.suppress(OSError):
                    os.write(target, os.read(source, 65536))

            self.selector.register(source, selectors.EVENT_READ, forward)


class Conversation:
    """One TCP (or Unix stream) peer: echo, HTTP by its first bytes, DNS by its port."""

    def __init__(self, services, place, local):
        self.services, self.place, self.local, self.data = services, place, local, b""

    def readable(self, peer):
        try:
            data = peer.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.data += data
        if not data or self._answer(peer):
            self.services.selector.unregister(peer)
            peer.close()

    def _answer(self, peer):
        """Answers what has arrived; true when the conversation is over."""
        if self.local.endswith("]:53") or self.local.endswith(f"{TINY4}:53"):
            while len(self.data) >= 2 and len(self.data) >= 2 + struct.unpack("!H", self.data[:2])[0]:
                size = struct.unpack("!H", self.data[:2])[0]
                packets, entry = nameserver.answers(self.data[2 : 2 + size], over_tcp=True)
                name = peer.getpeername()
                self.services.queries.append({"server": peer.getsockname()[0], "peer": name[0], "port": name[1], **entry})
                self.data = self.data[2 + size :]
                for packet in packets[-1:]:
                    _send(peer, struct.pack("!H", len(packet)) + packet)
            return False
        if self.data.startswith((b"GET ", b"HEAD ")):
            if b"\r\n\r\n" not in self.data:
                return False
            _send(peer, self._page(self.data.split(b" ", 2)))
            return True
        data, self.data = self.data, b""
        _send(peer, data)
        return False

    def _page(self, request):
        path = os.path.normpath("/" + urllib.parse.unquote(request[1].decode("latin-1")).split("?")[0].lstrip("/"))
        status, body = "200 OK", f"hello from {self.local}\n".encode()
        if path != "/":
            try:
                with open(f"{LAB}/www{path}", "rb") as file:
                    body = file.read()
            except OSError:
                status, body = "404 Not Found", b"no such page\n"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        return head if request[0] == b"HEAD" else head + body


def _send(peer, data):
    peer.setblocking(True)
    peer.settimeout(5)
    peer.sendall(data)
    peer.setblocking(False)


def _text(address):
    if isinstance(address, tuple):
        host = address[0].removeprefix("::ffff:")
        return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"
    return address.decode("latin-1") if isinstance(address, bytes) else address


def _local(family, ancillary):
    """The address that a datagram was sent to."""
    for _, _, data in ancillary:
        return data[8:12] if family == socket.AF_INET else data[:16]
    raise OSError(errno.EPROTO, "no packet information")

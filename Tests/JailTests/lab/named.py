"""Servers that names lead to: several names on one address, as hosting providers have them, and their name server.

    named.py

Runs in the world's namespace. Requests are lines of JSON on standard input, answers lines on standard output; see `names.py`.
Every connection is kept with what was said in it: which name in TLS, and the bytes.
"""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lab.filesystem import LAB  # noqa: E402
from lab.zone import Zone  # noqa: E402

DIRECTORY = f"{LAB}/named"
CA = f"{DIRECTORY}/ca.pem"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

RESOLVER4, RESOLVER6 = "198.51.100.57", "2606:4700:53::53"
SHARED4, SHARED6 = "45.40.40.40", "2606:4700:40::40"  # many names
OTHER4, OTHER6 = "45.41.41.41", "2606:4700:41::41"  # of somebody else

TLS, TLS_ELSEWHERE, HTTP, HTTP_ELSEWHERE, SPEAKS_FIRST, ECHO = 443, 8443, 80, 8080, 22, 6379
FLOOD, COUNTS, RESETS, NEVER_READS, ENDS_FIRST = 9001, 9002, 9003, 9004, 9005
MANY = range(9100, 9180)
GREETING = b"SSH-2.0-lab\r\n"

_IP_FREEBIND, _IPV6_FREEBIND = 15, 78
_KEPT = 1 << 16  # bytes of a connection
_BLOCK = bytes(1 << 16)


def make_certificates(names):
    """An authority that the lab's programs trust, and one certificate of it for all names."""
    os.makedirs(DIRECTORY, exist_ok=True)
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch"]
    alternatives = "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)

    def openssl(*words):
        return subprocess.run(words, check=True, capture_output=True, cwd=DIRECTORY).stdout

    openssl(*new, "-x509", "-days", "30", "-subj", "/CN=lab authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(*new, "-subj", "/CN=lab", "-addext", alternatives, "-keyout", "server.key", "-out", "server.csr")
    sign = ["openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "30"]
    openssl(*sign, "-copy_extensions", "copy", "-out", "server.pem")
    with open(CA) as ca, open(BUNDLE, "a") as bundle:
        bundle.write("\n" + ca.read())


class Servers:
    def __init__(self):
        self.connections, self.zone, self.serial = [], Zone({}), 0
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.sni_callback = lambda session, name, _: setattr(session, "spoken", name)
        self.tls.set_alpn_protocols(["http/1.1"])

    async def run(self, names):
        make_certificates(names)
        self.tls.load_cert_chain(f"{DIRECTORY}/server.pem", f"{DIRECTORY}/server.key")
        services = {
            TLS: self.http, TLS_ELSEWHERE: self.http, HTTP: self.http, HTTP_ELSEWHERE: self.http,
            SPEAKS_FIRST: self.speaks_first, ECHO: self.echo, FLOOD: self.flood, COUNTS: self.counts,
            RESETS: self.resets, NEVER_READS: self.never_reads, ENDS_FIRST: self.ends_first,
            **{port: self.echo for port in MANY},
        }  # fmt: skip
        for address in (SHARED4, SHARED6, OTHER4, OTHER6):
            for port, service in services.items():
                tls = self.tls if port in (TLS, TLS_ELSEWHERE) else None
                await self._listen(address, port, self._keeping(service), tls)
        for address in (RESOLVER4, RESOLVER6):
            await self._listen(address, 53, self._name_server_tcp)
            server = _socket(address, 53, socket.SOCK_DGRAM)
            await asyncio.get_running_loop().create_datagram_endpoint(lambda: Datagrams(self.zone), sock=server)
        reader = asyncio.StreamReader(limit=64 << 20)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        print("listening", flush=True)
        while line := await reader.readline():
            request = json.loads(line)
            answer = getattr(self, "ask_" + request["ask"])(**request["with"])
            print(json.dumps(answer), flush=True)

    @staticmethod
    async def _listen(address, port, handle, tls=None):
        server = _socket(address, port, socket.SOCK_STREAM)
        await asyncio.start_server(handle, sock=server, ssl=tls, backlog=1024)

    # What a test may ask for.

    def ask_zone(self, names):
        """Put names into the zone."""
        self.zone.names.update(names)

    def ask_forget(self):
        self.connections.clear()
        self.zone.queries.clear()

    def ask_queries(self):
        return self.zone.queries

    def ask_connections(self):
        return self.connections

    # What is served.

    def _keeping(self, service):
        async def handle(reader, writer):
            self.serial += 1
            local, session = writer.get_extra_info("sockname"), writer.get_extra_info("ssl_object")
            seen = {"id": self.serial, "address": local[0], "port": local[1], "data": "", "bytes": 0, "end": None}
            if session:
                seen["sni"] = session.spoken
            self.connections.append(seen)
            try:
                await service(Kept(reader, seen), writer)
            except ConnectionError:
                seen["end"] = "reset"
            finally:
                writer.close()

        return handle

    async def http(self, kept, writer):
        """HTTP/1.1 as a careless server reads it: each empty line ends a request, whatever was said of its length."""
        head = b""
        while data := await kept.read():
            head += data
            while b"\r\n\r\n" in head:
                request, head = head.split(b"\r\n\r\n", 1)
                lower = request.lower()
                if b"upgrade: websocket" in lower or b"upgrade: h2c" in lower:
                    protocol = b"websocket" if b"upgrade: websocket" in lower else b"h2c"
                    await _write(writer, b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % protocol)
                    await self.echo(kept, writer)
                    return
                if request.startswith(b"CONNECT "):
                    await _write(writer, b"HTTP/1.1 200 Connected\r\n\r\n")
                    await self.echo(kept, writer)
                    return
                await _write(writer, _page(request, kept.seen))

    @staticmethod
    async def echo(kept, writer):
        while data := await kept.read():
            await _write(writer, data)

    async def speaks_first(self, kept, writer):
        await _write(writer, GREETING)
        await self.echo(kept, writer)

    @staticmethod
    async def flood(kept, writer):
        """As many bytes as the first line says, or as long as somebody takes them."""
        left = int(await kept.read())
        kept.seen["sent"] = 0
        while left:
            block = _BLOCK[:left]
            await _write(writer, block)
            left -= len(block)
            kept.seen["sent"] += len(block)

    @staticmethod
    async def counts(kept, writer):
        """Says at the end of what came how much that was."""
        while await kept.read():
            pass
        await _write(writer, b"%d" % kept.seen["bytes"])

    @staticmethod
    async def resets(kept, writer):
        await kept.read()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    @staticmethod
    async def never_reads(kept, writer):
        await asyncio.sleep(1000)

    @staticmethod
    async def ends_first(kept, writer):
        """Says a word, has no more to say, and listens."""
        await _write(writer, b"bye")
        writer.write_eof()
        while await kept.read():
            pass

    async def _name_server_tcp(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                size = struct.unpack("!H", await reader.readexactly(2))[0]
                answer, delay = self.zone.answer(await reader.readexactly(size), over_tcp=True)
                await asyncio.sleep(delay)
                if answer:
                    await _write(writer, struct.pack("!H", len(answer)) + answer)
        writer.close()


class Kept:
    """A connection's bytes, kept as they come."""

    def __init__(self, reader, seen):
        self.reader, self.seen = reader, seen

    async def read(self):
        data = await self.reader.read(65536)
        self.seen["bytes"] += len(data)
        if len(self.seen["data"]) < _KEPT:
            self.seen["data"] += data.decode("latin-1")
        if not data:
            self.seen["end"] = "closed"
        return data


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zone):
        self.zone = zone

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        answer, delay = self.zone.answer(data, over_tcp=False)
        if answer:
            asyncio.get_running_loop().call_later(delay, self.transport.sendto, answer, peer)


def _socket(address, port, kind):
    six = ":" in address
    server = socket.socket(socket.AF_INET6 if six else socket.AF_INET, kind)
    # The world has services of its own on these ports of every address.
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # No link has these addresses; they all arrive.
    server.setsockopt(*(socket.IPPROTO_IPV6, _IPV6_FREEBIND) if six else (socket.IPPROTO_IP, _IP_FREEBIND), 1)
    server.bind((address, port))
    server.setblocking(False)
    return server


def _page(request, seen):
    """A file of the lab's web pages; for the root, who was asked."""
    host = next((line.split(b":", 1)[1].strip() for line in request.split(b"\r\n")[1:] if line.lower().startswith(b"host:")), b"")
    status, body = b"200 OK", f"hello from {host.decode('latin-1')} at {seen['address']}\n".encode()
    target = (*request.split(b"\r\n")[0].split(b" "), b"", b"")[1].decode("latin-1").split("?")[0]
    if target.startswith("/") and target != "/":
        path = f"{LAB}/www{os.path.normpath(target)}"
        try:
            with open(f"{path}/index.html" if os.path.isdir(path) else path, "rb") as file:
                body = file.read()
        except OSError:
            status, body = b"404 Not Found", b"no such page\n"
    kind = b"text/html" if target.endswith("/") else b"application/octet-stream"
    head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (status, kind, len(body))
    return head if request.startswith(b"HEAD ") else head + body


async def _write(writer, data):
    writer.write(data)
    await writer.drain()


if __name__ == "__main__":
    asyncio.run(Servers().run(sys.argv[1:]))

"""Answers probes, one JSON object a line: {"probe": KIND, ...} in, {"errno": NAME or null, ...} out.

Runs inside a jail, or outside as the control. Every probe names the error that a program would have seen.
"""

import contextlib
import ctypes
import errno
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

SO_BINDTODEVICE = socket.SO_BINDTODEVICE
IP_UNICAST_IF, IPV6_UNICAST_IF = 50, 76
IP_PKTINFO, IPV6_PKTINFO = 8, 50
IP_RECVERR, IPV6_RECVERR = 11, 25
IPPROTO_MPTCP = 262
MSG_DONTROUTE, MSG_ERRQUEUE, MSG_FASTOPEN = 4, 0x2000, 0x20000000


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bind_to_device(probe, sock):
    """Applies one of the ways in which an unprivileged program chooses the link itself. Returns ancillary data, flags."""
    how, family = probe.get("bind"), sock.family
    if not how:
        return [], 0
    link = probe.get("link", "uplink0")
    index = socket.if_nametoindex(link)
    six = family == socket.AF_INET6
    if how == "device":
        sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, link.encode())
    elif how == "pktinfo":
        if six:
            return [(socket.IPPROTO_IPV6, IPV6_PKTINFO, bytes(16) + struct.pack("=I", index))], 0
        return [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=I8x", index))], 0
    elif how == "sticky":
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_PKTINFO, bytes(16) + struct.pack("=I", index))
    elif how == "unicast-if":
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_UNICAST_IF, struct.pack("!I", index))
        sock.setsockopt(socket.IPPROTO_IP, IP_UNICAST_IF, struct.pack("!I", index))
    elif how == "dontroute":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1)
        return [], MSG_DONTROUTE
    elif how == "multicast-if":
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4sI", bytes(4), bytes(4), index))
    else:
        raise ValueError(how)
    return [], 0


def target(probe, sock):
    address = probe["address"]
    if sock.family == socket.AF_INET6:
        scope = socket.if_nametoindex(probe["scope"]) if probe.get("scope") else 0
        return (address, probe.get("port", 0), 0, scope)
    return (address, probe.get("port", 0))


def tcp(probe):
    """Connect, send the token, read it back."""
    protocol = IPPROTO_MPTCP if probe.get("mptcp") else 0
    with socket.socket(family_of(probe["address"]), socket.SOCK_STREAM, protocol) as sock:
        sock.settimeout(probe.get("timeout", 3))
        bind_to_device(probe, sock)
        if probe.get("fast_open"):  # of a blocking socket: otherwise "in progress" is the answer
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", 3, 0))
            sock.settimeout(None)
            sock.sendto(probe["token"].encode(), MSG_FASTOPEN, target(probe, sock))
        else:
            sock.connect(target(probe, sock))
            sock.sendall(probe.get("token", "token-none").encode())
        return {"answer": sock.recv(4096).decode("latin-1"), "peer": sock.getpeername()[0], "own": sock.getsockname()[0]}


def udp(probe):
    """Send the token, wait for the echo or for the error that the network reports."""
    family = family_of(probe["address"])
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        if probe.get("broadcast"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        level, option = (socket.IPPROTO_IPV6, IPV6_RECVERR) if family == socket.AF_INET6 else (socket.IPPROTO_IP, IP_RECVERR)
        sock.setsockopt(level, option, 1)
        if family == socket.AF_INET6:  # IPv4-mapped addresses report through the IPv4 option
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        ancillary, flags = bind_to_device(probe, sock)
        sock.sendmsg([probe.get("token", "token-none").encode()], ancillary, flags, target(probe, sock))
        sock.settimeout(probe.get("timeout", 3))
        data, peer = sock.recvfrom(4096)
        return {"answer": data.decode("latin-1"), "peer": peer[0]}


def icmp(probe):
    """One echo request over an unprivileged ICMP socket."""
    family = family_of(probe["address"])
    six = family == socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP) as sock:
        sock.settimeout(probe.get("timeout", 3))
        level, option = (socket.IPPROTO_IPV6, IPV6_RECVERR) if six else (socket.IPPROTO_IP, IP_RECVERR)
        sock.setsockopt(level, option, 1)
        ancillary, flags = bind_to_device(probe, sock)
        request = struct.pack("!BBHHH", 128 if six else 8, 0, 0, 0, 1) + probe.get("token", "token-none").encode()
        sock.sendmsg([request], ancillary, flags, target(probe, sock))
        data, peer = sock.recvfrom(4096)
        return {"answer": data[8:].decode("latin-1"), "peer": peer[0], "type": data[0]}


def connect_unix(probe):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(5)
        sock.connect(probe["path"])
        return {}


def dns(probe):
    """Send raw bytes to a resolver, over UDP or TCP; the answer in hexadecimal."""
    data = bytes.fromhex(probe["hex"])
    address = (probe.get("address", "127.0.0.53"), probe.get("port", 53))
    with socket.socket(family_of(address[0]), socket.SOCK_STREAM if probe.get("tcp") else socket.SOCK_DGRAM) as sock:
        sock.settimeout(probe.get("timeout", 3))
        sock.connect(address)
        if not probe.get("tcp"):
            sock.send(data)
            return {"hex": sock.recv(65536).hex()}
        sock.sendall(struct.pack("!H", len(data)) + data)
        with sock.makefile("rb") as file:
            size = file.read(2)
            return {"hex": file.read(struct.unpack("!H", size)[0]).hex() if len(size) == 2 else None}


def getaddrinfo(probe):
    try:
        found = socket.getaddrinfo(probe["name"], 80, proto=socket.IPPROTO_TCP, flags=probe.get("flags", 0))
    except socket.gaierror as error:
        return {"gai": error.args[0]}
    return {"addresses": sorted({entry[4][0] for entry in found})}


def connected(probe):
    """A TCP connection to a name, as programs make it: one address after the other; or to an address."""
    if "address" in probe:
        with contextlib.ExitStack() as stack:
            sock = stack.enter_context(socket.socket(family_of(probe["address"]), socket.SOCK_STREAM))
            sock.settimeout(probe.get("timeout", 5))
            bind_to_device(probe, sock)
            if "attempts" in probe:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, probe["attempts"])
                sock.settimeout(None)
            sock.connect((probe["address"], probe["port"]))
            stack.pop_all()
            return sock
    return socket.create_connection((probe["name"], probe["port"]), timeout=probe.get("timeout", 5))


def send(sock, data, segments=1):
    """Sends bytes in so many segments, a moment between them."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    size = max(-(-len(data) // segments), 1)
    for at in range(0, len(data), size):
        sock.sendall(data[at : at + size])
        if segments > 1:
            time.sleep(0.005)


def receive(sock, enough):
    data = b""
    while not enough(data) and (more := sock.recv(65536)):
        data += more
    return data


def talk(probe):
    """A conversation over TCP: what was received, until a step failed."""
    got, step = [], "connect"
    try:
        with connected(probe) as sock:
            for step, (word, *words) in enumerate(probe["steps"]):
                if word == "send":
                    send(sock, words[0].encode("latin-1"), *words[1:])
                elif word == "receive":
                    got.append(receive(sock, lambda data, size=words[0]: len(data) >= size).decode("latin-1"))
                elif word == "until":
                    got.append(receive(sock, lambda data, end=words[0].encode(): end in data).decode("latin-1"))
                elif word == "end":
                    got.append(receive(sock, lambda data: False).decode("latin-1"))
                elif word == "fill":
                    sock.sendall(bytes(words[0]))
                elif word == "count":
                    got.append(sum(len(data) for data in iter(lambda: sock.recv(1 << 20), b"")))
                elif word == "shutdown":
                    sock.shutdown(socket.SHUT_WR)
                elif word == "pause":
                    time.sleep(words[0])
                else:
                    raise ValueError(word)
    except socket.gaierror as error:
        return {"errno": GAI.get(error.args[0], error.args[0]), "at": "name"}
    except TimeoutError as error:
        return {"errno": "ETIMEDOUT" if error.errno else "SILENCE", "got": got, "at": step}
    except OSError as error:
        return {"errno": errno.errorcode[error.errno], "got": got, "at": step}
    return {"got": got}


def tls(probe):
    """A TLS handshake with a server name of the probe's choice, or none; then a request over it. Its answer."""
    import ssl  # which takes a while, and few need it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        with connected(probe) as sock:
            session = context.wrap_bio(incoming, outgoing, server_hostname=probe.get("sni"))
            segments = probe.get("segments", 1)

            def exchange(call):
                nonlocal segments
                while True:
                    try:
                        result = call()
                    except ssl.SSLWantReadError:
                        result = None
                    if outgoing.pending:
                        send(sock, reshaped(outgoing.read(), probe), segments)
                        segments = 1
                    if result is not None:
                        return result
                    data = sock.recv(65536)
                    incoming.write(data) if data else incoming.write_eof()

            exchange(lambda: session.do_handshake() or True)
            exchange(lambda: session.write(probe.get("request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n").encode()))
            return {"got": exchange(lambda: session.read(65536)).decode("latin-1")}
    except socket.gaierror as error:
        return {"errno": GAI.get(error.args[0], error.args[0])}
    except ssl.SSLError as error:
        return {"errno": "TLS", "text": str(error)}


def reshaped(data, probe):
    """The ClientHello in records of so many bytes each."""
    size = probe.get("record")
    if not size or data[:1] != b"\x16" or data[5:6] != b"\x01":
        return data
    body = data[5:]
    return b"".join(data[:3] + struct.pack("!H", len(body[at : at + size])) + body[at : at + size] for at in range(0, len(body), size))


GAI = {getattr(socket, name): name for name in ("EAI_NONAME", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA")}


def run(probe):
    done = subprocess.run(probe["argv"], capture_output=True, text=True, timeout=probe.get("timeout", 20))
    return {"status": done.returncode, "out": done.stdout, "err": done.stderr}


def read(probe):
    with open(probe["path"], encoding="utf-8", errors="surrogateescape") as file:
        return {"text": file.read()}


def write(probe):
    with open(probe["path"], "w") as file:
        file.write(probe["text"])
    return {}


def evaluate(probe):
    """What has no probe of its own: statements that set `result`."""
    names = {"socket": socket, "os": os, "errno": errno, "struct": struct, "ctypes": ctypes, "subprocess": subprocess,
             "select": select, "time": time, "sys": sys}  # fmt: skip
    exec(probe["code"], names)
    return {"result": names.get("result")}


PROBES = {
    "tcp": tcp, "udp": udp, "icmp": icmp, "unix": connect_unix, "dns": dns, "getaddrinfo": getaddrinfo, "run": run,
    "talk": talk, "tls": tls, "read": read, "write": write, "evaluate": evaluate,
}  # fmt: skip


def answer(probe):
    started = time.monotonic()
    try:
        result = {"errno": None, **PROBES[probe["probe"]](probe)}
    except TimeoutError as error:
        result = {"errno": "ETIMEDOUT" if error.errno else "SILENCE"}
    except OSError as error:
        result = {"errno": errno.errorcode.get(error.errno, str(error.errno)), "text": str(error)}
    return {**result, "seconds": time.monotonic() - started}


def main():
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


main()

"""Serves under a name, at each place given: server.py NAME tcp:ADDRESS:PORT udp:ADDRESS:PORT ...

Prints "listening" when it does. A TCP client says in a line what it wants: `name`, `echo`, `hash`, `flood SIZE`, `reset`, `hold` or
`late SECONDS`, which reads the rest only after that time. A datagram is answered with the name and what was in it.
"""

import hashlib
import resource
import socket
import struct
import sys
import threading
import time

RESET = struct.pack("ii", 1, 0)
BLOCK = bytes(range(256)) * 256


def line(client):
    text = b""
    while not text.endswith(b"\n"):
        byte = client.recv(1)
        if not byte:
            return []
        text += byte
    return text.decode().split()


def pieces(client):
    return iter(lambda: client.recv(1 << 16), b"")


def serve(name, client):
    with client:
        word, *rest = line(client) or ["end"]
        if word == "name":
            client.sendall(f"{name} {client.getpeername()[0]}\n".encode())
        elif word == "echo":
            for piece in pieces(client):
                client.sendall(piece)
            client.sendall(b"end\n")
        elif word in ("hash", "late"):
            time.sleep(float(rest[0]) if rest else 0)
            digest = hashlib.sha256()
            for piece in pieces(client):
                digest.update(piece)
            client.sendall(digest.hexdigest().encode() + b"\n")
        elif word == "flood":
            for _ in range(int(rest[0]) // len(BLOCK)):
                client.sendall(BLOCK)
        elif word == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif word == "hold":
            client.sendall(b"held\n")
            client.recv(1)


def accept(name, listener):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=quietly, args=(name, client), daemon=True).start()


def quietly(name, client):
    try:
        serve(name, client)
    except OSError:
        pass  # Peers come and go as tests please.


def answer(name, server):
    while True:
        data, peer = server.recvfrom(65536)
        server.sendto(name.encode() + b" " + data, peer)


def listen(name, place):
    kind, rest = place.split(":", 1)
    address, port = rest.rsplit(":", 1)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == "tcp")
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    server.bind((address.strip("[]"), int(port)))
    if kind == "tcp":
        server.listen(1024)
    threading.Thread(target=accept if kind == "tcp" else answer, args=(name, server), daemon=True).start()


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    threading.stack_size(1 << 16)
    for place in sys.argv[2:]:
        listen(sys.argv[1], place)
    print("listening", flush=True)
    sys.stdin.read()


main()

"""Sockets outside that a jail must not see, and whether it sees them."""

import time

# Listens on all of them and never accepts: who connects has reached it.
SOCKET = """
import os, socket, time
servers = []
for path in {paths!r}:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path): os.unlink(path)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    os.chmod(path, 0o777)
    server.listen(100)
    servers.append(server)
print("listening", flush=True)
time.sleep(1000)
"""
WITHIN = 1.0  # seconds, as documented
REFUSED = {"ENOENT", "ECONNREFUSED", "EACCES"}


def covered(jail, path):
    deadline = time.monotonic() + WITHIN
    while (answer := jail.ask("unix", path=path)["errno"]) not in REFUSED:
        assert time.monotonic() < deadline, answer


def unmasked(prober, paths):
    """The sockets that answer."""
    return [path for path in paths if prober.ask("unix", path=path)["errno"] is None]


def all_covered(jail, paths):
    deadline = time.monotonic() + WITHIN
    while left := unmasked(jail, paths):
        assert time.monotonic() < deadline, left

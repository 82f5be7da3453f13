"""Sockets outside that a jail must not reach, and whether it does."""

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
REFUSED = {"ENOENT", "ECONNREFUSED"}


def reached(prober, paths):
    """The sockets that answer. Any other refusal than that of a place where nothing is, is an error."""
    answers = {path: prober.ask("unix", path=path)["errno"] for path in paths}
    assert set(answers.values()) <= {None, *REFUSED}, answers
    return [path for path in paths if answers[path] is None]

"""What is masked in the file system stays masked while the host's side of it comes, goes and is made anew."""

import time

import pytest

SOCKET = """
import os, socket
path = {path!r}
os.makedirs(os.path.dirname(path), exist_ok=True)
if os.path.lexists(path): os.unlink(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
os.chmod(path, 0o777)
server.listen(8)
print("listening", flush=True)
while True: server.accept()[0].close()
"""
WITHIN = 1.0  # seconds, as documented
REFUSED = {"ENOENT", "ECONNREFUSED", "EACCES"}


@pytest.fixture
def serve(lab):
    """A function that puts a daemon behind a socket on the host, as root."""
    daemons = []

    def start(path):
        daemon = lab.start(["/usr/bin/python3", "-B", "-I", "-c", SOCKET.format(path=path)], identity="root")
        assert daemon.read_line() == "listening\n"
        daemons.append((daemon, path))

    yield start
    for daemon, path in daemons:
        daemon.signal(9)
        daemon.close()
        lab.call("lab.host:remove", path)


def covered(jail, path):
    deadline = time.monotonic() + WITHIN
    while (answer := jail.ask("unix", path=path)["errno"]) not in REFUSED:
        assert time.monotonic() < deadline, answer


PATHS = ["/run/docker.sock", "/tmp/vscode-ipc-1.sock", "/run/screen/S-user/1.tty"]


@pytest.mark.parametrize("path", PATHS)
def test_a_socket_that_was_there(lab, identity, serve, path):
    serve(path)
    with lab.outside(identity=identity) as outside:
        assert outside.ask("unix", path=path)["errno"] is None
    with lab.jailed(identity=identity) as jail:
        assert jail.ask("unix", path=path)["errno"] in REFUSED


@pytest.mark.parametrize("path", PATHS)
def test_a_socket_that_comes_later(lab, identity, serve, path):
    with lab.jailed(identity=identity) as jail:
        serve(path)
        covered(jail, path)


def test_a_socket_that_is_made_anew(lab, identity, serve):
    """As when a daemon restarts: removing what is mounted on takes the mount away in every namespace."""
    serve("/run/docker.sock")
    with lab.jailed(identity=identity) as jail:
        assert jail.ask("unix", path="/run/docker.sock")["errno"] in REFUSED
        serve("/run/docker.sock")
        covered(jail, "/run/docker.sock")


def test_an_exposed_socket(lab, identity, serve):
    serve("/run/docker.sock")
    lab.configure("expose-socket = /run/docker.sock\n")
    with lab.jailed(identity=identity) as jail:
        assert jail.ask("unix", path="/run/docker.sock")["errno"] is None


@pytest.mark.parametrize("target", ["/etc", "/nonexistent"])
def test_a_link_with_a_masked_name_masks_nothing(lab, identity, target):
    """Anyone can make one in /tmp; it must not hide a directory of the system, nor keep jails from starting."""
    lab.call("lab.host:symlink", target, "/tmp/vscode-trap")
    try:
        result = lab.jail("cat", "/etc/passwd", identity=identity)
        assert result.status == 0 and "root:" in result.out
    finally:
        lab.call("lab.host:remove", "/tmp/vscode-trap")

"""What is masked in the file system stays masked while the host's side of it comes, goes and is made anew."""

import os
import re
import time

import pytest
from lab.lab import DIRECTORY

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


@pytest.fixture
def serve(lab):
    """A function that puts a daemon behind sockets on the host, as root."""
    daemons = []

    def start(*paths):
        daemon = lab.start(["/usr/bin/python3", "-B", "-I", "-c", SOCKET.format(paths=paths)], identity="root")
        assert daemon.read_line() == "listening\n"
        daemons.append((daemon, paths))

    yield start
    for daemon, paths in daemons:
        daemon.signal(9)
        daemon.close()
        for path in paths:
            lab.call("lab.host:remove", path)


def covered(jail, path):
    deadline = time.monotonic() + WITHIN
    while (answer := jail.ask("unix", path=path)["errno"]) not in REFUSED:
        assert time.monotonic() < deadline, answer


def rows(identity):
    """A socket for each row of the table in Sources/Jail/Masks.swift."""
    uid = 1000 if identity == "user" else 0
    return [
        "/run/nscd/socket", "/run/avahi-daemon/socket", "/run/systemd/resolve/io.systemd.Resolve",
        "/run/systemd/resolve/io.systemd.Resolve.Monitor", f"/run/user/{uid}/bus", f"/run/user/{uid}/systemd/private",
        "/run/dbus/system_bus_socket", "/run/systemd/private", "/run/docker.sock", "/run/podman/podman.sock",
        "/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/buildkit/buildkitd.sock", "/run/libvirt/libvirt-sock",
        "/run/snapd.socket", "/run/snapd-snap.socket", f"/tmp/tmux-{uid}/default", f"/run/tmux/{uid}/default",
        "/run/screen/S-user/1.tty", "/tmp/screens/S-user/1.tty", "/tmp/.X11-unix/X0", "/tmp/.ICE-unix/1", "/tmp/vscode-ipc-2.sock",
        f"/tmp/emacs{uid}/server", "/tmp/nvim.user/x/nvim.1.0", f"/tmp/cc-daemon-{uid}/a/control.sock", f"/tmp/cc-socks-{uid}/1.sock",
    ]  # fmt: skip


def test_every_row_is_tested():
    with open(os.path.join(DIRECTORY, "../../Sources/Jail/Masks.swift")) as file:
        found = re.findall(r'Mask\(\s*path: "([^"]+)",\s*reason: "[^"]+"(?:,\s*prefix: "([^"]+)")?', file.read())
    wanted = [f"{path}/{prefix}" if prefix else path for path, prefix in found]
    assert len(wanted) > 20
    paths = rows("user")
    for row in wanted:
        row = row.replace("\\(user)", "1000").replace("/var/run/", "/run/")
        assert any(path.startswith(row) for path in paths), row


def unmasked(prober, paths):
    """The sockets that answer."""
    return [path for path in paths if prober.ask("unix", path=path)["errno"] is None]


def all_covered(jail, paths):
    deadline = time.monotonic() + WITHIN
    while left := unmasked(jail, paths):
        assert time.monotonic() < deadline, left


def test_every_row_that_was_there(lab, identity, serve):
    paths = rows(identity)
    serve(*paths)
    with lab.outside(identity=identity) as outside, lab.jailed(identity=identity) as jail:
        assert unmasked(outside, paths) == paths
        assert unmasked(jail, paths) == []
        serve(*paths)
        all_covered(jail, paths)


def test_every_row_that_comes_later(lab, identity, serve):
    """Its directory, too."""
    paths = rows(identity)
    for path in paths:
        lab.call("lab.host:remove", "/".join(path.split("/")[:3]))
    with lab.jailed(identity=identity) as jail:
        serve(*paths)
        all_covered(jail, paths)


@pytest.mark.parametrize("path", ["/run/user/{uid}/bus", "/run/systemd/private", "/run/systemd/resolve/io.systemd.Resolve"])
def test_a_directory_on_the_way_comes_later(lab, identity, serve, path):
    path = path.format(uid=1000 if identity == "user" else 0)
    for directory in ("/run/user", "/run/systemd"):
        lab.call("lab.host:remove", directory)
    with lab.jailed(identity=identity) as jail:
        serve(path)
        covered(jail, path)
    for directory in ("/run/user", "/run/systemd"):
        lab.call("lab.host:remove", directory)


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

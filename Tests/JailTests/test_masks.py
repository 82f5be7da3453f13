"""What is masked in the file system stays masked while the host's side of it comes, goes and is made anew."""

import os
import re

import pytest
from lab.identity import Identity
from lab.lab import DIRECTORY
from masked import REFUSED, all_covered, covered, unmasked


def rows(identity):
    """A socket for each row of the table in Sources/Jail/Masks.swift."""
    uid, home = 1000 if identity == "user" else 0, Identity(identity).home
    return [
        "/run/nscd/socket", "/run/avahi-daemon/socket", "/run/systemd/resolve/io.systemd.Resolve",
        "/run/systemd/resolve/io.systemd.Resolve.Monitor", f"/run/user/{uid}/bus", f"/run/user/{uid}/systemd/private",
        "/run/dbus/system_bus_socket", "/tmp/dbus-k2", "/run/systemd/private", "/run/systemd/io.systemd.Manager", "/run/docker.sock",
        "/mnt/wsl/docker-desktop/shared-sockets/guest-services/docker.proxy.sock", "/run/podman/podman.sock",
        "/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock", "/run/crio/crio.sock", "/run/buildkit/buildkitd.sock",
        "/run/libvirt/libvirt-sock", "/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd/unix.socket",
        "/var/snap/lxd/common/lxd-user/unix.socket", "/var/lib/incus/unix.socket", "/var/lib/incus/unix.socket.user",
        "/var/guix/daemon-socket/socket", "/run/snapd.socket", "/run/snapd-snap.socket", "/run/watchman/user-state/sock",
        "/usr/local/var/run/watchman/user-state/sock", "/run/WSL/8_interop", "/run/cups/cups.sock", "/run/tailscale/tailscaled.sock",
        "/tmp/ssh_mux_host_22_user", "/run/postgresql/.s.PGSQL.5432", "/tmp/.s.PGSQL.5432", "/run/mysqld/mysqld.sock",
        "/run/redis/redis-server.sock", f"/tmp/tmux-{uid}/default", f"/run/tmux/{uid}/default", "/run/screen/S-user/1.tty",
        "/tmp/screens/S-user/1.tty", "/tmp/uscreens/S-user/1.tty", f"/tmp/zellij-{uid}/0.40/session", "/tmp/.X11-unix/X0", "/tmp/.ICE-unix/1",
        "/mnt/wslg/runtime-dir/wayland-0", "/tmp/.org.chromium.Chromium.k2/SingletonSocket",
        "/tmp/.com.google.Chrome.k2/SingletonSocket", "/tmp/vscode-ipc-2.sock", f"/tmp/emacs{uid}/server",
        "/tmp/nvim.user/x/nvim.1.0", f"/tmp/cc-daemon-{uid}/a/control.sock", f"/tmp/cc-socks-{uid}/1.sock",
        f"{home}/.ssh/cm-host", f"{home}/.ssh/sockets/cm-host", f"{home}/.ansible/cp/k2", f"{home}/.docker/desktop/docker.sock",
        f"{home}/.docker/run/docker.sock", f"{home}/.rd/docker.sock", f"{home}/.colima/default/docker.sock",
        f"{home}/.lima/default/ha.sock", f"{home}/.pm2/rpc.sock", f"{home}/.local/state/watchman/user-state/sock",
        f"{home}/.local/share/code-server/code-server-ipc.sock", f"{home}/.local/share/wezterm/sock",
        f"{home}/.local/share/zed/zed-stable.sock",
    ]  # fmt: skip


# What no test can make without leaving it on the machine: it is in no directory that there is.
NOT_HERE = ["/nix/var/nix/daemon-socket"]
COVERED = ["/mnt", "/usr/local", "/var"]


@pytest.fixture
def places(lab):
    """Directories of the machine in which rows are, as the lab's own."""
    for directory in COVERED:
        lab.call("lab.host:cover", directory)
    lab.call("lab.host:symlink", "/run", "/var/run")
    yield
    for directory in COVERED:
        lab.call("lab.host:uncover", directory)


def clear(lab, paths):
    """Removes what is in the way to them."""
    for path in paths:
        root = next(root for root in ("/run/lab/home", "/run/lab/root", *COVERED, "/run", "/tmp") if path.startswith(root))
        lab.call("lab.host:remove", f"{root}/{path[len(root) + 1 :].split('/')[0]}")


def test_every_row_is_tested():
    with open(os.path.join(DIRECTORY, "../../Sources/Jail/Masks.swift")) as file:
        found = re.findall(r'Mask\(\s*path: "([^"]+)",\s*reason:\s*"[^"]+"(?:,\s*prefix: "([^"]+)")?', file.read())
    wanted = [f"{path}/{prefix}" if prefix else path for path, prefix in found]
    assert len(wanted) > 50
    paths = rows("user") + NOT_HERE
    for row in wanted:
        row = row.replace("\\(user)", "1000").replace("\\(home)", Identity.USER.home)
        row = row.removeprefix("/var") if row.startswith("/var/run/") else row
        assert any(path.startswith(row) for path in paths), row


# In directories of /tmp that count only where they are the user's own.
OWN = ("/tmp/.org", "/tmp/.com", "/tmp/emacs", "/tmp/nvim")


def serve_all(serve, paths, identity):
    serve(*[path for path in paths if not path.startswith(OWN)])
    serve(*[path for path in paths if path.startswith(OWN)], identity=identity)


def test_every_row_that_was_there(lab, identity, places, serve):
    paths = rows(identity)
    clear(lab, paths)
    serve_all(serve, paths, identity)
    with lab.outside(identity=identity) as outside, lab.jailed(identity=identity) as jail:
        assert unmasked(outside, paths) == paths
        assert unmasked(jail, paths) == []
        serve_all(serve, paths, identity)
        all_covered(jail, paths)


def test_every_row_that_comes_later(lab, identity, places, serve):
    """Its directory, too."""
    paths = rows(identity)
    clear(lab, paths)
    with lab.jailed(identity=identity) as jail:
        serve_all(serve, paths, identity)
        all_covered(jail, paths)
    clear(lab, paths)


def test_files_beside_a_socket_are_left_alone(lab, identity, serve):
    """Keys and known hosts are needed; an agent signs, and leads nowhere."""
    home = Identity(identity).home
    agents = [f"{home}/.ssh/agent/s.k2", f"{home}/.gnupg/S.gpg-agent", "/tmp/ssh-k2/agent.1"]
    serve(f"{home}/.ssh/cm-host", *agents)
    files = [f"{home}/.ssh/known_hosts", "/tmp/vscode-notes", "/tmp/vscode-tests/a", "/tmp/screenshots/1.png"]
    for file in files:
        lab.call("lab.host:write", file, "a line\n", {"mode": 0o644})
    with lab.jailed(identity=identity) as jail:
        assert {jail.ask("read", path=file)["text"] for file in files} == {"a line\n"}
        assert unmasked(jail, agents) == agents
        assert unmasked(jail, [f"{home}/.ssh/cm-host"]) == []
    clear(lab, [f"{home}/.ssh/x", f"{home}/.gnupg/x", "/tmp/vscode-notes", "/tmp/vscode-tests", "/tmp/screenshots"])


def test_a_directory_that_others_cannot_read(lab, identity, places, serve):
    """It cannot be followed, so the row is the directory."""
    lab.call("lab.host:make_directory", "/var/lib/incus", 0o711, 0)
    serve("/var/lib/incus/unix.socket.user")
    with lab.jailed(identity=identity) as jail:
        for _ in range(2):
            assert unmasked(jail, ["/var/lib/incus/unix.socket.user"]) == []
            serve("/var/lib/incus/unix.socket.user")


def test_a_linked_directory_is_not_followed_where_anyone_writes(lab, identity, serve):
    """Nobody else hides somebody's sockets; what the user has linked is followed."""
    home = Identity(identity).home
    serve(f"{home}/agents/agent", f"{home}/dotfiles/cm-host")
    lab.call("lab.host:symlink", f"{home}/agents", "/tmp/.org.chromium.trap")
    lab.call("lab.host:symlink", f"{home}/dotfiles", f"{home}/.ssh")
    try:
        with lab.jailed(identity=identity) as jail:
            assert unmasked(jail, [f"{home}/agents/agent", f"{home}/dotfiles/cm-host"]) == [f"{home}/agents/agent"]
    finally:
        lab.call("lab.host:remove", "/tmp/.org.chromium.trap")
        clear(lab, [f"{home}/.ssh", f"{home}/agents/x", f"{home}/dotfiles/x"])


def test_a_home_that_is_spelt_otherwise(lab, identity, serve):
    home = Identity(identity).home
    environment = {"PATH": lab.path(), "HOME": f"/{home}//"}
    serve(f"{home}/.ssh/cm-host")
    with lab.jailed(identity=identity, env=environment) as jail:
        assert unmasked(jail, [f"{home}/.ssh/cm-host"]) == []
        serve(f"{home}/.ssh/cm-later")
        covered(jail, f"{home}/.ssh/cm-later")
    clear(lab, [f"{home}/.ssh/x"])


@pytest.mark.parametrize("home", [None, "", "relative", "/nonexistent", "/"])
def test_a_home_that_is_none(lab, identity, home):
    environment = {"PATH": lab.path()} if home is None else {"PATH": lab.path(), "HOME": home}
    assert lab.jail("true", identity=identity, env=environment).status == 0


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


@pytest.mark.parametrize("options", [[], ["--network", "none"]])
@pytest.mark.parametrize("path", PATHS)
def test_a_socket_that_comes_later(lab, identity, serve, path, options):
    with lab.jailed(identity=identity, options=options) as jail:
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


@pytest.mark.parametrize("name", ["vscode-trap", "tmux-{uid}"])
@pytest.mark.parametrize("target", ["/etc", "/nonexistent"])
def test_a_link_with_a_masked_name_masks_nothing(lab, identity, name, target):
    """Anyone can make one in /tmp; it must not hide a directory of the system, nor keep jails from starting."""
    link = f"/tmp/{name.format(uid=1000 if identity == 'user' else 0)}"
    lab.call("lab.host:remove", link)
    lab.call("lab.host:symlink", target, link)
    try:
        result = lab.jail("cat", "/etc/passwd", identity=identity)
        assert result.status == 0 and "root:" in result.out
    finally:
        lab.call("lab.host:remove", link)

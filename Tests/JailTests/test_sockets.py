"""Unix sockets of outside: /run is the jail's own, and what the list names elsewhere is covered once, at the launch."""

import os
import re

import pytest
from lab.identity import Identity
from lab.lab import DIRECTORY, PYTHON
from unix import SOCKET, reached


def rows(identity):
    """A socket for each row of SocketList.swift, and in /run for what services do."""
    uid, home = 1000 if identity == "user" else 0, Identity(identity).home
    name = "lab" if identity == "user" else "root"
    return [
        "/run/lock/any.sock", "/run/secrets/workload-spiffe-uds/socket", "/run/nscd/socket", "/run/avahi-daemon/socket", "/run/systemd/resolve/io.systemd.Resolve",
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
        "/tmp/nvim.user/x/nvim.1.0", f"/tmp/cc-daemon-{uid}/a/control.sock", f"/tmp/cc-socks-{uid}/1.sock", "/tmp/cc-socks/1.sock",
        f"/tmp/claude-mcp-browser-bridge-{name}/1.sock",
        f"{home}/.ssh/cm-host", f"{home}/.ssh/sockets/cm-host", f"{home}/.ansible/cp/k2", f"{home}/.docker/desktop/docker.sock",
        f"{home}/.docker/run/docker.sock", f"{home}/.rd/docker.sock", f"{home}/.colima/default/docker.sock",
        f"{home}/.lima/default/ha.sock", f"{home}/.pm2/rpc.sock", f"{home}/.local/state/watchman/user-state/sock", f"{home}/.local/state/claude-sandbox/socket",
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
        root = next(root for root in ("/srv/lab/home", "/srv/lab/root", *COVERED, "/run", "/tmp") if path.startswith(root))
        lab.call("lab.host:remove", f"{root}/{path[len(root) + 1 :].split('/')[0]}")


def test_every_row_is_tested():
    with open(os.path.join(DIRECTORY, "../../Sources/Jail/Sockets/SocketList.swift")) as file:
        found = re.findall(r'Row\(\s*(home: home, )?path: "([^"]+)",\s*reason:\s*"[^"]+"(?:,\s*prefix: "([^"]+)")?', file.read())
    wanted = [f"{Identity.USER.home}/{path}" if home else f"{path}/{prefix}" if prefix else path for home, path, prefix in found]
    assert len(wanted) > 30
    paths = rows("user") + NOT_HERE
    for row in wanted:
        assert any(path.startswith(row.replace("\\(user)", "1000").replace("\\(name)", "lab")) for path in paths), row


# In directories of /tmp that count only where they are the user's own.
OWN = ("/tmp/.org", "/tmp/.com", "/tmp/emacs", "/tmp/nvim")


def serve_all(serve, paths, identity):
    serve(*[path for path in paths if not path.startswith(OWN)])
    serve(*[path for path in paths if path.startswith(OWN)], identity=identity)


# Covered by their own names, since programs keep other files beside them. What appears there later is open, as SECURITY.md says.
SINGLE = ("dbus-", "ssh_mux_", ".s.PGSQL", "vscode-", "nvim.", ".org.chromium", ".com.google", ".ssh/", ".rd/", ".pm2/", "code-server/", "zed/", "/run/lock/", "/run/secrets/")


def test_every_row(lab, identity, places, serve):
    """What was there before the launch is not reached; nor is, in /run and in covered directories, what is made anew."""
    paths = rows(identity)
    clear(lab, paths)
    serve_all(serve, paths, identity)
    with lab.outside(identity=identity) as outside, lab.jailed(identity=identity) as jail:
        assert reached(outside, paths) == paths
        assert reached(jail, paths) == []
        later = [path for path in paths if not any(name in path for name in SINGLE)]
        assert len(later) > 40
        serve_all(serve, later, identity)
        assert reached(outside, later) == later
        assert reached(jail, later) == []
    clear(lab, paths)


def test_directories_that_come_later(lab, identity, serve):
    """In /run, and where the jail has a directory of its own from its start."""
    uid = 1000 if identity == "user" else 0
    paths = ["/run/docker.sock", f"/run/user/{uid}/bus", "/run/unheard-of/socket", f"/tmp/tmux-{uid}/default", f"/tmp/cc-daemon-{uid}/a/control.sock", "/tmp/cc-socks/1.sock"]
    clear(lab, paths)
    for options in ([], ["--network", "none"]):
        with lab.outside(identity=identity) as outside, lab.jailed(identity=identity, options=options) as jail:
            serve(*paths)
            assert reached(outside, paths) == paths
            assert reached(jail, paths) == []
        clear(lab, paths)


def test_what_appears_beside_covered_directories_is_open(lab, identity, serve):
    """SECURITY.md says so. Nothing that is watched for is a wall; `unix-sockets = own` closes it."""
    path = "/tmp/vscode-later.sock"
    lab.call("lab.host:remove", path)
    with lab.jailed(identity=identity) as jail:
        serve(path)
        assert reached(jail, [path]) == [path]
    with lab.jailed(identity=identity) as jail:
        assert reached(jail, [path]) == []
    lab.call("lab.host:remove", path)


def test_files_beside_a_socket_are_left_alone(lab, identity, serve):
    """Keys and known hosts are needed; an agent signs, and leads nowhere."""
    home = Identity(identity).home
    agents = [f"{home}/.ssh/agent/s.k2", f"{home}/.gnupg/S.gpg-agent", "/tmp/ssh-k2/agent.1"]
    serve(f"{home}/.ssh/cm-host", *agents)
    files = [f"{home}/.ssh/known_hosts", "/tmp/vscode-notes", "/tmp/vscode-tests/a", "/tmp/screenshots/1.png"]
    for file in files:
        lab.call("lab.host:write", file, "a line\n", {"mode": 0o644})
    with lab.outside(identity=identity) as outside, lab.jailed(identity=identity) as jail:
        assert reached(outside, [f"{home}/.ssh/cm-host"]) == [f"{home}/.ssh/cm-host"]
        assert {jail.ask("read", path=file)["text"] for file in files} == {"a line\n"}
        assert reached(jail, agents) == agents
        assert reached(jail, [f"{home}/.ssh/cm-host"]) == []
    clear(lab, [f"{home}/.ssh/x", f"{home}/.gnupg/x", "/tmp/vscode-notes", "/tmp/vscode-tests", "/tmp/screenshots"])


# Where places are.


@pytest.mark.parametrize("mode, cwd, whole", [(0o700, "/", True), (0o755, "/", False), (0o700, "runtime/below", False)])
def test_a_runtime_directory_that_is_elsewhere(lab, identity, serve, mode, cwd, whole):
    """The whole directory where it is one by the rules and the command does not need what is in it, else the sockets."""
    home = Identity(identity).home
    directory = f"{home}/runtime"
    uid = 0 if identity == "root" else 1000
    lab.call("lab.host:make_directory", f"{directory}/below", 0o755, uid)
    lab.call("lab.host:make_directory", directory, mode, uid)
    lab.call("lab.host:write", f"{directory}/file", "text", {"mode": 0o644})
    serve(f"{directory}/bus")
    cwd = cwd if cwd == "/" else f"{home}/{cwd}"
    for environment in ({"XDG_RUNTIME_DIR": directory}, {}):
        with lab.jailed(identity=identity, cwd=cwd, env={**lab.environment(Identity(identity)), **environment}) as jail:
            assert reached(jail, [f"{directory}/bus"]) == ([] if environment else [f"{directory}/bus"])
            assert jail.ask("read", path=f"{directory}/file")["errno"] == ("ENOENT" if environment and whole else None)
    clear(lab, [f"{home}/runtime"])


@pytest.mark.parametrize("name", ["CLAUDE_CODE_TMPDIR", "TMPDIR", "TMP", "TEMP"])
def test_sessions_of_claude_in_another_directory(lab, identity, serve, name):
    """They listen there without XDG_RUNTIME_DIR. Other sockets in it stay."""
    directory = "/srv/lab/temporary"
    lab.call("lab.host:make_directory", directory, 0o777)
    sockets = [f"{directory}/cc-socks/1.sock", f"{directory}/other.sock"]
    serve(*sockets)
    for environment, reachable in (({name: f"/{directory}/"}, sockets[1:]), ({}, sockets)):
        with lab.jailed(identity=identity, env={**lab.environment(Identity(identity)), **environment}) as jail:
            assert reached(jail, sockets) == reachable
    lab.call("lab.host:remove", directory)


def test_a_home_that_is_not_set(lab, serve):
    """passwd(5) knows it."""
    home = Identity.USER.home
    serve(f"{home}/.ssh/cm-host")
    for value in ({}, {"HOME": ""}, {"HOME": "relative"}, {"HOME": "/nonexistent"}):
        with lab.jailed(identity="user", env={"PATH": lab.path(), **value}) as jail:
            assert reached(jail, [f"{home}/.ssh/cm-host"]) == []
    with lab.outside(identity="user") as outside:
        assert reached(outside, [f"{home}/.ssh/cm-host"]) == [f"{home}/.ssh/cm-host"]
    clear(lab, [f"{home}/.ssh/x"])


def test_a_home_that_is_spelt_otherwise(lab, identity, serve):
    home = Identity(identity).home
    serve(f"{home}/.ssh/cm-host")
    with lab.outside(identity=identity) as outside, lab.jailed(identity=identity, env={"PATH": lab.path(), "HOME": f"/{home}//"}) as jail:
        assert reached(outside, [f"{home}/.ssh/cm-host"]) == [f"{home}/.ssh/cm-host"]
        assert reached(jail, [f"{home}/.ssh/cm-host"]) == []
    clear(lab, [f"{home}/.ssh/x"])


@pytest.mark.parametrize("home", [None, "", "relative", "/nonexistent", "/"])
def test_a_home_that_is_none(lab, identity, home):
    environment = {"PATH": lab.path()} if home is None else {"PATH": lab.path(), "HOME": home}
    assert lab.jail("true", identity=identity, env=environment).status == 0


def test_a_directory_that_others_cannot_read(lab, identity, places, serve):
    lab.call("lab.host:make_directory", "/var/lib/incus", 0o711, 0)
    path = "/var/lib/incus/unix.socket.user"
    serve(path)
    with lab.outside(identity=identity) as outside, lab.jailed(identity=identity) as jail:
        assert (reached(outside, [path]), reached(jail, [path])) == ([path], [])
        # Made anew.
        serve(path)
        assert (reached(outside, [path]), reached(jail, [path])) == ([path], [])


@pytest.mark.parametrize("directory", ["/run/user/{uid}", "/run/unheard-of"])
def test_a_working_directory_below_a_cover(lab, identity, serve, directory):
    """It is entered anew by its name, or the launch is refused; the old one is left in no case."""
    uid = 1000 if identity == "user" else 0
    directory = directory.format(uid=uid)
    lab.call("lab.host:make_directory", directory, 0o755, uid)
    serve(f"{directory}/bus")
    code = f"import os, socket; print(os.listdir('.')); print(socket.socket(socket.AF_UNIX).connect_ex('./bus'))"
    outside = lab.run([PYTHON, "-I", "-c", code], identity=identity, cwd=directory)
    assert outside.out == "['bus']\n0\n"
    result = lab.jail(PYTHON, "-I", "-c", code, identity=identity, cwd=directory)
    if "unheard" in directory:
        assert (result.status, result.out) == (125, "")
        assert result.err.startswith(f"claude-sandbox: refused: working directory: {directory} is not there in the jail: No such file or directory\n")
        assert result.err.count("refused") == 1
    else:
        assert (result.status, result.out) == (0, "[]\n2\n")
    lab.call("lab.host:remove", directory)


def test_a_working_directory_that_cannot_be_named(lab):
    """As after `su` in a directory of root's: it works as without a jail."""
    result = lab.run(
        ["/bin/sh", "-c", 'mkdir -p /tmp/closed/in; cd /tmp/closed/in; chmod 700 /tmp/closed; exec setpriv --reuid 1000 --regid 1000 --clear-groups "$@"',
         "-", "/srv/lab/bin/claude-sandbox", "run", "--", "ls", "-d", "."], identity="root")  # fmt: skip
    lab.call("lab.host:remove", "/tmp/closed")
    assert (result.status, result.out) == (0, ".\n"), result


# What is put into /run.


@pytest.fixture
def disk(lab):
    """A disk that is mounted in /run/media, with a file."""
    image, place = "/srv/lab/disk", "/run/media/user/disk"
    nodes = "rm -f /dev/loop*; mknod /dev/loop-control c 10 237; for n in 0 1 2 3 4 5 6 7; do mknod /dev/loop$n b 7 $n; done"
    # A new file each time: a jail that is still ending may hold the last one, whose device mount(8) would take again.
    script = f"{nodes}; rm -f {image}; truncate -s 4M {image}; mkfs.ext4 -q {image}; mkdir -p {place}; mount -o loop {image} {place}; echo text >{place}/file"
    result = lab.run(["/bin/sh", "-ec", script], identity="root")
    assert result.status == 0, result
    yield place
    lab.run(["/bin/sh", "-c", f"umount -l {place}; rm /dev/loop*"], identity="root")


def test_what_is_read_in_run(lab, identity, serve, disk):
    lab.call("lab.host:write", "/run/utmp", "who", {"mode": 0o644})
    lab.call("lab.host:symlink", "/usr", "/run/current-system")
    lab.call("lab.host:write", "/run/lock/LCK..ttyUSB0", "1", {"mode": 0o644})
    lab.call("lab.host:write", "/run/udev/data/c1:1", "E:X=1", {"mode": 0o644})
    serve("/run/udev/control", "/run/top.sock")
    with lab.jailed(identity=identity) as jail:
        texts = {path: jail.ask("read", path=path) for path in ("/run/utmp", "/run/lock/LCK..ttyUSB0", "/run/udev/data/c1:1", f"{disk}/file")}
        assert [answer["text"] for answer in texts.values()] == ["who", "1", "E:X=1", "text\n"], texts
        listed = jail.ask("evaluate", code="import os; result = [os.readlink('/run/current-system'), sorted(os.listdir('/run')), os.listdir('/run/udev')]")
        target, names, udev = listed["result"]
        assert target == "/usr" and udev == ["data"]
        assert {"current-system", "lock", "media", "screen", "udev", "user", "utmp"} <= set(names) and "top.sock" not in names
        lab.call("lab.host:write", "/run/utmp", "who later", {"mode": 0o644})
        assert jail.ask("read", path="/run/utmp")["text"] == "who later"
    for path in ("/run/utmp", "/run/current-system", "/run/lock", "/run/udev"):
        lab.call("lab.host:remove", path)


def test_a_shared_directory_in_run_is_not_put_in(lab, identity, serve, disk):
    """As containers share a database's socket: a directory out of a disk. A single file is."""
    script = f"mkdir -p {disk}/volume /run/postgresql /run/deep; touch /run/deep/file; mount --bind {disk}/volume /run/postgresql; mount --bind /etc/os-release /run/deep/file"
    assert lab.run(["/bin/sh", "-ec", script], identity="root").status == 0
    path = "/run/postgresql/.s.PGSQL.5432"
    serve(path)
    with lab.outside(identity=identity) as outside, lab.jailed(identity=identity) as jail:
        assert reached(outside, [path]) == [path]
        assert reached(jail, [path]) == []
        assert "ID=" in jail.ask("read", path="/run/deep/file")["text"]
    assert lab.run(["/bin/sh", "-ec", "umount -l /run/postgresql /run/deep/file"], identity="root").status == 0


def test_another_name_of_run(lab, identity, serve):
    """A mount of the same file system elsewhere, as sandboxes and chroots have it."""
    serve("/run/docker.sock")
    assert lab.run(["/bin/sh", "-ec", "mkdir -p /mnt/run; mount --bind /run /mnt/run"], identity="root").status == 0
    try:
        with lab.outside(identity=identity) as outside, lab.jailed(identity=identity) as jail:
            assert reached(outside, ["/mnt/run/docker.sock"]) == ["/mnt/run/docker.sock"]
            assert reached(jail, ["/mnt/run/docker.sock"]) == []
    finally:
        lab.run(["/bin/sh", "-c", "umount /mnt/run; rmdir /mnt/run"], identity="root")


def test_directories_that_programs_expect(lab, identity):
    """With the permissions that they insist on, and the jail's own to fill."""
    uid = 1000 if identity == "user" else 0
    code = f"""
import os, socket
modes = [oct(os.stat(path).st_mode & 0o7777) for path in ("/run/user/{uid}", "/run/screen", "/run/lock", "/dev/shm")]
server = socket.socket(socket.AF_UNIX)
server.bind("/run/user/{uid}/bus")
server.listen()
socket.socket(socket.AF_UNIX).connect("/run/user/{uid}/bus")
os.makedirs("/run/mine/below")
result = modes
"""
    with lab.jailed(identity=identity) as jail:
        assert jail.ask("evaluate", code=code)["result"] == ["0o700", "0o1777", "0o1777", "0o1777"]
    assert lab.call("lab.host:exists", "/run/mine") is False


# Exposed sockets.


def test_an_exposed_socket(lab, identity, serve):
    uid = 1000 if identity == "user" else 0
    paths = ["/run/docker.sock", f"/run/user/{uid}/podman/podman.sock", "/tmp/vscode-ipc-1.sock"]
    neighbours = ["/run/podman.sock", f"/run/user/{uid}/bus", "/tmp/vscode-ipc-2.sock"]
    daemon = lab.start([PYTHON, "-B", "-I", "-c", SOCKET.format(paths=paths[:1])], identity="root")
    assert daemon.read_line() == "listening\n"
    serve(*paths[1:], *neighbours)
    lab.call("lab.host:make_directory", f"/run/user/{uid}", 0o700, 0 if identity == "root" else 1000)
    lab.configure("".join(f"expose-socket = {path}\n" for path in paths))
    with lab.outside(identity=identity) as outside, lab.jailed(identity=identity) as jail:
        assert reached(outside, paths + neighbours) == paths + neighbours
        assert reached(jail, paths + neighbours) == paths
        # Made anew it is another one, which running jails do not see.
        daemon.signal(9)
        daemon.close()
        serve(paths[0])
        assert reached(jail, paths[:1]) == []
    with lab.jailed(identity=identity) as jail:
        assert reached(jail, paths[:1]) == paths[:1]
    clear(lab, paths + neighbours)


@pytest.mark.parametrize("name", ["vscode-trap", "tmux-{uid}"])
@pytest.mark.parametrize("target", ["/etc", "/nonexistent"])
def test_a_link_with_a_name_on_the_list_hides_nothing(lab, identity, name, target):
    """Anyone can make one in /tmp; it must not hide a directory of the system, nor keep jails from starting."""
    link = f"/tmp/{name.format(uid=1000 if identity == 'user' else 0)}"
    lab.call("lab.host:remove", link)
    lab.call("lab.host:symlink", target, link)
    try:
        result = lab.jail("cat", "/etc/passwd", identity=identity)
        assert result.status == 0 and "root:" in result.out
    finally:
        lab.call("lab.host:remove", link)


def test_a_container_that_shows_the_host_below_run(lab, identity, serve):
    """As toolboxes do: the host's root below /run/host, and its /tmp also as /tmp, which has to stay."""
    script = "mkdir -p /run/host/tmp /run/host/run; mount --bind /tmp /run/host/tmp; mount --bind /run/netns /run/host/run 2>/dev/null || :; echo text >/tmp/file; chmod 644 /tmp/file"
    assert lab.run(["/bin/sh", "-ec", script], identity="root").status == 0
    serve("/run/host/docker.sock")
    try:
        with lab.outside(identity=identity) as outside, lab.jailed(identity=identity) as jail:
            assert reached(outside, ["/run/host/docker.sock"]) == ["/run/host/docker.sock"]
            assert reached(jail, ["/run/host/docker.sock"]) == []
            assert jail.ask("read", path="/tmp/file")["text"] == "text\n"
    finally:
        lab.run(["/bin/sh", "-c", "umount -l /run/host/tmp /run/host/run; rm -rf /run/host /tmp/file"], identity="root")

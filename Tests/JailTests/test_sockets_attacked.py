"""The command arranges its own home and /tmp as it likes, and takes what it can into nested namespaces, before and after the launch.

Whoever covers has capabilities in the jail that the command has not: it must never cover, for the command, what the command
could not. Nothing is watched, so nothing can be raced; and nothing that an ordinary machine has keeps a launch from its command.
"""

import errno
import os

import pytest
from lab import Identity
from lab.filesystem import EXECUTABLE, TESTS
from lab.lab import PYTHON
from unix import reached

HOME = Identity.USER.home
SETTINGS = "/etc/claude-code/managed-settings.json"
DOCKER = "/run/docker.sock"


@pytest.fixture(autouse=True)
def clean(lab):
    """A user below whose home nothing is."""
    clear(lab)
    lab.call("lab.host:write", SETTINGS, "{}", {"mode": 0o644})
    yield
    clear(lab)
    lab.call("lab.host:remove", os.path.dirname(SETTINGS))


def clear(lab):
    lab.run(["/bin/sh", "-c", f"chmod -R u+rwX {HOME}; rm -rf {HOME}/.[a-z]* {HOME}/old* /tmp/vscode-* /tmp/dbus-* /tmp/link* /tmp/.org.chromium.*"], identity="root")


def do(jail, code):
    answer = jail.ask("evaluate", code=f"import os, subprocess\n{code}")
    assert answer["errno"] is None, answer
    return answer.get("result")


def as_user(lab, code):
    """What an earlier jail may have done."""
    result = lab.run([PYTHON, "-I", "-c", f"import os, socket\n{code}"], identity="user")
    assert result.status == 0, result


def other(lab, code):
    """As another user of the machine."""
    drop = "import os; os.setgroups([]); os.setresgid(4242, 4242, 4242); os.setresuid(4242, 4242, 4242)"
    assert lab.run([PYTHON, "-I", "-c", f"{drop}\n{code}"], identity="root").status == 0


# Over time.

KEEPING = """
import ctypes, socket
c = ctypes.CDLL(None, use_errno=True)
ours, theirs = socket.socketpair()
if os.fork() == 0:
    user, group = os.getuid(), os.getgid()
    if {nested}:
        if c.unshare(0x10000000 | 0x00020000): os._exit(1)
        open("/proc/self/uid_map", "w").write(f"{{user}} {{user}} 1")
    taken = [os.open("/run", 0o10000000), c.syscall(428, -100, b"/run", 0x8001)]
    socket.send_fds(theirs, [b"x"], [descriptor for descriptor in taken if descriptor >= 0])
    os._exit(0)
socket.kept = socket.recv_fds(ours, 1, 4)[1]
os.wait()
result = len(socket.kept)
"""
CONNECTING = """
import errno
result = []
for descriptor in socket.kept:
    code = socket.socket(socket.AF_UNIX).connect_ex(f"/proc/self/fd/{descriptor}/docker.sock")
    result.append(errno.errorcode.get(code, code))
"""


@pytest.mark.parametrize("nested", [False, True])
def test_a_descriptor_that_was_taken_before(lab, serve, nested):
    """By a nested mount namespace that has ended since. A service that starts later is in no directory that it could have taken."""
    with lab.jailed(identity="user") as jail, lab.outside(identity="user") as outside:
        # open_tree(2) is for those who may mount.
        expected = 2 if nested else 1
        assert do(jail, KEEPING.format(nested=nested)) == expected
        do(outside, KEEPING.format(nested=nested))
        serve(DOCKER)
        assert do(jail, CONNECTING) == ["ENOENT"] * expected
        # The control: a descriptor of outside leads there.
        assert 0 in do(outside, CONNECTING)


@pytest.mark.parametrize("path", ["/run", "/tmp/tmux-1000", "/tmp/.X11-unix"])
def test_what_is_under_a_cover_does_not_come_back(lab, serve, path):
    """In a nested namespace the mounts are locked together."""
    serve(f"{path}/socket")
    code = f"""
import ctypes, errno, os, socket
c = ctypes.CDLL(None, use_errno=True)
if c.unshare(0x10000000 | 0x00020000): raise OSError(ctypes.get_errno())
for flags in (0, 2, 8):
    print(errno.errorcode[ctypes.get_errno()] if c.umount2({path.encode()!r}, flags) else None)
print(c.syscall(428, -100, {path.encode()!r}, 1) >= 0, socket.socket(socket.AF_UNIX).connect_ex({path + "/socket"!r}))
"""
    with lab.outside(identity="user") as outside:
        assert reached(outside, [f"{path}/socket"]) == [f"{path}/socket"]
    result = lab.jail(PYTHON, "-I", "-c", code, identity="user")
    assert result.out.split() == ["EINVAL"] * 3 + ["True", "2"], result


# Binds an empty directory, moves what is covered or frozen into it, and looks at it by that path. With its tree detached, nothing is
# a mount point to rename(2) any more. uid 0 needs no directory that it would have to make in the namespace.
MOVING = """
import ctypes, errno, os, socket, sys
c = ctypes.CDLL(None, use_errno=True)
def must(result):
    if result: sys.exit(errno.errorcode[ctypes.get_errno()])
where, names = sys.argv[1], sys.argv[2:]
place = f"{where}/moved"
os.makedirs(f"{place}/old", exist_ok=True)
user, group = os.getuid(), os.getgid()
must(c.unshare(0x10000000 | 0x00020000))
if user:
    for file, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{file}", "w") as opened: opened.write(text)
must(c.mount(place.encode(), place.encode(), None, 4096, None))
way = os.open(where, os.O_PATH)
must(c.syscall(155, place.encode(), f"{place}/old".encode()))
os.chdir("/")
must(c.umount2(b"/old", 2))
for name in names:
    try:
        os.rename(name.split("/")[0], "moved/" + name.split("/")[0], src_dir_fd=way, dst_dir_fd=way)
        code = socket.socket(socket.AF_UNIX).connect_ex("/" + name)
    except OSError as error:
        code = error.errno
    print(errno.errorcode.get(code, code))
"""


def test_what_is_covered_can_be_moved_where_it_is_the_user_s_own(lab, serve):
    """SECURITY.md says so: a cover in a home, and over the user's own in /tmp, is one for programs that do not mean to pass it. What is
    another user's cannot be moved."""
    as_user(lab, f"os.mkdir('{HOME}/.ssh'); os.makedirs('/tmp/tmux-1000', exist_ok=True); os.chmod('/tmp/tmux-1000', 0o700)")
    serve(f"{HOME}/.ssh/cm-host", "/tmp/tmux-1000/default", identity="user")
    serve("/tmp/.X11-unix/X0", "/tmp/vscode-root")
    with lab.jailed(identity="user") as jail:
        assert reached(jail, [f"{HOME}/.ssh/cm-host", "/tmp/tmux-1000/default", "/tmp/.X11-unix/X0", "/tmp/vscode-root"]) == []
    home = lab.jail(PYTHON, "-I", "-c", MOVING, HOME, ".ssh/cm-host", identity="user")
    temporary = lab.jail(PYTHON, "-I", "-c", MOVING, "/tmp", "tmux-1000/default", ".X11-unix/X0", "vscode-root", identity="user")
    lab.run(["rm", "-rf", f"{HOME}/moved", "/tmp/moved"], identity="root")
    assert (home.out.split(), temporary.out.split()) == (["0"], ["0", "EPERM", "EPERM"]), (home, temporary)


def test_uid_0_gets_no_namespace_to_move_anchors_in(lab):
    """It could then write to what is frozen, or find what is in a /run that is a plain directory."""
    jailed = lab.jail(PYTHON, "-I", "-c", MOVING, "/etc", "claude-code", identity="root")
    outside = lab.run([PYTHON, "-I", "-c", MOVING, "/etc", "claude-code"], identity="root")
    lab.run(["/bin/sh", "-c", "mv /etc/moved/claude-code /etc/; rm -r /etc/moved"], identity="root")
    # The control: outside it is moved, and is no socket.
    assert (jailed.err, outside.out) == ("ENOSPC\n", "ECONNREFUSED\n"), (jailed, outside)


# Links and other arrangements.


@pytest.mark.parametrize("target", ["run", "/etc/claude-code", "/dev", "/proc", "/proc/self/root", "/run", HOME, "/nonexistent"])
@pytest.mark.parametrize("link", [".docker/run", ".docker", ".ssh/sockets", ".ssh", ".ansible/cp"])
def test_a_link_to_something_else(lab, link, target):
    """It is not followed: nothing else is hidden, and the launch goes on."""
    as_user(lab, f"os.makedirs('{HOME}/{os.path.dirname(link)}', exist_ok=True); os.symlink({target!r}, '{HOME}/{link}')")
    with lab.jailed(identity="user") as jail:
        assert jail.ask("read", path=SETTINGS)["text"] == "{}"
        assert do(jail, "result = os.path.exists('/dev/null') and os.path.exists('/proc/self') and os.path.isdir(os.environ['HOME'])")
        assert do(jail, f"result = os.readlink('{HOME}/{link}')") == target


def test_a_home_that_is_a_link(lab, serve):
    """As it is on some machines; what is in it is covered all the same."""
    serve(f"{HOME}/.ssh/cm-host")
    lab.call("lab.host:symlink", HOME, "/tmp/link-home")
    environment = {**lab.environment(Identity.USER), "HOME": "/tmp/link-home"}
    paths = [f"{HOME}/.ssh/cm-host", "/tmp/link-home/.ssh/cm-host"]
    with lab.outside(identity="user") as outside, lab.jailed(identity="user", env=environment) as jail:
        assert (reached(outside, paths), reached(jail, paths)) == (paths, [])


@pytest.mark.parametrize("target", [DOCKER, "/tmp/vscode-other.sock"])
def test_an_exposed_path_that_becomes_a_link(lab, serve, target):
    """It does not say which socket is exposed, in /run or elsewhere."""
    serve(target)
    lab.configure(f"expose-socket = {HOME}/.ssh/cm-host\n")
    as_user(lab, f"os.mkdir('{HOME}/.ssh'); os.symlink('{target}', '{HOME}/.ssh/cm-host')")
    paths = [target, f"{HOME}/.ssh/cm-host"]
    with lab.outside(identity="user") as outside, lab.jailed(identity="user") as jail:
        assert (reached(outside, paths), reached(jail, paths)) == (paths, [])
    as_user(lab, f"os.unlink('{HOME}/.ssh/cm-host')")
    serve(f"{HOME}/.ssh/cm-host")
    with lab.jailed(identity="user") as jail:
        assert reached(jail, [f"{HOME}/.ssh/cm-host"]) == [f"{HOME}/.ssh/cm-host"]


EXCHANGE = """
import ctypes, os, socket
c = ctypes.CDLL(None)
os.chdir("/tmp")
for n in range(20):
    socket.socket(socket.AF_UNIX).bind(f"vscode-{n}"); os.symlink("/etc/claude-code/managed-settings.json", f"link{n}")
print("ready", flush=True)
while True:
    for n in range(20): c.renameat2(-100, b"vscode-%d" % n, -100, b"link%d" % n, 2)
"""


def test_a_socket_that_is_exchanged_for_a_link_while_it_is_covered(lab):
    # In real time, or on a busy machine it hardly ever runs while the launch does.
    user = ["chrt", "--fifo", "1", "setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
    exchanger = lab.start([*user, PYTHON, "-I", "-c", EXCHANGE], identity="root")
    assert exchanger.read_line() == "ready\n"
    for _ in range(20):
        assert lab.jail("cat", SETTINGS, identity="user").out == "{}"
    exchanger.signal(9)
    exchanger.close()


NAMES = ["cm host", "cm\thost", "cm-\u00e9", "cm-e\u0301", "cm-\udcff", "\u0301cm", "cm\\040", "cm-\u212a"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name(lab, name):
    """Names are bytes; two that look alike are two."""
    bind = (
        "import os, socket, time; path = os.fsencode({path!r}); os.makedirs(os.path.dirname(path), exist_ok=True); "
        "s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(100); print('listening', flush=True); time.sleep(100)"
    )
    connect = "import socket; s = socket.socket(socket.AF_UNIX); result = s.connect_ex(os.fsencode({path!r}))"
    for path in (f"{HOME}/.ssh/{name}", f"/tmp/vscode-{name}", f"{HOME}/.ssh/{name}d/cm"):
        server = lab.start([PYTHON, "-I", "-c", bind.format(path=path)], identity="user")
        assert server.read_line() == "listening\n"
        with lab.outside(identity="user") as outside, lab.jailed(identity="user") as jail:
            assert (do(outside, connect.format(path=path)), do(jail, connect.format(path=path))) == (0, 111)
        server.signal(9)
        server.close()


def test_the_runtime_directory_by_another_name(lab, serve):
    """It is a file system of its own below /run, and bound into a chroot, as /run itself may be."""
    names = ["/srv/chroot/user/bus", "/srv/chroot/run/root.sock"]
    script = "mkdir -p /run/user/1000 /srv/chroot/user /srv/chroot/run; mount -t tmpfs -o mode=755 user /run/user/1000; mount --bind /run/user/1000 /srv/chroot/user; mount --bind /run /srv/chroot/run"
    assert lab.run(["/bin/sh", "-c", script], identity="root").status == 0
    serve("/run/user/1000/bus", "/run/root.sock")
    try:
        with lab.outside(identity="user") as outside, lab.jailed(identity="user") as jail:
            assert (reached(outside, names), reached(jail, names)) == (names, [])
    finally:
        lab.run(["/bin/sh", "-c", "umount -l /srv/chroot/user /srv/chroot/run /run/user/1000"], identity="root")


def test_a_working_directory_below_a_cover_that_has_a_link(lab, serve):
    """The kernel names it by its path without links."""
    lab.call("lab.host:cover", "/mnt")
    lab.call("lab.host:make_directory", "/mnt/real/in", 0o755)
    lab.call("lab.host:symlink", "/mnt/real", "/mnt/wslg")
    serve("/mnt/real/bus")
    code = "import socket; print(socket.socket(socket.AF_UNIX).connect_ex('../bus'))"
    outside = lab.run([PYTHON, "-I", "-c", code], identity="user", cwd="/mnt/real/in")
    result = lab.jail(PYTHON, "-I", "-c", code, identity="user", cwd="/mnt/real/in")
    lab.call("lab.host:uncover", "/mnt")
    assert (outside.out, result.status, result.out) == ("0\n", 125, ""), result
    assert "working directory: /mnt/real/in is not there in the jail" in result.err


def test_two_names_of_one_socket(lab, serve):
    serve(f"{HOME}/.ssh/cm-host")
    names = [f"{HOME}/.ssh/cm-host", f"{HOME}/.ssh/cm-link"]
    assert lab.run(["ln", names[0], names[1]], identity="root").status == 0
    with lab.outside(identity="user") as outside, lab.jailed(identity="user") as jail:
        assert (reached(outside, names), reached(jail, names)) == (names, [])


def test_each_thing_is_covered_once(lab):
    """Also what the list names twice: a runtime directory that is on it anyway. /run and /dev/shm are mounts of the host's, too."""
    lab.call("lab.host:make_directory", "/tmp/.X11-unix", 0o1777)
    lab.call("lab.host:make_directory", "/tmp/tmux-1000", 0o700, 1000)
    environment = {**lab.environment(Identity.USER), "XDG_RUNTIME_DIR": "/tmp/tmux-1000"}
    with lab.jailed(identity="user", env=environment) as jail:
        covers = do(jail, "result = [line.split()[4] for line in open('/proc/self/mountinfo')]")
    assert {"/run", "/dev/shm"} <= set(covers)
    assert [covers.count(place) for place in ("/tmp/.X11-unix", "/tmp/tmux-1000")] == [1, 1]


# Machines as they are.


@pytest.mark.parametrize("path", [".docker", ".docker/run", ".ssh", ".ssh/sockets"])
def test_a_directory_that_is_not_readable(lab, identity, path):
    """Nothing that its user could open again shows a socket."""
    home = Identity(identity).home
    as_owner = {"identity": "user" if identity == "container" else identity}
    home = Identity.USER.home if identity == "container" else home
    socket = f"{home}/{path}/cm"
    script = f"import os, socket\nos.makedirs({home + '/' + path!r}, exist_ok=True)\ns = socket.socket(socket.AF_UNIX); s.bind({socket!r}); s.listen(9)\nsocket.socket(socket.AF_UNIX).connect({socket!r})\nos.chmod({home + '/' + path!r}, 0)\nprint('ready', flush=True)\nimport time; time.sleep(100)"
    server = lab.start([PYTHON, "-I", "-c", script], **as_owner)
    assert server.read_line() == "ready\n"
    code = f"import socket; os.chmod({home + '/' + path!r}, 0o700); result = socket.socket(socket.AF_UNIX).connect_ex({socket!r})"
    with lab.jailed(identity=identity, env={"PATH": lab.path(), "HOME": home}) as jail:
        if path == ".docker":
            # Not on the list itself: what is on it is looked for below.
            assert lab.jail("true", identity=identity).status == 0
        else:
            # The list names the one as a directory, and the sockets in the others.
            assert do(jail, code) == (errno.ENOENT if path == ".docker/run" else errno.ECONNREFUSED)
    server.signal(9)
    server.close()
    lab.run(["/bin/sh", "-c", f"chmod -R u+rwX {home}; rm -rf {home}/.docker {home}/.ssh"], identity="root")


def test_very_many_directories(lab, serve):
    """More than anyone keeps there for connections: the directory is covered as a whole."""
    as_user(lab, f"os.mkdir('{HOME}/.ssh'); [os.mkdir(f'{HOME}/.ssh/{{n}}') for n in range(5000)]")
    paths = [f"{HOME}/.ssh/{n}/cm" for n in (0, 4999)]
    serve(*paths)
    with lab.outside(identity="user") as outside, lab.jailed(identity="user") as jail:
        assert (reached(outside, paths), reached(jail, paths)) == (paths, [])
        assert do(jail, f"result = os.listdir('{HOME}/.ssh')") == []


@pytest.mark.parametrize("type", ["devpts", "mqueue"])
@pytest.mark.parametrize("path, hide", [("/run/schroot/dev", ""), ("/srv/chroot/dev", "chmod 700 /srv/chroot"), ("/srv/chroot/dev", "mount -t tmpfs hidden /srv/chroot")], ids=["run", "closed", "hidden"])
def test_file_systems_of_a_chroot(lab, identity, type, path, hide):
    """Where the user may not go, or another mount is in front, there is nothing to cover."""
    assert lab.run(["/bin/sh", "-ec", f"mkdir -p {path}; mount -t {type} {type} {path}; {hide}"], identity="root").status == 0
    try:
        result = lab.jail("true", identity=identity)
        assert (result.status, result.err) == (0, "")
    finally:
        lab.run(["/bin/sh", "-c", f"mountpoint -q /srv/chroot && umount -l /srv/chroot; umount -l {path}; chmod 755 /srv/chroot"], identity="root")


def test_more_files_in_run_than_descriptors(lab):
    script = f"cd /run; touch $(seq -f many%g 300); ulimit -n 256; exec {EXECUTABLE} run -- sh -c 'ls /run/many* | wc -l'"
    result = lab.run(["/bin/sh", "-c", script], identity="root")
    lab.run(["/bin/sh", "-c", "rm /run/many*"], identity="root")
    assert (result.status, result.out, result.err) == (0, "300\n", "")


@pytest.mark.parametrize("mode", [0o711, 0o700])
def test_a_run_that_cannot_be_read(lab, identity, mode):
    old = lab.call("lab.host:chmod", "/run", mode)
    try:
        assert lab.jail("true", identity=identity).status == 0
    finally:
        lab.call("lab.host:chmod", "/run", old)


# A user namespace in which only what is in it counts.
APART = """
import os, resource, sys
sys.path.insert(0, sys.argv[1])
from lab import kernel
from lab.identity import map_single
uid, gid = os.getuid(), os.getgid()
kernel.unshare(kernel.CLONE_NEWUSER)
map_single(uid, gid, uid, gid)
for name in ("instances", "watches"):
    with open(f"/proc/sys/user/max_inotify_{name}", "w") as file: file.write("0")
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_file_events_that_are_used_up(lab, serve):
    """As editors use them up. Nothing of ours needs one."""
    serve(f"{HOME}/.ssh/cm-host", DOCKER)
    launcher = [PYTHON, "-B", "-I", "-c", APART, TESTS, EXECUTABLE, "run", "--"]
    with lab.jailed(identity="user", launcher=launcher) as jail:
        assert reached(jail, [f"{HOME}/.ssh/cm-host", DOCKER]) == []
        assert jail.ask("getaddrinfo", name="web.lab.test")["errno"] is None
        # The control: there are none.
        assert do(jail, "import ctypes; c = ctypes.CDLL(None, use_errno=True); result = (c.inotify_init(), ctypes.get_errno())") == [-1, 24]


def test_another_user_keeps_nobody_from_starting(lab):
    other(lab, "for n in range(5000): os.makedirs(f'/tmp/.org.chromium.x/{n}'); os.mkdir(f'/tmp/dbus-{n}')")
    for identity in ("user", "root"):
        assert lab.jail("true", identity=identity).status == 0


def test_many_jails_at_once(lab):
    jails = [lab.start([EXECUTABLE, "run", "--network", "none", "--", "true"], identity="user") for _ in range(140)]
    ends = [jail.communicate() for jail in jails]
    for jail in jails:
        jail.close()
    assert {(end.status, end.err) for end in ends} == {(0, "")}


# File systems that act, or wait, for whoever looks.

DEAD = """
import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
if not os.path.exists("/dev/fuse"): os.mknod("/dev/fuse", 0o020666, os.makedev(10, 229))
device = os.open("/dev/fuse", os.O_RDWR)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % device
if c.mount(b"fuse", {path!r}, b"fuse", 0, options): raise SystemExit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
{then}
"""


@pytest.mark.parametrize("then", ["", "import time; time.sleep(100)"], ids=["away", "silent"])
@pytest.mark.parametrize("path", ["/mnt", f"{HOME}/.lima/vm", f"{HOME}/.lima", f"{HOME}/.ssh/sockets"])
def test_a_file_system_whose_server_does_not_answer(lab, path, then):
    lab.call("lab.host:make_directory", path, 0o755, 1000)
    server = lab.start([PYTHON, "-I", "-c", DEAD.format(path=path.encode(), then=then)], identity="root")
    if server.read_line() != "mounted\n":
        pytest.skip("no FUSE here")
    try:
        if not then:
            server.communicate()
        assert lab.jail("true", identity="user").status == 0
    finally:
        lab.run(["umount", "-l", path], identity="root")
        if then:
            server.signal(9)
        server.close()


# An automounter that mounts nothing, and prints the names that it is asked for.
AUTOMOUNTER = """
import ctypes, fcntl, os, struct, sys
c = ctypes.CDLL(None, use_errno=True)
os.makedirs("/net/mounted", exist_ok=True)
os.setpgid(0, 0)
reader, writer = os.pipe()
options = b"fd=%d,pgrp=%d,minproto=5,maxproto=5,indirect" % (writer, os.getpgrp())
if c.mount(b"test", b"/net", b"autofs", 0, options): raise SystemExit(os.strerror(ctypes.get_errno()))
root = os.open("/net", os.O_RDONLY)
os.mkdir("/net/mounted")
if c.mount(b"tmpfs", b"/net/mounted", b"tmpfs", 0, None): raise SystemExit(os.strerror(ctypes.get_errno()))
os.mkdir("/net/mounted/home")
os.chmod("/net/mounted/home", 0o777)
print("ready", flush=True)
while True:
    packet = os.read(reader, 304)
    version, kind, token = struct.unpack_from("iiI", packet)
    length = struct.unpack_from("I", packet, 40)[0]
    print(packet[44:44 + length].decode(), flush=True)
    fcntl.ioctl(root, 0x9361, token)  # AUTOFS_IOC_FAIL
"""


def test_automounters_do_not_act_for_the_jail(lab, identity):
    """Looking a name up there connects, outside, to the machine of that name. What is mounted already stays: homes live there."""
    lab.call("lab.host:cover", "/mnt")
    daemon = lab.start([PYTHON, "-I", "-c", AUTOMOUNTER.replace('/net', '/mnt')], identity="root")
    try:
        assert daemon.read_line() == "ready\n"
        # In its home there: the directory is entered anew.
        with lab.jailed(identity=identity, cwd="/mnt/mounted/home") as jail:
            assert jail.ask("evaluate", code="import os; result = os.path.exists('/mnt/10.20.0.5')")["result"] is False
            assert jail.ask("evaluate", code="open('file', 'w').write('x'); import os; result = os.listdir('/mnt/mounted/home')")["result"] == ["file"]
            with lab.outside(identity=identity) as outside:
                assert outside.ask("evaluate", code="import os; os.unlink('/mnt/mounted/home/file'); result = os.path.exists('/mnt/10.20.0.6')")["result"] is False
        # Only the control came.
        assert daemon.read_line() == "10.20.0.6\n"
    finally:
        daemon.signal(9)
        daemon.close()
        lab.run(["umount", "-l", "/mnt/mounted", "/mnt"], identity="root")
        lab.call("lab.host:uncover", "/mnt")


TRIGGER = """
import ctypes, os, time
c = ctypes.CDLL(None, use_errno=True)
os.makedirs("/srv/closed/net", exist_ok=True)
os.setpgid(0, 0)
options = b"fd=%d,pgrp=%d,minproto=5,maxproto=5,indirect" % (os.pipe()[1], os.getpgrp())
if c.mount(b"test", b"/srv/closed/net", b"autofs", 0, options): raise SystemExit(os.strerror(ctypes.get_errno()))
print("ready", flush=True)
time.sleep(100)
"""


@pytest.mark.parametrize("hide", ["chmod 700 /srv/closed", "mount -t tmpfs hidden /srv/closed"], ids=["closed", "hidden"])
def test_an_automounter_where_the_user_may_not_go(lab, identity, hide):
    """Nobody in the jail looks a name up there."""
    daemon = lab.start([PYTHON, "-I", "-c", TRIGGER], identity="root")
    try:
        assert daemon.read_line() == "ready\n"
        assert lab.run(["/bin/sh", "-c", hide], identity="root").status == 0
        result = lab.jail("true", identity=identity)
        assert (result.status, result.err) == (0, "")
    finally:
        lab.run(["/bin/sh", "-c", "mountpoint -q /srv/closed && umount /srv/closed; chmod 755 /srv/closed; umount -l /srv/closed/net"], identity="root")
        daemon.signal(9)
        daemon.close()


def test_a_link_to_an_automounter_in_the_home(lab):
    """An earlier jail planted it. Neither the holder nor the supervisor goes there."""
    lab.call("lab.host:cover", "/mnt")
    daemon = lab.start([PYTHON, "-I", "-c", AUTOMOUNTER.replace("/net", "/mnt")], identity="root")
    try:
        assert daemon.read_line() == "ready\n"
        as_user(lab, f"os.symlink('/mnt/10.20.0.5', '{HOME}/.pm2'); os.symlink('/mnt/10.20.0.5', '{HOME}/.ssh')")
        assert lab.jail("true", identity="user").status == 0
        as_user(lab, "os.path.exists('/mnt/control')")
        assert daemon.read_line() == "control\n"
    finally:
        daemon.signal(9)
        daemon.close()
        lab.run(["umount", "-l", "/mnt/mounted", "/mnt"], identity="root")
        lab.call("lab.host:uncover", "/mnt")

"""Ways out that do not go through the uplink: each is tried from inside, and has to work, or be known, outside.

The tests fail when the defence is switched off: see Tests/Mutations.
"""

import ctypes
import os
import select
import termios
import time

import pytest
from lab.filesystem import CONFIGURATION, EXECUTABLE, TESTS, TUN
from lab.lab import PYTHON
from probes import calls

CALLS = [PYTHON, "-B", "-I", f"{TESTS}/probes/calls.py"]


@pytest.fixture(scope="module")
def answered(module_lab):
    """What each system call answered, for a caller, inside or outside."""
    known = {}

    def answers(identity, inside=True):
        if (identity, inside) not in known:
            result = module_lab.jail(*CALLS, identity=identity) if inside else module_lab.run([*CALLS, "control"], identity=identity)
            assert (result.status, result.err) == (0, ""), result
            known[identity, inside] = result.json
        return known[identity, inside]

    return answers


def of(answers, *words):
    return {name: answer for name, answer in answers.items() if name.split()[0] in words}


# System calls.


def test_socket_families(lab, answered, identity):
    """AF_VSOCK reaches the hypervisor, which no namespace holds; the rest is attack surface."""
    inside = of(answered(identity), "socket", "socketpair")
    allowed = {name for name in inside if int(name.split()[1]) in calls.ALLOWED_FAMILIES}
    assert {answer for name, answer in inside.items() if name not in allowed} == {"EAFNOSUPPORT"}, inside
    assert {inside[f"socket {family}"] for family in (1, 2, 10)} == {None} and inside["socketpair 1"] is None
    outside = of(answered(identity, inside=False), "socket")
    assert outside["socket 17"] == (None if identity == "root" else "EPERM"), "the family exists"


def test_netlink_protocols(lab, answered, identity):
    inside = of(answered(identity), "netlink")
    working = {name for name, answer in inside.items() if answer is None}
    assert {int(name.split()[1]) for name in working} == set(calls.ALLOWED_NETLINK), inside
    assert {answer for name, answer in inside.items() if name not in working} == {"EPROTONOSUPPORT"}, inside
    assert of(answered(identity, inside=False), "netlink")["netlink 10"] is None


@pytest.mark.parametrize("name", calls.TERMINAL)
def test_terminal_requests(lab, answered, identity, name):
    assert answered(identity)[name] == "EPERM"
    assert answered(identity, inside=False)[name] == "ENOTTY", "the device is asked"


@pytest.mark.parametrize("name", [name for name in calls.MISSING if name in calls.NUMBERS])
def test_system_calls_that_are_not_there(lab, answered, identity, name):
    """io_uring passes system call filters; request_key(2) runs a program as root in the initial namespaces."""
    assert answered(identity)[name] == "ENOSYS"
    if name not in ("lookup_dcookie", "nfsservctl"):  # which newer kernels do not have either
        assert answered(identity, inside=False)[name] != "ENOSYS"


@pytest.mark.parametrize("name", [name for name in calls.FORBIDDEN if name in calls.NUMBERS])
def test_system_calls_of_administrators(lab, answered, identity, name):
    assert answered(identity)[name] == "EPERM"
    if name in ("perf_event_open", "settimeofday", "clock_settime", "iopl", "ioperm", "quotactl", "quotactl_fd"):
        assert answered(identity, inside=False)[name] not in (None, "EPERM"), "the kernel looks at the arguments"


def test_system_calls_of_another_architecture(lab, answered, identity):
    """A filter for one architecture says nothing about the numbers of the others."""
    outside, inside = of(answered(identity, inside=False), "int"), of(answered(identity), "int")
    # Where the kernel has no 32-bit gate at all, the process is ended instead.
    assert set(inside.values()) <= {"ENOSYS"} or inside == outside != {"int 0x80": None}, (inside, outside)


# Terminals.

TYPE = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for request in (0x5412, 0x5412 | 1 << 32, 0x5412 | 0xffffffff << 32):
    result = libc.ioctl(0, ctypes.c_ulong(request), b"x")
    print(result, ctypes.get_errno(), flush=True)
"""


def at_a_terminal(lab, argv, identity, uid):
    """Run at a pty as its controlling terminal. What is written, and whether there is something to read as if typed."""
    master, slave = os.openpty()
    try:
        termios.tcsetattr(slave, termios.TCSANOW, raw(slave))
        os.fchmod(slave, 0o666)
        os.fchown(slave, uid, -1)
        process = lab.start(argv, identity=identity, descriptors={0: slave, 1: slave, 2: slave}, session=True, pipes=())
        status, text = process.wait(), b""
        while select.select([master], [], [], 0)[0]:
            text += os.read(master, 4096)
        return status, text.decode().split(), bool(select.select([slave], [], [], 0)[0])
    finally:
        os.close(master)
        os.close(slave)


def raw(descriptor):
    mode = termios.tcgetattr(descriptor)
    mode[3] &= ~(termios.ICANON | termios.ECHO)
    return mode


def test_typing_into_the_caller_s_terminal(lab, identity):
    uid = 1000 if identity == "user" else 0
    status, words, typed = at_a_terminal(lab, [EXECUTABLE, "run", "--", PYTHON, "-I", "-c", TYPE], identity, uid)
    assert (status, words, typed) == (0, ["-1", "1"] * 3, False)


def test_root_types_into_its_terminal(lab):
    """The control: outside it works, whether or not the machine allows it to ordinary users."""
    assert at_a_terminal(lab, [PYTHON, "-I", "-c", TYPE], "root", 0) == (0, ["0", "0"] * 3, True)


def test_other_terminals_have_no_name(lab, identity):
    """Whoever opens another terminal of the same user reads what is typed there."""
    uid = 1000 if identity == "user" else 0
    name = lab.call("test_escapes:open_terminal", uid)
    try:
        code = f"os.close(os.open({name!r}, os.O_RDWR | os.O_NOCTTY))"
        with lab.outside(identity=identity) as outside:
            assert outside.ask("evaluate", code=code)["errno"] == ("EACCES" if identity == "container" else None)
        with lab.jailed(identity=identity) as jail:
            assert jail.ask("evaluate", code=code)["errno"] == "ENOENT"
            assert jail.ask("evaluate", code="result = os.listdir('/dev/pts')")["result"] == ["ptmx"]
            own = jail.ask("evaluate", code="master, slave = os.openpty(); result = os.ttyname(slave)")
            assert own["result"] == "/dev/pts/0"
    finally:
        lab.call("test_escapes:close_terminal")


_TERMINAL = []


def open_terminal(uid):
    """On the host: a terminal of somebody's; its name."""
    _TERMINAL[:] = os.openpty()
    name = os.ttyname(_TERMINAL[1])
    os.chown(name, uid, -1)
    return name


def close_terminal():
    for descriptor in _TERMINAL:
        os.close(descriptor)


# Processes outside.

CANARY = """
import signal
sys.got = []
signal.signal(signal.SIGURG, lambda *_: sys.got.append(1))
result = os.getpid()
"""
# SIGURG is ignored by whoever does not ask for it: the lab's own processes take no harm where nothing is in the way.
SIGNAL = """
import fcntl, signal
libc = ctypes.CDLL(None, use_errno=True)
pid, group, result = {pid}, {group}, {{}}
def tried(name, answer):
    result[name] = errno.errorcode.get(ctypes.get_errno()) if answer < 0 else None
info = struct.pack("=iiiiiI", signal.SIGURG, 0, -1, 0, os.getpid(), os.getuid()) + bytes(104)
descriptor = libc.syscall(434, pid, 0)
tried("kill", libc.kill(pid, signal.SIGURG))
tried("kill group", libc.kill(-group, signal.SIGURG))
tried("rt_sigqueueinfo", libc.syscall({rt_sigqueueinfo}, pid, signal.SIGURG, info))
tried("tgkill", libc.syscall({tgkill}, pid, pid, signal.SIGURG))
tried("pidfd_send_signal", libc.syscall(424, descriptor, signal.SIGURG, None, 0))
libc.kill(-1, signal.SIGURG)
one, two = socket.socketpair()
# Also F_SETOWN: the kernel sends the signal when input arrives.
try:
    fcntl.fcntl(one, fcntl.F_SETOWN, pid); fcntl.fcntl(one, 10, signal.SIGURG)
    fcntl.fcntl(one, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    two.send(b"x"); time.sleep(0.05)
except OSError: pass
"""


def test_signals_to_processes_outside(lab, identity):
    """SIGUSR1 opens a debugger in a Node.js process. Landlock scopes (Linux 6.12) are what is in the way."""
    numbers = {"x86_64": {"rt_sigqueueinfo": 129, "tgkill": 234}, "aarch64": {"rt_sigqueueinfo": 138, "tgkill": 131}}
    machine = numbers[os.uname().machine]
    with lab.outside(identity=identity) as canary, lab.outside(identity=identity) as control, lab.jailed(identity=identity) as jail:
        pid = canary.ask("evaluate", code=CANARY)["result"]
        code = SIGNAL.format(pid=pid, group=pid, **machine)
        got = {}
        for name, prober in (("inside", jail), ("outside", control)):
            canary.ask("evaluate", code="sys.got.clear()")
            answers = prober.ask("evaluate", code=code)["result"]
            got[name] = answers, len(canary.ask("evaluate", code="result = sys.got")["result"])
        assert set(got["outside"][0].values()) == {None} and got["outside"][1] > 0
        if has_scopes():
            assert set(got["inside"][0].values()) == {"EPERM"} and got["inside"][1] == 0, got
        else:
            assert got["inside"][1] > 0, "documented as open before Linux 6.12"


def has_scopes():
    return ctypes.CDLL(None).syscall(444, None, 0, 1) >= 6


LOOK = """
libc, result = ctypes.CDLL(None, use_errno=True), {{}}
pid, buffer = {pid}, ctypes.create_string_buffer(8)
for name in ("mem", "maps", "environ", "auxv", "root/etc/hostname", "cwd/etc/hostname", "fd/0", "fd/1", "ns/net", "ns/mnt", "ns/user"):
    try:
        file = os.open(f"/proc/{{pid}}/{{name}}", os.O_RDONLY); os.close(file); result[name] = None
    except OSError as error: result[name] = errno.errorcode[error.errno]
def tried(name, answer): result[name] = errno.errorcode[ctypes.get_errno()] if answer < 0 else None
vector = struct.pack("PN", ctypes.addressof(buffer), 8)
tried("process_vm_readv", libc.process_vm_readv(pid, vector, 1, vector, 1, 0))
tried("ptrace", libc.ptrace(16902, pid, 0, 0))  # PTRACE_SEIZE
descriptor = os.pidfd_open(pid)
tried("pidfd_getfd", libc.syscall(438, descriptor, 0, 0))
tried("setns", libc.setns(descriptor, 0x40000000))
"""


def test_other_processes_of_the_same_user(lab, identity):
    """Not only ours: a shell or an editor of the same user, which nothing protects from its user's other programs."""
    with lab.outside(identity=identity) as canary, lab.outside(identity=identity) as control, lab.jailed(identity=identity) as jail:
        code = LOOK.format(pid=canary.process.pid)
        inside = jail.ask("evaluate", code=code)["result"]
        assert set(inside.values()) == {"EACCES", "EPERM"}, inside
        if identity != "container":  # of which each is in a user namespace of its own
            outside = control.ask("evaluate", code=code)["result"]
            assert {name: outside[name] for name in ("environ", "cwd/etc/hostname", "ns/net")} == dict.fromkeys(
                ("environ", "cwd/etc/hostname", "ns/net")
            ), outside


def test_pasta_is_locked(lab, identity):
    """Ports and loopback of the host are closed twice: here, and by the filter."""
    with lab.jailed(identity=identity):
        (pasta,) = [p["argv"] for p in lab.call("lab.residue:processes").values() if p["comm"].startswith(("passt", "pasta"))]
    for option in ("-t", "-u", "-T", "-U", "-D", "-S"):
        assert pasta[pasta.index(option) + 1] == "none"
    assert {"--no-map-gw", "--no-dhcp", "--no-dhcpv6", "--no-ndp", "--no-ra"} <= set(pasta)


def test_securebits_are_locked(lab, staying, identity):
    """Otherwise uid 0 has all capabilities after the next execve(2)."""
    assert staying(lab, identity).ask("evaluate", code="result = ctypes.CDLL(None).prctl(27, 0, 0, 0, 0)")["result"] == 0xCF


# Descriptors.


def test_an_inherited_pipe_is_nobody_s(lab, identity):
    """Neither the command's, nor does one of ours hold it open."""
    reader, writer = os.pipe()
    with open(reader, "rb") as pipe:
        process = lab.start([EXECUTABLE, "run", "--", "sh", "-c", "echo ready; exec sleep 1000"], identity=identity, descriptors={9: writer})
        os.close(writer)
        assert process.read_line() == "ready\n"
        ended = select.select([pipe], [], [], 1)[0]
        process.signal(15)
        process.wait()
        process.close()
        assert ended and pipe.read() == b""


STREAMS = """
import os, socket, sys
kind, number, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
def keep(pair):
    pair[1].set_inheritable(True)
    return [end.detach() for end in pair][0]
def listening():
    server = socket.socket(socket.AF_UNIX)
    server.bind("\\0listening"); server.listen()
    return server
made = {
    "tcp": lambda: socket.socket().detach(),
    "udp": lambda: socket.socket(type=socket.SOCK_DGRAM).detach(),
    "udp6": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).detach(),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).detach(),
    "unix datagram": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).detach(),
    "unix packets": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).detach(),
    "unix stream": lambda: keep(socket.socketpair()),
    "unix stream whose peer has gone": lambda: socket.socketpair()[0].detach(),
    "unix unconnected": lambda: socket.socket(socket.AF_UNIX).detach(),
    "unix listening": lambda: listening().detach(),
    "directory": lambda: os.open("/", os.O_RDONLY),
    "path": lambda: os.open("/", os.O_PATH),
    "tap": lambda: os.open("/dev/net/tun", os.O_RDWR),
    "pipe": lambda: os.pipe()[1],
    "file": lambda: os.memfd_create("file"),
}[kind]()
os.dup2(made, number)
os.execv(command[0], command)
"""
REFUSED_STREAMS = ["tcp", "udp", "udp6", "netlink", "unix datagram", "unix packets", "unix unconnected", "unix listening",
                   "directory", "path", "tap"]  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED_STREAMS)
def test_standard_streams_that_lead_out(lab, identity, kind):
    """A socket can be disconnected and connected to anything, in the network where it was made."""
    lab.call("lab.host:remove", "/tmp/marker")
    launch = [PYTHON, "-I", "-c", STREAMS, kind, "0", EXECUTABLE, "run", "--", "/usr/bin/touch", "/tmp/marker"]
    result = lab.run(launch, identity=identity)
    assert (result.status, lab.call("lab.host:exists", "/tmp/marker")) == (125, False), result
    assert result.err.startswith("claude-sandbox: "), result


@pytest.mark.parametrize("kind", ["unix stream", "unix stream whose peer has gone", "pipe", "file"])
def test_standard_streams_that_do_not(lab, identity, kind):
    result = lab.run([PYTHON, "-I", "-c", STREAMS, kind, "1", EXECUTABLE, "run", "--", "/usr/bin/true"], identity=identity)
    assert (result.status, result.err) == (0, ""), result


# The environment.

REMOVED = """LISTEN_FDS LISTEN_PID LISTEN_FDNAMES NOTIFY_SOCKET WATCHDOG_PID WATCHDOG_USEC TMUX TMUX_PANE STY DBUS_SESSION_BUS_ADDRESS
DBUS_SYSTEM_BUS_ADDRESS WAYLAND_DISPLAY WAYLAND_SOCKET DISPLAY SESSION_MANAGER VSCODE_IPC_HOOK_CLI VSCODE_IPC_HOOK VSCODE_GIT_IPC_HANDLE
NVIM NVIM_LISTEN_ADDRESS NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE VSCODE_GIT_ASKPASS_NODE VSCODE_GIT_ASKPASS_EXTRA_ARGS
VSCODE_GIT_ASKPASS_MAIN GIT_ASKPASS XDG_CURRENT_DESKTOP XDG_SESSION_DESKTOP DESKTOP_SESSION KDE_FULL_SESSION KDE_SESSION_VERSION
GNOME_DESKTOP_SESSION_ID MATE_DESKTOP_SESSION_ID LXQT_SESSION_CONFIG""".split()


def test_limits_of_processes_outside(lab, identity):
    """A limit of descriptors would blind the supervisor; one of its own is a process's own to set."""
    with lab.outside(identity=identity) as outside, lab.jailed(identity=identity) as jail:
        there = outside.ask("evaluate", code="import os; result = os.getpid()")["result"]
        limit = "import resource; result = resource.prlimit({pid}, resource.RLIMIT_NOFILE, (64, 64))[0] >= 64"
        assert jail.ask("evaluate", code=limit.format(pid=there))["errno"] == "EPERM"
        assert jail.ask("evaluate", code=limit.format(pid=0))["result"] is True
        # The control: without a jail it is allowed.
        with lab.outside(identity=identity) as neighbour:
            assert neighbour.ask("evaluate", code=limit.format(pid=there))["result"] is True


def test_variables_that_lead_out(lab, identity, serve):
    serve("/run/docker.sock")
    kept = {"DOCKER_HOST": "tcp://1.2.3.4:2375", "SSH_AUTH_SOCK": "/tmp/agent", "TOKEN": "t", "DISPLAYS": "1"}
    leading = {"CONTAINER_HOST": "unix:///run/docker.sock", "PULSE_SERVER": "unix:/var/run/docker.sock"}
    given = {**dict.fromkeys(REMOVED, "x"), **kept, **leading}
    result = lab.jail("env", "-0", identity=identity, env={"PATH": lab.path(), **given})
    assert dict(line.split("=", 1) for line in result.out.split("\0") if line) == {"PATH": lab.path(), **kept, "CLAUDE_SANDBOX": "1"}


@pytest.mark.parametrize("name", ["MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS"])
@pytest.mark.parametrize("given,kept", [
    (" -j4 --jobserver-auth=3,4", " -j4"), ("--jobserver-fds=3,4 --jobserver-auth=3,4 -j", "-j"), ("--jobserver-auth=-2,-2", ""),
    ("w -j4 --jobserver-auth=fifo:/tmp/GMfifo1", "w -j4 --jobserver-auth=fifo:/tmp/GMfifo1"), ("k -- A=--jobserver-authors", "k -- A=--jobserver-authors"),
])  # fmt: skip
def test_a_jobserver_without_its_descriptors(lab, identity, name, given, kept):
    """make(1) would warn that it is unavailable; one that is a FIFO is there."""
    assert lab.jail("printenv", name, identity=identity, add_env={name: given}).out == kept + "\n"


def test_a_helper_for_passwords_of_one_s_own(lab, identity):
    """Git's is only removed where it is VS Code's."""
    assert lab.jail("printenv", "GIT_ASKPASS", identity=identity, add_env={"GIT_ASKPASS": "/bin/true"}).out == "/bin/true\n"


# Files.


def test_every_mount_is_nosuid(lab, staying, identity):
    """Otherwise an empty bounding set keeps programs with file capabilities from starting at all."""
    lines = staying(lab, identity).ask("read", path="/proc/self/mountinfo")["text"].splitlines()
    assert [line for line in lines if "nosuid" not in line.split()[5].split(",")] == []


def test_later_launches_are_not_the_command_s_to_configure(lab, identity):
    """Not even as uid 0, which may write to root's files."""
    lab.configure("allow-ip = 10.1.1.1\n")
    lab.call("lab.host:make_directory", "/etc/claude-code")
    paths = [CONFIGURATION, "/etc/claude-code/managed-settings.json"]
    expected = {"EROFS"}
    with lab.jailed(identity=identity) as jail:
        assert {jail.ask("write", path=path, text="x")["errno"] for path in paths} == expected
    if identity == "root":
        with lab.outside(identity=identity) as outside:
            assert {outside.ask("write", path=path, text="")["errno"] for path in paths} == {None}
    lab.call("lab.host:remove", "/etc/claude-code")


@pytest.mark.parametrize("flags, errors", [("", {"EPERM"}), ("-Urm", {"EINVAL"})], ids=["inside", "nested"])
def test_covers_cannot_be_taken_off(lab, identity, flags, errors):
    lab.call("lab.host:make_directory", "/run/dbus")
    lab.call("lab.host:write", "/run/dbus/canary", "", {})
    code = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
for path in (b"/run", b"/dev/shm", b"/etc/resolv.conf", b"/dev/pts"):
    for flags in (0, 2, 8):
        print(path.decode(), errno.errorcode[ctypes.get_errno()] if libc.umount2(path, flags) else None)
print(os.path.exists("/run/dbus"))
"""
    nested = ["unshare", flags] if flags else []
    result = lab.jail(*nested, PYTHON, "-I", "-c", code, identity=identity)
    lab.call("lab.host:remove", "/run/dbus")
    if flags and identity != "user":  # uid 0 without CAP_SETFCAP cannot nest
        assert result.status == 1 and "unshare" in result.err
        return
    *answers, listed = result.out.splitlines()
    assert {line.split()[1] for line in answers} == errors and listed == "False", result.out


def test_mounts_that_come_later_on_a_shared_mount(lab, identity):
    """As systemd has them: what is mounted outside would appear inside, over a cover too."""
    lab.call("test_escapes:share", "/tmp/shared")
    try:
        with lab.jailed(identity=identity) as jail, lab.outside(identity=identity) as outside:
            lab.call("lab.host:make_directory", "/tmp/shared/late")
            lab.call("lab.host:cover", "/tmp/shared/late")
            shown = [prober.ask("read", path="/proc/self/mountinfo")["text"] for prober in (jail, outside)]
            assert ["/tmp/shared/late" in text for text in shown] == [False, True]
    finally:
        lab.call("lab.host:uncover", "/tmp/shared/late")
        lab.call("lab.host:uncover", "/tmp/shared")
        lab.call("lab.host:remove", "/tmp/shared")


def share(path):
    """On the host: a directory in which mounts are passed on to other mount namespaces."""
    from lab import host, kernel

    host.make_directory(path)
    host.cover(path)
    kernel.mount("none", path, None, 1 << 20)  # MS_SHARED


def test_the_tap_device_makes_no_other_link(lab, staying, identity):
    """TUNSETIFF of a new name needs CAP_NET_ADMIN over the network namespace."""
    code = f"""
import fcntl
d = os.open({TUN!r}, os.O_RDWR)
fcntl.ioctl(d, 0x400454CA, struct.pack("16sH22x", b"other0", 0x1002))
"""
    assert staying(lab, identity).ask("evaluate", code=code)["errno"] == "EPERM"


# Refusals.


def test_who_refuses(lab, staying, identity):
    """The answer comes from the gateway: strict reverse-path filters take no other."""
    code = """
s = socket.socket(socket.AF_INET6 if {six} else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(*((41, 25) if {six} else (0, 11)), 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"uplink0")
s.sendto(b"x", ({address!r}, 7)); select.select([s], [], [], 2)
data, ancillary, _, _ = s.recvmsg(100, 512, 0x2000)
error = ancillary[0][2]
number, origin, kind, code = struct.unpack("=IBBB", error[:7])
family = struct.unpack("=H", error[16:18])[0]
offender = socket.inet_ntop(family, error[20:24] if family == 2 else error[24:40])
result = [errno.errorcode[number], origin, kind, code, offender]
"""
    jail = staying(lab, identity)
    routes = jail.ask("run", argv=["ip", "-6", "route", "show", "default"])["out"].split()
    four = jail.ask("evaluate", code=code.format(six=False, address="10.0.0.1"))
    assert four.get("result") == ["EHOSTUNREACH", 2, 3, 13, "192.0.0.1"], four
    six = jail.ask("evaluate", code=code.format(six=True, address="fd00::1"))
    assert six.get("result") == ["EACCES", 3, 1, 1, routes[routes.index("via") + 1]], six


def test_refusals_are_limited(lab, staying, identity):
    """A flood costs the supervisor no more than a thousand answers a second."""
    code = """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(0, 11, 1); s.setblocking(False)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"uplink0")
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
s.connect(("10.0.0.1", 7)); answers = sent = 0; end = time.monotonic() + 0.5
def drain():
    global answers
    while True:
        try: s.recvmsg(10, 512, 0x2000); answers += 1
        except BlockingIOError: return
        except OSError: pass
while time.monotonic() < end:
    try: s.send(b"x"); sent += 1
    except OSError: pass
    drain()
time.sleep(0.1); drain()
result = [sent, answers]
"""
    time.sleep(0.3)  # The bucket of the probes before is full again.
    sent, answers = staying(lab, identity).ask("evaluate", code=code)["result"]
    assert sent > 2000 and 200 <= answers <= 1000, (sent, answers)


# Launches inside a jail.


@pytest.mark.parametrize("value", ["0", "1", None])
def test_a_nested_launch_stays(lab, identity, value):
    """A repository's settings may set the variable: it opens nothing, and the command runs all the same."""
    switch = ["env", f"CLAUDE_SANDBOX_EGRESS_JAIL={value}"] if value else []
    inner = [EXECUTABLE, "run", "--", "sh", "-c", "ip route | grep -c '^blackhole 10.0.0.0/8'; readlink /proc/self/ns/net"]
    result = lab.jail("sh", "-c", 'readlink /proc/self/ns/net; exec "$@"', "sh", *switch, *inner, identity=identity)
    first, *rest = result.out.split()
    assert (result.status, rest) == (0, ["1", first]), result


# System V IPC, message queues, shared memory, terminals by another name.

MEETING = """
import ctypes, errno, mmap, os
c = ctypes.CDLL(None, use_errno=True)
def code(result): return errno.errorcode[ctypes.get_errno()] if result < 0 else None
flags = {create} and (0o1000 | 0o666)
result = {{
    "shm": code(c.shmget(0xc1a0de, 4096, flags)),
    "sem": code(c.semget(0xc1a0de, 1, flags)),
    "msg": code(c.msgget(0xc1a0de, flags)),
    "mq": code(c.syscall(240, b"claude", 0o2 | ({create} and 0o100), 0o666, None)),
}}
try:
    os.close(os.open("/dev/shm/claude", os.O_RDWR | ({create} and os.O_CREAT), 0o666))
    result["memory"] = None
except OSError as error: result["memory"] = errno.errorcode[error.errno]
"""
GONE = """
import ctypes, os
c = ctypes.CDLL(None)
c.shmctl(c.shmget(0xc1a0de, 0, 0), 0, None); c.semctl(c.semget(0xc1a0de, 0, 0), 0, 0); c.msgctl(c.msgget(0xc1a0de, 0), 0, None)
c.syscall(241, b"claude"); os.unlink("/dev/shm/claude")
"""


def test_what_processes_share_by_name(lab, identity):
    """Shared memory, semaphores and queues of outside do not exist inside; the jail has its own."""
    with lab.outside(identity=identity) as outside, lab.jailed(identity=identity) as jail:
        nothing = dict.fromkeys(("shm", "sem", "msg", "mq", "memory"))
        assert outside.ask("evaluate", code=MEETING.format(create=True))["result"] == nothing
        with lab.outside(identity=identity) as neighbour:
            assert neighbour.ask("evaluate", code=MEETING.format(create=False))["result"] == nothing
        assert jail.ask("evaluate", code=MEETING.format(create=False))["result"] == dict.fromkeys(nothing, "ENOENT")
        assert jail.ask("evaluate", code=MEETING.format(create=True))["result"] == nothing
        outside.ask("evaluate", code=GONE)
        assert jail.ask("evaluate", code=MEETING.format(create=False))["result"] == nothing
        # As large as the host's.
        size = "import os; s = os.statvfs('/dev/shm'); result = s.f_blocks * s.f_frsize"
        assert jail.ask("evaluate", code=size)["result"] == outside.ask("evaluate", code=size)["result"] > 0


@pytest.mark.parametrize("kind, options", [("devpts", ""), ("mqueue", "")])
def test_another_mount_of_the_host_s(lab, identity, kind, options):
    """The host's terminals and queues by another name."""
    script = f"mkdir -p /tmp/second; mount --bind /dev/{'pts' if kind == 'devpts' else 'mqueue'} /tmp/second"
    if kind == "mqueue":
        script = "mkdir -p /tmp/second; mount -t mqueue none /tmp/second; touch /tmp/second/canary"
    assert lab.run(["/bin/sh", "-ec", script], identity="root").status == 0
    try:
        names = "import os; result = os.listdir('/tmp/second')"
        with lab.outside(identity=identity) as outside, lab.jailed(identity=identity) as jail:
            there = outside.ask("evaluate", code=names)["result"]
            assert set(there) >= ({"ptmx"} if kind == "devpts" else {"canary"})
            assert jail.ask("evaluate", code=names)["result"] == []
    finally:
        lab.run(["/bin/sh", "-c", "rm -f /tmp/second/canary; umount /tmp/second; rmdir /tmp/second"], identity="root")

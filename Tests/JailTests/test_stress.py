"""A machine that runs out of things, processes that are killed at any moment, load: the wall stands, or nothing runs.

What is refused says why and ran nothing; what ran, ran sealed; and nothing is left of either.
"""

import contextlib
import resource
import signal

import pytest
import test_faults
from lab import Identity
from lab.filesystem import EXECUTABLE, TESTS, TUN
from lab.lab import PYTHON
from lab.services import DISCARD, ECHO
from reach import FILTER4, ROUTE, reached, refused
from test_faults import chosen, recorded, wrong  # noqa: F401 (a fixture)
from test_supervise import parts

# Says what it sees of its jail with few means: a shell and one program.
SEEN = r"exec grep -hE '^(CapPrm|CapBnd|NoNewPrivs|Seccomp):|^\*' /proc/self/status /proc/net/route"
LIMITED = 10 * 1024  # kB: what a supervisor may take under load

STEPS = """
unshare write mount fsopen move_mount mount_setattr umount2 ioctl socket bind listen sendmsg recvmsg clone execve setsid close_range capset
seccomp landlock_restrict_self pidfd_open inotify_init1 signalfd4 socketpair pipe2 poll sendto
""".split()


def sealed(lab, identity, how=()):
    """A launch below `how`: what the command saw, or None when it was refused with a cause."""
    result = lab.run([*how, EXECUTABLE, "run", "--", "/bin/sh", "-c", SEEN], identity=identity, timeout=20)
    if result.status == 0:
        return result.out.replace("\t", " ")
    assert result.out == "", result
    return None if result.status == 125 and "claude-sandbox: " in result.err else (result.status, result.err)


@pytest.fixture
def expected(lab, identity):
    clean = sealed(lab, identity)
    assert clean and "CapBnd: 0000000000000000" in clean and "Seccomp: 2" in clean and clean.count("* ") > 5
    return clean


def memory(lab, pid):
    """The proportional set size of a process, in kB."""
    rollup = lab.call("lab.host:read", f"/proc/{pid}/smaps_rollup")
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


# Killed.


def test_killed_at_every_step(lab, recorded, clean):  # noqa: F811
    """SIGKILL for each process of a launch at each system call that makes a step: the command never runs unsealed."""
    calls, report = recorded("user")
    failures = []
    targets = [target for name in STEPS for target in chosen(calls, name)]
    assert {process for process, *_ in targets} == {0, 1, 2, 3}
    for target in targets:
        argv = [EXECUTABLE, "run", "--", PYTHON, "-B", "-I", f"{TESTS}/probes/report.py"]
        result = lab.call("lab.injector:run", argv, lab.environment(Identity.USER), "user", test_faults.CALLS, target, 0)
        # The launcher dies as it was killed, and as the command that died in its place.
        if result["status"] == -signal.SIGKILL:
            result["status"], result["err"] = (0, "") if result["out"] else (125, "claude-sandbox: killed")
        if problem := wrong(result, report):
            failures.append(f"{target}: {problem}")
    assert not failures, "\n".join(failures)


# Without.


@pytest.mark.parametrize("data", ["size=4k,nr_inodes=1", "size=4k,nr_inodes=2"])
def test_disks_that_are_full(lab, identity, expected, clean, data):
    """A launch writes no file anywhere but in file systems of its own."""
    places = ("/tmp", "/var/tmp", "/dev/shm", "/srv/lab/home", "/srv/lab/root")
    for place in places:
        lab.call("test_stress:fill", place, data)
    try:
        with pytest.raises(RuntimeError, match="No space left"):
            lab.call("lab.host:write", "/tmp/full", "x" * 8192, {})
        assert sealed(lab, identity) == expected
    finally:
        for place in places:
            lab.call("lab.host:uncover", place)


def fill(place, data):
    """On the host: cover a directory with a file system that has no room."""
    from lab import kernel

    kernel.mount("tmpfs", place, "tmpfs", 0, f"mode=1777,{data}")


def test_an_error_that_cannot_be_told(lab, identity):
    """Standard error on a full disk: the status says it all the same."""
    with open("/dev/full", "w") as full:
        process = lab.start([EXECUTABLE, "run", "--", "/nonexistent"], identity=identity, descriptors={2: full.fileno()})
    assert process.wait() == 127
    process.close()


def test_few_descriptors(lab, identity, expected, clean):
    """pasta alone needs more than a hundred."""
    numbers = [*(range(3, 41) if identity == "user" else (3, 7, 12, 16, 20, 24, 28, 40)), 1024]
    answers = {n: sealed(lab, identity, ["prlimit", f"--nofile={n}:{n}"]) for n in numbers}
    wrong = {n: answer for n, answer in answers.items() if answer not in (None, expected)}
    # The loader of prlimit, or of the shell, needs one itself.
    wrong = {n: answer for n, answer in wrong.items() if n > 3}
    assert not wrong
    assert answers[1024] == expected


def test_few_processes(lab, expected, identity, clean):
    """RLIMIT_NPROC counts those of the user, and does not hold for root."""
    answers = {n: sealed(lab, identity, ["prlimit", f"--nproc={n}:{n}"]) for n in (1, 2, 3, 4, 5, 6, 8, 12)}
    assert {n: answer for n, answer in answers.items() if answer not in (None, expected)} == {}
    if identity == "user":
        assert answers[1] is None


@pytest.mark.parametrize("kind, suffices", [("user", False), ("net", False), ("mnt", False), ("cgroup", True), ("ipc", False), ("uts", False)])
def test_no_namespaces(lab, expected, kind, suffices, clean):
    code = f"""
import os, sys
sys.path.insert(0, {TESTS!r})
from lab import kernel
from lab.identity import map_single
uid, gid = os.getuid(), os.getgid()
kernel.unshare(kernel.CLONE_NEWUSER)
map_single(uid, gid, uid, gid)
with open("/proc/sys/user/max_{kind}_namespaces", "w") as file: file.write("0")
os.execv(sys.argv[1], sys.argv[1:])
"""
    result = lab.run([PYTHON, "-B", "-I", "-c", code, EXECUTABLE, "run", "--", "/bin/sh", "-c", SEEN], identity="user")
    if suffices:
        assert (result.status, result.err) == (0, ""), result
    else:
        # Of the last kind there is only pasta's own.
        cause = "pasta" if kind == "uts" else f"user.max_{kind}_namespaces"
        assert (result.status, result.out) == (125, "") and cause in result.err, result


def test_little_memory(lab, identity, expected, clean):
    """Where an allocation fails the runtime ends the process: nothing ran then either."""
    answers = {}
    for megabytes in (2, 4, 6, 8, 10, 12, 16, 24, 32, 64, 256):
        answers[megabytes] = sealed(lab, identity, ["prlimit", f"--as={megabytes << 20}"])
    ended = {m: answer for m, answer in answers.items() if answer not in (None, expected)}
    assert {m: answer for m, answer in ended.items() if not isinstance(answer, tuple)} == {}, "it ran, otherwise"
    assert {answer[0] for answer in ended.values()} <= {-4, -5, -6, -9, -11, 126, 127}, ended
    assert answers[256] == expected


def test_the_tap_device_goes_meanwhile(lab, identity, clean):
    with lab.jailed(identity=identity) as jail:
        reached(lab, jail, "tcp", "1.1.1.1")
        lab.call("lab.host:remove_tun")
        try:
            reached(lab, jail, "udp", "1.1.1.1")
            refused(lab, jail, "udp", "10.0.0.1", FILTER4, bind="device")
            result = lab.jail("true", identity=identity)
            assert result.status == 125 and TUN in result.err
        finally:
            lab.call("lab.host:make_tun", 0o666)
        assert lab.jail("true", identity=identity).status == 0
        reached(lab, jail, "tcp", "1.1.1.1")


# Much.


def test_two_hundred_launches(lab, clean):
    for n in range(200):
        assert lab.jail("true", identity=("user", "root", "container")[n % 3]).status == 0


LOAD = """
import resource, threading
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
sys.connections = []
for n in range({connections}):
    s = socket.create_connection(("45.33.7.7", {echo}), 10)
    sys.connections.append(s)
for s in sys.connections[::100]:
    s.sendall(b"x")
    assert s.recv(1) == b"x"
result = len(sys.connections)
"""
SEND = """
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.settimeout(3)
data, sent = bytes(64000), 0
while sent < {size}:
    for _ in range(64): sent += u.sendto(data, ("1.1.1.1", {discard}))
    # Older versions of pasta stop reading when more than they take at once is waiting.
    u.sendto(b"x", ("1.1.1.1", {echo}))
    u.recv(1)
result = sent
"""


def test_many_connections_and_much_data(lab):
    """The supervisor sees none of it; its memory is its proportional set size (PSS)."""
    # pasta holds two descriptors for each.
    connections = min(5000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 200)
    with lab.jailed(identity="user") as jail:
        supervisor = parts(lab)["supervisor"]
        assert jail.ask("evaluate", code=LOAD.format(connections=connections, echo=ECHO))["result"] == connections
        refused(lab, jail, "tcp", "10.0.0.1", ROUTE)
        refused(lab, jail, "tcp", "10.0.0.1", FILTER4, bind="device")
        lab.call("lab.host:ip", "link set eth0 mtu 65535")  # or the host would cut each datagram into many
        sent = jail.ask("evaluate", code=SEND.format(discard=DISCARD, echo=ECHO, size=1 << 30))
        assert sent["errno"] is None and sent["result"] >= 1 << 30, sent
        lab.call("lab.host:ip", "link set eth0 mtu 1500")
        assert memory(lab, supervisor) < LIMITED
        refused(lab, jail, "tcp", "10.0.0.1", FILTER4, bind="device")
        lab.forget()


FLOOD = """
import random
random.seed(7)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.setblocking(False)
u.connect(("127.0.0.53", 53))
question = b"\\x07example\\x04test\\x00\\x00\\x01\\x00\\x01"
half = []
def quietly(call, *arguments):
    try: return call(*arguments)
    except OSError: return None
for n in range({datagrams}):
    kind = n % 4
    if kind == 0: data = random.randbytes(random.randrange(600))
    elif kind == 1: data = struct.pack("!H", n & 65535) + b"\\x01\\x00\\x00\\x01" + bytes(6) + random.randbytes(20)
    elif kind == 2: data = struct.pack("!H", n & 65535) + b"\\x01\\x00\\x00\\x01" + bytes(6) + b"%c" % 8 + b"n%07d" % n + question
    else: data = struct.pack("!H", n & 65535) + b"\\x01\\x00\\x00\\x01" + bytes(6) + b"\\x3f" * random.randrange(1, 300)
    quietly(u.send, data)
    quietly(u.recv, 4096)
    if n % 50 == 0:
        t = socket.socket(); t.setblocking(False)
        quietly(t.connect, ("127.0.0.53", 53)); half.append(t)
for n, t in enumerate(half):
    # Lengths without a message, messages without an end, lengths of nothing.
    quietly(t.send, (b"\\x00", b"\\xff\\xff", b"\\x00\\x00" * 20, random.randbytes(3000))[n % 4])
result = len(half)
sys.half = half
"""


def test_a_flood_of_dns(lab):
    """Half-open connections hold no more than their share, and names are told again at once."""
    with lab.jailed(identity="user") as jail:
        supervisor = parts(lab)["supervisor"]
        wanted = jail.ask("getaddrinfo", name="web.lab.test")["addresses"]
        before = memory(lab, supervisor)
        for _ in range(3):
            flooded = jail.ask("evaluate", code=FLOOD.format(datagrams=10_000))
            assert flooded.get("result") == 200, flooded
        assert jail.ask("getaddrinfo", name="web.lab.test")["addresses"] == wanted
        assert memory(lab, supervisor) < min(before + 3072, LIMITED)
        with contextlib.suppress(KeyError):
            assert lab.call("lab.residue:status", supervisor)["State"].startswith(("S", "R"))
        assert len(lab.call("lab.residue:descriptors", supervisor)) < 250
        refused(lab, jail, "tcp", "10.0.0.1", ROUTE)
        lab.forget()

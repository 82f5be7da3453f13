"""What is sealed: routes, capabilities, descriptors; what a process inside may no longer change or look into."""

import os
import re
import signal
import socket

import pytest
from lab.filesystem import EXECUTABLE
from lab.identity import become
from lab.lab import PYTHON
from lab.services import CANARY, ECHO

BLACKHOLES = ["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16",
              "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16"]  # fmt: skip


@pytest.fixture
def jail(lab, staying, identity):
    return staying(lab, identity)


def shell(jail, *argv):
    return jail.ask("run", argv=list(argv))


def status_of(jail):
    lines = jail.ask("read", path="/proc/self/status")["text"].splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_blackholes_are_listed(jail):
    routes = shell(jail, "ip", "route")["out"].splitlines()
    listed = [line.split()[1] for line in routes if line.startswith("blackhole ")]
    assert [prefix for prefix in BLACKHOLES if prefix not in listed] == []
    assert sum(line.startswith("default ") for line in routes) == 1


def test_without_a_network_nothing_leads_out(lab, identity):
    options = ("--network", "none")
    assert "default " not in lab.jail("ip", "route", identity=identity, options=options).out
    assert [line.split(":")[1] for line in lab.jail("ip", "-o", "link", identity=identity, options=options).out.splitlines()] == [" lo", " refuse0"]


def test_links(jail):
    links = [line.split(":")[1].strip() for line in shell(jail, "ip", "-o", "link")["out"].splitlines()]
    assert links == ["lo", "uplink0", "refuse0"]
    assert "NOARP" in shell(jail, "ip", "-o", "link", "show", "uplink0")["out"]


def test_capabilities_are_gone(jail):
    status = status_of(jail)
    assert {name: int(value, 16) for name, value in status.items() if name.startswith("Cap")} == dict.fromkeys(
        ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0
    )
    assert status["NoNewPrivs"] == "1"


def test_capabilities_do_not_come_back(jail, identity):
    """Neither by a set-user-ID program, nor by file capabilities; by a nested user namespace only inside that.

    Uid 0 gets none: without capabilities it could not map itself in it, but could move what is frozen.
    """
    code = "result = [l for l in os.popen('su -c id </dev/null 2>&1; grep CapEff /proc/self/status')][-1].split()[1]"
    assert int(jail.ask("evaluate", code=code)["result"], 16) == 0
    nested = shell(jail, "unshare", "--user", "--map-root-user", "ip", "route", "del", "10.0.0.0/8")
    expected = (2, "Operation not permitted") if identity == "user" else (1, "No space left on device")
    assert nested["status"] == expected[0] and expected[1] in nested["err"]


@pytest.mark.parametrize("arguments", [
    "route del blackhole 10.0.0.0/8", "route add 10.1.0.0/16 via 192.0.0.1", "route replace default via 192.0.0.9 dev uplink0 onlink",
    "rule add pref 1 table 99", "addr add 10.0.0.5/24 dev uplink0", "link set uplink0 down", "link set uplink0 arp on",
    "link add veth0 type veth", "neigh add 10.0.0.1 lladdr 00:11:22:33:44:55 dev uplink0", "-6 route del default",
    "link set uplink0 netns 1",
    "rule del pref 100", "route del 10.0.0.0/8 table 77", "-6 rule del pref 100", "-6 route del ::/3 table 77",
    "link set refuse0 down", "link del refuse0", "addr add 10.0.0.5/24 dev refuse0", "route add 10.0.0.0/9 dev refuse0",
])  # fmt: skip
def test_the_network_cannot_be_changed(jail, arguments):
    before = shell(jail, "ip", "route")["out"]
    done = shell(jail, "ip", *arguments.split())
    if done["status"] == 255:  # Newer versions of ip look at the namespace first, and cannot.
        assert "netns" in arguments and 'invalid "netns"' in done["err"].lower(), done
    else:
        assert (done["status"], done["err"]) == (2, "RTNETLINK answers: Operation not permitted\n")
    assert shell(jail, "ip", "route")["out"] == before


def test_a_tap_cannot_be_made(jail):
    done = shell(jail, *"ip tuntap add dev uplink1 mode tap".split())
    assert (done["status"], done["err"]) == (1, "ioctl(TUNSETIFF): Operation not permitted\n")


def test_a_nested_network_namespace_leads_nowhere(jail, identity):
    """Programs may make their own (bwrap does); there is nothing in it."""
    code = f"import socket; s = socket.socket(); print(s.connect_ex(('1.1.1.1', {ECHO})))"
    done = shell(jail, "unshare", "--user", "--net", PYTHON, "-c", code)
    assert (done["status"], done["out"]) == ((0, "101\n") if identity == "user" else (1, ""))


def test_the_tap_cannot_be_opened_again(jail):
    code = """
import fcntl
d = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(d, 0x400454CA, struct.pack("16sH22x", b"uplink0", 0x1002))
"""
    # Pasta has it.
    assert jail.ask("evaluate", code=code)["errno"] == "EBUSY"


def outside_processes(lab):
    """The launcher, the supervisor and pasta of a jail: all processes of the host but the lab's own and the prober."""
    return [p for p in lab.call("lab.residue:processes").values() if p["comm"].startswith(("claude-sandbox", "passt", "pasta"))]


def test_processes_outside_cannot_be_looked_into(lab, jail):
    pids = [process["pid"] for process in outside_processes(lab)]
    assert len(pids) >= 3
    code = f"""
import ctypes
libc, result = ctypes.CDLL(None, use_errno=True), []
for pid in {pids}:
    for name in ("mem", "ns/net", "root", "cwd", "fd/0", "environ"):
        try:
            os.close(os.open(f"/proc/{{pid}}/{{name}}", os.O_RDONLY)); result.append((pid, name))
        except OSError: pass
    if libc.ptrace(16, pid, 0, 0) == 0: result.append((pid, "ptrace"))
    try:
        fd = os.pidfd_open(pid)
        if libc.syscall(438, fd, 0, 0) >= 0: result.append((pid, "pidfd_getfd"))
        if libc.setns(fd, 0x40000000) == 0: result.append((pid, "setns"))
        os.close(fd)
    except OSError: pass
"""
    assert jail.ask("evaluate", code=code)["result"] == []


@pytest.mark.parametrize("numbers", [(3,), (3, 4, 5, 100, 300), (9, 64)])
def test_inherited_descriptors_are_closed(lab, identity, numbers, tmp_path):
    with open(tmp_path / "file", "w") as file:
        result = lab.jail("ls", "/proc/self/fd", identity=identity, descriptors=dict.fromkeys(numbers, file.fileno()))
    assert (result.status, sorted(result.out.split())) == (0, ["0", "1", "2", "3"])


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_inherited_sockets_are_closed(lab, identity, kind):
    """An Internet socket from outside would still be of the host's network, even when it is connected elsewhere."""
    with socket.socket(socket.AF_INET, kind) as inherited:
        result = lab.jail("ls", "-l", "/proc/self/fd", identity=identity, descriptors={3: inherited.fileno(), 7: inherited.fileno()})
    assert result.status == 0 and "socket:" not in result.out


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_internet_socket_as_standard_descriptor(lab, identity, number):
    """As under inetd or `nc -e`: it could be disconnected and connected to anything, in the host's network."""
    code = f"""
import socket
s = socket.socket(fileno={number})
try:
    s.sendto(b"token-inherited", ("127.0.0.1", {CANARY}))
except OSError: pass
"""
    for launcher in ([], [EXECUTABLE, "run", "--"]):
        lab.forget()
        status = lab.call("test_walls:run_on_a_socket", number, [*launcher, PYTHON, "-c", code], lab.path(), identity)
        reached = [event for event in lab.seen(place="host") if "service" in event]
        assert (status, len(reached)) == ((125, 0) if launcher else (0, 1))


def run_on_a_socket(number, command, path, identity):
    """On the host: execute with a UDP socket of the host's network as descriptor `number`; the exit status."""
    child = os.fork()
    if child == 0:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inherited:
                null = os.open("/dev/null", os.O_RDWR)
                for n in (0, 1, 2):
                    os.dup2(inherited.fileno() if n == number else null, n)
                become(identity)
                os.execve(command[0], command, {"PATH": path})
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1, 2)])
def test_missing_standard_descriptors(lab, identity, closed):
    """Whatever is opened first would take their numbers: no descriptor of the launcher's may end up there."""
    lab.call("lab.host:write", "/tmp/fds", "", {"uid": 1000, "mode": 0o666})
    process = lab.start(
        [EXECUTABLE, "run", "--", "sh", "-c", "ls -l /proc/self/fd > /tmp/fds"],
        identity=identity, pipes=[n for n in (0, 1, 2) if n not in closed],
    )  # fmt: skip
    status = process.wait()
    process.close()
    listed = lab.call("lab.host:read", "/tmp/fds")
    lab.call("lab.host:remove", "/tmp/fds")
    assert status == 0
    # The last is ls's own.
    found = {line.split()[-3]: line.split()[-1].split(":")[0] for line in listed.splitlines()[1:]}
    given = {str(n): "/dev/null" if n in closed else "pipe" for n in (0, 1, 2)}
    assert {**found, "3": ""} == {**given, "1": "/tmp/fds", "3": ""}, listed


def test_the_signal_mask_is_reset(lab, identity):
    masked = [signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR1, signal.SIGHUP]
    result = lab.jail("grep", "Sig", "/proc/self/status", identity=identity, masked=masked)
    status = dict(line.split(":\t") for line in result.out.splitlines())
    assert (result.status, int(status["SigBlk"], 16), int(status["SigPnd"], 16)) == (0, 0, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1])
def test_signal_dispositions_are_reset(lab, identity, number):
    """Also for pasta, an old version of which dies where SIGPIPE is ignored."""
    result = lab.jail("sh", "-c", "grep SigIgn /proc/self/status; exit 7", identity=identity, ignored=[number])
    assert (result.status, int(result.out.split()[1], 16)) == (7, 0)


def test_a_caller_that_spawns(lab, identity):
    """system(3) and make(1) start processes by posix_spawn(3), which in some versions leaves the C library's own two signals ignored."""
    ignore = """
import ctypes, os, sys
ignored = (ctypes.c_ulong * 4)(1)  # what the kernel takes for SIG_IGN
for signal in 32, 33:
    assert ctypes.CDLL(None).syscall(13 if os.uname().machine == "x86_64" else 134, signal, ignored, None, 8) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
    control = lab.run([PYTHON, "-c", ignore, "/bin/grep", "SigIgn", "/proc/self/status"], identity=identity)
    assert int(control.out.split()[1], 16) >> 31 & 3 == 3
    launch = [EXECUTABLE, "run", "--", "sh", "-c", "grep SigIgn /proc/self/status; exit 7"]
    result = lab.run([PYTHON, "-c", ignore, *launch], identity=identity)
    assert (result.status, int(result.out.split()[1], 16)) == (7, 0)


def test_nohup(lab, identity):
    """An ignored SIGHUP is a request (nohup): the command survives it, whether by its own disposition or the launcher's."""
    process = lab.start(
        ["nohup", EXECUTABLE, "run", "--", "sh", "-c", "echo ready; read line; exit 7"], identity=identity
    )
    while process.read_line() not in ("ready\n", ""):
        pass
    process.signal(signal.SIGHUP)
    process.write("go\n")
    result = process.communicate()
    process.close()
    assert result.status == 7


def test_proc_is_left_alone_but_for_uid_0(jail, identity):
    """A mount below /proc would break nested bwrap. uid 0 cannot nest, but could write sysctls, and files of ours, without a capability."""
    lines = [line.split() for line in jail.ask("read", path="/proc/self/mountinfo")["text"].splitlines()]
    below = [(line[4], line[5].split(",")[0]) for line in lines if line[4].startswith("/proc/")]
    own = [("/proc/PID", "ro")] * 3  # launcher, supervisor and pasta
    assert sorted((re.sub("[0-9]+", "PID", path), flag) for path, flag in below) == ([] if identity == "user" else [*own, ("/proc/sys", "ro")])
    core_pattern = jail.ask("write", path="/proc/sys/kernel/core_pattern", text="x")["errno"]
    assert core_pattern in ({"EACCES"} if identity == "user" else {"EROFS"})


def test_the_mounts_do_not_reach_the_host(lab, identity):
    before = lab.call("lab.residue:take")["mounts"]
    with lab.jailed(identity=identity):
        assert lab.call("lab.residue:take")["mounts"] == before


def test_host_mounts_do_not_reach_a_running_jail(lab, identity):
    with lab.jailed(identity=identity) as jail:
        lab.call("lab.host:make_directory", "/tmp/late")
        lab.call("lab.host:cover", "/tmp/late")
        try:
            with lab.outside(identity=identity) as outside:
                assert " /tmp/late " in outside.ask("read", path="/proc/self/mountinfo")["text"]
            assert " /tmp/late " not in jail.ask("read", path="/proc/self/mountinfo")["text"]
        finally:
            lab.call("lab.host:uncover", "/tmp/late")
            lab.call("lab.host:remove", "/tmp/late")


def test_nothing_is_asked_over_and_over(lab):
    """Of a kernel that does not change: its Landlock, and each capability once."""
    command = ["strace", "-f", "-qq", "-e", "trace=landlock_create_ruleset,prctl", EXECUTABLE, "run", "--network", "none", "--", "true"]
    result = lab.run(command, identity="root")
    assert result.status == 0, result
    assert result.err.count("LANDLOCK_CREATE_RULESET_VERSION") <= 1
    assert result.err.count("PR_CAPBSET_DROP") < 64 and result.err.count("PR_CAPBSET_READ") < 10 and result.err.count("PR_CAP_AMBIENT,") == 1, result.err

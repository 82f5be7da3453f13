"""Refusals: told at once, by whom they should be; what a jail can do with them; what is left when nobody answers any more."""

import json
import signal
import time

import pytest
import records
from lab import Identity
from lab.filesystem import EXECUTABLE
from lab.lab import PYTHON
from lab.services import ECHO
from lab.shape import NEIGHBOUR4
from reach import BLACKHOLE, ROUTE, by_supervisor, reached, refused
from test_supervise import parts

SHAPE = "office"
CLOSED = ["10.0.0.1", "169.254.169.254", NEIGHBOUR4, "198.18.0.1", "240.0.0.1", "0.1.2.3", "fd00::1", "64:ff9b::a00:1", "::ffff:10.0.0.1"]


@pytest.fixture
def jail(lab, staying, identity):
    return staying(lab, identity)


@pytest.fixture(params=["internet", "none"])
def any_jail(lab, staying, identity, request):
    return staying(lab, identity, options=("--network", "none") if request.param == "none" else ())


# What a program is told.


@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
@pytest.mark.parametrize("address", CLOSED)
def test_at_once(lab, any_jail, kind, address):
    if kind == "icmp" and address.startswith("::ffff:"):
        return
    answer = any_jail.ask(kind, address=address, port=ECHO, token="token-refused")
    assert answer["errno"] in by_supervisor(address) and answer["seconds"] < 0.5, answer
    assert lab.seen(token="token-refused") == []


@pytest.mark.parametrize("address", ["10.0.0.1", "fd00::1"])
def test_connected_datagrams(any_jail, address):
    """connect(2) sends nothing; the first datagram is refused, and the next call says so."""
    code = f"""
s = socket.socket(socket.{"AF_INET6" if ":" in address else "AF_INET"}, socket.SOCK_DGRAM)
s.connect(({address!r}, 9)); s.settimeout(3)
s.send(b"one")
result = s.recv(9).decode()
"""
    answer = any_jail.ask("evaluate", code=code)
    assert answer["errno"] in by_supervisor(address) and answer["seconds"] < 0.5, answer


@pytest.mark.parametrize("address", ["10.0.0.1", "1.1.1.1", "fd00::1", "2606:4700::1111"])
def test_bound_to_the_refusal_link(lab, jail, address):
    """It leads nowhere, also to what is open; for IPv6, which looks for a route there, there is none to that."""
    expected = {"ENETUNREACH"} if address.startswith("2606") else by_supervisor(address)
    refused(lab, jail, "tcp", address, expected, internet="45.33.7.7", bind="device", link="refuse0")
    refused(lab, jail, "udp", address, expected, internet="45.33.7.7", bind="device", link="refuse0")


@pytest.mark.parametrize("group", ["224.0.0.251", "239.255.255.250", "255.255.255.255"])
def test_groups_do_not_confuse_the_kernel(jail, group):
    """It keeps what it found for one destination for the next ones by the same next hop, on each processor."""
    code = f"""
result = []
for processor in os.sched_getaffinity(0):
    os.sched_setaffinity(0, [processor])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for _ in range(3): s.sendto(b"x", ({group!r}, 5353))
    with socket.socket() as s:
        s.settimeout(3)
        result.append(errno.errorcode.get(s.connect_ex(("10.0.0.1", 80))))
"""
    assert set(jail.ask("evaluate", code=code)["result"]) == {"EHOSTUNREACH"}


# Strict filters of reverse paths (RFC 3704), which a jail inherits from its host.


def filter_reverse_paths(lab, jail):
    """As if inherited: for all links, and for each."""
    pid = jail.ask("evaluate", code="result = os.getpid()")["result"]
    script = "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 >$f; done"
    assert lab.run(["nsenter", f"--net=/proc/{pid}/ns/net", "sh", "-c", script], identity="root").status == 0
    assert jail.ask("read", path="/proc/sys/net/ipv4/conf/all/rp_filter")["text"] == "1\n"


@pytest.mark.parametrize("options", [(), ("--network", "none")])
def test_where_reverse_paths_are_filtered(lab, identity, options):
    lab.configure("allow-ip = 10.20.0.6:7\n")
    with lab.jailed(identity=identity, options=options) as jail:
        filter_reverse_paths(lab, jail)
        for kind in ("tcp", "udp", "icmp"):
            for address in CLOSED[:6]:
                refused(lab, jail, kind, address, ROUTE, internet=None)
        for address in ("224.0.0.251", "255.255.255.255", "10.20.0.255"):
            refused(lab, jail, "udp", address, ROUTE, internet=None, broadcast=True)
        if not options:
            # The tap filter's: of an open address's other ports, and past the routes.
            reached(lab, jail, "tcp", "10.20.0.6", 7)
            refused(lab, jail, "tcp", "10.20.0.6", {"EHOSTUNREACH"}, port=81)
            refused(lab, jail, "tcp", "10.0.0.1", {"EHOSTUNREACH"}, bind="device")
            refused(lab, jail, "udp", "224.0.0.251", {"EHOSTUNREACH"}, bind="device")


# What stands behind it.


def rules(jail):
    return [
        [(rule["priority"], rule["table"]) for rule in json.loads(jail.ask("run", argv=["ip", *family, "-j", "rule"])["out"])]
        for family in ((), ("-6",))
    ]


def routes(jail, table):
    return {
        (route.get("type", "unicast"), route["dst"], route.get("dev"))
        for family in ((), ("-6",))
        for route in json.loads(jail.ask("run", argv=["ip", *family, "-j", "route", "show", "table", table])["out"] or "[]")
    }


def test_the_table(lab, identity):
    """Every blackhole is led past, what is open inside of one is left to the main table."""
    lab.configure("allow-ip = 10.20.0.6:7\nallow-ip = fd12::6\n")
    with lab.jailed(identity=identity) as jail:
        assert rules(jail) == [[(0, "local"), (100, "77"), (32766, "main"), (32767, "default")],
                               [(0, "local"), (100, "77"), (32766, "main")]]  # fmt: skip
        main, refusals = routes(jail, "main"), routes(jail, "77")
        blackholes = {prefix for kind, prefix, _ in main if kind == "blackhole"}
        assert {prefix for kind, prefix, link in refusals if link == "refuse0"} == blackholes
        opened = {prefix for kind, prefix, _ in refusals if kind == "throw"}
        assert opened == {"10.20.0.6", "fd12::6", "192.0.0.1", "fd6a:61e1:c5b2::1"}
        assert {"10.0.0.0/8", "192.168.0.0/16", "169.254.0.0/16", "224.0.0.0/4"} <= blackholes


def test_without_an_uplink_the_table_refuses_everything(lab, identity):
    with lab.jailed(identity=identity, options=("--network", "none")) as jail:
        assert routes(jail, "77") == {("unicast", "default", "refuse0")}
        assert {(kind, prefix) for kind, prefix, _ in routes(jail, "main")} <= {("unicast", "100::1")}


def test_the_refusal_link_cannot_be_attached_to(any_jail):
    code = """
import fcntl
d = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(d, 0x400454CA, struct.pack("16sH22x", b"refuse0", 0x1001))
"""
    # The supervisor has it.
    assert any_jail.ask("evaluate", code=code)["errno"] == "EBUSY"


SURVIVOR = """
import ctypes, errno, os, signal, socket, sys, time
ctypes.CDLL(None).prctl(1, 0)  # PR_SET_PDEATHSIG
def refusal(address):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.settimeout(2)
        return errno.errorcode.get(s.connect_ex((address, 9)))
print("ready", flush=True)
sys.stdin.readline()
deadline = time.monotonic() + 5
# The link goes first, the routes through it a moment later.
while "refuse0" in open("/proc/net/dev").read() or refusal(sys.argv[1]) in ("EAGAIN", "EHOSTUNREACH"):
    assert time.monotonic() < deadline
    time.sleep(0.01)
print(" ".join(str(refusal(a)) for a in sys.argv[1:]), flush=True)
"""


@pytest.mark.parametrize("options, expected", [((), BLACKHOLE), (("--network", "none"), {"ENETUNREACH"})])
def test_when_nobody_holds_it_the_routes_answer(lab, identity, options, expected):
    """Launcher and supervisor are killed at once, and the command has made itself independent of both."""
    addresses = ["10.0.0.1", "169.254.169.254", "fd00::1"]
    process = lab.start([EXECUTABLE, "run", *options, "--", PYTHON, "-I", "-c", SURVIVOR, *addresses], identity=identity)
    assert process.read_line() == "ready\n"
    found = parts(lab)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for name in ("launcher", "supervisor"):
            lab.call("os:kill", found[name], int(number))
    process.write("go\n")
    assert set(process.read_line().split()) == expected
    process.close()


# What it costs.


def supervisor(lab):
    return parts(lab)["supervisor"]


def memory(lab, pid):
    """Proportional set size, KiB."""
    rollup = lab.call("lab.host:read", f"/proc/{pid}/smaps_rollup")
    (pss,) = [int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")]
    return pss


SCAN = """
import os, select, socket, sys, time
address = sys.argv[1]
datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print("ready", flush=True)
sys.stdin.readline()
for port in range(1, 65536):
    s = socket.socket(); s.setblocking(False); s.connect_ex((address, port)); s.close()
for n in range(100_000):
    try: datagram.sendto(b"x", (address, 1 + n % 65535))
    except OSError: pass
print("scanned", flush=True)
"""


def test_a_scan(lab, identity):
    """65,536 ports and 100,000 datagrams, while others have names to ask: the supervisor stays small, and answers."""
    with lab.jailed(identity=identity) as jail:
        pid = supervisor(lab)
        jail.ask("evaluate", code=f"sys.scan = __import__('subprocess').Popen(['{PYTHON}', '-I', '-c', {SCAN!r}, '10.0.0.1'], "
                 "stdin=-1, stdout=-1, text=True); sys.scan.stdout.readline(); sys.scan.stdin.write('go\\n'); sys.scan.stdin.flush()")
        slowest, largest, asked = 0.0, 0, 0
        deadline = time.monotonic() + 60
        while jail.ask("evaluate", code="result = bool(select.select([sys.scan.stdout], [], [], 0)[0])")["result"] is False:
            assert time.monotonic() < deadline
            answer = jail.ask("dns", hex="00010100000100000000000003777777036c61620474657374000001" + "0001")
            assert answer["errno"] is None, answer
            slowest, largest, asked = max(slowest, answer["seconds"]), max(largest, memory(lab, pid)), asked + 1
            time.sleep(0.02)
        assert asked >= 5 and largest < 10 * 1024, (asked, largest)
        # 50 ms on a machine that does nothing else.
        assert slowest < 0.5, slowest
        jail.ask("evaluate", code="sys.scan.wait()")


# By whom.

SENDERS = """
import errno, os, socket, subprocess, sys, time
ONE = '''
import errno, os, socket, sys
kind, address, port, connected = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "connected"
six = ":" in address
family = socket.AF_INET6 if six else socket.AF_INET
if kind == "tcp":
    s = socket.socket(family)
    if not connected: s.setblocking(False)
    code = s.connect_ex((address, port))
else:
    protocol = 0 if kind == "udp" else socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    data = b"x" if kind == "udp" else bytes([128 if six else 8, 0, 0, 0, 0, 0, 0, 1])
    s = socket.socket(family, socket.SOCK_DGRAM, protocol)
    if not connected: s.setsockopt(*((41, 25) if six else (0, 11)), 1)
    s.settimeout(5)
    try:
        if connected: s.connect((address, port)); s.send(data)
        else: s.sendto(data, (address, port))
        s.recv(9); code = 0
    except OSError as error: code = error.errno
print(os.getpid(), errno.errorcode.get(code), flush=True)
if code == errno.EINPROGRESS: sys.stdin.read()
'''
for n in range(int(sys.argv[1])):
    kind, connected = ("tcp", "udp", "icmp")[n % 3], ("connected", "free")[n // 3 % 2]
    address = f"10.9.{n >> 8}.{n & 255}" if n // 6 % 2 else f"fd00:9::{n + 1:x}"
    child = subprocess.Popen([sys.executable, "-S", "-E", "-c", ONE, kind, address, str(1000 + n), connected],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pid, code = child.stdout.readline().split()
    time.sleep(0.02)  # as many as the record keeps
    child.communicate()
    print(kind, connected, address, pid, code, flush=True)
"""


@pytest.mark.parametrize("options", [(), ("--network", "none")], ids=["internet", "none"])
def test_everybody_is_named(lab, options):
    """300 attempts, each by a program of its own: TCP, UDP and echo requests, IPv4 and IPv6, connected and not."""
    home = Identity.USER.home
    lab.run(["rm", "-rf", f"{home}/.local/state/claude-sandbox"], identity="root")
    result = lab.jail(PYTHON, "-I", "-c", SENDERS, "300", options=options, identity="user", timeout=120)
    lines = records.lines(lab, home, "refused")
    lab.run(["rm", "-rf", f"{home}/.local"], identity="root")
    assert result.status == 0, result
    sent = [line.split() for line in result.out.splitlines()]
    named = {(line["destination"], line["protocol"]): line["process"] for line in lines}
    wrong, unnamed = [], 0
    for kind, connected, address, pid, code in sent:
        (expected,) = by_supervisor(address) if (kind, connected) != ("tcp", "free") else ("EINPROGRESS",)
        process = named.get((address, kind))
        if code == expected and process in ("gone", "unknown"):
            unnamed += 1
        elif code != expected or not isinstance(process, dict) or process["pid"] != int(pid):
            wrong.append((kind, connected, address, pid, code, process))
    assert len(sent) == 300 and wrong == []
    # All of them on a machine that does nothing else. Time for a search is limited.
    assert unnamed <= 3

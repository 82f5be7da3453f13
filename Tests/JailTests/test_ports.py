"""Ports that lead out of a jail to the host's loopback, and into it from there; each with what stays closed beside it."""

import contextlib

import pytest
import records
from lab import Identity
from lab.services import CANARY, CANARY_LOOPBACK
from lab.shape import HOST4, HOST6
from ports import LOOPBACK, SOON, becomes, datagram, in_jail, named, on_host, status, stop
from reach import NONE, ROUTE

MODES = ("none", "restricted", "internet")
CLOSED = "ECONNREFUSED"
FOUR, SIX, OTHER, RANGE, NEXT, UDP = 6001, 6002, 6003, 6010, 6013, 6020
RULES = f"""
allow-host-port = {FOUR}
allow-host-port = {SIX}
allow-host-port = {OTHER}:1{OTHER}
allow-host-port = {RANGE}-{RANGE + 2}
allow-host-port = {UDP}/udp
allow-host-port = {UDP + 2}:1{UDP + 2}/udp
"""
SERVED = [
    f"tcp:127.0.0.1:{FOUR}", f"tcp:[::1]:{SIX}", f"tcp:127.0.0.1:{OTHER}", f"tcp:{HOST4}:{FOUR}",
    *(f"tcp:127.0.0.1:{port}" for port in range(RANGE, NEXT + 1)),
    f"udp:127.0.0.1:{UDP}", f"udp:127.0.0.1:{UDP + 1}", f"udp:[::1]:{UDP + 2}", f"udp:127.0.0.1:{FOUR}",
]  # fmt: skip


@pytest.fixture(autouse=True)
def no_record(lab):
    for identity in Identity:
        lab.call("lab.host:remove", records.directory(identity.home))


@pytest.fixture
def outside(lab):
    with lab.outside(identity="root") as prober:
        yield prober


def refusals(lab, identity):
    """What the record says of ports."""
    return [(line["accepted"], line["message"]) for line in records.lines(lab, Identity(identity).home, "port")]


# To the host.


@pytest.mark.parametrize("mode", MODES)
def test_the_hosts_ports(lab, outside, identity, mode):
    lab.configure(f"network = {mode}\n{RULES}")
    with on_host(lab, "host", *SERVED), lab.jailed(identity=identity) as jail:
        for port in (FOUR, SIX, 10_000 + OTHER, RANGE, RANGE + 1, RANGE + 2):
            assert [named(jail, address, port) for address in LOOPBACK] == ["host"] * 2, port
        assert [datagram(jail, address, port) for address in LOOPBACK for port in (UDP, 10_000 + UDP + 2)] == ["host"] * 4
        # What is served beside them, also under other numbers, by the other protocol, and what listens everywhere.
        assert named(outside, "127.0.0.1", NEXT) == datagram(outside, "127.0.0.1", UDP + 1) == "host"
        for port in (NEXT, OTHER, RANGE - 1, UDP, CANARY, CANARY_LOOPBACK):
            assert [named(jail, address, port) for address in LOOPBACK] == [CLOSED] * 2, port
        for port in (UDP + 1, UDP + 2, FOUR, CANARY_LOOPBACK):
            assert [datagram(jail, address, port) for address in LOOPBACK] == [CLOSED] * 2, port
        # The host by its own address, and the loopback's others.
        assert named(outside, HOST4, FOUR) == "host"
        for address in (HOST4, HOST6):
            assert named(jail, address, FOUR) in (NONE | ROUTE)
        assert named(jail, "127.0.0.2", FOUR) == CLOSED
        # Another jail has other rules.
        lab.configure(f"network = {mode}\n")
        with lab.jailed(identity=identity) as other:
            assert [named(other, address, FOUR) for address in LOOPBACK] == [CLOSED] * 2


def test_nobody_is_there(lab, identity):
    """The door is open and the service is not: a reset, counted in the record; a service that comes is found."""
    lab.configure(f"network = none\nallow-host-port = {FOUR}\n")
    with lab.jailed(identity=identity) as jail:
        assert {named(jail, address, FOUR) for address in LOOPBACK} <= {"ECONNRESET", "END"}
        with on_host(lab, "first", f"tcp:127.0.0.1:{FOUR}"):
            assert named(jail, "127.0.0.1", FOUR) == "first"
        assert named(jail, "127.0.0.1", FOUR) in {"ECONNRESET", "END"}
        with on_host(lab, "second", f"tcp:[::1]:{FOUR}"):
            assert named(jail, "127.0.0.1", FOUR) == "second"
        assert (False, f"allow-host-port {FOUR}/tcp: Connection refused") in refusals(lab, identity)


def test_what_comes_and_goes(lab, identity, outside):
    """While it runs: within a second, and connections that it had are reset."""
    lab.configure("network = none\n")
    # uid 0 could have written the files: it opens nothing by itself.
    reload = (lambda: lab.sandbox("reload", identity=identity)) if Identity(identity).uid == 0 else lambda: None
    with on_host(lab, "host", f"tcp:127.0.0.1:{FOUR}"), lab.jailed(identity=identity) as jail:
        in_jail(jail, "jail", "tcp:127.0.0.1:7001")
        assert named(jail, "127.0.0.1", FOUR) == named(outside, "127.0.0.1", 7001) == CLOSED
        lab.configure(f"network = none\nallow-host-port = {FOUR}\npublish = 7001\n")
        reload()
        becomes("host", lambda: named(jail, "127.0.0.1", FOUR))
        becomes("jail", lambda: named(outside, "127.0.0.1", 7001))
        for asker, port in ((jail, FOUR), (outside, 7001)):
            code = f"held = sys.held = socket.create_connection(('127.0.0.1', {port}), 5); held.sendall(b'hold\\n'); result = held.recv(5).decode()"
            assert asker.ask("evaluate", code=code)["result"] == "held\n"
        lab.configure("network = none\n")
        becomes(CLOSED, lambda: named(jail, "127.0.0.1", FOUR))
        becomes(CLOSED, lambda: named(outside, "127.0.0.1", 7001))
        assert {asker.ask("evaluate", code="sys.held.recv(1)")["errno"] for asker in (jail, outside)} == {"ECONNRESET"}
        assert status(lab, identity) == {}
        told = [message.split(":")[0] for accepted, message in refusals(lab, identity) if accepted]
        assert sorted(told) == ["closed", "closed", "open", "open"]


def test_a_number_that_is_taken_in_the_jail(lab):
    """It is the jail's: the rule that comes later says so in `ps` and in the record, and leaves what is there alone."""
    lab.configure("network = none\n")
    with on_host(lab, "host", f"tcp:127.0.0.1:{FOUR}"), lab.jailed(identity="user") as jail:
        server = in_jail(jail, "jail", f"tcp:127.0.0.1:{FOUR}")
        lab.configure(f"network = none\nallow-host-port = {FOUR}\n")
        becomes(True, lambda: bool(status(lab, "user")))
        port = status(lab, "user")["allow-host-port", FOUR, "tcp"]
        assert "in use" in port["problem"], port
        assert named(jail, "127.0.0.1", FOUR) == "jail" and named(jail, "::1", FOUR) == CLOSED
        (accepted, message), = refusals(lab, "user")
        assert not accepted and message.startswith(f"allow-host-port {FOUR}/tcp: bind 127.0.0.1:{FOUR}: Address already in use"), message
        stop(jail, server)
        lab.sandbox("reload", identity="user")
        becomes("host", lambda: named(jail, "127.0.0.1", FOUR))


# To the jail.


@pytest.mark.parametrize("mode", MODES)
def test_published(lab, outside, identity, mode):
    lines = ("7001", "127.0.0.1:7102:7002", "[::1]:7103:7003", "7104:7004", "7005/udp", "7106:7006/udp")
    lab.configure(f"network = {mode}\n" + "".join(f"publish = {line}\n" for line in lines))
    with lab.jailed(identity=identity) as jail:
        in_jail(jail, "jail", *(f"tcp:127.0.0.1:{port}" for port in range(7001, 7010)), *(f"udp:127.0.0.1:{port}" for port in range(7001, 7010)))
        assert [named(outside, address, port) for port in (7001, 7104) for address in LOOPBACK] == ["jail"] * 4
        assert [named(outside, address, 7102) for address in LOOPBACK] == ["jail", CLOSED]
        assert [named(outside, address, 7103) for address in LOOPBACK] == [CLOSED, "jail"]
        assert [datagram(outside, address, port) for port in (7005, 7106) for address in LOOPBACK] == ["jail"] * 4
        # The jail's other ports, and the same ones under the jail's numbers, the other protocol and the host's other addresses.
        for port in (7002, 7003, 7004, 7005, 7006, 7008):
            assert [named(outside, address, port) for address in LOOPBACK] == [CLOSED] * 2, port
        for port in (7001, 7006, 7008):
            assert [datagram(outside, address, port) for address in LOOPBACK] == [CLOSED] * 2, port
        assert [named(outside, address, 7001) for address in (HOST4, HOST6, "127.0.0.2")] == [CLOSED] * 3
        # A jail beside it has a loopback of its own.
        with lab.jailed(identity=identity, options=("--network", "none")) as other:
            assert [named(other, address, 7001) for address in LOOPBACK] == [CLOSED] * 2
    assert named(outside, "127.0.0.1", 7001) == CLOSED


@pytest.mark.parametrize("place", ["tcp:127.0.0.1:7001", "tcp:[::1]:7001", "tcp:0.0.0.0:7001", "tcp:[::]:7001", "tcp:192.0.0.2:7001", "tcp:[fd6a:61e1:c5b2::2]:7001"])
def test_wherever_it_listens(lab, outside, place):
    lab.configure("publish = 7001\n")
    with lab.jailed(identity="user") as jail:
        in_jail(jail, "jail", place)
        assert [named(outside, address, 7001) for address in LOOPBACK] == ["jail"] * 2


def test_any_number(lab, outside):
    """Port 0 is any that is free, printed; two jails may have the same number inside."""
    lab.configure("network = none\npublish = 0:7001\n")
    with lab.jailed(identity="user") as one, lab.jailed(identity="user") as two:
        ports = []
        for name, jail in (("one", one), ("two", two)):
            in_jail(jail, name, "tcp:127.0.0.1:7001")
            port = status(lab, "user", jail.process.pid)["publish", 7001, "tcp"]["outside"]
            told = f"claude-sandbox: port 7001/tcp of the jail at 127.0.0.1:{port}, [::1]:{port}\n"
            assert jail.process.read_line(2) == told
            assert [named(outside, address, port) for address in LOOPBACK] == [name] * 2
            ports.append(port)
        assert ports[0] != ports[1]


def test_a_number_that_is_taken_on_the_host(lab, outside, identity):
    """In one family is enough. The launch goes on without it, and says so."""
    lab.configure("network = none\npublish = 7001\npublish = 7002\n")
    with on_host(lab, "host", "tcp:[::1]:7001"), lab.jailed(identity=identity) as jail:
        assert jail.process.read_line(2) == "claude-sandbox: publish 7001/tcp: bind [::1]:7001: Address already in use\n"
        in_jail(jail, "jail", "tcp:127.0.0.1:7001", "tcp:127.0.0.1:7002")
        assert [named(outside, address, 7001) for address in LOOPBACK] == [CLOSED, "host"]
        assert named(outside, "127.0.0.1", 7002) == "jail"
        ports = status(lab, identity)
        assert "in use" in ports["publish", 7001, "tcp"]["problem"] and ports["publish", 7001, "tcp"]["addresses"] == []
        assert ports["publish", 7002, "tcp"].get("problem") is None and ports["publish", 7002, "tcp"]["addresses"] == list(LOOPBACK)
        assert [accepted for accepted, _ in refusals(lab, identity)] == [False, True]


# What passes.


@pytest.fixture
def both(lab, outside):
    """A jail with a door in each direction, and who asks whom at which port."""
    lab.configure("network = none\nallow-host-port = 6001\npublish = 7001\n")
    with on_host(lab, "host", "tcp:127.0.0.1:6001"), lab.jailed(identity="user") as jail:
        in_jail(jail, "jail", "tcp:127.0.0.1:7001")
        yield {"out": (jail, 6001), "in": (outside, 7001)}


DIRECTIONS = pytest.mark.parametrize("direction", ["out", "in"])


@DIRECTIONS
def test_half_close(both, direction):
    asker, port = both[direction]
    steps = [["send", "echo\n"], ["send", "hello"], ["receive", 5], ["shutdown"], ["end"]]
    assert asker.ask("talk", address="127.0.0.1", port=port, steps=steps).get("got") == ["hello", "end\n"]


@DIRECTIONS
def test_resets_pass(both, direction):
    asker, port = both[direction]
    steps = [["send", "reset\n"], ["end"]]
    assert asker.ask("talk", address="127.0.0.1", port=port, steps=steps)["errno"] == "ECONNRESET"


@DIRECTIONS
def test_a_hundred_megabytes_each_way(both, direction):
    asker, port = both[direction]
    code = f"""
import hashlib
block = bytes(range(256)) * 256; n = 1600
s = socket.create_connection(("127.0.0.1", {port})); s.sendall(b"hash\\n"); sent = hashlib.sha256()
for i in range(n):
    piece = i.to_bytes(8, "big") + block; sent.update(piece); s.sendall(piece)
s.shutdown(socket.SHUT_WR); up = s.makefile("rb").read().decode().strip() == sent.hexdigest()
s = socket.create_connection(("127.0.0.1", {port})); s.sendall(b"flood %d\\n" % (n * len(block))); got = hashlib.sha256(); count = 0
while piece := s.recv(1 << 20): got.update(piece); count += len(piece)
result = [up, count == n * len(block), got.hexdigest() == hashlib.sha256(block * n).hexdigest()]
"""
    assert asker.ask("evaluate", code=code)["result"] == [True] * 3


@DIRECTIONS
def test_who_reads_slowly(lab, both, direction):
    """What is not read waits at its sender, and in no process of ours; others pass meanwhile."""
    asker, port = both[direction]
    code = f"""
s = sys.slow = socket.create_connection(("127.0.0.1", {port})); s.sendall(b"late 2\\n"); s.settimeout(0.5); sent = 0
try:
    while sent < 1 << 28: sent += s.send(bytes(1 << 16))
except TimeoutError: pass
result = sent
"""
    sent = asker.ask("evaluate", code=code)["result"]
    assert 0 < sent < 1 << 28
    assert named(asker, "127.0.0.1", port) == ("host" if direction == "out" else "jail")
    assert max(lab.call("test_ports:memory")) < 32 << 10
    code = "import hashlib; s = sys.slow; s.settimeout(20); s.shutdown(socket.SHUT_WR); result = s.makefile('rb').read().decode().strip() == hashlib.sha256(bytes(%d)).hexdigest()" % sent
    assert asker.ask("evaluate", code=code)["result"] is True


def memory():
    """The resident sizes of the processes of claude-sandbox, in KB. Runs on the host."""
    import os

    sizes = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/comm") as file:
                if file.read() == "claude-sandbox\n":
                    with open(f"/proc/{pid}/status") as file:
                        sizes += [int(line.split()[1]) for line in file if line.startswith("RssAnon:")]
    return sizes


@DIRECTIONS
def test_a_thousand_connections(both, direction):
    """As many as the relay takes pass at once; who comes after them waits, and has its turn."""
    asker, port = both[direction]
    code = f"""
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]; resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []
for n in range(1000):
    s = socket.create_connection(("127.0.0.1", {port}), 10); s.sendall(b"hold\\n"); held.append(s)
got = sum(s.recv(5) == b"held\\n" for s in held)
late = socket.create_connection(("127.0.0.1", {port}), 10); late.sendall(b"hold\\n"); late.settimeout(1)
try: waited = late.recv(5).decode()
except TimeoutError: waited = "waits"
for s in held[:10]: s.close()
late.settimeout(10)
result = [got, waited, late.recv(5).decode()]
"""
    assert asker.ask("evaluate", code=code)["result"] == [1000, "waits", "held\n"]
    becomes("host" if direction == "out" else "jail", lambda: named(asker, "127.0.0.1", port))


def test_a_server_that_restarts(lab, outside):
    lab.configure("network = none\npublish = 7001\n")
    with lab.jailed(identity="user") as jail:
        for name in ("first", "second"):
            assert named(outside, "127.0.0.1", 7001) in {"ECONNRESET", "END"}
            server = in_jail(jail, name, "tcp:127.0.0.1:7001")
            assert named(outside, "127.0.0.1", 7001) == name
            stop(jail, server)


def test_without_the_relay(lab, both, outside):
    """Its end is the doors' end: nothing passes any more, and it is said. The jail runs on, closed as it was."""
    (jail, out), (_, inside) = both["out"], both["in"]
    relay, = lab.call("test_ports:relays")
    lab.call("os:kill", relay, 9)
    becomes([CLOSED, CLOSED], lambda: [named(jail, "127.0.0.1", out), named(outside, "127.0.0.1", inside)])
    assert jail.process.read_line(2) == "claude-sandbox: the relay of the ports has ended; nothing passes them any more\n"
    assert all(port["problem"] for port in status(lab, "user").values())
    assert named(jail, "127.0.0.1", CANARY_LOOPBACK) == CLOSED
    lab.sandbox("reload", identity="user")
    assert [named(jail, "127.0.0.1", out), named(outside, "127.0.0.1", inside)] == [CLOSED, CLOSED]


def relays():
    """The relays: children of a supervisor with nothing but a socket as descriptor 3. Runs on the host."""
    import os

    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/comm") as file:
                name = file.read()
            if name == "claude-sandbox\n" and os.readlink(f"/proc/{pid}/fd/0") == "/dev/null" and os.readlink(f"/proc/{pid}/fd/3").startswith("socket:"):
                with open(f"/proc/{pid}/status") as file:
                    if "Seccomp:\t2\n" in file.readlines():
                        found.append(int(pid))
    return found


# publish = auto


AUTO = "network = none\npublish = auto\n"


def test_auto(lab, outside, identity):
    lab.configure(AUTO)
    with on_host(lab, "host", "tcp:127.0.0.1:7001"), lab.jailed(identity=identity) as jail:
        first = in_jail(jail, "jail", "tcp:127.0.0.1:7000", "tcp:127.0.0.1:7001", "udp:127.0.0.1:7005")
        # The same number, and the next where the host has it.
        becomes("jail", lambda: named(outside, "127.0.0.1", 7000))
        becomes("jail", lambda: named(outside, "127.0.0.1", 7002))
        assert named(outside, "127.0.0.1", 7001) == "host"
        assert datagram(outside, "127.0.0.1", 7005) == CLOSED
        said = {jail.process.read_line(2) for _ in range(2)}
        assert said == {f"claude-sandbox: port {inside} of the jail is at http://127.0.0.1:{port}/\n" for inside, port in ((7000, 7000), (7001, 7002))}
        stop(jail, first)
        becomes(CLOSED, lambda: named(outside, "127.0.0.1", 7000))
        becomes(CLOSED, lambda: named(outside, "127.0.0.1", 7002))
        assert status(lab, identity) == {}


def test_auto_leaves_numbers_of_the_host_alone(lab, outside):
    """What the host used while the jail ran stays the host's: whoever comes back finds no server of the jail there."""
    lab.configure(AUTO)
    with lab.jailed(identity="root") as jail:
        with on_host(lab, "host", "tcp:127.0.0.1:7000"):
            in_jail(jail, "jail", "tcp:127.0.0.1:7010")
            becomes("jail", lambda: named(outside, "127.0.0.1", 7010))
        in_jail(jail, "jail", "tcp:127.0.0.1:7000")
        becomes("jail", lambda: named(outside, "127.0.0.1", 7001))
        assert named(outside, "127.0.0.1", 7000) == CLOSED


def test_auto_is_bounded(lab, outside):
    """A jail that listens everywhere gets as many as can be published, and its supervisor serves on. None is below 1024."""
    lab.configure(AUTO)
    with lab.jailed(identity="user") as jail:
        code = """
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]; resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
sys.crowd = []
for port in range(20000, 20000 + min(3000, hard - 100)):
    s = socket.socket(); s.bind(("127.0.0.1", port)); s.listen(1); sys.crowd.append(s)
result = len(sys.crowd)
"""
        assert jail.ask("evaluate", code=code)["result"] > 500
        becomes(64, lambda: len(status(lab, "user")), within=10)
        assert min(port["outside"] for port in status(lab, "user").values()) >= 1024


# What could run out.


def descriptors():
    """How many descriptors each process of claude-sandbox has. Runs on the host."""
    import os

    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/comm") as file:
                if file.read() == "claude-sandbox\n":
                    found.append(len(os.listdir(f"/proc/{pid}/fd")))
    return found


def test_many_connections_after_each_other(lab, outside):
    """Sockets of the jail are made as they are needed: none pile up."""
    lab.configure("network = none\npublish = 7001\n")
    with lab.jailed(identity="user") as jail:
        in_jail(jail, "jail", "tcp:[::1]:7001")
        code = """
for n in range(1500):
    with socket.create_connection(("127.0.0.1", 7001), 10) as s: s.sendall(b"name\\n"); s.recv(100)
"""
        assert outside.ask("evaluate", code=code)["errno"] is None
        assert max(lab.call("test_ports:descriptors")) < 150


def test_as_many_ports_as_there_can_be(lab, outside):
    """TCP and UDP, in both families, from the launch on."""
    lab.configure("network = none\nallow-host-port = 20000-20127\nallow-host-port = 20000-20127/udp\n")
    places = [f"{kind}:127.0.0.1:{port}" for kind in ("tcp", "udp") for port in (20000, 20127)]
    with on_host(lab, "host", *places), lab.jailed(identity="user") as jail:
        becomes("host", lambda: named(jail, "127.0.0.1", 20127))
        for port in (20000, 20127):
            assert [named(jail, address, port) for address in LOOPBACK] == ["host"] * 2
            assert [datagram(jail, address, port) for address in LOOPBACK] == ["host"] * 2
        assert named(jail, "127.0.0.1", 20128) == CLOSED
        # As many as one message of `ps` takes.
        assert len(status(lab, "user")) == 128 and not any(port.get("problem") for port in status(lab, "user").values())
        assert max(lab.call("test_ports:descriptors")) < 1200


def test_a_port_is_not_connected_to_itself(lab):
    """Where nobody listens and the kernel has no other number to give, the supervisor's socket would meet itself, and keep the port."""
    lab.configure("network = none\nallow-host-port = 40001\n")
    before = lab.call("lab.host:read", "/proc/sys/net/ipv4/ip_local_port_range")
    with lab.jailed(identity="user") as jail:
        lab.call("test_ports:set_range", "40001 40001")
        try:
            assert {named(jail, "127.0.0.1", 40001) for _ in range(20)} <= {"ECONNRESET", "END"}
        finally:
            lab.call("test_ports:set_range", before)
        with on_host(lab, "host", "tcp:127.0.0.1:40001"):
            assert named(jail, "127.0.0.1", 40001) == "host"


def set_range(text):
    """Which ports the host's kernel chooses. Runs on the host."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as file:
        file.write(text)


def test_a_hostile_server_does_not_stop_others(lab, outside):
    """It listens and never accepts: who comes to it waits, and is sent away; the jail's other ports answer."""
    lab.configure("network = none\npublish = 7001\npublish = 7002\n")
    with lab.jailed(identity="user") as jail:
        in_jail(jail, "jail", "tcp:127.0.0.1:7002")
        assert jail.ask("evaluate", code="s = sys.full = socket.socket(); s.bind(('127.0.0.1', 7001)); s.listen(0)")["errno"] is None
        code = "sys.crowd = [socket.create_connection(('127.0.0.1', 7001), 5) for _ in range(20)]"
        assert outside.ask("evaluate", code=code)["errno"] is None
        assert named(outside, "127.0.0.1", 7002) == "jail"


# Asked for at the launch, and while it runs.


def test_publish_at_the_launch(lab, outside, identity):
    lab.configure("network = none\n")
    with lab.jailed(identity=identity, options=("--publish", "7102:7001")) as jail:
        in_jail(jail, "jail", "tcp:127.0.0.1:7001")
        assert [named(outside, address, 7102) for address in LOOPBACK] == ["jail"] * 2
        assert named(outside, "127.0.0.1", 7001) == CLOSED
        assert status(lab, identity)["publish", 7001, "tcp"]["origin"] == "--publish"


def test_publish_at_the_launch_what_cannot_be_had(lab, identity):
    """The command did not run."""
    lab.configure("network = none\n")
    with on_host(lab, "host", "tcp:127.0.0.1:7001"):
        result = lab.jail("/bin/echo", "ran", options=("--publish", "7001"), identity=identity)
    assert (result.status, result.out) == (125, ""), result
    assert "127.0.0.1:7001" in result.err and "Address already in use" in result.err


@pytest.mark.parametrize("place", ["0.0.0.0:7001:7001", f"{HOST4}:7001:7001", "[::]:7001:7001"])
def test_publish_at_the_launch_to_others(lab, place):
    """Only an administrator's file does that."""
    lab.configure("network = none\n")
    result = lab.jail("/bin/echo", "ran", options=("--publish", place), identity="user")
    assert (result.status, result.out) == (125, "") and "/etc/claude-sandbox.conf" in result.err, result


def test_publish_a_running_jails(lab, outside, identity):
    lab.configure("network = none\n")
    with on_host(lab, "host", "tcp:127.0.0.1:7003"), lab.jailed(identity=identity) as jail:
        in_jail(jail, "jail", "tcp:127.0.0.1:7001")
        pid = str(jail.process.pid)
        assert named(outside, "127.0.0.1", 7102) == CLOSED
        result = lab.sandbox("publish", pid, "7102:7001", identity=identity)
        assert (result.status, result.out, result.err) == (0, "127.0.0.1:7102\n[::1]:7102\n", "")
        assert named(outside, "127.0.0.1", 7102) == "jail"
        # What cannot be had, and who is asked for more than loopback.
        taken = lab.sandbox("publish", pid, "7003:7001", identity=identity)
        assert taken.status == 1 and "Address already in use" in taken.err and named(outside, "127.0.0.1", 7003) == "host"
        wide = lab.sandbox("publish", pid, "0.0.0.0:7104:7001", identity=identity)
        assert wide.status == 1 and "/etc/claude-sandbox.conf" in wide.err and named(outside, HOST4, 7104) == CLOSED
        assert lab.sandbox("publish", "--remove", pid, "7102:7001", identity=identity).status == 0
        becomes(CLOSED, lambda: named(outside, "127.0.0.1", 7102))
        assert status(lab, identity) == {}


def test_who_may_publish(lab):
    """Root and the jail's own user, from outside: neither another user nor the jail's command."""
    lab.configure("network = none\n")
    with lab.jailed(identity="root") as jail:
        result = lab.sandbox("publish", str(jail.process.pid), "7001", identity="user")
        assert result.status != 0 and status(lab, "root") == {}
        inside = jail.ask("run", argv=["/srv/lab/bin/claude-sandbox", "publish", str(jail.process.pid), "7001"])
        assert inside["status"] != 0 and status(lab, "root") == {}


def test_another_address(lab, outside):
    """A line of the administrator's file: with a warning."""
    lab.configure(f"network = none\npublish = {HOST4}:7001:7001\n")
    assert f"{HOST4}" in lab.sandbox("config", identity="user").out
    with lab.jailed(identity="user") as jail:
        in_jail(jail, "jail", "tcp:127.0.0.1:7001")
        assert [named(outside, address, 7001) for address in (HOST4, *LOOPBACK)] == ["jail", CLOSED, CLOSED]


@pytest.mark.parametrize("mode", MODES)
def test_names_of_the_host(lab, mode):
    """As containers know it; only where there is something to reach."""
    names = ("host.docker.internal", "host.containers.internal")
    lab.configure(f"network = {mode}\nallow-host-port = {FOUR}\n")
    with on_host(lab, "host", f"tcp:127.0.0.1:{FOUR}"), lab.jailed(identity="user") as jail:
        for name in names:
            assert jail.ask("getaddrinfo", name=name)["addresses"] == sorted(LOOPBACK)
            answer = jail.ask("talk", name=name, port=FOUR, steps=[["send", "name\n"], ["until", "\n"]])
            assert answer["got"][0].startswith("host ")
    lab.configure(f"network = {mode}\n")
    with lab.jailed(identity="user") as jail:
        assert all("addresses" not in jail.ask("getaddrinfo", name=name) for name in names)

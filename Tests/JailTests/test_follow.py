"""The host's network changes while a jail runs: what becomes internal is closed within a second, and opens again."""

import time

import pytest
from lab.services import ECHO
from lab.shape import GATEWAY4, NEIGHBOUR4
from reach import FILTER4, FILTER6, ROUTE, reached, refused

WALLS = ROUTE | FILTER4 | FILTER6
WITHIN = 1.0  # seconds, as documented


@pytest.fixture
def jail(lab, identity):
    with lab.jailed(identity=identity) as jail:
        yield jail


@pytest.fixture
def change(lab):
    """A function that changes the host's network; the inverse lines are run when the test ends."""
    undo = []

    def run(lines, inverse=""):
        undo.append(inverse)
        lab.call("lab.host:ip", lines)

    yield run
    for lines in reversed(undo):
        lab.call("lab.host:ip", lines)


def becomes(jail, wanted, address, **how):
    """Ask again until the answer is as wanted; no longer than it may take.

    A refusal is one of the walls': the relay tells of closed ports, too, in the moment before a wall is there.
    """
    deadline = time.monotonic() + WITHIN
    while True:
        answer = jail.ask("udp", address=address, port=ECHO, token="token-follow", timeout=0.2, **how)
        if answer["errno"] is None if wanted else answer["errno"] in WALLS:
            return
        assert time.monotonic() < deadline, answer


@pytest.mark.parametrize("lines, inverse, address", [
    ("route add 203.0.113.0/24 via 198.51.100.99 dev eth0", "route del 203.0.113.0/24", "203.0.113.7"),
    ("route add 203.0.113.7 via 198.51.100.99 dev eth0", "route del 203.0.113.7", "203.0.113.7"),
    ("route add blackhole 203.0.113.0/24", "route del blackhole 203.0.113.0/24", "203.0.113.7"),
    ("addr add 203.0.113.5/24 dev eth0", "addr del 203.0.113.5/24 dev eth0", "203.0.113.7"),
    ("addr add 203.0.113.5/32 dev lo", "addr del 203.0.113.5/32 dev lo", "203.0.113.5"),
    ("route add 2606:2800:21f::/48 via 2600:99::99 dev eth0", "route del 2606:2800:21f::/48", "2606:2800:21f::7"),
    ("addr add 2600:55::5/64 dev eth0 nodad", "addr del 2600:55::5/64 dev eth0", "2600:55::7"),
    ("rule add pref 5270 table 52\nroute add 203.0.113.0/24 via 198.51.100.99 dev eth0 table 52",
     "route flush table 52\nrule del pref 5270 table 52", "203.0.113.7"),
])  # fmt: skip
def test_what_becomes_internal_is_closed(lab, jail, change, lines, inverse, address):
    if ":" not in address and "/32 dev lo" not in lines:
        reached(lab, jail, "udp", address)
    change(lines)
    try:
        becomes(jail, False, address)
        becomes(jail, False, address, bind="device")
        expected = ROUTE | (FILTER6 if ":" in address else FILTER4)
        refused(lab, jail, "tcp", address, expected)
        refused(lab, jail, "tcp", address, expected, bind="device")
    finally:
        lab.call("lab.host:ip", inverse)
    becomes(jail, True, address)


def test_a_connection_that_was_open_is_cut(lab, jail, change):
    """Not only new ones: the tap filter sees every packet."""
    code = f"sys.keep = socket.create_connection(('203.0.113.7', {ECHO}), 5); sys.keep.sendall(b'one'); result = sys.keep.recv(9).decode()"
    assert jail.ask("evaluate", code=code)["result"] == "one"
    change("route add 203.0.113.0/24 via 198.51.100.99 dev eth0", "route del 203.0.113.0/24")
    becomes(jail, False, "203.0.113.7")
    lab.forget()
    code = "sys.keep.settimeout(0.5); sys.keep.sendall(b'token-late'); result = sys.keep.recv(9).decode()"
    answer = jail.ask("evaluate", code=code)
    # By a reset: an established connection ignores ICMP errors.
    assert (answer.get("result"), answer["errno"]) == (None, "ECONNRESET")
    assert lab.seen(token="token-late") == []


def test_the_default_route_goes_and_comes(lab, jail, change):
    change("route del default via " + GATEWAY4)
    lab.call("lab.host:ip", "route add default via " + GATEWAY4)
    becomes(jail, True, "1.1.1.1")
    refused(lab, jail, "tcp", "10.0.0.1", ROUTE)


def test_exceptions_stay(lab, identity, change):
    lab.configure("allow-ip = 203.0.113.7:7\n")
    with lab.jailed(identity=identity) as jail:
        change("route add 203.0.113.0/24 via 198.51.100.1 dev eth0 mtu 1400\naddr add 203.0.113.5/32 dev lo",
               "route del 203.0.113.0/24\naddr del 203.0.113.5/32 dev lo")  # fmt: skip
        becomes(jail, False, "203.0.113.5")
        reached(lab, jail, "tcp", "203.0.113.7")


def test_what_cannot_be_followed(lab, identity, change):
    """More internal routes than a filter holds: the uplink is cut, and the command is told why."""
    routes = [f"45.{n >> 7}.{(n & 127) * 2}.0/24" for n in range(6000)]
    with lab.jailed(identity=identity) as jail:
        becomes(jail, True, "1.1.1.1")
        change("\n".join(f"route add {r} via {NEIGHBOUR4}" for r in routes), "\n".join(f"route del {r}" for r in routes))
        told = jail.process.read_line(2)
        assert told.startswith("claude-sandbox: the walls could not follow")
        while "no network any more" not in told:
            told += jail.process.read_line(2)
        assert jail.ask("udp", address="1.1.1.1", port=ECHO, token="token-cut", timeout=0.3)["errno"] == "ENETUNREACH"


def test_many_changes_at_once(lab, jail, change):
    """A routing daemon's burst: the jail follows, and the last state is what holds."""
    change("\n".join(f"route add 45.{n}.0.0/16 via 198.51.100.99 dev eth0" for n in range(200)),
           "\n".join(f"route del 45.{n}.0.0/16" for n in range(200)))  # fmt: skip
    becomes(jail, False, "45.199.7.7")
    for n in (0, 7, 100):
        refused(lab, jail, "tcp", f"45.{n}.1.1", ROUTE)
    reached(lab, jail, "tcp", "45.200.1.1")

"""Connections to names: the peer's errors are the program's errors, ports are made on demand, and what is bounded is refused visibly."""

import signal
import time

import pytest
from lab.lab import PYTHON
from lab.named import (
    COUNTS, ECHO, ENDS_FIRST, FLOOD, MANY, NEVER_READS, RESETS, SHARED4, TLS,
)  # fmt: skip
from lab.services import CANARY
from lab.shape import HOST4
from names import DEAD4, NOBODY, WITHIN, reached, refused, restricted, silent

CONFIGURATION = restricted("github.com:*", "down.test:*", "unreachable.test:*", "*.wild.test:*")


@pytest.fixture
def jail(lab, named, staying, identity):
    return staying(lab, identity, CONFIGURATION)


@pytest.fixture
def one(lab, named, staying):
    return staying(lab, "user", CONFIGURATION)


@pytest.fixture
def own(lab, named):
    """A jail of this test's alone, for what wears it out."""
    with lab.jailed(identity="user", kept=CONFIGURATION) as jail:
        yield jail


@pytest.fixture
def host(lab, named, staying):
    return staying(lab, "user", outside=True)


def address_of(jail, name="github.com"):
    (address,) = jail.ask("getaddrinfo", name=name)["addresses"]
    return address


def is_down(where, port, **to):
    """Who is asked for a port says at once that nobody is there."""
    answer = where.ask("talk", port=port, steps=[], **to)
    assert (answer["errno"], answer["at"]) == ("ECONNREFUSED", "connect") and answer["seconds"] < WITHIN, answer


# The peer's errors.


def test_a_peer_that_refuses(named, jail, host):
    for where in (host, jail):
        is_down(where, NOBODY, name="github.com")


def test_a_peer_that_cannot_be_reached(named, jail, host):
    for where in (host, jail):
        answer = where.ask("talk", name="unreachable.test", port=ECHO, steps=[])
        # The kernel drops an error that comes back while connect(2) still runs, as it may from here, and asks again after a second.
        assert (answer["errno"], answer["at"]) == ("EHOSTUNREACH", "connect") and answer["seconds"] < 1 + WITHIN, answer


def test_a_peer_that_is_down(named, one, host):
    """The program's own patience decides, as outside."""
    for where, address in ((host, DEAD4), (one, address_of(one, "down.test"))):
        answer = where.ask("talk", address=address, port=ECHO, steps=[], attempts=1)
        assert answer["errno"] == "ETIMEDOUT" and 2.5 < answer["seconds"] < 4, answer
        answer = where.ask("talk", address=address, port=ECHO, steps=[], timeout=0.5)
        assert answer["errno"] == "SILENCE", answer


def test_a_peer_that_comes_up(lab, named, one):
    """A port that refused is asked again each time."""
    address = address_of(one)
    for _ in range(3):
        is_down(one, NOBODY, address=address)
    server = lab.start(["nsenter", "--net=/run/netns/world", PYTHON, "-B", "-I", "-c", LISTENER.format(SHARED4, NOBODY)], identity="root")
    try:
        assert server.read_line() == "listening\n"
        assert one.ask("talk", name="github.com", port=NOBODY, steps=[["receive", 2]])["got"] == ["up"]
    finally:
        server.signal(signal.SIGKILL)
        server.close()


LISTENER = """
import socket
s = socket.socket(); s.setsockopt(0, 15, 1); s.setsockopt(1, 2, 1); s.bind(("{}", {})); s.listen(); print("listening", flush=True)
while True:
    c, _ = s.accept(); c.send(b"up"); c.close()
"""


# How connections go and end.


def test_half_closed_by_the_program(named, jail):
    steps = [["send", "(" * 100000], ["shutdown"], ["end"]]
    assert jail.ask("talk", name="github.com", port=COUNTS, steps=steps)["got"] == ["100000"]


def test_half_closed_by_the_peer(named, jail):
    answer = jail.ask("talk", name="github.com", port=ENDS_FIRST, steps=[["end"], ["send", "late"], ["pause", 0.1], ["send", "r"]])
    assert (answer["errno"], answer["got"]) == (None, ["bye"])
    deadline = time.monotonic() + 2
    while (seen := named.connections(port=ENDS_FIRST)[0])["end"] is None and time.monotonic() < deadline:
        pass
    assert (seen["data"], seen["end"]) == ("later", "closed")


def test_reset_by_the_peer(named, jail, host):
    for where in (host, jail):
        answer = where.ask("talk", name="github.com", port=RESETS, steps=[["send", "("], ["receive", 1]])
        assert answer["errno"] == "ECONNRESET", answer


def test_reset_by_the_program(named, one):
    code = f"""
import socket, struct
s = socket.create_connection(("github.com", {ECHO}), 5); s.sendall(b"("); s.recv(1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.close()
"""
    assert one.ask("evaluate", code=code)["errno"] is None
    deadline = time.monotonic() + 2
    while (seen := named.connections(port=ECHO)[0])["end"] is None and time.monotonic() < deadline:
        pass
    assert seen["end"] == "reset"


def test_much_of_everything(named, jail):
    """Both directions, and nothing is lost."""
    answer = jail.ask("talk", name="github.com", port=FLOOD, steps=[["send", "30000000\n"], ["count"]], timeout=20)
    assert answer.get("got") == [30_000_000], answer
    answer = jail.ask("talk", name="github.com", port=COUNTS, steps=[["fill", 30_000_000], ["shutdown"], ["end"]], timeout=20)
    assert answer.get("got") == ["30000000"], answer


def test_whoever_does_not_read_is_waited_for(lab, named, one):
    """What waits is bounded, in both directions, and others go on meanwhile."""
    code = f"""
import socket
sys.slow = socket.create_connection(("github.com", {FLOOD}), 5); sys.slow.sendall(b"1000000000\\n")
"""
    assert one.ask("evaluate", code=code)["errno"] is None
    answer = one.ask("talk", name="github.com", port=NEVER_READS, steps=[["fill", 200_000_000]], timeout=1)
    assert answer["errno"] == "SILENCE"
    for _ in range(5):
        assert one.ask("talk", name="github.com", port=ECHO, steps=[["send", "("], ["receive", 1]])["got"] == ["("]
    (flood,) = named.connections(port=FLOOD)
    time.sleep(0.5)
    (later,) = named.connections(port=FLOOD)
    assert flood["sent"] == later["sent"] < 40_000_000, (flood, later)
    one.ask("evaluate", code="sys.slow.close()")


def test_many_at_once(named, one):
    code = f"""
import socket
made = []
for n in range(200):
    s = socket.create_connection(("github.com", {ECHO}), 10); s.sendall(b"(%03d" % n); made.append(s)
result = all(s.recv(4) == b"(%03d" % n for n, s in enumerate(made))
for s in made: s.close()
"""
    assert one.ask("evaluate", code=code).get("result") is True


CROWD = f"""
import socket, time
address = socket.gethostbyname("github.com")
def connect():
    s = socket.socket(); s.settimeout(5)
    try: s.connect((address, {ECHO}))
    except OSError as error: s.close(); return error
    return s
sys.made = [connect() for _ in range(1000)]
alive = sum(not isinstance(s, OSError) for s in sys.made)
more = connect()
for s in sys.made: s.sendall(b"(")
answered = sum(s.recv(1) == b"(" for s in sys.made)
result = [alive, getattr(more, "errno", None), answered]
"""


def test_a_thousand_connections_and_one_more(lab, named, own):
    """The 1001st is refused visibly, and recorded; when one has gone there is room again."""
    answer = own.ask("evaluate", code="import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (2000, 2000))\n" + CROWD)
    assert answer.get("result") == [1000, 113, 1000], answer  # EHOSTUNREACH
    own.ask("evaluate", code="for s in sys.made[:10]: s.close()")
    deadline = time.monotonic() + 2
    while own.ask("talk", name="github.com", port=ECHO, steps=[["send", "("], ["receive", 1]])["errno"] and time.monotonic() < deadline:
        time.sleep(0.05)
    reached(named, own, "github.com")
    assert '"reason":"connections"' in lab.sandbox("log", "--json", identity="user").out


# Ports.


def test_any_port(named, jail):
    for port in (1, 25, 3306, 65535):
        is_down(jail, port, name="github.com")
    for port in (MANY[0], MANY[1]):
        assert jail.ask("talk", name="github.com", port=port, steps=[["send", "("], ["receive", 1]])["got"] == ["("]


def test_sixty_four_ports(lab, named, own):
    """Each port that has been reached keeps its listener; the 65th is refused visibly."""
    def answers(port):
        answer = own.ask("talk", name="github.com", port=port, steps=[["send", "("], ["receive", 1]])
        return answer["errno"] or answer["got"][0]

    assert [answers(port) for port in MANY[:64]] == ["("] * 64
    assert answers(MANY[64]) == "EHOSTUNREACH" and answers(MANY[0]) == "("
    assert '"reason":"ports"' in lab.sandbox("log", "--json", identity="user").out


def test_the_pool_is_nobody_s(named, jail):
    """A program cannot play a name: its addresses are in another namespace."""
    address = address_of(jail)
    code = f"import socket; s = socket.socket(); s.bind(({address!r}, 8443))"
    assert jail.ask("evaluate", code=code)["errno"] == "EADDRNOTAVAIL"
    for option in (15, 19, 24):  # IP_FREEBIND needs nobody's leave, and leads nobody there
        code = f"import socket; s = socket.socket(); s.setsockopt(0, {option}, 1); s.bind(({address!r}, {ECHO})); s.listen()"
        answer = jail.ask("evaluate", code=code)
        assert answer["errno"] in (None, "EPERM", "EADDRNOTAVAIL"), answer
        reached(named, jail, "github.com")


# Around the gateway.

@pytest.mark.parametrize("address", [
    "1.1.1.1", "10.0.0.1", HOST4, "127.0.0.1", "169.254.169.254", "198.51.100.57", "255.255.255.255", "224.0.0.1", SHARED4,
    "2606:4700::1111", "fe80::1", "ff02::1",
])  # fmt: skip
@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
def test_sockets_bound_to_the_names_link(lab, named, jail, address, kind):
    """The other end forwards nothing."""
    named.forget()
    scope = "names0" if address.startswith("f") else None
    how = {"bind": "device", "link": "names0", "scope": scope, "timeout": 0.3}
    answer = jail.ask(kind, address=address, port=CANARY, token="token-around", **how)
    assert answer["errno"] is not None, answer
    assert lab.seen(token="token-around") == []
    assert [e for e in lab.seen(place="world") if e.get("dst") == address or e.get("src") == address] == []
    silent(named)


def test_sockets_bound_to_the_names_link_reach_names(named, jail):
    """And nothing is different for those."""
    answer = jail.ask("tcp", address=address_of(jail), port=ECHO, token="token-bound\n", bind="device", link="names0")
    assert answer["errno"] is None


def test_the_other_end_of_the_link(named, jail):
    """Nothing listens in the names' namespace, but for names."""
    address = address_of(jail)
    first = ".".join(address.split(".")[:2])
    link = jail.ask("run", argv=["ip", "-4", "-o", "addr", "show", "dev", "names0"])["out"].split()
    own = link[link.index("inet") + 1].split("/")[0]
    peer = own.rsplit(".", 1)[0] + ".2"
    assert own.startswith(first)
    for port in (ECHO, TLS, 53, 22):
        for bind in (None, "device"):
            answer = jail.ask("tcp", address=peer, port=port, bind=bind, link="names0", timeout=0.3)
            assert answer["errno"] in ("ECONNREFUSED", "EHOSTUNREACH", "SILENCE"), answer


def test_packets_of_its_own_making(named, jail):
    """Raw and packet sockets are not to be had, so no packet is forged; nor may the link be changed."""
    for code in (
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)",
        "socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 3)",
    ):  # fmt: skip
        assert jail.ask("evaluate", code="import socket; " + code)["errno"] in ("EPERM", "EACCES", "EAFNOSUPPORT"), code
    for words in (["link", "set", "names0", "down"], ["addr", "add", "1.1.1.1/32", "dev", "names0"], ["route", "add", "1.1.1.1", "dev", "names0"],
                  ["neigh", "add", "1.1.1.1", "lladdr", "02:00:00:00:00:01", "dev", "names0"], ["link", "del", "names0"]):  # fmt: skip
        done = jail.ask("run", argv=["ip", *words])
        assert done["status"] == 2 and "Operation not permitted" in done["err"], done
    reached(named, jail, "github.com")


def test_a_source_of_its_own_choice(named, jail):
    """Only the link's own address is answered."""
    address = address_of(jail)
    for source in ("127.0.0.1", "127.0.0.53"):
        code = f"import socket; s = socket.socket(); s.settimeout(0.5); s.bind(({source!r}, 0)); s.connect(({address!r}, {ECHO}))"
        assert jail.ask("evaluate", code=code)["errno"] is not None
        silent(named)
    code = f"import socket; s = socket.socket(); s.settimeout(3); s.setsockopt(1, 2, 1); s.bind(('', 45678)); s.connect(({address!r}, {ECHO})); s.close()"
    for _ in range(3):  # the same ports again at once
        assert jail.ask("evaluate", code=code)["errno"] in (None, "EADDRNOTAVAIL")


def test_fast_open(named, one):
    """Data in the first packet is not lost, nor does it go round the gateway."""
    answer = one.ask("tcp", address=address_of(one), port=ECHO, token="token-fast\n", fast_open=True)
    assert (answer["errno"], answer.get("answer")) == (None, "token-fast\n"), answer
    answer = one.ask("tcp", address=address_of(one), port=ECHO, token="token-mptcp\n", mptcp=True)
    assert (answer["errno"], answer.get("answer")) == (None, "token-mptcp\n"), answer


def test_a_flood_of_first_packets(named, own):
    """To what never answers: others are served meanwhile, and nothing is lost afterwards."""
    code = """
import socket
down = socket.gethostbyname("down.test")
sys.held = []
for n in range(600):
    s = socket.socket(); s.setblocking(False); s.connect_ex((down, 1000 + n)); sys.held.append(s)
"""
    own.ask("evaluate", code="import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (2000, 2000))\n" + code)
    own.ask("evaluate", code="for s in sys.held: s.close()")
    deadline = time.monotonic() + 15
    while own.ask("talk", name="github.com", port=ECHO, steps=[], timeout=1)["errno"] and time.monotonic() < deadline:
        pass
    reached(named, own, "github.com")


# When the relay is gone.


def relays(lab):
    """The jails' relays: each the supervisor's child that is neither the command nor pasta."""
    every = lab.call("lab.residue:processes")
    ours = {p["pid"]: p["parent"] for p in every.values() if p["comm"].startswith("claude-sandbox")}
    return {pid for pid, parent in ours.items() if parent in ours and ours[parent] in ours}


@pytest.mark.parametrize("mode", ["restricted", "internet"])
def test_a_relay_that_is_killed(lab, named, identity, mode):
    """Names end, the jail stays closed, and its user is told."""
    more = "allow-internal-domain = corp.test:7\n"
    configuration = CONFIGURATION + more if mode == "restricted" else more
    named.zone({"corp.test": {"A": ["10.20.0.6"]}})
    others = relays(lab)
    with lab.jailed(identity=identity, kept=configuration) as jail:
        (relay,) = relays(lab) - others
        reached(named, jail, "corp.test", port=7)
        address = address_of(jail, "corp.test")
        jail.ask("evaluate", code=f"import socket; sys.open = socket.create_connection(({address!r}, 7), 5)")
        lab.call("os:kill", relay, int(signal.SIGKILL))
        named.forget()
        told = jail.process.read_line(2, timeout=5)
        assert "names" in told, told
        answer = jail.ask("evaluate", code="sys.open.settimeout(2); sys.open.send(b'('); result = len(sys.open.recv(1))")
        assert answer["errno"] in ("ECONNRESET", "EPIPE", "ENETDOWN", "EHOSTUNREACH", "ENETUNREACH") or answer.get("result") == 0, answer
        answer = jail.ask("talk", name="corp.test", port=7, steps=[], timeout=10)
        assert answer["errno"] == "EAI_AGAIN", answer
        answer = jail.ask("talk", address=address, port=7, steps=[], timeout=0.5)
        assert answer["errno"] in ("EHOSTUNREACH", "ENETUNREACH"), answer
        silent(named)
        if mode == "internet":
            reached(named, jail, "github.com")
        else:
            assert jail.ask("talk", address=SHARED4, port=TLS, steps=[])["errno"] == "EHOSTUNREACH"


def test_nothing_is_left(lab, named, identity, clean):
    with lab.jailed(identity=identity, kept=CONFIGURATION) as jail:
        reached(named, jail, "github.com")

"""Names: the supervisor answers on the jail's 127.0.0.53 and asks the host's resolvers from the host's network."""

import os
import socket
import time

import pytest
from dnswire import A, AAAA, CNAME, HTTPS, MX, NOTIMP, OPT, PTR, SRV, TXT, Message, query
from lab.lab import executable
from lab.shape import CLOSED4, DNSMASQ4, DNSMASQ6, SILENT4, STUB4, TINY4, TINY6
from reach import ROUTE, reached, refused, walked_past

WEB = ["2606:4700::1111", "45.33.7.7"]
TINY = ["2606:4700::7", "45.33.7.7"]


@pytest.fixture
def enter(lab, identity):
    """A function that starts a jail under the given resolv.conf; it ends with the test."""
    jails = []

    def start(resolv=None, configuration="", caller=identity, **how):
        if resolv is not None:
            lab.resolv(resolv)
        if configuration:
            lab.configure(configuration)
        jails.append(lab.jailed(identity=caller, **how))
        return jails[-1]

    yield start
    for jail in jails:
        jail.close()


@pytest.fixture
def jail(open_lab, staying, identity):
    """A jail whose resolver is dnsmasq; in a lab of its own, as a jail follows the host's resolv.conf."""
    return staying_in(open_lab("plain", "dnsmasq"), staying, identity)


@pytest.fixture
def tiny(open_lab, staying, identity):
    """A jail whose resolver is the tiny server; `tiny.lab` has the server's log."""
    lab = open_lab("plain", "tiny")
    if TINY4 not in lab.call("lab.host:read", "/etc/resolv.conf"):
        lab.resolv(f"nameserver {TINY4}\n")
    return staying_in(lab, staying, identity)


def staying_in(lab, staying, identity):
    if not os.path.exists(executable()):
        pytest.skip(f"{executable()} is not built")
    jail = staying(lab, identity)
    lab.forget()
    return jail


def ask(jail, *words, tcp=False, **how):
    answer = jail.ask("dns", hex=query(*words, **how), tcp=tcp)
    assert answer["errno"] is None and answer["hex"], answer
    return Message(answer["hex"])


def test_getaddrinfo(jail):
    assert jail.ask("getaddrinfo", name="web.lab.test")["addresses"] == WEB
    assert jail.ask("getaddrinfo", name="alias.lab.test")["addresses"] == WEB
    assert jail.ask("getaddrinfo", name="no-such-name.lab.test")["gai"] == socket.EAI_NONAME


def test_getent(jail):
    done = jail.ask("run", argv=["getent", "ahostsv4", "four.lab.test"])
    assert (done["status"], done["out"].split()[0]) == (0, "45.33.7.7")
    assert jail.ask("run", argv=["getent", "hosts", "no-such-name.lab.test"])["status"] == 2


def test_a_name_is_no_way_around(jail):
    """Internal names resolve (the resolver is the host's), and their addresses are refused."""
    assert jail.ask("getaddrinfo", name="device.lab.test")["addresses"] == ["10.20.0.6"]
    refused(jail.lab, jail, "tcp", "10.20.0.6", ROUTE)


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("name, kind, expected", [
    ("four.lab.test", A, [(A, bytes((45, 33, 7, 7)))]),
    ("six.lab.test", AAAA, [(AAAA, bytes.fromhex("26064700") + bytes(10) + b"\x11\x11")]),
    ("text.lab.test", TXT, [(TXT, b"\x12hello from the lab")]),
])  # fmt: skip
def test_record_types(jail, tcp, name, kind, expected):
    assert ask(jail, name, kind, tcp=tcp).answers == expected


@pytest.mark.parametrize("name, kind", [("_ca._tcp.lab.test", SRV), ("lab.test", MX), ("7.7.33.45.in-addr.arpa", PTR)])
def test_other_record_types(jail, name, kind):
    assert [number for number, _ in ask(jail, name, kind).answers] == [kind]


def test_a_cname_chain(jail):
    assert [number for number, _ in ask(jail, "alias.lab.test", A).answers] == [CNAME, A]


def test_unknown_types_pass(tiny):
    for kind in (HTTPS, 65280):
        tiny.lab.forget()
        assert ask(tiny, "any.test", kind).code == 0
        assert [entry["type"] for entry in tiny.lab.queries()] == [kind]


def test_the_query_is_forwarded_as_it_came(tiny):
    """All of it but the identifier, which is the supervisor's own: the jail's must not be guessable from outside."""
    text = query("Mixed-CASE.test", TXT, edns=1400)
    tiny.ask("dns", hex=text)
    (entry,) = tiny.lab.queries()
    assert entry["hex"][4:] == text[4:]
    assert entry["edns"] and entry["name"] == "Mixed-CASE.test" and not entry["tcp"]


def test_ports_and_identifiers_differ(tiny):
    """Forged answers have to guess both."""
    for n in range(8):
        ask(tiny, f"n{n}.test", A)
    entries = tiny.lab.queries()
    assert len({entry["port"] for entry in entries}) > 1
    assert len({entry["hex"][:4] for entry in entries}) == 8


def test_answers_carry_the_asked_identifier(tiny):
    for id in (0, 1, 0xBEEF, 0xFFFF):
        assert ask(tiny, "any.test", A, id=id).id == id


def test_edns_answers_pass(tiny):
    message = ask(tiny, "edns.test", A, edns=4096)
    assert message.additional == 1 and b"cookie!!" in message.data


@pytest.mark.parametrize("size", [500, 1200, 4000])
def test_large_udp_answers(tiny, size):
    message = ask(tiny, f"bytes{size}.test", TXT, edns=8192)
    assert not message.truncated and len(message.answers) == size // 213


def test_truncation_is_kept(tiny):
    assert ask(tiny, "truncated.test", TXT).truncated
    message = ask(tiny, "truncated.test", TXT, tcp=True)
    assert not message.truncated and len(message.answers) == 1
    assert [entry["tcp"] for entry in tiny.lab.queries()] == [False, True]


def test_large_answers_over_tcp(jail, tiny):
    assert ask(jail, "big.lab.test", TXT, edns=1232).truncated
    assert len(ask(jail, "big.lab.test", TXT, tcp=True).data) > 3000
    message = ask(tiny, "huge.test", TXT, tcp=True)
    assert len(message.answers) == 190 and len(message.data) > 38000


def test_resolvers_of_the_c_library_retry_over_tcp(tiny):
    """`truncated` has no address over UDP: getaddrinfo finds one only if TCP works."""
    assert tiny.ask("getaddrinfo", name="truncated.test")["addresses"] == TINY
    assert any(entry["tcp"] for entry in tiny.lab.queries())


@pytest.mark.parametrize("name, code", [("servfail.test", 2), ("nxdomain.test", 3), ("refused.test", 5)])
def test_errors_pass(tiny, name, code):
    assert ask(tiny, name, A).code == code


def test_several_queries_on_one_tcp_connection(tiny):
    code = f"""
s = socket.create_connection(("127.0.0.53", 53)); s.settimeout(5)
one, two = bytes.fromhex({query("one.test", A, id=1)!r}), bytes.fromhex({query("two.test", A, id=2)!r})
s.sendall(struct.pack("!H", len(one)) + one + struct.pack("!H", len(two)) + two[:5]); s.sendall(two[5:])
f, ids = s.makefile("rb"), []
for _ in range(2):
    size, = struct.unpack("!H", f.read(2)); ids.append(struct.unpack("!H", f.read(size)[:2])[0])
result = sorted(ids)
"""
    assert tiny.ask("evaluate", code=code).get("result") == [1, 2]


def test_many_queries_at_once(tiny):
    code = f"""
s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(64)]
q = bytes.fromhex({query("any.test", A)!r})
for n, x in enumerate(s): x.settimeout(5); x.connect(("127.0.0.53", 53)); x.send(struct.pack("!H", n) + q[2:])
result = [struct.unpack("!H", x.recv(4096)[:2])[0] for x in s] == list(range(64))
"""
    assert tiny.ask("evaluate", code=code).get("result") is True


@pytest.mark.parametrize("data", ["", "00", "1234", "12340100000100000000", "ff" * 12, "ff" * 600, "00" * 12,
                                  query("any.test", A, flags=0x8180)])  # fmt: skip
def test_garbage_is_ignored(tiny, data):
    tiny.lab.forget()
    answer = tiny.ask("dns", hex=data, timeout=0.2)
    # A whole header is a request, even one that asks nothing: FORMERR.
    expected = (None, "000080810000000000000000") if data == "00" * 12 else ("SILENCE", None)
    assert (answer["errno"], answer.get("hex")) == expected
    assert tiny.lab.queries() == []
    assert ask(tiny, "any.test", A).code == 0


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("opcode", [1, 2, 4, 5, 6])
def test_other_operations_are_not_forwarded(tiny, opcode, tcp):
    """UPDATE (5) would let the command change the zone with the host's standing."""
    message = ask(tiny, "any.test", A, flags=opcode << 11, tcp=tcp)
    assert message.code == NOTIMP and message.id == 0x1234
    assert tiny.lab.queries() == []


def test_zone_transfers_are_not_forwarded(tiny):
    """AXFR (252) and IXFR (251) read whole zones, and are answered in more than one message."""
    for kind in (251, 252):
        answer = tiny.ask("dns", hex=query("lab.test", kind), tcp=True, timeout=1)
        assert Message(answer["hex"]).code == 5  # REFUSED
    assert [entry for entry in tiny.lab.queries() if entry["type"] in (251, 252)] == []


def test_forged_answers_are_dropped(tiny):
    """The first answer carries another identifier."""
    assert ask(tiny, "forged.test", A).answers == [(A, bytes((45, 33, 7, 7)))]


# The host's resolv.conf.


@pytest.mark.parametrize("resolv, name, expected", [
    (f"nameserver {DNSMASQ4}\n", "web.lab.test", WEB),
    (f"nameserver {STUB4}\n", "web.lab.test", WEB),
    (f"nameserver {DNSMASQ6}\n", "web.lab.test", WEB),
    (f"nameserver {TINY6}\n", "any.test", TINY),
    (f"nameserver {DNSMASQ4}\nnameserver {TINY4}\n", "web.lab.test", WEB),
    (f"nameserver {CLOSED4}\nnameserver {DNSMASQ4}\n", "web.lab.test", WEB),
    (f"nameserver {SILENT4}\nnameserver {DNSMASQ4}\n", "web.lab.test", WEB),
    (f"nameserver {CLOSED4}\nnameserver {SILENT4}\nnameserver {DNSMASQ6}\n", "web.lab.test", WEB),
    (f"# a comment\n; another\n\nnameserver\t{DNSMASQ4}   \nsortlist 130.155.160.0\nunknown word\n", "web.lab.test", WEB),
    (f"nameserver not-an-address\nnameserver {DNSMASQ4}", "web.lab.test", WEB),
], ids=["routable", "loopback-stub", "ipv6-only", "ipv6-tiny", "several", "refusing-first", "silent-first", "two-dead", "comments",
        "malformed-line"])  # fmt: skip
def test_resolv_conf_variants(enter, resolv, name, expected):
    assert enter(resolv).ask("getaddrinfo", name=name)["addresses"] == expected


def test_a_dead_resolver_over_tcp(enter):
    jail = enter(f"nameserver {CLOSED4}\nnameserver {DNSMASQ4}\n")
    assert ask(jail, "big.lab.test", TXT, tcp=True).answers


def test_search_and_options_are_kept(enter):
    jail = enter(f"nameserver {DNSMASQ4}\nsearch nowhere.test lab.test\noptions ndots:2 timeout:3 attempts:1 edns0\n")
    lines = jail.ask("read", path="/etc/resolv.conf")["text"].splitlines()
    assert [line for line in lines if line.startswith("nameserver")] == ["nameserver 127.0.0.53"]
    assert "search nowhere.test lab.test" in lines
    (options,) = [line for line in lines if line.startswith("options ")]
    assert {"ndots:2", "timeout:3", "attempts:1", "edns0"} <= set(options.split())
    assert jail.ask("getaddrinfo", name="web")["addresses"] == WEB


def test_domain_is_a_search_list_of_one(enter):
    assert enter(f"domain lab.test\nnameserver {DNSMASQ4}\n").ask("getaddrinfo", name="web")["addresses"] == WEB


def test_a_linked_resolv_conf(lab, enter):
    lab.call("lab.host:write", "/run/resolvconf/resolv.conf", f"nameserver {DNSMASQ4}\nsearch lab.test\n", {})
    lab.call("lab.host:symlink", "../run/resolvconf/resolv.conf", "/etc/resolv.conf")
    jail = enter()
    assert jail.ask("getaddrinfo", name="web")["addresses"] == WEB
    assert lab.call("lab.host:read", "/run/resolvconf/resolv.conf").startswith(f"nameserver {DNSMASQ4}")


@pytest.mark.parametrize("kind", ["missing", "dangling", "empty"])
def test_without_resolv_conf(lab, enter, kind):
    """The C library's default then: a resolver on the host's loopback; the lab has none on 127.0.0.1. The jail starts."""
    lab.call("lab.host:remove", "/etc/resolv.conf")
    if kind == "dangling":
        lab.call("lab.host:symlink", "../run/nowhere/resolv.conf", "/etc/resolv.conf")
    elif kind == "empty":
        lab.resolv("")
    jail = enter()
    reached(lab, jail, "tcp", "1.1.1.1")
    assert jail.ask("getaddrinfo", name="web.lab.test")["gai"] == -3  # EAI_AGAIN
    assert lab.call("lab.host:exists", "/run/nowhere") is False


def test_the_host_s_resolv_conf_is_not_changed(lab, enter):
    before = lab.call("lab.host:read", "/etc/resolv.conf")
    enter()
    assert lab.call("lab.host:read", "/etc/resolv.conf") == before


def test_resolv_conf_cannot_be_written_from_inside(lab, enter):
    jail = enter()
    assert jail.ask("write", path="/etc/resolv.conf", text="nameserver 1.1.1.1\n")["errno"] == "EROFS"


@pytest.mark.parametrize("linked", [False, True])
def test_the_host_s_resolv_conf_is_replaced_meanwhile(lab, enter, linked):
    """As on every DHCP lease or VPN: renaming over a file takes away what another mount namespace has mounted on it."""
    path = "/run/resolvconf/resolv.conf" if linked else "/etc/resolv.conf"
    lab.call("lab.host:write", path, f"nameserver {DNSMASQ4}\nsearch lab.test\n", {})
    if linked:
        lab.call("lab.host:symlink", "../run/resolvconf/resolv.conf", "/etc/resolv.conf")
    jail = enter()
    lab.call("lab.host:replace", path, f"nameserver {TINY4}\n")
    deadline = time.monotonic() + 1
    while (answer := jail.ask("getaddrinfo", name="any.test").get("addresses")) != TINY and time.monotonic() < deadline:
        pass
    assert answer == TINY and lab.queries()
    assert "nameserver 127.0.0.53" in jail.ask("read", path="/etc/resolv.conf")["text"]
    refused(lab, jail, "udp", TINY4, ROUTE, port=53)


# The resolvers themselves.


@pytest.mark.parametrize("resolver", [DNSMASQ4, TINY4, DNSMASQ6])
@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("bind", [None, "device"])
def test_the_resolver_s_address_is_not_reachable(lab, enter, resolver, kind, bind):
    jail = enter(f"nameserver {resolver}\n")
    expected = walked_past(kind, resolver, bind)
    refused(lab, jail, kind, resolver, expected, port=53, bind=bind)
    refused(lab, jail, kind, resolver, expected, port=80, bind=bind)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_public_resolver_is_not_reachable(lab, enter, kind):
    """Also when its address is of the internet: a resolver's other ports may be an internal service's."""
    lab.resolv(f"nameserver 1.0.0.53\nnameserver {DNSMASQ4}\n")
    jail = enter()
    for port in (53, 80):
        refused(lab, jail, kind, "1.0.0.53", ROUTE, port=port)


def test_a_stub_s_address_is_the_jail_s_own(enter):
    """127.0.0.53 in the jail is the supervisor, whether or not the host has a stub there."""
    assert ask(enter(f"nameserver {DNSMASQ4}\n"), "four.lab.test").answers


def test_dns_without_a_network(lab, enter):
    jail = enter(options=("--network", "none"))
    lab.forget()
    assert jail.ask("getaddrinfo", name="web.lab.test")["gai"] == -3  # EAI_AGAIN
    assert lab.seen(place="world") == []


@pytest.mark.parametrize("path", ["/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve", "/run/avahi-daemon/socket"])
def test_other_resolvers_sockets_are_not_there(open_lab, identity, path):
    lab = open_lab("office")
    lab.reset()
    with lab.outside(identity=identity) as outside:
        assert outside.ask("unix", path=path)["errno"] is None
    lab.forget()
    with lab.jailed(identity=identity) as jail:
        assert jail.ask("unix", path=path)["errno"] == "ENOENT"
        assert jail.ask("getaddrinfo", name="web.lab.test")["addresses"] == WEB
    assert lab.seen(place="host", service="stream") == []


def test_the_port_is_taken(jail):
    """The command cannot put itself in the supervisor's place, nor can it bind port 53 elsewhere (it has no capability)."""
    code = "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(1, 15, 1); s.bind(('127.0.0.53', 53))"
    assert jail.ask("evaluate", code=code)["errno"] == "EACCES"


def test_answers_of_the_opt_type_are_not_invented(tiny):
    assert OPT not in [kind for kind, _ in ask(tiny, "any.test", A).answers]

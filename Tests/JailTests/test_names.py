"""Which names a restricted jail reaches: those that are listed, as their own addresses move; and no other, whatever it is asked by."""

import socket

import pytest
from dnswire import A, AAAA, CNAME, HTTPS, MX, NS, PTR, SOA, SRV, TXT, Message, query, wire
from lab.named import ECHO, HTTP, OTHER4, OTHER6, SHARED4, SHARED6, TLS
from names import NOBODY, WITHIN, no_such_name, reached, refused, restricted, silent
from reach import by_supervisor

SVCB, NULL, ANY, AXFR, IXFR, TKEY, TSIG = 64, 10, 255, 252, 251, 249, 250
CONFIGURATION = restricted(
    "github.com:*", "=pypi.org:*", "*.wild.test:*", "web.lab.test:*", "hub.lab.test", "typed.test", "xn--bcher-kva.test:*",
    "under_score.test:*", "some.below.parent.test", *(f"{name}.test:*" for name in (
        "four", "six", "empty", "deadsix", "deadfour", "second", "servfail", "refused", "silent", "slow", "truncated")),
    more="block-domain = gist.github.com\n",
)  # fmt: skip


@pytest.fixture
def jail(lab, named, staying, identity):
    return staying(lab, identity, CONFIGURATION)


@pytest.fixture
def one(lab, named, staying):
    """The jail of one kind of caller, where who calls makes no difference."""
    return staying(lab, "user", CONFIGURATION)


@pytest.fixture
def host(lab, named, staying):
    """The host without a jail: the control."""
    return staying(lab, "user", outside=True)


def ask(jail, name, kind=A, **how):
    tcp = how.pop("tcp", False)
    answer = jail.ask("dns", hex=query(name, kind, **how), tcp=tcp)
    assert answer["errno"] is None and answer["hex"] and answer["seconds"] < WITHIN, answer
    return Message(answer["hex"])


# Names.


@pytest.mark.parametrize("name", [
    "github.com", "api.github.com", "deep.api.github.com", "GitHub.COM", "github.com.", "pypi.org", "x.wild.test", "x.y.wild.test",
    "xn--bcher-kva.test", "under_score.test", "web.lab.test", "web", "hub.github.com.wild.test",
])  # fmt: skip
def test_a_listed_name_is_reached(named, jail, name):
    reached(named, jail, name)


@pytest.mark.parametrize("name", [
    "evilgithub.com", "github.com.evil.test", "github.co", "gist.github.com", "files.pypi.org", "neighbour.test", "cdn.outside.test",
    "points-at-github.test",
])  # fmt: skip
def test_any_other_name_does_not_exist(named, jail, host, name):
    no_such_name(named, jail, name)
    reached(named, host, name)


def test_names_above_a_listed_one_have_no_address(named, one):
    """NXDOMAIN would say that there is nothing below them either (RFC 8020)."""
    for name in ("com", "test", "wild.test", "parent.test", "below.parent.test"):
        named.forget()
        for kind in (A, AAAA, TXT):
            message = ask(one, name, kind)
            assert (message.code, message.answers) == (0, []), name
        assert one.ask("talk", name=name + ".", port=ECHO, steps=[])["errno"] == "EAI_NODATA"
        assert named.asked() == []


def test_an_alias_leads_where_it_leads(named, one):
    """The name is the one that was asked for, wherever its operator has it served."""
    reached(named, one, "alias.github.com")
    assert named.connections()[0]["address"] in (OTHER4, OTHER6)
    reached(named, one, "chain0.github.com")


def test_ports(named, jail):
    """443 and 80 where nothing else is said."""
    for port in (TLS, HTTP):
        assert jail.ask("talk", name="hub.lab.test", port=port, steps=[])["errno"] is None
    for port in (22, ECHO, 8443, NOBODY):
        refused(named, jail, "EHOSTUNREACH", name="hub.lab.test", port=port)


def test_addresses_are_closed(named, jail, host):
    """Those that names lead to, too."""
    reached(named, jail, "github.com")
    for address in (SHARED4, OTHER4, "1.1.1.1", "10.0.0.1", SHARED6, "2606:4700::1111"):
        (expected,) = by_supervisor(address)
        refused(named, jail, expected, address=address)
        refused(named, jail, expected, address=address, port=TLS)
    for address in (SHARED4, SHARED6):
        assert host.ask("talk", address=address, port=ECHO, steps=[])["errno"] is None


def test_no_datagrams(named, jail):
    """QUIC falls back to TCP at once."""
    (address,) = jail.ask("getaddrinfo", name="github.com")["addresses"]
    named.forget()
    for port in (TLS, 53, ECHO):
        answer = jail.ask("udp", address=address, port=port, token="token-quic")
        assert answer["errno"] == "ECONNREFUSED" and answer["seconds"] < WITHIN, answer
    for address in (SHARED4, SHARED6):
        answer = jail.ask("udp", address=address, port=TLS, token="token-quic")
        assert {answer["errno"]} == by_supervisor(address) and answer["seconds"] < WITHIN, answer
    assert named.lab.seen(token="token-quic") == []


def test_an_address_that_no_name_has(named, one):
    (address,) = one.ask("getaddrinfo", name="github.com")["addresses"]
    other = address.rsplit(".", 1)[0] + ".250"
    refused(named, one, "EHOSTUNREACH", address=other)
    assert one.ask("udp", address=other, port=TLS)["errno"] == "ECONNREFUSED"


# What happens to names outside happens inside.


@pytest.mark.parametrize("name, errno", [
    ("no.such.github.com", "EAI_NONAME"), ("empty.test", "EAI_NODATA"), ("servfail.test", "EAI_AGAIN"), ("refused.test", "EAI_AGAIN"),
])  # fmt: skip
def test_what_becomes_of_a_lookup(named, one, host, name, errno):
    for where in (host, one):
        answer = where.ask("talk", name=name, port=ECHO, steps=[], timeout=10)
        assert answer["errno"] == errno, answer


def test_a_name_server_that_does_not_answer(named, one):
    assert one.ask("getaddrinfo", name="silent.test")["gai"] == socket.EAI_AGAIN
    reached(named, one, "github.com")


@pytest.mark.parametrize("name", ["slow.test", "truncated.test", "four.test", "six.test", "second.test", "deadsix.test", "deadfour.test"])
def test_what_is_reached_nevertheless(named, one, name):
    """An address that is dead costs a moment (RFC 8305)."""
    assert reached(named, one, name)["seconds"] < 2


def test_a_moment_is_short(named, one):
    """The first to a name is looked up, and each one waits 250 ms for what is dead."""
    reached(named, one, "deadsix.test")
    assert reached(named, one, "deadsix.test")["seconds"] < 0.7


# Questions.


@pytest.mark.parametrize("tcp", [False, True])
def test_no_question_gets_out(named, jail, tcp):
    """By any type and class; a tunnel needs only a question that somebody outside sees."""
    types = [*range(1, 70), 99, 100, 108, ANY, 256, 257, 258, 32768, 65280, 65535]
    for name in ("secret.tunnel.test", "secret.pypi.org", "secret.gist.github.com", "tunnel", "secret.evilgithub.com"):
        for kind in types if name == "secret.tunnel.test" else (A, TXT, NULL, CNAME, HTTPS):
            message = ask(jail, name, kind, tcp=tcp)
            assert (message.code, message.answers) == (3, []), (name, kind)
        for klass in (3, 4, 254, 255):
            assert ask(jail, name, TXT, klass=klass, tcp=tcp).code == 3
    for kind in (AXFR, IXFR, TKEY, TSIG):
        assert ask(jail, "secret.tunnel.test", kind, tcp=tcp).code in (3, 5)
    assert named.asked() == []
    assert named.lab.seen(place="world", dport=53) == []


@pytest.mark.parametrize("tcp", [False, True])
def test_what_a_question_for_a_listed_name_carries(named, one, tcp):
    """Its name and type, and nothing of what a program could put beside them."""
    option = b"\0" + (41).to_bytes(2, "big") + (1232).to_bytes(2, "big") + bytes(4) + b"\0\x15" + b"\xfd\xe9\0\x11token-hidden-here"
    for kind in (A, TXT):
        named.forget()
        text = query("typed.test", kind, id=0x7777)
        text = text[:20] + "0001" + text[24:] + option.hex()
        assert one.ask("dns", hex=text, tcp=tcp)["hex"]
        text = query("tYPed.tEst", kind, id=0x7777)
        assert one.ask("dns", hex=text + "746f6b656e", tcp=tcp)["errno"] in (None, "SILENCE")
        for question in named.asked():
            assert "token" not in bytes.fromhex(question["hex"]).decode("latin-1") and (tcp or not question["hex"].startswith("7777"))


def test_types(named, one):
    """A is the pool's; what could open an address or hide a name from us is empty; the rest is as outside."""
    assert [kind for kind, _ in ask(one, "typed.test").answers] == [A]
    for kind in (AAAA, HTTPS, SVCB, ANY, CNAME, NULL, 65280, 39):
        named.forget()
        message = ask(one, "typed.test", kind)
        assert (message.code, message.answers) == (0, []), kind
        assert [query for query in named.asked() if query["type"] == kind and kind != AAAA] == []
    for kind, end in ((TXT, b"\x05hello"), (MX, b"typed\x04test\0"), (SRV, b"typed\x04test\0")):
        for tcp in (False, True):
            ((found, data),) = ask(one, "typed.test", kind, tcp=tcp).answers
            assert found == kind and data.endswith(end)
    for kind in (NS, SOA):
        assert ask(one, "typed.test", kind).code == 0


def test_an_address_of_its_own(named, one):
    """The same one each time, and its name comes back."""
    names = ["github.com", "api.github.com", "pypi.org", "a.wild.test", "b.wild.test"]
    found = [ask(one, name).answers[0][1] for name in names]
    assert len(set(found)) == len(names) and found == [ask(one, name.upper()).answers[0][1] for name in names]
    for name, address in zip(names, found):
        reverse = ".".join(str(byte) for byte in reversed(address)) + ".in-addr.arpa"
        ((kind, data),) = ask(one, reverse, PTR).answers
        assert (kind, data) == (PTR, wire(label.encode() for label in name.split(".")))
    assert ask(one, "7.7.33.45.in-addr.arpa", PTR).code == 3
    assert one.ask("run", argv=["getent", "hosts", socket.inet_ntoa(found[0])])["out"].split()[-1] == "github.com"


@pytest.mark.parametrize("name", ["localhost", "any.localhost"])
def test_localhost(named, one, name):
    assert ask(one, name).answers == [(A, bytes((127, 0, 0, 1)))]
    assert ask(one, name, AAAA).answers == [(AAAA, bytes(15) + b"\x01")]
    assert "127.0.0.1" in one.ask("getaddrinfo", name=name)["addresses"]
    assert named.asked() == []


def test_programs_that_ask_for_configured_families(named, jail):
    """AI_ADDRCONFIG needs an address beside the loopback's."""
    answer = jail.ask("getaddrinfo", name="github.com", flags=int(socket.AI_ADDRCONFIG))
    assert len(answer.get("addresses", [])) == 1, answer


def test_search_domains(named, one):
    """`web` is `web.lab.test` here; nobody is asked for `web` itself."""
    reached(named, one, "web")
    assert {query["name"] for query in named.asked()} <= {"web.lab.test"}
    no_such_name(named, one, "neighbour")


ODD = {
    "a NUL": [b"github.com\0", b"evil", b"test"], "a NUL in the middle": [b"www\0", b"github", b"com"],
    "behind a NUL": [b"evil\0", b"github", b"com"], "a NUL at the end": [b"github", b"com\0"],
    "a dot in a label": [b"api.github", b"com"], "all in one label": [b"github.com"], "a dot at the end": [b"evil", b"test.github", b"com"],
    "a space": [b"a b", b"github", b"com"], "a newline": [b"a\n", b"github", b"com"], "a slash": [b"evil.test/", b"github", b"com"],
    "an at sign": [b"x@evil", b"github", b"com"], "a colon": [b"x:443", b"github", b"com"], "a star": [b"*", b"github", b"com"],
    "a percent sign": [b"%2e", b"github", b"com"], "a U-label": ["b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher".encode(), b"test"],
    "a full-width dot": ["github\N{FULLWIDTH FULL STOP}com".encode()], "a Kelvin sign": ["g\N{KELVIN SIGN}thub".encode(), b"com"],
    "a dotless i": ["g\N{LATIN SMALL LETTER DOTLESS I}thub".encode(), b"com"], "a soft hyphen": ["git\N{SOFT HYPHEN}hub".encode(), b"com"],
    "high bytes": [b"\xff\xfe", b"github", b"com"], "a backslash": [b"\\046", b"github", b"com"],
}  # fmt: skip


@pytest.mark.parametrize("tcp", [False, True])
def test_labels_that_no_name_has(named, jail, tcp):
    """There is one form of a name, and it is the labels of the question."""
    for what, labels in ODD.items():
        message = ask(jail, wire(labels), tcp=tcp)
        assert (message.code, message.answers) == (3, []), what
    assert named.asked() == []
    reached(named, jail, "github.com")


@pytest.mark.parametrize("name", [
    b"\x40" + b"a" * 64 + b"\x03com\0", b"\xc0\x0c", b"\x06github\xc0\x0c", b"\x06github\x03com", b"\x06github\x03com\0" * 2, b"\x80\0",
    wire([b"a" * 63] * 4 + [b"com"]), wire([b"a"] * 127 + [b"com"]),
], ids=["long-label", "pointer", "pointer-behind", "no-end", "twice", "reserved", "long-name", "longest-name"])  # fmt: skip
def test_names_that_are_none(named, one, name):
    """An error or silence, and nobody is asked."""
    answer = one.ask("dns", hex=query(name), timeout=0.3)
    assert answer["errno"] == "SILENCE" or Message(answer["hex"]).code in (1, 3), answer
    assert named.asked() == []
    assert len(ask(one, "github.com").answers) == 1


def test_a_name_above_all(named, one):
    """The root's servers, which tools ask for first."""
    for kind in (NS, SOA, A):
        assert (ask(one, b"\0", kind).code, ask(one, b"\0", kind).answers) == (0, [])
    assert named.asked() == []


def test_a_name_in_the_program(named, one):
    """Not by DNS: what a program writes as a name and means as an address."""
    for text in ("757606440", "0x2d282828", "045.050.050.050", "45.2632744", SHARED4 + "."):
        answer = one.ask("talk", name=text, port=ECHO, steps=[])
        assert answer["errno"] in ("EHOSTUNREACH", "EAI_NONAME"), (text, answer)
    answer = one.ask("evaluate", code="import socket\ntry: socket.create_connection(('evil.test\\0.github.com', 443))\nexcept OSError: result = True")
    assert answer.get("result") is True, answer
    silent(named)


# How many.


def test_as_many_names_as_there_can_be(lab, named):
    """4096, each with its address; the next one gets none, and those that are known work on."""
    code = """
import socket, struct
def ask(name):
    labels = b"".join(bytes((len(part),)) + part.encode() for part in name.split("."))
    s.send(struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\\0" + struct.pack("!HH", 1, 1))
    data = s.recv(512)
    return data[3] & 15, data[-4:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.connect(("127.0.0.53", 53))
found = [ask(f"n{n}.wild.test") for n in range(4096)]
result = [len({address for code, address in found if code == 0}), ask("more.wild.test")[0], ask("n7.wild.test") == found[7]]
"""
    with lab.jailed(identity="user", kept=CONFIGURATION) as jail:
        answer = jail.ask("evaluate", code=code)
        assert answer.get("result") == [4096, 2, True], answer
        reached(named, jail, "n4095.wild.test")
        assert jail.ask("talk", name="other.wild.test", port=ECHO, steps=[])["errno"] == "EAI_AGAIN"
        told = jail.process.read_line(2)
        assert "4096" in told, told

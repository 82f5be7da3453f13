"""What is spoken to a name: the name itself, or the connection is reset. Each refusal beside what the server gets without a jail."""

import pytest
from lab.named import ECHO, GREETING, HTTP, HTTP_ELSEWHERE, SHARED4, SPEAKS_FIRST, TLS, TLS_ELSEWHERE
from names import WITHIN, reached, refused, restricted

CONFIGURATION = restricted("github.com:*", "hub.lab.test:*", "web.lab.test:*", "neighbour.test:443")
OK = "HTTP/1.1 200 OK"


@pytest.fixture
def jail(lab, named, staying, identity):
    return staying(lab, identity, CONFIGURATION)


@pytest.fixture
def one(lab, named, staying):
    return staying(lab, "user", CONFIGURATION)


@pytest.fixture
def host(lab, named, staying):
    return staying(lab, "user", outside=True)


def tls(named, where, name="github.com", port=TLS, **how):
    """A handshake: its error, or the server's answer; and the server names that arrived."""
    named.forget()
    answer = where.ask("tls", name=name, port=port, **how)
    return answer["errno"] or answer["got"][: len(OK)], [one.get("sni") for one in named.connections(port=port)]


def passes(named, jail, host, *args, **how):
    """The same inside as outside."""
    assert tls(named, jail, *args, **how) == tls(named, host, *args, **how) == (OK, [how.get("sni")])


def is_reset(named, jail, host, *args, **how):
    """A reset, and the server has heard of no name; outside it goes on."""
    assert tls(named, host, *args, **how) == (OK, [how.get("sni")])
    assert tls(named, jail, *args, **how) == ("ECONNRESET", [])


# TLS.


def test_the_name(named, jail, host):
    passes(named, jail, host, sni="github.com")
    passes(named, jail, host, sni="github.com", port=TLS_ELSEWHERE)
    passes(named, jail, host, "api.github.com", sni="api.github.com")
    assert tls(named, jail, sni="GitHub.com")[0] == OK


@pytest.mark.parametrize("port", [TLS, TLS_ELSEWHERE, HTTP_ELSEWHERE, ECHO])
@pytest.mark.parametrize("sni", ["neighbour.test", "evilgithub.com", "github.co", "api.github.com", "com", "hub", "github.com.evil.test"])
def test_another_name(named, one, host, sni, port):
    """Also one that is allowed: the connection is this name's."""
    named.forget()
    answer = one.ask("tls", name="github.com", port=port, sni=sni)
    assert answer["errno"] == "ECONNRESET" and answer["seconds"] < WITHIN, answer
    assert all(not one["data"] and not one.get("sni") for one in named.connections())
    if port in (TLS, TLS_ELSEWHERE):
        assert tls(named, host, port=port, sni=sni) == (OK, [sni])


def test_another_name_from_every_caller(named, jail, host):
    is_reset(named, jail, host, sni="neighbour.test")


@pytest.mark.parametrize("sni", [SHARED4, "[2606:4700:40::40]"])
def test_an_address_as_the_name(named, one, sni):
    assert said(named, one, hello(sni.encode())) == ("ECONNRESET", 0)


def test_no_name(named, jail, host):
    """Redis and MQTT clients send none; on 443 everybody does."""
    is_reset(named, jail, host)
    passes(named, jail, host, port=TLS_ELSEWHERE)


@pytest.mark.parametrize("segments, record", [(10, None), (1, 40), (10, 20), (200, 1), (3, 7)])
def test_a_hello_in_pieces(named, one, host, segments, record):
    passes(named, one, host, sni="github.com", segments=segments, record=record)
    is_reset(named, one, host, sni="neighbour.test", segments=segments, record=record)


def test_the_name_without_its_search_domain(named, one, host):
    """`https://hub/` is hub.lab.test here."""
    for name in ("hub", "hub.lab.test"):
        passes(named, one, host, name, sni="hub")
        passes(named, one, host, name, sni="hub.lab.test")
    is_reset(named, one, host, "hub", sni="web")


def said(named, where, text):
    """To a server that sends back what it hears: the error of that, and how many bytes it heard."""
    named.forget()
    answer = where.ask("talk", name="github.com", port=ECHO, steps=[["send", text], ["receive", 1]])
    return answer["errno"], sum(one["bytes"] for one in named.connections())


def hello(*names, kinds=None, legacy=b"\3\3", extensions=b"", padding=0):
    """A ClientHello with these names in its extension; text of bytes."""
    entries = b"".join(bytes((kind,)) + len(name).to_bytes(2, "big") + name for name, kind in zip(names, kinds or [0] * len(names)))
    data = len(entries).to_bytes(2, "big") + entries
    named = b"\0\0" + len(data).to_bytes(2, "big") + data if names else b""
    pad = b"\0\x15" + padding.to_bytes(2, "big") + bytes(padding) if padding else b""
    every = named + pad + extensions
    body = legacy + bytes(32) + b"\0" + b"\0\x04\x13\x01\x13\x02" + b"\x01\0" + len(every).to_bytes(2, "big") + every
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"".join(
        b"\x16\3\1" + len(part).to_bytes(2, "big") + part for part in (message[at : at + 16384] for at in range(0, len(message), 16384))
    ).decode("latin-1")


@pytest.mark.parametrize("text", [
    hello(b"github.com", b"neighbour.test"), hello(b"neighbour.test", b"github.com"), hello(b"github.com", b"neighbour.test", kinds=[0, 1]),
    hello(b"github.com\0.neighbour.test"), hello(b"neighbour.test\0github.com"), hello(b"neighbour.test", padding=60000),
    hello(b"github.com..neighbour.test"), hello(b"*.com"), hello(b""), hello(b"github.com")[:5] + "\x02" + hello(b"github.com")[6:],
    hello(b"github.com", extensions=b"\0\0\0\x13\0\x11\0\0\x0eneighbour.test"),
], ids=["two", "two-other-first", "another-kind", "NUL", "behind-a-NUL", "far-behind", "two-dots", "star", "empty", "no-hello", "two-extensions"])  # fmt: skip
def test_hellos_that_two_might_read_in_two_ways(named, one, text):
    assert said(named, one, text) == ("ECONNRESET", 0)


def test_long_hellos(named, one):
    """Post-quantum keys and padding need more than a segment; 64 KiB is the end."""
    for padding, error in ((2000, None), (40000, None), (65000, None), (65480, "ECONNRESET")):
        assert said(named, one, hello(b"github.com", padding=padding))[0] == error, padding


def test_a_hello_that_never_ends(named, one):
    """A byte now and then: ten seconds are the end, and others are served meanwhile."""
    text = hello(b"github.com")
    steps = [step for byte in text[:60] for step in (["send", byte], ["pause", 0.25])]
    answer = one.ask("talk", name="github.com", port=ECHO, steps=[*steps, ["receive", 1]], timeout=20)
    assert answer["errno"] in ("ECONNRESET", "EPIPE") and 8 < answer["seconds"] < 14, answer


# HTTP.


def get(host="github.com", path="/", *lines, method="GET"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", *([f"Host: {host}"] if host is not None else []), *lines, "", ""])


def spoken(named, where, *texts, name="github.com", port=HTTP, segments=1):
    """What the server heard on one connection, and how it ended for the program. Each text after the answer to the one before."""
    named.forget()
    steps = [step for text in texts for step in (["send", text, segments], ["receive", 12])]
    answer = where.ask("talk", name=name, port=port, steps=steps, timeout=2)
    return answer["errno"], "".join(one["data"] for one in named.connections(port=port))


@pytest.mark.parametrize("port", [HTTP, HTTP_ELSEWHERE])
@pytest.mark.parametrize("text", [
    get(), get("GitHub.COM"), get("github.com:{port}"), get("github.com", "http://github.com/"),
    get("github.com", "http://github.com:{port}/x"), get(method="OPTIONS", path="*"), get(method="PROPFIND"),
    "GET / HTTP/1.1\r\nhost:github.com\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\nHost:  github.com \r\n\r\n",
    get("github.com", "/", "Content-Length: 0", method="POST"),
], ids=["plain", "case", "port", "absolute", "absolute-port", "asterisk", "method", "no-space", "spaces", "post"])  # fmt: skip
def test_the_host(named, one, host, text, port):
    text = text.replace("{port}", str(port))
    assert spoken(named, one, text, text, port=port) == spoken(named, host, text, text, port=port) == (None, text * 2)


OTHER_HOSTS = {
    "another": get("neighbour.test"), "a sibling": get("api.github.com"), "an address": get(SHARED4), "none": get(None),
    "empty": get(""), "a dot at the end": get("github.com."), "two": get("github.com", "/", "Host: neighbour.test"), "two, other first": get("neighbour.test", "/", "Host: github.com"),
    "twice": get("github.com", "/", "Host: github.com"),
    "absolute": get("github.com", "http://neighbour.test/"), "absolute, other host": get("neighbour.test", "http://github.com/"),
    "absolute with a user": get("github.com", "http://github.com@neighbour.test/"), "a user": get("github.com@neighbour.test"),
    "a list": get("github.com, neighbour.test"), "another port": get("github.com:9999"), "a word behind": get("github.com neighbour.test"),
    "a tab": "GET / HTTP/1.1\r\nHost: github.com\tx\r\n\r\n", "a NUL": get("github.com\0.neighbour.test"),
    "folded": "GET / HTTP/1.1\r\nHost: github.com\r\n .neighbour.test\r\n\r\n", "a space before the colon": "GET / HTTP/1.1\r\nHost : neighbour.test\r\nHost: github.com\r\n\r\n",
    "another scheme": get("github.com", "ftp://neighbour.test/"),
    "CONNECT": get("github.com:443", "github.com:443", method="CONNECT"), "CONNECT elsewhere": get("github.com", "neighbour.test:443", method="CONNECT"),
    "HTTP/1.0 without a host": "GET / HTTP/1.0\r\n\r\n", "HTTP/0.9": "GET /\r\n\r\n", "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a line end before it": "\r\n" + get(), "bare LF": get().replace("\r\n", "\n") + "\r\n\r\n", "bare CR": get("github.com", "/", "A: b\rHost: neighbour.test"),
    "two lengths": get("github.com", "/", "Content-Length: 3", "Content-Length: 4", method="POST") + "abc",
    "a length and chunks": get("github.com", "/", "Content-Length: 3", "Transfer-Encoding: chunked", method="POST") + "0\r\n\r\n",
    "chunks that are not the last coding": get("github.com", "/", "Transfer-Encoding: chunked, identity", method="POST") + "0\r\n\r\n",
    "a coding nobody knows": get("github.com", "/", "Transfer-Encoding: xchunked", method="POST") + "0\r\n\r\n",
    "a signed length": get("github.com", "/", "Content-Length: +3", method="POST") + "abc",
    "a chunk's size that is none": get("github.com", "/", "Transfer-Encoding: chunked", method="POST") + "0x3\r\nabc\r\n0\r\n\r\n",
    "redis": "PING\r\n", "a TLS alert": "\x15\3\1\0\2\1\0",
}  # fmt: skip


@pytest.mark.parametrize("text", OTHER_HOSTS.values(), ids=[name.replace(" ", "-") for name in OTHER_HOSTS])
def test_other_hosts(named, one, host, text):
    """Nothing of it reaches the server, at first and behind a good request."""
    error, heard = spoken(named, one, text)
    assert (error, heard) == ("ECONNRESET", "")
    error, heard = spoken(named, one, get(), text)
    # What has no end yet is waited for.
    assert error in ("ECONNRESET", "SILENCE") and heard == get()
    assert spoken(named, host, text)[1] == text


@pytest.mark.parametrize("segments", [5, 40])
def test_other_hosts_in_pieces(named, one, segments):
    assert spoken(named, one, get("neighbour.test"), segments=segments) == ("ECONNRESET", "")
    assert spoken(named, one, get(), get("neighbour.test"), segments=segments) == ("ECONNRESET", get())
    assert spoken(named, one, get(), get(), segments=segments) == (None, get() * 2)


def test_other_hosts_from_every_caller(named, jail, host):
    for text in (get("neighbour.test"), OTHER_HOSTS["CONNECT"]):
        assert spoken(named, jail, text) == ("ECONNRESET", "")
        assert spoken(named, host, text)[1] == text


EVIL = get("neighbour.test", "/evil")
SMUGGLED = {
    "behind a body": get("github.com", "/", "Content-Length: 3", method="POST") + "abc" + EVIL,
    "behind no body": get() + EVIL, "pipelined twice": get() + get() + EVIL,
    "behind chunks": get("github.com", "/", "Transfer-Encoding: chunked", method="POST") + "3\r\nabc\r\n0\r\n\r\n" + EVIL,
    "behind trailers": get("github.com", "/", "Transfer-Encoding: chunked", method="POST") + "0\r\nA: b\r\n\r\n" + EVIL,
    "behind a GET with a body": get("github.com", "/", "Content-Length: 3") + "abc" + EVIL,
    "behind HEAD": get(method="HEAD") + EVIL,
}  # fmt: skip


@pytest.mark.parametrize("text", SMUGGLED.values(), ids=[name.replace(" ", "-") for name in SMUGGLED])
def test_the_second_request_of_a_packet(named, one, host, text):
    assert "/evil" in spoken(named, host, text)[1]
    error, heard = spoken(named, one, text, get())
    assert "/evil" not in heard and error == "ECONNRESET", (error, heard)


def test_what_is_in_a_body_is_no_request(named, one):
    """Bodies are counted, not searched."""
    body = EVIL
    text = get("github.com", "/", f"Content-Length: {len(body)}", method="POST") + body
    assert spoken(named, one, text, get()) == (None, text + get())
    size = f"{len(body):x}"
    text = get("github.com", "/", "Transfer-Encoding: chunked", method="POST") + f"{size}\r\n{body}\r\n0\r\n\r\n"
    assert spoken(named, one, text, get(), segments=7) == (None, text + get())


def test_heads_as_long_as_they_come(named, one):
    text = get("github.com", "/", "A: " + "b" * 30000)
    assert spoken(named, one, text) == (None, text)
    assert spoken(named, one, get("github.com", "/", "A: " + "b" * 70000))[0] in ("ECONNRESET", "EPIPE")


def test_upgrades(named, jail, host):
    """A WebSocket's bytes pass once the server has agreed; what is not agreed to is HTTP still."""
    websocket = get("github.com", "/", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x")
    for where in (host, jail):
        named.forget()
        steps = [["send", websocket], ["until", "\r\n\r\n"], ["send", "\x81\x85raw bytes"], ["receive", 11]]
        answer = where.ask("talk", name="github.com", port=HTTP, steps=steps)
        assert answer["errno"] is None and answer["got"][1] == "\x81\x85raw bytes", answer


def test_an_upgrade_to_http_2(named, one, host):
    """Java's client offers it, and does without; what a server would speak then names hosts that nobody sees."""
    text = get("github.com", "/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ")
    assert spoken(named, host, text, "more")[1] == text + "more"
    error, heard = spoken(named, one, text, "more")
    assert (error, heard) == ("ECONNRESET", text)


def test_an_upgrade_that_the_server_refuses(named, one):
    """Frames in front of its answer are held, and then read as HTTP."""
    text = get("github.com", "/", "Connection: Upgrade", "Upgrade: something-else")
    error, heard = spoken(named, one, text, EVIL)
    assert error == "ECONNRESET" and "/evil" not in heard


# What is neither.


def test_who_speaks_first(named, jail):
    """A server may: SSH, SMTP. It is heard at once, and then everything passes."""
    steps = [["receive", len(GREETING)], ["send", "SSH-2.0-client\r\n"], ["receive", 16]]
    answer = jail.ask("talk", name="github.com", port=SPEAKS_FIRST, steps=steps)
    assert (answer["errno"], answer["got"]) == (None, [GREETING.decode(), "SSH-2.0-client\r\n"]) and answer["seconds"] < WITHIN


def test_who_does_not_wait(named, one):
    """Some clients send their banner without waiting for the server's."""
    steps = [["send", "SSH-2.0-client\r\n"], ["receive", len(GREETING)]]
    assert one.ask("talk", name="github.com", port=SPEAKS_FIRST, steps=steps)["errno"] is None


@pytest.mark.parametrize("text", ["PING\r\n", "\x10\x10\0\x04MQTT\x04\2\0\x3c", "\0", "EHLO x\r\n", "a\n", "\x16abcdef"])
def test_other_protocols(named, one, text):
    """By a name's address, on any port but 80."""
    steps = [["send", text], ["shutdown"], ["end"]]
    assert one.ask("talk", name="github.com", port=ECHO, steps=steps)["got"] == [text]


@pytest.mark.parametrize("text", ["a", "GE", "GET /", "\x16", "\x16\3"])
def test_what_ends_before_it_is_clear(named, one, text):
    """What could still have become TLS or HTTP is not passed on."""
    named.forget()
    answer = one.ask("talk", name="github.com", port=ECHO, steps=[["send", text], ["shutdown"], ["end"]])
    assert answer["errno"] == "ECONNRESET" and sum(one["bytes"] for one in named.connections()) == 0, answer


def test_datagrams_over_a_stream(named, one):
    """HTTP on a port of another protocol is HTTP, and names its host."""
    assert spoken(named, one, get("neighbour.test"), port=ECHO) == ("ECONNRESET", "")
    assert spoken(named, one, get(f"github.com:{ECHO}"), port=ECHO)[0] is None


def test_what_was_spoken_is_recorded(lab, named, one):
    """Which name a program meant."""
    tls(named, one, sni="neighbour.test")
    spoken(named, one, get("evil.example"))
    said = lab.sandbox("log", "--json", identity="user").out
    assert "neighbour.test" in said and "evil.example" in said, said[-2000:]


def test_what_is_left(named, one, host):
    """Behind one certificate, another Host: this is in the threat model in plain words, since only the server can see it."""
    for where in (host, one):
        answer = where.ask("tls", name="github.com", port=TLS, sni="github.com", request=get("neighbour.test"))
        assert answer["got"].endswith(f"hello from neighbour.test at {named.connections()[-1]['address']}\n")


def test_a_jail_whose_names_are_spoken_to_still_works(named, jail):
    reached(named, jail, "github.com")
    refused(named, jail, "EHOSTUNREACH", name="neighbour.test", port=80)

"""The servers that names lead to: if these fail, no other result about names means anything."""

import socket

import pytest
from lab.named import (
    CA, COUNTS, ECHO, ENDS_FIRST, FLOOD, GREETING, HTTP, MANY, NEVER_READS, OTHER4, RESETS, RESOLVER4, RESOLVER6, SHARED4,
    SHARED6, SPEAKS_FIRST, TLS, TLS_ELSEWHERE,
)  # fmt: skip
from dnswire import A, AAAA, CNAME, TXT, Message, query
from names import DEAD4, NOBODY, UNREACHABLE4, reached


@pytest.fixture
def host(lab, named, staying):
    """The host without any jail."""
    return staying(lab, "user", outside=True)


def ask(host, name, kind=A, tcp=False, server=RESOLVER4):
    answer = host.ask("dns", hex=query(name, kind), tcp=tcp, address=server)
    return Message(answer["hex"]) if answer.get("hex") else answer["errno"]


def test_names_resolve(named, host):
    assert host.ask("getaddrinfo", name="github.com")["addresses"] == [SHARED6, SHARED4]
    assert host.ask("getaddrinfo", name="six.test")["addresses"] == [SHARED6]
    assert host.ask("getaddrinfo", name="x.y.wild.test")["addresses"] == [SHARED6, SHARED4]
    assert host.ask("getaddrinfo", name="web")["addresses"] == [SHARED6, SHARED4]
    assert host.ask("getaddrinfo", name="no.such.test")["gai"] == socket.EAI_NONAME
    assert {query["name"] for query in named.asked("github")} == {"github.com"}


def test_answers(named, host):
    assert [kind for kind, _ in ask(host, "alias.github.com").answers] == [CNAME, A]
    assert [kind for kind, _ in ask(host, "chain0.github.com", AAAA).answers] == [CNAME] * 8 + [AAAA]
    assert (ask(host, "wild.test").code, ask(host, "wild.test").answers) == (0, [])
    assert ask(host, "wild.test.no").code == 3 and ask(host, "empty.test").answers == []
    assert ask(host, "servfail.test").code == 2 and ask(host, "refused.test").code == 5
    assert ask(host, "silent.test") == "SILENCE"
    assert ask(host, "typed.test", TXT).answers == [(TXT, b"\x05hello")]
    assert ask(host, "truncated.test").truncated and ask(host, "truncated.test", tcp=True).answers
    assert ask(host, "github.com", server=RESOLVER6).answers
    assert [query["tcp"] for query in named.asked("truncated")] == [False, True]


def test_an_address_that_moves(named, host):
    named.zone({"turns.test": {"A": ["45.1.1.1", "45.2.2.2"], "turns": 1}, "moves.test": {"A": ["45.1.1.1", "45.2.2.2"], "every": 1}})
    assert [ask(host, "turns.test").answers[0][1][1] for _ in range(3)] == [1, 2, 2]
    first = ask(host, "moves.test").answers[0][1]
    while ask(host, "moves.test").answers[0][1] == first:
        pass


@pytest.mark.parametrize("address", [SHARED4, SHARED6])
def test_several_names_on_one_address(named, host, address):
    for name in ("github.com", "evilgithub.com"):
        request = f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n"
        said = host.ask("tls", address=address, port=TLS, sni=name, request=request)
        assert said["got"].endswith(f"hello from {name} at {address}\n")
        assert named.connections()[-1]["sni"] == name and request in named.connections()[-1]["data"]
        said = host.ask("talk", address=address, port=HTTP, steps=[["send", request], ["receive", 20]])
        assert said["got"][0].startswith("HTTP/1.1 200 OK")
    assert host.ask("tls", address=address, port=TLS_ELSEWHERE)["errno"] is None
    assert named.connections()[-1]["sni"] is None


def test_programs_trust_the_authority(lab, host):
    result = lab.run(["curl", "-sS", "-4", "https://github.com/"], identity="user")
    assert result.out == f"hello from github.com at {SHARED4}\n", result
    assert "BEGIN CERTIFICATE" in lab.call("lab.host:read", CA)


def test_a_hello_in_pieces(named, host):
    assert host.ask("tls", address=SHARED4, port=TLS, sni="github.com", segments=10, record=20)["errno"] is None
    assert [one["sni"] for one in named.connections()] == ["github.com"]


def test_what_ports_do(named, host):
    def talk(port, *steps, **how):
        return host.ask("talk", address=OTHER4, port=port, steps=steps, **how)

    for port in (ECHO, MANY[0], MANY[-1]):
        assert talk(port, ["send", "x"], ["receive", 1])["got"] == ["x"]
    assert talk(SPEAKS_FIRST, ["receive", 4])["got"] == [GREETING.decode()]
    assert talk(FLOOD, ["send", "5000000"], ["count"])["got"] == [5_000_000]
    assert talk(COUNTS, ["send", "12345"], ["shutdown"], ["end"])["got"] == ["5"]
    assert talk(RESETS, ["send", "x"], ["end"])["errno"] == "ECONNRESET"
    assert talk(NEVER_READS, ["fill", 100_000_000], timeout=1)["errno"] == "SILENCE"
    assert talk(ENDS_FIRST, ["end"], ["send", "late"])["got"] == ["bye"]
    assert named.connections(port=ENDS_FIRST)[0]["data"] == "late"
    assert talk(NOBODY)["errno"] == "ECONNREFUSED"


def test_what_does_not_answer(host):
    assert host.ask("talk", address=UNREACHABLE4, port=ECHO, steps=[])["errno"] == "EHOSTUNREACH"
    assert host.ask("talk", address=DEAD4, port=ECHO, steps=[], attempts=1)["errno"] == "ETIMEDOUT"


def test_upgrades(named, host):
    for protocol in ("websocket", "h2c"):
        request = f"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n"
        said = host.ask("talk", address=SHARED4, port=HTTP, steps=[["send", request], ["until", "\r\n\r\n"], ["send", "raw"], ["receive", 3]])
        assert said["got"][0].startswith("HTTP/1.1 101") and said["got"][1] == "raw"


def test_the_witness_sees_them(named, host):
    reached(named, host, "github.com")
    assert named.connections(port=ECHO)[0]["data"].startswith("token-n")

"""`verify` in a jail with names: a listed name works, one beside it does not exist, nobody is asked, and another name in TLS is refused."""

import json

import pytest
from lab.filesystem import EXECUTABLE
from lab.named import SHARED4
from names import API4, restricted
from test_verify import CANARIES, KERNEL, NETWORK, OUTSIDE, rows, states

NAMES = ["names beside listed ones", "a tunnel through name service", "a listed name works", "another name in TLS"]
CLOSED = ["past the routes", "public addresses", *NETWORK[:6]]
RULES = restricted("=api.anthropic.com:443", "github.com")


def test_from_outside(lab, named, identity):
    lab.configure(RULES)
    named.forget()
    result = lab.sandbox("verify", "--json", identity=identity)
    found = states(result)
    assert (result.status, result.err) == (0, ""), result
    assert {found[name] for name in [*NAMES, *OUTSIDE, *KERNEL, "public addresses", "private networks", "this is a jail"]} == {"ok"}
    assert found["past the routes"] == "skipped" and set(CLOSED) <= set(found) and "the host's addresses" in found
    assert {name for name in CANARIES if not name.endswith("SO_BINDTODEVICE")} <= set(found)
    # Nobody was asked for what is not listed, and to the listed host nothing was sent.
    assert {query["name"] for query in named.ask("queries")} == {"api.anthropic.com"}
    assert [one for one in named.connections() if one.get("bytes")] == []
    assert {event["dst"] for event in lab.seen(place="world", proto="tcp") if event.get("opens") and event["dport"] != 53} <= {API4}


def test_from_inside(lab, named, identity):
    lab.configure(RULES)
    result = lab.jail(EXECUTABLE, "verify", "--json", identity=identity)
    found = rows(result)
    assert result.status == 0, result
    assert {found[name]["state"] for name in [*NAMES, "public addresses"]} == {"ok"}
    assert "verify-sandbox.api.anthropic.com" in found["names beside listed ones"]["tried"]


def test_offline(lab, named):
    lab.configure(RULES)
    named.forget()
    found = states(lab.sandbox("verify", "--json", "--offline", identity="user"))
    assert [found[name] for name in NAMES] == ["ok", "ok", "skipped", "skipped"]
    assert named.asked() == []


def test_a_listed_name_that_does_not_answer(lab, named):
    lab.configure(restricted("down.test:443"))
    result = lab.sandbox("verify", "--json", identity="user")
    found = states(result)
    assert result.status == 2 and found["a listed name works"] == "unreachable" and found["another name in TLS"] == "skipped"


def test_with_an_uplink_beside_the_names(lab, named):
    lab.configure(RULES + "allow-ip = 10.1.1.1:80\n")
    result = lab.sandbox("verify", "--json", identity="user")
    found = states(result)
    assert result.status == 0 and "past the routes" not in found
    assert {found[name] for name in [*NETWORK, *NAMES, "public addresses"]} == {"ok"}


@pytest.mark.parametrize("missing", NAMES[:2])
def test_it_fails_where_names_are_open(lab, named, missing):
    """A jail with a gateway, launched with the internet: to the configuration of now it has too much."""
    named.zone({"verify-sandbox-github.com": {"A": [SHARED4]}, "*.verify-sandbox.test": {"TXT": ["found"]}})
    lab.configure("allow-internal-domain = device.test:443\n")
    with lab.jailed(identity="root") as jail:
        lab.configure(restricted("github.com"))
        answer = jail.ask("run", argv=[EXECUTABLE, "verify", "--json", "--offline"])
        assert answer["status"] == 1, answer
        found = {row["name"]: row["state"] for row in json.loads(answer["out"])["checks"]}
        assert found[missing] == "failed" and found["public addresses"] == "failed"

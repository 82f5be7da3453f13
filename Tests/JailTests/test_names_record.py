"""What a jail was refused of names, as its user is told: the record, log, learn, explain, ps."""

import json
import time

import pytest
import records
from dnswire import TXT, query
from lab import Identity
from lab.filesystem import CONFIGURATION, EXECUTABLE
from lab.lab import PYTHON
from lab.named import ECHO, HTTP
from names import INTERNAL4, restricted
from test_json import check, check_object

RULES = restricted("github.com:443", "pypi.org:*", "device.test:443", more="block-domain = gist.github.com\n")


@pytest.fixture(autouse=True)
def homes(lab):
    def clear():
        for home in (Identity.USER.home, Identity.ROOT.home):
            lab.run(["/bin/sh", "-c", f"rm -rf {home}/.[a-z]* {home}/*"], identity="root")

    clear()
    yield
    clear()


def told(lab, identity, **fields):
    """The lines about refused names of which every named field has that value."""
    lines = records.lines(lab, Identity(identity).home, "name-refused")
    for line in lines:
        check(line, "line")
    return [line for line in lines if all(line.get(name) == value for name, value in fields.items())]


def get(jail, name, host, port=HTTP):
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"
    return jail.ask("talk", name=name, port=port, steps=[["send", request], ["receive", 1]])


def test_what_is_recorded(lab, named, identity):
    lab.configure(RULES)
    with lab.jailed(identity=identity) as jail:
        for _ in range(3):
            jail.ask("talk", name="neighbour.test", port=ECHO, steps=[])
        jail.ask("dns", hex=query("x.evil.test", TXT), tcp=True)
        jail.ask("talk", name="gist.github.com", port=ECHO, steps=[])
        assert jail.ask("talk", name="github.com", port=22, steps=[])["errno"] == "EHOSTUNREACH"
        assert jail.ask("talk", name="device.test", port=443, steps=[])["errno"] == "EHOSTUNREACH"
        assert get(jail, "pypi.org", "neighbour.test")["errno"] == "ECONNRESET"
        assert get(jail, "pypi.org", "pypi.org")["errno"] is None
        # The first of a kind is there at once: before the next question is answered.
        jail.ask("talk", name="nowhere.test", port=ECHO, steps=[])
        [first] = told(lab, identity, name="neighbour.test", reason="not-listed")
        assert first["count"] >= 1 and first["process"] == "unknown" and "port" not in first
        assert told(lab, identity, name="x.evil.test", reason="not-listed")
        [blocked] = told(lab, identity, name="gist.github.com", reason="blocked", count=1)
        assert (blocked["rule"]["file"], blocked["rule"]["prefix"]) == (CONFIGURATION, "gist.github.com")
        [port] = told(lab, identity, name="github.com", port=22, reason="port")
        assert port["process"]["name"] == "python3"
        [inside] = told(lab, identity, name="device.test", port=443, reason="address")
        assert (inside["destination"], inside["rule"]["kind"]) == (INTERNAL4, "builtin")
        [spoken] = told(lab, identity, name="pypi.org", reason="host")
        assert (spoken["port"], spoken["spoken"]) == (HTTP, "neighbour.test")
        [running] = lab.sandbox("ps", "--json", identity=identity).json["jails"]
        assert running["network"] == "restricted" and running["names"] >= 2 and running["refused"] >= 7
        check_object(lab.sandbox("ps", "--json", identity=identity).json, "ps")
    shown = lab.sandbox("log", identity=identity).out
    for text in (
        "no line opens this name;  to allow it: allow-domain = =neighbour.test",
        "a line closes this name;  no line for it: ",
        "github.com:22",
        "the name is open, but not at this port;  to allow it: allow-domain = =github.com:22",
        "to allow it: allow-internal-domain = device.test:443, which opens whatever internal address it leads to, now or later",
        "HTTP was spoken for neighbour.test;  no line for it: ",
    ):
        assert text in shown, text
    last = lab.sandbox("explain", "neighbour.test:443", identity=identity)
    assert last.status == 1 and "no line opens it" in last.out and "last refused " in last.out
    assert lab.sandbox("explain", "neighbour.test:443", "--json", identity=identity).json["lastRefused"]["destination"] == "neighbour.test"


TRY = """
import socket, sys
for name, port in zip(sys.argv[1::2], sys.argv[2::2]):
    try: socket.create_connection((name, int(port)), 5).close()
    except OSError as error: print(name, error)
"""


def test_learn(lab, named, identity):
    lab.configure(RULES)
    words = ["neighbour.test", "443", "github.com", "22", "device.test", "443", INTERNAL4, "80", "gist.github.com", "443"]
    result = lab.sandbox("learn", "--", PYTHON, "-I", "-c", TRY, *words, identity=identity)
    assert result.status == 0
    lines = result.err.splitlines()
    assert lines[0].startswith("allow-domain = =github.com:22  # python3, ") and lines[1].startswith("allow-domain = =neighbour.test  # ")
    assert any(line.startswith(f"allow-ip = {INTERNAL4}:80/tcp  # python3") for line in lines)
    assert any(line.startswith("# allow-internal-domain = device.test:443  # opens whatever") for line in lines)
    assert any(line.startswith("# not gist.github.com") for line in lines)
    # What it says is what it would have needed.
    lab.configure(RULES + result.err)
    again = lab.sandbox("learn", "--", PYTHON, "-I", "-c", TRY, "neighbour.test", "443", "github.com", "22", identity=identity)
    assert again.err == "# nothing was refused\n"


HOSTILE = ["\x1b[2J.evil.test", "a b.evil.test", "x\ny.evil.test", "\u202eevil.test"]


@pytest.mark.parametrize("name", HOSTILE, ids=["escape", "blank", "line", "direction"])
def test_hostile_names_are_shown_escaped_and_never_learned(lab, named, name):
    lab.configure(RULES)
    labels = [label.encode("utf-8") for label in name.split(".")]
    wire = bytes.fromhex(query("x.y.test", TXT))
    question = wire[:12] + b"".join(bytes([len(label)]) + label for label in labels) + b"\0" + wire[-4:]
    script = f"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto({question!r}, ('127.0.0.53', 53)); s.settimeout(5); s.recv(512)"
    result = lab.sandbox("learn", "--", PYTHON, "-I", "-c", script, identity="user")
    assert result.status == 0
    assert [line for line in result.err.splitlines() if not line.startswith("#")] == []
    shown = lab.sandbox("log", identity="user").out + result.err
    assert not [c for c in shown if ord(c) < 0x20 and c != "\n"] and "\u202e" not in shown and "evil" in shown


def test_a_flood_of_names_is_bounded(lab, named):
    lab.configure(RULES)
    script = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
for n in range(5000):
    s.sendto(bytes.fromhex({query("abcdefgh.evil.test", TXT)!r}).replace(b"abcdefgh", b"%08x" % n), ("127.0.0.53", 53)); s.recv(512)
"""
    start = time.monotonic()
    result = lab.sandbox("run", "--summary", "--", PYTHON, "-I", "-c", script, identity="user", timeout=120)
    assert result.status == 0
    lines = records.lines(lab, Identity.USER.home)
    told_ = [line for line in lines if line["event"] == "name-refused"]
    assert 200 <= len(told_) < 700 + 20 * (time.monotonic() - start)
    [end] = [line for line in lines if line["event"] == "ended"]
    assert end["refused"] == 5000
    assert sum(line["count"] for line in lines if line["event"] in ("name-refused", "suppressed")) == 5000
    assert named.asked("evil") == []


def test_names_in_json(lab, named, identity):
    lab.configure(RULES)
    for words in (["config"], ["config", "--check"], ["presets"], ["presets", "claude"], ["run", "--dry-run"], ["config", "--prove"], ["doctor"],
                  ["explain", "github.com:443"], ["explain", "github.com"], ["explain", "neighbour.test"], ["explain", "device.test:443"],
                  ["explain", "gist.github.com:443"], ["explain", "com"], ["explain", "github.com:443/udp"]):  # fmt: skip
        result = lab.sandbox(*words, "--json", identity=identity)
        title = {"run": "run --dry-run"}.get(words[0], " ".join(words) if words[-1].startswith("--") else words[0])
        check_object(result.json, title)
    plan = lab.sandbox("run", "--dry-run", "--json", identity=identity).json
    assert [rule["pattern"] for rule in plan["names"]["rules"]] == ["github.com", "pypi.org", "device.test", "gist.github.com"]
    text = lab.sandbox("run", "--dry-run", identity=identity).out
    assert "  block  gist.github.com" in text and "  allow  github.com       443/tcp  " in text
    rows = lab.sandbox("explain", "device.test:443", "--json", identity=identity).json
    assert rows["verdict"] == "blocked" and rows["answers"][0]["address"] == INTERNAL4
    assert rows["answers"][0]["rule"]["origin"]["kind"] == "builtin"


def test_in_a_jail(lab, named, identity):
    """By the configuration, without the host's word."""
    lab.configure(RULES)
    result = lab.jail(EXECUTABLE, "explain", "neighbour.test:443", "--json", identity=identity)
    assert result.json["verdict"] == "blocked" and json.loads(result.out)["answers"][0]["reachable"] is False
    assert lab.jail(EXECUTABLE, "explain", "pypi.org:443", identity=identity).status == 0

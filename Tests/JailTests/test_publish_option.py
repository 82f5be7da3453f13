"""`run --publish`: what it asks for is the user's own loopback, or refused before anything runs."""

import pytest
from lab.filesystem import CONFIGURATION

MARKER = "/tmp/ran"


@pytest.fixture(autouse=True)
def put_back(lab):
    yield
    lab.call("lab.host:remove", CONFIGURATION)


@pytest.mark.parametrize(
    "asked, line, words",
    [
        ("0.0.0.0:8080:80", "", f"write publish = 0.0.0.0:8080:80 in {CONFIGURATION}"),
        ("[::]:8080:80", "", "only the configuration publishes at an address that is not loopback"),
        ("192.168.7.2:8080:80", "publish = 192.168.7.2:8080:80", "not loopback"),
        ("8080:80", "publish = 127.0.0.1:8080:81", f"{CONFIGURATION}:1:1: publish = 127.0.0.1:8080:81"),
        ("9999:5432", "allow-host-port = 5432", f"{CONFIGURATION}:1:1: allow-host-port = 5432"),
    ],
)
def test_what_cannot_be_had(lab, identity, asked, line, words):
    lab.configure(line + "\n")
    for options in (["--publish", asked], [f"--publish={asked}", "--dry-run"]):
        result = lab.sandbox("run", *options, "--", "touch", MARKER, identity=identity)
        ran = lab.call("lab.host:exists", MARKER)
        assert (result.status, result.out, ran) == (125, "", False), result
        assert f"claude-sandbox: refused: --publish {asked}: " in result.err and words in result.err


@pytest.mark.parametrize(
    "asked, words",
    [
        ("vite", '"vite" is not a port'), ("0", '"0" is not a port'), ("1-2", "not a range"), ("", "a port is missing"),
        ("auto", "write publish = auto in /etc/claude-sandbox.conf"),
    ],
)  # fmt: skip
def test_what_is_not_a_port(lab, identity, asked, words):
    result = lab.sandbox("run", "--publish", asked, "--", "touch", MARKER, identity=identity)
    assert result.status == 64 and words in result.err, result
    assert not lab.call("lab.host:exists", MARKER)


def test_two_that_are_one(lab, identity):
    result = lab.jail("true", options=["--publish", "8080:1", "--publish", "8080:2"], identity=identity)
    assert result.status == 125 and "cannot be published at twice: publish = 8080:1" in result.err


def test_in_a_jail(lab, identity):
    """A launch in a jail stays in it."""
    result = lab.jail("claude-sandbox", "run", "--publish", "8080", "--", "true", identity=identity)
    assert result.status == 125 and "this is a jail, and its ports are published from outside" in result.err

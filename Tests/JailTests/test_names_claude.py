"""The real Claude Code with `preset = claude`: what it asks for, and that this is enough."""

import contextlib
from socket import gethostname

import pytest
from lab import Identity
from lab.lab import PYTHON, TESTS
from lab.named import CA
from names import API4
from test_claude import CLAUDE, LOG, SANDBOX, User, install, prepared, requests

PRESET = "network = restricted\npreset = claude\n"


@pytest.fixture
def user(lab, named):
    """Whose Claude Code asks api.anthropic.com, and may send all that it sends by itself."""
    with prepared(lab):
        install(lab)
        command = ["nsenter", "--net=/run/netns/world", PYTHON, "-B", "-I", f"{TESTS}/messages_api.py", "443", LOG, API4]
        api = lab.start(command, identity=Identity.ROOT)
        assert api.read_line() == "listening\n"
        with contextlib.closing(User(lab, "user")) as user:
            for name in ("ANTHROPIC_BASE_URL", "DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY", "DISABLE_ERROR_REPORTING",
                         "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"):  # fmt: skip
                del user.environment[name]
            user.environment["NODE_EXTRA_CA_CERTS"] = CA
            yield user
        api.signal(9)
        api.close()


def test_the_preset_is_enough(lab, named, user):
    """A turn with a tool; what the tool wants beside is refused, and the record has every name."""
    lab.configure(PRESET)
    prompt = "RUN curl -sS -m 5 https://github.com/; echo $?; curl -sS -m 5 http://45.40.40.40/; echo $?"
    turn = user.ask(prompt)
    assert turn.status == 0 and "Could not resolve host: github.com" in turn.out and turn.out.endswith("\n7\n"), turn
    assert any(method == "POST" and path == "/v1/messages" for method, path, _ in requests(lab))
    # The server of the API looks itself up.
    asked = {query["name"] for query in named.asked() if not query["name"].endswith(".in-addr.arpa") and query["name"].split(".")[0] != gethostname()}
    listed = user.run(SANDBOX, "presets", "claude").out
    # What it asks by itself: the API alone is what it cannot do without.
    assert "api.anthropic.com" in asked and all(name in listed for name in asked), asked
    log = user.run(SANDBOX, "log").out
    assert "github.com" in log and "api.anthropic.com" in log, log
    print(sorted(asked), log)
    # The control: with its name, the tool gets there.
    lab.configure(PRESET + "allow-domain = github.com\n")
    assert "hello from github.com" in user.ask(prompt).out


def test_without_the_preset_it_says_what_it_says_outside(lab, named, user):
    lab.configure("network = restricted\n")
    # The server of the API has looked its own address up, and the name that it found.
    before = named.asked()
    turn = user.run(CLAUDE, "-p", "hello", CLAUDE_CODE_MAX_RETRIES="0")
    assert turn.status == 1 and "ENOTFOUND" in turn.out + turn.err, turn
    assert named.asked()[len(before):] == []

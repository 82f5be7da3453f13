"""Asked in a jail: `explain`, `run --dry-run` and `config --prove` answer there; a prompt and a variable tell where one is."""

import os

import pytest
from lab.filesystem import CONFIGURATION, EXECUTABLE
from test_terminal import Terminal

SHAPE = "office"

HERE = "claude-sandbox: this is a jail: by the configuration, and by this jail's own routes\n"
# Among them an address of the lab's host and its name server, which only the host can tell.
ASKED = ["1.1.1.1", "10.1.2.3:443", "10.1.2.3:22/tcp", "10.9.9.9", "45.33.99.9", "203.0.113.53", "2606:4700::1111", "fd00::1", "localhost"]
# What a jail can say of an address whose reason only its host knows.
ONLY_THE_HOST_KNOWS = "this jail's own route refuses it, as when it was launched"


def explain(lab, identity, destination, inside):
    run = lab.jail if inside else lambda *words, **how: lab.run(words, **how)
    result = run(EXECUTABLE, "explain", "--json", destination, identity=identity)
    assert result.err == (HERE if inside else ""), result
    return result.status, result.json


@pytest.mark.parametrize("destination", ASKED)
def test_explain_answers_as_outside(lab, identity, destination):
    lab.configure("allow-ip = 10.1.2.3:443\n")
    outside, inside = (explain(lab, identity, destination, where) for where in (False, True))
    assert inside[0] == outside[0]
    assert [(a["destination"], a["reachable"]) for a in inside[1]["answers"]] == [(a["destination"], a["reachable"]) for a in outside[1]["answers"]]
    for here, there in zip(inside[1]["answers"], outside[1]["answers"]):
        assert here["because"] in (there["because"], ONLY_THE_HOST_KNOWS)


def test_an_exception_that_came_after_the_launch(lab):
    """The rules of now would open it; the routes of this jail do not. Root's do not follow by themselves what opens."""
    with lab.jailed(identity="root") as jail:
        lab.configure("allow-ip = 10.1.2.3:443\n")
        said = jail.ask("run", argv=[EXECUTABLE, "explain", "10.1.2.3:443/tcp"])
        assert said["status"] == 1 and "blocked" in said["out"] and ONLY_THE_HOST_KNOWS in said["out"], said
    assert explain(lab, "root", "10.1.2.3:443/tcp", True)[0] == 0


def test_the_plan(lab, identity):
    lab.configure("allow-ip = 10.1.2.3:443\n")
    result = lab.jail(EXECUTABLE, "run", "--dry-run", identity=identity)
    assert (result.status, result.err) == (0, HERE)
    for words in ("uplink 10.1.2.3/32", "blackhole 10.0.0.0/8", "192.0.0.2 via 192.0.0.1", f"{CONFIGURATION}:1"):
        assert words in result.out
    outside = lab.sandbox("run", "--dry-run", identity=identity)
    routes, theirs = (text.out.split("routes:\n")[1] for text in (result, outside))
    assert routes == theirs


def test_the_proof(lab, identity):
    result = lab.jail(EXECUTABLE, "config", "--prove", identity=identity)
    assert (result.status, result.err) == (0, HERE) and result.out.startswith("proven: ")


def test_without_a_network(lab, identity):
    result = lab.jail(EXECUTABLE, "explain", "1.1.1.1", options=("--network", "none"), identity=identity)
    assert (result.status, result.err) == (1, HERE) and "blocked" in result.out


def test_the_variable(lab, identity):
    environment = {"CLAUDE_SANDBOX": "no"}
    assert lab.jail("printenv", "CLAUDE_SANDBOX", identity=identity, add_env=environment).out == "1\n"
    assert lab.jail("printenv", "CLAUDE_SANDBOX", identity=identity).out == "1\n"


def test_the_variable_is_not_believed(lab, identity):
    """Who sets it outside has a jail all the same."""
    links = ["sh", "-c", "ip -o link | wc -l"]
    assert lab.jail(*links, identity=identity, add_env={"CLAUDE_SANDBOX": "1"}).out == "3\n"
    result = lab.sandbox("explain", "1.1.1.1", identity=identity, add_env={"CLAUDE_SANDBOX": "1"})
    assert (result.status, result.err) == (0, "")


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash", "/usr/bin/zsh", "/usr/bin/fish"])
def test_the_prompt(lab, shell):
    if not os.path.exists(shell):
        assert os.environ.get("CLAUDE_SANDBOX_TESTS_MUST_RUN") != "1", f"{shell} is not installed"
        pytest.skip(f"{shell} is not installed")
    # Without files of its own, zsh would ask whether to make some.
    environment = {"SHELL": shell, "HOME": "/nonexistent", "PROMPT_COMMAND": "true"}
    terminal = Terminal(lab, [EXECUTABLE, "shell"], "user", add_env=environment)
    try:
        terminal.expect(r"\(jail\) ")
    finally:
        terminal.close()
        terminal.wait()

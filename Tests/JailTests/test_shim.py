"""The name `claude`: which program it starts, and that it starts it as it was called."""

import json
import os

import pytest
from lab import Identity
from lab.filesystem import CLAUDE, EXECUTABLE

REPORT = """#!/usr/bin/python3 -B
import json, os, socket, sys
links = [name for _, name in socket.if_nameindex()]
print(json.dumps([sys.argv[0], [os.fsencode(a).hex() for a in sys.argv[1:]], os.getcwd(), os.environ.get("KEPT"), links]))
sys.exit(7)
"""


@pytest.fixture
def home(lab, identity):
    """A home directory of the caller's, and a function that puts a program somewhere in it."""
    directory = f"/tmp/home-{identity}-{os.urandom(4).hex()}"

    def put(path, text=REPORT, mode=0o755):
        lab.call("lab.host:write", f"{directory}/{path}", text, {"mode": mode})
        return f"{directory}/{path}"

    put.directory = directory
    return put


def claude(lab, identity, home, *words, path="/usr/sbin:/usr/bin", **variables):
    environment = {**lab.environment(Identity(identity)), "HOME": home.directory, "PATH": path, **variables}
    return lab.run([CLAUDE, *words], identity=identity, env=environment)


def test_it_starts_the_real_one_in_a_jail(lab, identity, home):
    real = home(".local/bin/claude")
    result = claude(lab, identity, home, "-p", "two words", "--help", "", "a\nb", KEPT="yes")
    assert (result.status, result.err) == (7, "")
    name, words, _, kept, links = json.loads(result.out)
    assert (name, kept) == (real, "yes")
    assert [bytes.fromhex(word) for word in words] == [b"-p", b"two words", b"--help", b"", b"a\nb"]
    assert links == ["lo", "uplink0", "refuse0"]


@pytest.mark.parametrize("places", [
    [".local/bin/claude", ".claude/local/claude"], [".claude/local/claude", "prefix/bin/claude"],
    ["prefix/bin/claude", ".npm-global/bin/claude"], [".npm-global/bin/claude", "elsewhere/claude"], ["elsewhere/claude"],
])  # fmt: skip
def test_the_first_of_several(lab, identity, home, places):
    paths = [home(place) for place in places]
    result = claude(
        lab, identity, home, path=f"/usr/bin:{home.directory}/elsewhere", NPM_CONFIG_PREFIX=f"{home.directory}/prefix"
    )
    assert json.loads(result.out)[0] == paths[0]


def test_the_configuration_names_it(lab, identity, home):
    home(".local/bin/claude")
    real = home("versions/7")
    lab.configure(f"claude-binary = {real}\n")
    assert json.loads(claude(lab, identity, home).out)[0] == real


def test_what_cannot_be_executed_is_passed_over(lab, identity, home):
    home(".local/bin/claude", mode=0o644)
    real = home(".claude/local/claude")
    assert json.loads(claude(lab, identity, home).out)[0] == real


@pytest.mark.parametrize("how", ["symbolic", "hard"])
def test_it_never_starts_itself(lab, identity, home, how):
    home("x")
    lab.call("lab.host:link", EXECUTABLE, f"{home.directory}/.local/bin/claude", how)
    result = claude(lab, identity, home, path=f"/usr/bin:{home.directory}/.local/bin")
    assert result.status == 127 and "npm install -g @anthropic-ai/claude-code" in result.err


def test_without_a_claude(lab, identity, home):
    home("x")
    result = claude(lab, identity, home)
    assert (result.status, result.out) == (127, "")
    assert result.err.startswith("claude-sandbox: Claude Code was not found") and "\n  fix: " in result.err


def test_in_a_jail_it_starts_the_real_one_there(lab, identity, home):
    real = home(".local/bin/claude")
    lab.call("lab.host:link", EXECUTABLE, f"{home.directory}/shim/claude", "symbolic")
    environment = {**lab.environment(Identity(identity)), "HOME": home.directory, "PATH": f"{home.directory}/shim:/usr/bin"}
    result = lab.jail("claude", "again", identity=identity, env=environment)
    assert (result.status, json.loads(result.out)[0]) == (7, real)


def test_doctor_and_verify_say_when_another_comes_first(lab, identity, home):
    real = home(".local/bin/claude")
    lab.call("lab.host:link", EXECUTABLE, f"{home.directory}/shim/claude", "symbolic")
    directories = {"shim": f"{home.directory}/shim", "real": f"{home.directory}/.local/bin"}

    def say(*order):
        path = ":".join([*(directories[name] for name in order), "/usr/sbin:/usr/bin"])
        environment = {**lab.environment(Identity(identity)), "HOME": home.directory, "PATH": path}
        doctor = {row["name"]: row for row in lab.sandbox("doctor", "--json", identity=identity, env=environment).json["findings"]}
        verify = lab.sandbox("verify", "--json", identity=identity, env=environment)
        return doctor.get("claude"), {row["name"]: row["state"] for row in verify.json["checks"]}.get("claude on PATH"), verify.status

    doctor, verify, status = say("shim", "real")
    assert (doctor["state"], verify, status) == ("ok", "ok", 0)
    doctor, verify, status = say("real", "shim")
    assert (doctor["state"], verify, status) == ("limited", "warning", 0)
    assert real in doctor["finding"] and f"export PATH={directories['shim']}:$PATH" in doctor["fix"]
    assert say("real") == (None, None, 0)


@pytest.mark.parametrize("option", ["--bg", "--background"])
def test_a_background_session_needs_a_jail_that_stays(lab, identity, home, option):
    home(".local/bin/claude")
    refused = claude(lab, identity, home, "-n", "name", option, "a task")
    assert (refused.status, refused.out) == (125, "")
    assert refused.err.startswith(f"claude-sandbox: refused: claude {option}: ") and "claude-sandbox shell" in refused.err
    environment = {**lab.environment(Identity(identity)), "HOME": home.directory}
    assert lab.jail(CLAUDE, option, "a task", identity=identity, env=environment).status == 7
    assert claude(lab, identity, home, option, CLAUDE_SANDBOX_EGRESS_JAIL="0").status == 7
    # A task, and not an option.
    assert claude(lab, identity, home, "-p", "--", option).status == 7


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_claude_binary_that_is_the_sandbox_is_refused(lab, identity, home, through_a_link):
    """It would start itself forever."""
    name = EXECUTABLE
    if through_a_link:
        name = f"{home.directory}/bin/claude"
        home("bin/other")
        lab.call("lab.host:symlink", EXECUTABLE, name)
    lab.configure(f"\nclaude-binary = {name}\n")
    result = claude(lab, identity, home)
    assert (result.status, result.out) == (125, "") and result.err == (
        f"claude-sandbox: refused: /etc/claude-sandbox.conf:2:1: claude-binary = {name} is claude-sandbox itself\n"
        "  fix: name the real Claude Code, or remove the line to have it searched for\n"
    )
@pytest.mark.parametrize("value", ["claude", "bin/claude", "/opt/../claude", "/opt/", ""])
def test_a_wrong_claude_binary_is_an_error(lab, identity, value):
    lab.configure(f"claude-binary = {value}\n")
    result = lab.sandbox("config", "--check", identity=identity)
    assert result.status == 125 and "claude-sandbox.conf:1:" in result.err

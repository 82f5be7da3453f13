"""The guard: Claude Code may run in a jail only, whoever starts it; and no other settings decide instead."""

import json

import pytest
from lab import Identity
from lab.filesystem import EXECUTABLE, GUARD, WRAP
from lab.lab import PYTHON
from reach import sent

SETTINGS = "/etc/claude-code/managed-settings.d/50-claude-sandbox.json"
INSTALLED_GUARD, INSTALLED_WRAP = "/usr/local/bin/claude-sandbox-guard", "/usr/local/bin/claude-sandbox-wrap"


def as_argv0(name, *command):
    """A command whose argv[0] is not the path that is executed."""
    return ["/bin/bash", "-c", 'exec -a "$0" "$@"', name, *command]


def test_in_a_jail_it_allows(lab, identity):
    result = lab.jail(GUARD, identity=identity)
    assert (result.status, result.out, result.err) == (0, "{}\n", "")


def test_in_a_jail_without_a_network_it_allows(lab, identity):
    lab.configure("network = none\n")
    result = lab.jail(GUARD, identity=identity)
    assert (result.status, result.out) == (0, "{}\n")


@pytest.mark.parametrize("override", [None, "0", "1"])
def test_outside_it_refuses_whatever_the_environment_says(lab, identity, override):
    environment = lab.environment(Identity(identity)) | ({} if override is None else {"CLAUDE_SANDBOX_EGRESS_JAIL": override})
    lab.forget()
    result = lab.run([GUARD], identity=identity, env=environment)
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("claude-sandbox: refused: ") and "\n  fix: " in result.err and "egress-jail = 0" in result.err
    assert sent(lab) == []


def test_the_administrator_can_do_without(lab, identity):
    lab.configure("egress-jail = 0\n")
    assert lab.run([GUARD], identity=identity).out == "{}\n"


def test_a_broken_configuration_is_refused(lab, identity):
    lab.configure("egress-jale = 0\n")
    result = lab.run([GUARD], identity=identity)
    assert (result.status, result.out) == (1, "") and "egress-jale" in result.err and result.err.count("fix:") == 1


@pytest.mark.parametrize("enclosure", ["unshare -rn", "unshare -rn --mount", "setpriv --no-new-privs"])
def test_something_like_a_jail_is_refused(lab, enclosure):
    result = lab.run(["/bin/bash", "-c", f"{enclosure} {GUARD}"], identity="user")
    assert (result.status, result.out) == (1, ""), result




def test_wrap_jails_whatever_the_environment_says(lab, identity):
    environment = lab.environment(Identity(identity)) | {"CLAUDE_SANDBOX_EGRESS_JAIL": "0"}
    result = lab.run([WRAP, "ip", "-o", "link"], identity=identity, env=environment)
    assert result.status == 0 and "uplink0" in result.out and "eth0" not in result.out
    assert result.err == ""


def test_wrap_in_a_jail_stays_there(lab, identity):
    """And executes: the process is the one that was started."""
    script = "import os, sys; print(os.getpid() == int(sys.argv[1]), sys.argv[2:])"
    words = f"""exec {WRAP} {PYTHON} -c '{script}' $$ 'a b' ''"""
    result = lab.jail("/bin/bash", "-c", words, identity=identity)
    assert result.out == "True ['a b', '']\n"


def test_the_executed_path_decides(lab, identity):
    """Claude Code starts its wrapper, and what that starts, as "claude bg-pty-host"."""
    host = as_argv0("claude bg-pty-host", WRAP, "/bin/bash", "-c", 'echo "$0 $*"; ip -o link | cut -d: -f2', "real", "--bg-pty-host", "--", "x")
    outside = lab.run(host, identity=identity)
    assert (outside.status, outside.err) == (0, "") and outside.out.startswith("real --bg-pty-host -- x\n")
    assert "uplink0" in outside.out and "eth0" not in outside.out
    inside = lab.jail(*host, identity=identity)
    assert (inside.status, inside.out) == (0, outside.out)
    assert lab.run(as_argv0("claude", GUARD), identity=identity).status == 1
    assert lab.run(as_argv0(GUARD, EXECUTABLE, "version"), identity=identity).out.startswith("claude-sandbox ")


def test_without_a_path_the_name_decides(lab, identity):
    """fexecve(3) leaves no other."""
    script = f"import os; os.execve(os.open('{EXECUTABLE}', os.O_RDONLY), ['/x/claude-sandbox-guard'], {{}})"
    assert lab.run([PYTHON, "-c", script], identity=identity).status == 1
    assert lab.jail(PYTHON, "-c", script, identity=identity).out == "{}\n"


@pytest.fixture
def installed(lab):
    """The guard's settings and programs, as an installation places them."""
    settings = {"policyHelper": {"path": INSTALLED_GUARD, "timeoutMs": 5000}, "processWrapper": INSTALLED_WRAP}
    lab.call("lab.host:cover", "/usr/local/bin")
    for path in (INSTALLED_GUARD, INSTALLED_WRAP):
        lab.call("lab.host:write", path, "", {"mode": 0o755})
        lab.call("lab.host:bind", EXECUTABLE, path)

    def write(changed=None, path=SETTINGS, **how):
        lab.call("lab.host:write", path, json.dumps(settings if changed is None else changed), how)

    write()
    yield write
    lab.call("lab.host:uncover", "/usr/local/bin")
    lab.call("lab.host:remove", "/etc/claude-code")


def guard_rows(lab, identity):
    found = {row["name"]: row for row in lab.sandbox("verify", "--json", "--offline", identity=identity).json["checks"]}
    return {name.removeprefix("guard, "): row for name, row in found.items() if name.startswith("guard, ")}


def test_an_installed_guard_is_verified(lab, identity, installed):
    assert {name: row["state"] for name, row in guard_rows(lab, identity).items()} == {
        "settings": "ok", "other settings": "ok", "without a jail": "ok",
    }  # fmt: skip


@pytest.mark.parametrize("changed", [
    {"policyHelper": INSTALLED_GUARD, "processWrapper": INSTALLED_WRAP}, {"policyHelper": {"path": INSTALLED_GUARD}}, {"processWrapper": INSTALLED_WRAP},
    {"policyHelper": {"path": INSTALLED_GUARD, "timeoutMs": "5000"}, "processWrapper": INSTALLED_WRAP},
    {"policyHelper": {"path": "/bin/true"}, "processWrapper": INSTALLED_WRAP}, {"policyHelper": {"path": INSTALLED_GUARD}, "processWrapper": [INSTALLED_WRAP]},
])  # fmt: skip
def test_wrong_settings_are_found(lab, identity, installed, changed):
    installed(changed)
    assert guard_rows(lab, identity)["settings"]["state"] == "failed"


@pytest.mark.parametrize("how", [{"mode": 0o666}, {"uid": 1000}])
def test_settings_that_others_can_write_are_found(lab, identity, installed, how):
    installed(**how)
    assert guard_rows(lab, identity)["settings"]["state"] == "failed"


@pytest.mark.parametrize("name", ["managed-settings.json", "managed-settings.d/10-first.json", "managed-settings.d/90-last.json"])
@pytest.mark.parametrize("rival", [{"policyHelper": {"path": "/bin/true"}}, {"policyHelpers": {}}, {"processWrapper": "env"}, ["broken"]])
def test_other_settings_that_would_decide_are_found(lab, identity, installed, name, rival):
    installed(rival, path=f"/etc/claude-code/{name}")
    row = guard_rows(lab, identity)["other settings"]
    assert row["state"] == "failed" and name in row["saw"]
    installed({"model": "opus"}, path=f"/etc/claude-code/{name}")
    assert guard_rows(lab, identity)["other settings"]["state"] == "ok"

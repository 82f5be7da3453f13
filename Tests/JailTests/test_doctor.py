"""`doctor` on what makes launches fail beside the machine: each a row with its fix, and gone when that is done."""

import pytest
from lab.filesystem import CLAUDE, CONFIGURATION, EXECUTABLE

BIN = "/usr/bin"


@pytest.fixture
def binaries(lab):
    lab.call("lab.host:overlay", BIN)
    yield BIN
    lab.call("lab.host:uncover", BIN)


def ask(lab, identity, **environment):
    result = lab.sandbox("doctor", "--json", identity=identity, add_env=environment)
    assert result.err == ""
    rows = {row["name"]: row for row in result.json["findings"]}
    assert all(row.get("fix") for row in rows.values() if row["state"] != "ok")
    return result.status, rows


def test_a_right_configuration(lab, identity):
    status, rows = ask(lab, identity)
    assert (status, rows["configuration"]["state"], rows["rules"]["state"]) == (0, "ok", "ok")


@pytest.mark.parametrize("text", ["allow-ip = nonsense\n", "no-such-key = 1\n"])
def test_a_broken_configuration(lab, identity, text):
    lab.configure(text)
    status, rows = ask(lab, identity)
    assert (status, rows["configuration"]["state"]) == (1, "missing")
    assert f"{CONFIGURATION}:1:" in rows["configuration"]["finding"] and "config --check" in rows["configuration"]["fix"]
    assert lab.jail("true", identity=identity).status == 125


def test_an_unreadable_configuration(lab):
    lab.configure("", mode=0o600)
    status, rows = ask(lab, "user")
    assert (status, rows["configuration"]["state"], rows["configuration"]["fix"]) == (1, "missing", f"chmod 644 {CONFIGURATION}")
    assert lab.jail("true", identity="user").status == 125


def test_a_configuration_without_a_jail(lab, identity):
    lab.configure("egress-jail = 0\n")
    status, rows = ask(lab, identity)
    assert (status, rows["configuration"]["state"]) == (0, "limited")
    assert f"egress-jail = 0 ({CONFIGURATION}:1" in rows["configuration"]["finding"]


def test_rules_that_no_filter_holds(lab, identity):
    lab.configure("".join(f"allow-ip = 10.{n // 250}.{n % 250}.1:{n + 1}\n" for n in range(4000)))
    status, rows = ask(lab, identity)
    assert (status, rows["rules"]["state"]) == (1, "missing") and "the tap filter needs" in rows["rules"]["finding"]
    check = lab.sandbox("config", "--check", identity=identity)
    assert (check.status, check.out) == (125, "") and "the tap filter needs" in check.err
    assert lab.jail("true", identity=identity).status == 125


def test_the_real_claude(lab, identity):
    home = f"/tmp/home-{identity}"
    path = f"{home}/.local/bin/claude"
    status, rows = ask(lab, identity, HOME=home)
    assert (status, rows["Claude Code"]["state"]) == (0, "limited") and "npm install" in rows["Claude Code"]["fix"]
    lab.configure(f"claude-binary = {path}\n")
    status, rows = ask(lab, identity, HOME=home)
    assert (status, rows["Claude Code"]["state"]) == (0, "limited")
    assert f"{path} ({CONFIGURATION}:1" in rows["Claude Code"]["finding"]
    assert lab.run([CLAUDE], identity=identity).status == 127
    lab.call("lab.host:write", path, "#!/bin/sh\nexit 7\n", {"mode": 0o755})
    status, rows = ask(lab, identity, HOME=home)
    assert (rows["Claude Code"]["state"], rows["Claude Code"]["finding"]) == ("ok", path)
    assert lab.run([CLAUDE], identity=identity).status == 7
    lab.call("lab.host:remove", home)


PASTA = """#!/bin/sh
for word; do case $word in {unknown}) exit 1 ;; esac; done
echo '{version}'
"""


@pytest.mark.parametrize("unknown,state", [("--map-host-loopback", "limited"), ("--other", "ok")])
def test_an_old_pasta(lab, binaries, unknown, state):
    """Debian 12's lets a connection to a closed port hang. It is told by a flag that came after it."""
    for name in ("pasta", "passt"):
        lab.call("lab.host:remove", f"{binaries}/{name}")
    lab.call("lab.host:write", f"{binaries}/pasta", PASTA.format(unknown=unknown, version="pasta 1"), {"mode": 0o755})
    status, rows = ask(lab, "user")
    assert (status, rows["pasta"]["state"]) == (0, state) and f"{binaries}/pasta, pasta 1" in rows["pasta"]["finding"]
    assert state == "ok" or "closed port" in rows["pasta"]["finding"] and "2024-08" in rows["pasta"]["fix"]


@pytest.mark.parametrize("said", ["", "pasta unknown version"])
def test_the_version_of_a_pasta_that_does_not_say(lab, binaries, said):
    for name in ("pasta", "passt"):
        lab.call("lab.host:remove", f"{binaries}/{name}")
    lab.call("lab.host:write", f"{binaries}/pasta", PASTA.format(unknown="--other", version=said), {"mode": 0o755})
    lab.call("lab.host:remove", f"{binaries}/dpkg-query")
    lab.call("lab.host:write", f"{binaries}/dpkg-query", '#!/bin/sh\ntest "$*" = "--show --showformat=\\${Version} passt" && echo 1.2-3\n', {"mode": 0o755})
    assert "passt 1.2-3" in ask(lab, "user")[1]["pasta"]["finding"]
    lab.call("lab.host:remove", f"{binaries}/dpkg-query")
    lab.call("lab.host:write", f"{binaries}/rpm", "#!/bin/sh\necho 4.5-6\n", {"mode": 0o755})
    assert "passt 4.5-6" in ask(lab, "user")[1]["pasta"]["finding"]
    lab.call("lab.host:remove", f"{binaries}/rpm")
    assert "version unknown" in ask(lab, "user")[1]["pasta"]["finding"]


PROXY = "127.0.0.9"


@pytest.fixture
def proxy(lab):
    """A function that starts a name server which gives the same answer for every name."""
    started = []

    def start(address):
        words = ["dnsmasq", "--conf-file=/dev/null", "--no-daemon", "--no-hosts", "--no-resolv", "--bind-interfaces"]
        started.append(lab.start([*words, f"--listen-address={PROXY}", f"--address=/#/{address}"], identity="root"))
        while "started" not in started[-1].read_line(2):
            pass
        lab.resolv(f"nameserver {PROXY}\n")

    yield start
    for process in started:
        process.signal(15)
        process.wait()
        process.close()


def test_a_proxy_that_answers_every_name(lab, identity, proxy):
    status, rows = ask(lab, identity)
    assert (status, rows["names"]["state"]) == (0, "ok") and "api.anthropic.com is " in rows["names"]["finding"]
    proxy("198.18.0.7")
    status, rows = ask(lab, identity)
    assert (status, rows["names"]["state"]) == (0, "limited") and "api.anthropic.com is 198.18.0.7" in rows["names"]["finding"]
    assert rows["names"]["fix"].startswith(f"write allow-net = 198.18.0.0/15 in {CONFIGURATION}")
    assert lab.sandbox("explain", "https://api.anthropic.com", identity=identity).status == 1
    lab.configure("allow-net = 198.18.0.0/15\n")
    assert ask(lab, identity)[1]["names"]["state"] == "ok"
    assert lab.sandbox("explain", "https://api.anthropic.com", identity=identity).status == 0


def test_an_internal_address_is_not_such_a_proxy(lab, proxy):
    proxy("10.0.0.7")
    assert ask(lab, "user")[1]["names"]["state"] == "ok"


def test_without_a_name_server(lab):
    """It is not waited for, and no fault: machines without internet have jails, too."""
    lab.resolv("nameserver 203.0.113.253\nnameserver 203.0.113.254\n")
    result = lab.sandbox("doctor", "--json", identity="user")
    assert "names" not in {row["name"] for row in result.json["findings"]} and result.status == 0 and result.seconds < 5, result


def test_in_a_jail(lab, identity):
    """A launch stays there, and needs nothing of the machine: uid 0 could not map itself there, nor need it."""
    result = lab.jail(EXECUTABLE, "doctor", "--json", identity=identity)
    rows = {row["name"]: row for row in result.json["findings"]}
    assert (result.status, result.err, rows["jail"]["state"]) == (0, "", "ok") and "identity map" not in rows
    assert lab.jail(EXECUTABLE, "doctor", identity=identity).out.endswith("\nThis is a jail.\n")
    lab.configure("nonsense\n")
    assert lab.sandbox("doctor", identity=identity).status == 1


def test_what_a_configuration_does_not_need(lab, identity, binaries):
    """A jail that reaches names only has no pasta; one without names has no link to them."""
    for name in ("pasta", "passt", "pasta.avx2", "passt.avx2"):
        lab.call("lab.host:remove", f"{binaries}/{name}")
    assert ask(lab, identity)[1]["pasta"]["state"] == "missing"
    lab.configure("network = restricted\nallow-domain = example.org\n")
    status, rows = ask(lab, identity)
    assert (status, rows["pasta"]["state"]) == (0, "limited") and "not needed here: no line opens an address" in rows["pasta"]["finding"]
    assert rows["link to names"]["state"] == "ok"
    assert lab.jail("true", identity=identity).status == 0
    lab.configure("network = restricted\nallow-domain = example.org\nallow-ip = 10.1.1.1\n")
    assert ask(lab, identity)[1]["pasta"]["state"] == "missing" and lab.jail("true", identity=identity).status == 125

"""`verify`: what it says of a good jail, that it sends nothing, and that each of its checks can fail."""

import json

import pytest
from lab import Identity
from lab.filesystem import EXECUTABLE, TESTS, VERIFY
from lab.lab import PYTHON
from lab.shape import DNSMASQ4
from reach import sent

NETWORK = ["private networks", "metadata services", "other internal IPv4", "other internal IPv6", "IPv4 inside of IPv6",
           "multicast and broadcast", "the gateway", "SO_BINDTODEVICE, TCP", "SO_BINDTODEVICE, UDP",
           "SO_BINDTODEVICE, multicast", "IP_UNICAST_IF", "IP_PKTINFO"]  # fmt: skip
CANARIES = ["the host's loopback", "the host's loopback, SO_BINDTODEVICE", "the host's addresses", "the host's addresses, SO_BINDTODEVICE",
            "the host's name servers", "the host's name servers, SO_BINDTODEVICE", "a covered Unix socket", "an abstract Unix socket"]  # fmt: skip
KERNEL = ["capabilities", "capabilities of a nested namespace", "the refusal link", "socket families", "raw sockets", "netlink protocols",
          "system calls that are not there", "system calls of administrators", "typing into the terminal", "processes outside",
          "taking over a process outside", "signals to outside", "files that decide", "inherited descriptors",
          "places of services outside"]  # fmt: skip
OUTSIDE = ["canaries, from outside", "the attacker, from outside", "nothing is left", "canaries, afterwards"]
CONTROLS = ["this is a jail", "loopback works", "name service works", "the internet works"]


def rows(result):
    answer = json.loads(result.out)
    # The attacker's own answer has no verdict.
    checks = answer["checks"] if isinstance(answer, dict) else answer
    found = {row["name"]: row for row in checks}
    assert len(found) == len(checks), "a name is used twice"
    return found


def states(result):
    return {name: row["state"] for name, row in rows(result).items()}


def test_a_jail_from_outside(lab, identity):
    lab.forget()
    result = lab.sandbox("verify", "--json", identity=identity)
    found = states(result)
    assert (result.status, result.err) == (0, ""), result
    expected = [*CONTROLS, *NETWORK, *CANARIES, *KERNEL, *OUTSIDE]
    assert sorted(found) == sorted([*expected, *(["the user"] if identity == "root" else [])])
    assert {found[name] for name in expected} == {"ok"}
    assert identity != "root" or found["the user"] == "limited"
    assert {e["dst"] for e in sent(lab) if "dst" in e} <= {"45.33.7.7", "2606:4700::1111", DNSMASQ4}


def test_the_table(lab, identity):
    result = lab.sandbox("verify", identity=identity)
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[-1].startswith("The jail holds: ")
    assert any(line.startswith("ok ") and "private networks" in line and line.endswith("EHOSTUNREACH ×6") for line in lines)


def test_the_name_verify_sandbox(lab, identity):
    result = lab.run([VERIFY, "--json"], identity=identity)
    assert result.status == 0 and states(result)["this is a jail"] == "ok"


def test_a_child_of_who_verifies_is_left_alone(lab, identity):
    """As a shell has one in the background, and executes."""
    result = lab.run(["/bin/bash", "-c", f"sleep 20 >/dev/null 2>&1 & exec {EXECUTABLE} verify --offline --json"], identity=identity)
    assert result.status == 0 and states(result)["nothing is left"] == "ok", result


def test_a_jail_from_inside(lab, identity):
    result = lab.jail(EXECUTABLE, "verify", "--json", identity=identity)
    found = states(result)
    assert result.status == 0, result
    assert sorted(found) == sorted([*CONTROLS, *NETWORK, *KERNEL])
    assert set(found.values()) == {"ok"}


def test_offline_skips_what_needs_the_internet(lab, identity):
    lab.forget()
    result = lab.sandbox("verify", "--json", "--offline", identity=identity)
    found = states(result)
    assert result.status == 0
    assert [name for name, state in found.items() if state == "skipped"] == ["name service works", "the internet works"]
    assert sent(lab) == []


def test_a_dead_network_is_no_pass(lab, identity):
    lab.resolv("nameserver 203.0.113.253\noptions timeout:1 attempts:1\n")
    result = lab.sandbox("verify", "--json", identity=identity)
    found = states(result)
    assert (result.status, [name for name, state in found.items() if state == "unreachable"]) == (2, ["name service works", "the internet works"])
    assert "failed" not in found.values()
    result = lab.sandbox("verify", identity=identity)
    assert result.status == 2 and result.out.endswith("But the internet cannot be reached from the jail.\n")
    assert "Do not rely" not in result.out


def test_without_a_network(lab, identity):
    lab.configure("network = none\n")
    result = lab.sandbox("verify", "--json", identity=identity)
    found = states(result)
    assert result.status == 0, result
    assert found["past the routes"] == found["the internet works"] == "skipped"
    assert found["private networks"] == found["the host's addresses"] == "ok"


def test_what_the_configuration_allows_is_no_escape(lab, identity):
    lab.configure("allow-net = 10.0.0.0/8\nallow-ip = 192.168.1.1:47\n")
    result = lab.sandbox("verify", "--json", identity=identity)
    found = rows(result)
    assert result.status == 0, [row for row in found.values() if row["state"] == "failed"]
    assert "10.0.0.1" not in found["private networks"]["tried"] and "172.16.0.1" in found["private networks"]["tried"]


@pytest.mark.parametrize("how", ["override", "configuration"])
def test_no_jail_fails_and_sends_nothing(lab, identity, how):
    environment = lab.environment(Identity(identity))
    if how == "override":
        environment["CLAUDE_SANDBOX_EGRESS_JAIL"] = "0"
    else:
        lab.configure("egress-jail = 0\n")
    lab.forget()
    result = lab.sandbox("verify", "--json", identity=identity, env=environment)
    failed = [name for name, state in states(result).items() if state == "failed"]
    assert (result.status, failed) == (1, ["this is a jail", "the attacker, from outside", "nothing is left"])
    assert sent(lab) == []


def test_a_refused_launch_fails(lab, identity):
    lab.configure("allow-ip = 10.0.0.1\n", path="/etc/claude-sandbox.conf.d/90.conf", mode=0o666)
    result = lab.sandbox("verify", identity=identity)
    assert result.status == 1 and "FAIL  a jail is launched" in result.out and "90.conf" in result.out


@pytest.mark.parametrize("enclosure", [
    "unshare -rn", "unshare -rn capsh --drop=all --", "setpriv --no-new-privs --bounding-set=-all --inh-caps=-all",
])  # fmt: skip
def test_something_like_a_jail_is_none(lab, enclosure):
    command = f"{enclosure} {EXECUTABLE} verify --attack" if "capsh" not in enclosure else f"{enclosure} -c '{EXECUTABLE} verify --attack'"
    result = lab.run(["/bin/bash", "-c", command], identity="user" if "setpriv" not in enclosure else "root")
    assert states(result) == {"this is a jail": "failed"}, result


SERVE = f"""
import socket, subprocess, sys
path = sys.argv[1]
server = socket.socket(socket.AF_UNIX); server.bind(path); server.listen()
other = socket.socket(socket.AF_UNIX); other.bind("\\0reachable"); other.listen()
listener = open("/dev/null")
sys.exit(subprocess.run([{EXECUTABLE!r}, "verify", "--attack", "--offline", *sys.argv[2:]], pass_fds=[listener.fileno()]).returncode)
"""


def test_what_can_be_reached_is_a_failure(lab, identity):
    """Targets that a jail does reach: the attacks are real, and the checks can fail."""
    path = f"/tmp/reachable-{identity}.sock"
    targets = ["loopback=1.1.1.1#7", "host=1.1.1.1#7", "resolver=1.1.1.1", f"unix={path}", "abstract=reachable"]
    words = [word for target in targets for word in ("--target", target)]
    found = rows(lab.jail(PYTHON, "-c", SERVE, path, *words, identity=identity))
    assert [name for name in CANARIES if found[name]["state"] != "failed"] == []
    assert found["the host's addresses"]["saw"] == "1.1.1.1: connected, 1.1.1.1: connected"
    assert found["inherited descriptors"]["state"] == "failed"
    assert {found[name]["state"] for name in NETWORK} == {"ok"}


ROUTES = NETWORK[:6]
# What `this is a jail` asks for itself, or what only a bug of the kernel could grant.
SURE = ["capabilities", "capabilities of a nested namespace", "the refusal link", "raw sockets"]
TARGETS = ["loopback=127.0.0.1#4711", "host=1.1.1.1#7", "resolver=1.1.1.1", "unix=/tmp/nvim.visible", "abstract=visible"]


def sham(lab, *what):
    """What the attacks say of something that looks like a jail and has no walls: see probes/sham.py."""
    routes = lab.jail("ip", "route").out + lab.jail("ip", "-6", "route").out
    blackholes = [line.split()[1] for line in routes.splitlines() if line.startswith("blackhole ")]
    request = json.dumps({"blackholes": blackholes, **dict.fromkeys(what, True)})
    words = [word for target in TARGETS for word in ("--target", target)]
    command = [EXECUTABLE, "verify", "--attack", "--offline", *words]
    lab.call("probes.sham:wait_for_the_last_one")
    result = lab.run([PYTHON, "-B", "-I", f"{TESTS}/probes/sham.py", request, *command], identity="root")
    lab.call("lab.host:remove", "/tmp/nvim.visible")
    assert (result.status, result.err) == (0, ""), result
    return states(result)


def test_without_walls_every_check_fails(lab):
    found = sham(lab)
    assert found["this is a jail"] == "ok", "or nothing would be tried"
    assert {name for name, state in found.items() if state == "ok"} == {"this is a jail", "loopback works", *ROUTES, *SURE}
    assert found["signals to outside"] in ("failed", "limited")
    assert [name for name in [*NETWORK[6:], *CANARIES] if found[name] != "failed"] == []


def test_routes_that_lead_past_the_blackholes_fail(lab):
    found = sham(lab, "holes")
    assert [name for name in ROUTES if found[name] != "failed"] == []


def test_a_dead_loopback_fails(lab):
    found = sham(lab, "none")
    assert (found["this is a jail"], found["loopback works"], found["private networks"]) == ("ok", "failed", "ok")


def test_a_reached_canary_is_noticed(lab, identity):
    """Somebody connects to the Unix socket while the jail is attacked."""
    watch = """
import os, socket
print("ready", flush=True)
while True:
    for name in os.listdir("/tmp"):
        if name.startswith("nvim.claude-sandbox-verify-"):
            reached = 0
            for _ in range(50):
                try:
                    socket.socket(socket.AF_UNIX).connect("/tmp/" + name); reached += 1
                except OSError: pass
            if reached: raise SystemExit
"""
    watcher = lab.start([PYTHON, "-c", watch], identity=identity)
    assert watcher.read_line() == "ready\n"
    result = lab.sandbox("verify", "--json", "--offline", identity=identity)
    watcher.communicate()
    found = states(result)
    assert (result.status, found["canaries, afterwards"]) == (1, "failed")


def test_a_canary_that_cannot_be_reached_proves_nothing(lab, identity):
    """A local firewall: the service is there, and nobody gets to it."""
    lab.call("lab.host:ip", "rule add pref 10 table local\nrule del pref 0\nrule add pref 5 to 198.51.100.5 prohibit")
    try:
        result = lab.sandbox("verify", "--json", "--offline", identity=identity)
    finally:
        lab.call("lab.host:ip", "rule del pref 5\nrule add pref 0 table local\nrule del pref 10")
    found = rows(result)
    assert result.status == 1 and found["canaries, from outside"]["state"] == "failed", result


def test_nothing_is_waited_for(lab, identity):
    """Every attempt is answered at once. Silence would cost half a second each time, and the proof more than its tenth of one."""
    found = rows(lab.sandbox("verify", "--json", identity=identity))
    assert [name for name in [*NETWORK, *CANARIES] if "no answer" in found[name]["saw"]] == []
    # The control: an address of the internet at which nothing answers, not even that a port is closed.
    lab.call("lab.host:ip", "route add blackhole 203.0.113.7/32", True)
    try:
        silent = rows(lab.jail(EXECUTABLE, "verify", "--attack", "--offline", "--target", "host=203.0.113.7#9", identity=identity))
    finally:
        lab.call("lab.host:ip", "route del blackhole 203.0.113.7/32", True)
    assert "203.0.113.7: no answer" in silent["the host's addresses"]["saw"]


def test_a_jail_without_ipv6(lab, identity):
    lab.configure("ipv6 = off\n")
    result = lab.sandbox("verify", "--json", identity=identity)
    assert result.status == 0, [row for row in rows(result).values() if row["state"] == "failed"]


def test_an_exposed_socket_is_no_failure(lab, identity):
    path = "/tmp/nvim.mine"
    lab.configure(f"expose-socket = {path}\n")
    serve = f"""
import os, socket, subprocess, sys
s = socket.socket(socket.AF_UNIX); s.bind({path!r}); s.listen()
sys.exit(subprocess.run([{EXECUTABLE!r}, "verify", "--json", "--offline"]).returncode)
"""
    result = lab.run([PYTHON, "-c", serve], identity=identity)
    lab.call("lab.host:remove", path)
    assert result.status == 0 and states(result)["places of services outside"] == "ok", result

"""`--json`: what each command prints is what claude-sandbox(1) describes, errors too; and no output is lost in silence."""

import json
import re
from pathlib import Path

import pytest
from lab.filesystem import CONFIGURATION, EXECUTABLE, VERIFY

SHAPE = "office"

PAGE = (Path(__file__).parents[2] / "etc/man/claude-sandbox.1").read_text()
TYPES = {"string": str, "integer": int, "boolean": bool}
FAILED = 74


def read_schema():
    """The page's section: for each part its members, {name: (type, optional, words)}, and the words of its own text."""
    section = re.search(r"^\.Sh JSON OUTPUT\n(.*?)^\.Sh ", PAGE, re.M | re.S)[1]
    members, words = {}, {}
    for part in re.split(r"^\.Ss ", section, flags=re.M)[1:]:
        title, text = part.split("\n", 1)
        title = title.replace("\\-", "-")
        said, *items = re.split(r"^\.It Va ", text.split("\n.El")[0], flags=re.M)
        # What stands behind the list is the part's own, too.
        words[title] = mentioned(said + text.partition("\n.El")[2])
        members[title] = {}
        for item in items:
            name, kind, optional, about = re.fullmatch(r"(\w+) Pq ([^,\n]+?)(, optional)?\n(.*)", item, re.S).groups()
            members[title][name] = (kind, bool(optional), mentioned(about))
    return members, words


def mentioned(text):
    return {word for line in re.findall(r"^\.Cm (.*)$", text, re.M) for word in line.split() if re.match(r"\w", word)}


MEMBERS, WORDS = read_schema()


def check(value, kind, words=frozenset(), where=""):
    if kind.startswith("array of "):
        assert type(value) is list, where
        for number, entry in enumerate(value):
            check(entry, kind.removeprefix("array of "), where=f"{where}[{number}]")
    elif kind in MEMBERS:
        known = MEMBERS[kind]
        assert type(value) is dict and set(value) <= set(known), (where, set(value) - set(known))
        for name, (inner, optional, choices) in known.items():
            assert optional or name in value, (where, name)
            if name in value:
                check(value[name], inner, choices, f"{where}.{name}")
    elif type(value) is dict:
        check(value, next(one for one in kind.split(" or ") if one in MEMBERS), where=where)
    else:
        assert type(value) in [TYPES.get(name) for name in kind.split(" or ")], (where, value)
        assert not words or value in words, (where, value, words)


def check_object(answer, command):
    """One object, in which everything is described, and nothing else is."""
    common = MEMBERS["Every object"]
    assert answer["version"] == 1
    assert answer["verdict"] in (MEMBERS["finding"]["state"][2] if command == "doctor" else WORDS[command]) | WORDS["Every object"]
    assert (answer["verdict"] in ("refused", "usage")) <= bool(answer.get("errors"))
    check({name: value for name, value in answer.items() if name in common}, "Every object")
    if answer["verdict"] not in WORDS["Every object"]:
        check({name: value for name, value in answer.items() if name not in common}, command)


COMMANDS = [
    ("explain", ["explain", "10.1.1.1"]), ("explain", ["explain", "nowhere.lab.test"]), ("explain", ["explain", "127.0.0.1:80"]),
    ("run --dry-run", ["run", "--dry-run"]), ("run --dry-run", ["run", "--network", "none", "--dry-run"]), ("config", ["config"]),
    ("config --check", ["config", "--check"]), ("config --prove", ["config", "--prove"]), ("doctor", ["doctor"]), ("doctor", ["doctor", "--shell"]),
    ("verify", ["verify"]), ("verify", ["verify", "--offline"]), ("version", ["version"]),
]  # fmt: skip


@pytest.mark.parametrize("command, words", COMMANDS, ids=[" ".join(words) for _, words in COMMANDS])
def test_every_command_prints_what_is_described(lab, identity, command, words):
    lab.configure("allow-ip = 10.1.1.1:80,8000-8999/tcp\nblock-net = 8.8.8.0/24\nipv6 = off\nallow-write = /srv\nexpose-socket = /run/x.sock\n")
    plain = lab.sandbox(*words, identity=identity)
    result = lab.sandbox(*words, "--json", identity=identity)
    assert (result.status, result.err) == (plain.status, plain.err)
    check_object(result.json, command)


def test_verify_sandbox_too(lab, identity):
    check_object(lab.run([VERIFY, "--offline", "--json"], identity=identity).json, "verify")


@pytest.mark.parametrize("command, words", [c for c in COMMANDS if c[0] not in ("doctor", "verify", "version") and "nowhere.lab.test" not in c[1]])
def test_in_a_jail(lab, identity, command, words):
    check_object(lab.jail(EXECUTABLE, *words, "--json", identity=identity).json, command)


def test_running_jails(lab, identity):
    lab.configure("")
    with lab.jailed(identity=identity), lab.jailed(identity=identity, options=("--network", "none")) as jail:
        check_object(lab.sandbox("ps", "--json", identity=identity).json, "ps")
        lab.configure("ipv6 = off\nallow-ipp = 10.0.0.1\n")
        lab.sandbox("reload", str(jail.process.pid), identity=identity)
        listed = lab.sandbox("ps", "--json", identity=identity).json
        check_object(listed, "ps")
        assert "allow-ipp" in listed["jails"][1]["configurationProblem"]
        lab.configure("")


def test_lines_of_the_record(lab, identity):
    lab.configure("block-net = 8.8.8.0/24\n")
    with lab.jailed(identity=identity) as jail:
        for address in ("10.1.1.1", "8.8.8.8"):
            assert jail.ask("tcp", address=address, port=22)["errno"] == "EHOSTUNREACH"
        jail.ask("getaddrinfo", name="web.lab.test")
        lab.configure("network = none\n")
        lab.sandbox("reload", identity=identity)
        assert jail.ask("tcp", address="10.1.1.1", port=22)["errno"] == "EHOSTUNREACH"
    shown = lab.sandbox("log", "--json", str(jail.process.pid), identity=identity)
    lines = [json.loads(line) for line in shown.out.splitlines()]
    for line in lines:
        check(line, "line")
    assert {"started", "refused", "names", "configuration", "cut", "ended"} == {line["event"] for line in lines}
    [cut] = [line for line in lines if line["event"] == "cut"]
    assert cut["message"] == f"{CONFIGURATION}:1:1: network = none"


@pytest.mark.parametrize("command", ["ps", "log"])
def test_what_only_the_host_can_tell(lab, identity, command):
    result = lab.jail(EXECUTABLE, command, "--json", identity=identity)
    check_object(result.json, command)
    assert (result.status, result.json["verdict"]) == (1, "unavailable")
    [error] = result.json["errors"]
    assert error["kind"] == "unavailable" and result.err == f"claude-sandbox: {error['message']}\n"


def test_jails_of_others(lab):
    result = lab.sandbox("ps", "--all", "--json", identity="user")
    check_object(result.json, "ps")
    assert (result.status, result.json["verdict"]) == (1, "unavailable") and "only root" in result.json["errors"][0]["message"]


def test_values_have_types(lab, identity):
    lab.configure("allow-ip = 10.1.1.1:80,8000-8999/tcp\negress-jail = 0\n")
    found = lab.sandbox("config", "--json", identity=identity).json
    settings = {setting["key"]: setting for setting in found["settings"]}
    assert settings["egress-jail"]["value"] is False and settings["allow-override"]["value"] is True and settings["network"]["value"] == "internet"
    assert settings["egress-jail"]["origin"] == {
        "kind": "configuration", "key": "egress-jail", "file": CONFIGURATION, "line": 2, "column": 1, "reason": f"{CONFIGURATION}:2:1: egress-jail",
    }  # fmt: skip
    assert settings["network"]["origin"]["kind"] == "default"
    [rule] = found["rules"]
    assert rule["services"] == {"tcp": [{"first": 80, "last": 80}, {"first": 8000, "last": 8999}], "udp": [], "echo": False}
    assert (rule["prefix"], rule["action"], rule["origin"]["file"], rule["origin"]["line"]) == ("10.1.1.1/32", "allow", CONFIGURATION, 1)
    plan = lab.sandbox("run", "--dry-run", "--json", identity=identity).json
    assert rule in plan["rules"] and {"kind": "uplink", "prefix": "10.1.1.1/32"} in plan["routes"]
    assert {"kind": "blackhole", "prefix": "10.0.0.0/8"} in plan["routes"]
    kinds = {rule["origin"]["kind"]: rule["origin"] for rule in plan["rules"]}
    assert "link" in kinds["host-address"] and "link" in kinds["connected-prefix"] and {"builtin", "internet", "resolver"} <= set(kinds)
    [answer] = lab.sandbox("explain", "10.1.1.1:80/tcp", "--json", identity=identity).json["answers"]
    assert answer["rule"] == rule and answer["reachable"] is True


# Errors.


ASKING = [("explain", ["explain", "10.1.1.1"]), ("run --dry-run", ["run", "--dry-run"]), ("config", ["config"]),
          ("config --check", ["config", "--check"]), ("config --prove", ["config", "--prove"])]  # fmt: skip


@pytest.mark.parametrize("command, words", ASKING)
def test_errors_in_the_configuration(lab, identity, command, words):
    lab.configure("ipv6 = off\nallow-ipp = 10.0.0.1\n  network = lan\n")
    result = lab.sandbox(*words, "--json", identity=identity)
    assert result.status == 125 and result.json["verdict"] == "refused"
    check_object(result.json, command)
    first, second = result.json["errors"]
    assert (first["kind"], first["file"], first["line"], first["column"]) == ("configuration", CONFIGURATION, 2, 1)
    assert first["text"] == "allow-ipp = 10.0.0.1" and "allow-ip" in first["hint"]
    assert (second["line"], second["column"]) == (3, 13)
    assert f"{CONFIGURATION}:2:1: {first['message']}\n" in result.err


@pytest.mark.parametrize("command, words", [c for c in ASKING if c[0] != "config"])
@pytest.mark.parametrize("allowed", [True, False])
def test_a_refusal_names_its_fix_and_the_override(lab, identity, command, words, allowed):
    lab.configure("".join(f"allow-ip = 10.{n // 250}.{n % 250}.1:{n + 1}\n" for n in range(4000)) + ("" if allowed else "allow-override = no\n"))
    result = lab.sandbox(*words, "--json", identity=identity)
    check_object(result.json, command)
    [error] = result.json["errors"]
    assert (result.status, error["kind"]) == (125, "plan") and "the tap filter needs" in error["message"] and "allow-net" in error["fix"]
    assert result.json.get("override") == ("CLAUDE_SANDBOX_EGRESS_JAIL=0" if allowed else None)


def test_an_untrusted_file(lab, identity):
    lab.configure("", mode=0o666)
    result = lab.sandbox("config", "--json", identity=identity)
    [error] = result.json["errors"]
    assert result.status == 125 and "writable" in error["message"] and error["fix"] == f"chmod go-w {CONFIGURATION}"


def test_a_launch_that_cannot_be_proven(lab, identity):
    lab.configure("nonsense\n")
    result = lab.sandbox("verify", "--json", identity=identity)
    check_object(result.json, "verify")
    assert (result.status, result.json["verdict"], result.json["errors"][0]["line"]) == (1, "broken", 1)


@pytest.mark.parametrize("command, words", [
    ("explain", ["explain", "010.0.0.1"]), ("explain", ["explain"]), ("config", ["config", "--frob"]), ("run --dry-run", ["run", "frob"]),
    ("config --check", ["config", "--check", "--prove"]), ("doctor", ["doctor", "extra"]), ("verify", ["verify", "--frob"]),
])  # fmt: skip
def test_wrong_usage(lab, command, words):
    result = lab.sandbox(words[0], "--json", *words[1:])
    check_object(result.json, command)
    assert (result.status, result.json["verdict"], result.json["errors"][0]["kind"]) == (64, "usage", "usage") and "Usage: " in result.err
    plain = lab.sandbox(*words)
    assert plain.status in (64, 127 if words == ["run", "frob"] else 64) and (plain.out == "")


# Output.


PRINTING = [words + more for _, words in COMMANDS if words != ["config", "--check"] and "--shell" not in words for more in ([], ["--json"])]


@pytest.mark.parametrize("words", [*PRINTING, ["config", "--check", "--json"], ["--help"], ["help", "run"], ["--version"],
                                   ["--generate-completion-script", "bash"]], ids=" ".join)  # fmt: skip
@pytest.mark.parametrize("where, why", [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor"), ("0<&- >&-", "Bad file descriptor")])
def test_output_that_is_lost_is_an_error(lab, words, where, why):
    result = lab.run(["/bin/sh", "-c", f'exec "$0" "$@" {where}', EXECUTABLE, *words], identity="user")
    if words[:2] == ["explain", "nowhere.lab.test"] and "--json" not in words:
        assert result.status == 2, "it has nothing to print"
        return
    assert result.status == FAILED and result.err.endswith(f"claude-sandbox: standard output: {why}\n"), result


def test_the_guard_does_not_allow_without_a_word(lab):
    """Claude Code would take an empty answer for none."""
    link = "/tmp/claude-sandbox-guard"
    lab.call("lab.host:symlink", EXECUTABLE, link)
    script = f"{link} >/dev/full; echo $?; {link} >&-; echo $?; {link}"
    result = lab.jail("/bin/sh", "-c", script, identity="user")
    lab.call("lab.host:remove", link)
    assert (result.out, result.status) == (f"{FAILED}\n{FAILED}\n{{}}\n", 0), result

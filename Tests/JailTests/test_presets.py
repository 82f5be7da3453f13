"""Presets: what is installed, what is the administrator's, and what running jails make of a change."""

import pathlib
import re
import time

import pytest
from lab.filesystem import CONFIGURATION, INSTALLED_PRESETS, PRESETS

FILES = sorted((pathlib.Path(__file__).parents[2] / "share/presets").glob("*.conf"))
NAMES = ["claude", "codex", "crates", "debian", "docker", "github", "gitlab", "go", "huggingface", "npm", "pypi", "ubuntu"]
ENTRY = re.compile(r"allow-domain = \S+:[\d,]+ +# (?:[^:]+: )?(?:https://\S+|seen with version [\d.]+), \d{4}-\d\d-\d\d")


def test_all_that_were_promised():
    assert [path.stem for path in FILES] == NAMES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_entry_says_where_it_is_from(path):
    head, *lines = path.read_text().splitlines()
    assert head.startswith("# ")
    entries = [line for line in lines if not line.startswith("# ")]
    assert entries and [line for line in entries if not ENTRY.fullmatch(line)] == []
    # A name and all below it only where nobody can list them.
    wide = [line.split()[2] for line in entries if not line.split()[2].startswith("=")]
    assert wide == {"github": ["*.pkg.github.com:443"], "ubuntu": ["archive.ubuntu.com:80,443"]}.get(path.stem, [])


def test_they_are_listed(lab, identity):
    result = lab.sandbox("presets", identity=identity)
    assert (result.status, result.err) == (0, "")
    rows = [line.split() for line in result.out.splitlines()]
    assert [row[0] for row in rows] == NAMES and rows[0][1:] == ["8", "names", f"{INSTALLED_PRESETS}/claude.conf"]
    shown = lab.sandbox("presets", "npm", identity=identity).out
    assert shown == f"# {INSTALLED_PRESETS}/npm.conf\nallow-domain = =registry.npmjs.org:443\n"
    [npm] = lab.sandbox("presets", "npm", "--json", identity=identity).json["presets"]
    assert npm["names"][0]["pattern"] == "=registry.npmjs.org" and npm["names"][0]["preset"] == "npm"


def test_one_that_there_is_not(lab, identity):
    result = lab.sandbox("presets", "nppm", identity=identity)
    assert (result.status, result.out) == (1, "") and "there are: claude, codex" in result.err
    lab.configure("network = restricted\npreset = claude, nppm\n")
    refused = lab.jail("true", identity=identity)
    assert refused.status == 125
    assert f'{CONFIGURATION}:2:18: there is no preset "nppm"\n  preset = claude, nppm\n' + " " * 19 + "^\n  hint: did you mean npm? " in refused.err


def test_config_shows_what_they_open(lab, identity):
    lab.configure("network = restricted\npreset = npm, pypi\n")
    shown = lab.sandbox("config", identity=identity).out
    assert re.search(rf"allow-domain = =registry.npmjs.org:443 +# {INSTALLED_PRESETS}/npm.conf:2:1$", shown, re.M)
    assert re.search(rf"preset = pypi +# {CONFIGURATION}:2:1$", shown, re.M)
    names = lab.sandbox("config", "--json", identity=identity).json["names"]
    assert [(name["name"], name["preset"]) for name in names] == [
        ("registry.npmjs.org", "npm"), ("pypi.org", "pypi"), ("files.pythonhosted.org", "pypi"),
    ]  # fmt: skip


def test_the_administrator_s_go_first(lab, identity):
    lab.configure("allow-domain = npm.mirror.example\n", f"{PRESETS}/npm.conf")
    lab.configure("allow-domain = =own.example\n", f"{PRESETS}/own.conf")
    lab.configure("network = restricted\npreset = npm, own\n")
    names = lab.sandbox("config", "--json", identity=identity).json["names"]
    assert [name["pattern"] for name in names] == ["npm.mirror.example", "=own.example"]
    assert "own" in [preset["name"] for preset in lab.sandbox("presets", "--json", identity=identity).json["presets"]]


@pytest.mark.parametrize("line, says", [
    ("allow-ip = 10.0.0.1", "allow-ip cannot be in a preset"), ("network = internet", "network cannot be in a preset"),
    ("allow-internal-domain = gitlab.corp:443", "allow-internal-domain cannot be in a preset"), ("preset = own", "preset cannot be in a preset"),
    ("block-domain = example.org", "block-domain cannot be in a preset"), ("allow-domain = 10.0.0.1", "is not a name"), ("frob", 'unknown key "frob"'),
])  # fmt: skip
def test_what_a_preset_cannot_say(lab, identity, line, says):
    lab.configure(f"{line}\n", f"{PRESETS}/own.conf")
    lab.configure("network = restricted\npreset = own\n")
    result = lab.jail("true", identity=identity)
    assert result.status == 125 and f"{PRESETS}/own.conf:1:" in result.err and says in result.err


# In a container, uid 1234 is none that exists.
@pytest.mark.parametrize("identity, how", [
    *((identity, {"mode": mode}) for identity in ("user", "container", "root") for mode in (0o666, 0o777)), ("user", {"uid": 1234}), ("root", {"uid": 1234}),
])  # fmt: skip
def test_one_that_somebody_else_could_write(lab, identity, how):
    """Where an ordinary user could write it."""
    lab.configure("allow-domain = example.org\n", f"{PRESETS}/own.conf", **how)
    lab.configure("network = restricted\npreset = own\n")
    result = lab.jail("true", identity=identity)
    assert result.status == 125 and f"{PRESETS}/own.conf: " in result.err
    # One that is not used is nobody's business.
    lab.configure("network = none\n")
    assert lab.jail("true", identity=identity).status == 0


def test_no_path_is_a_name(lab, identity):
    lab.configure("network = restricted\npreset = ../../tmp/own\n")
    lab.call("lab.host:write", "/tmp/own.conf", "allow-domain = example.org\n", {})
    assert "is not the name of a preset" in lab.jail("true", identity=identity).err
    lab.call("lab.host:remove", "/tmp/own.conf")


def problem(lab, identity):
    [jail] = lab.sandbox("ps", "--json", identity=identity).json["jails"]
    return jail.get("configurationProblem", "")


def events(lab, identity, jail, count):
    """The jail's lines about changes of the configuration, once there are so many."""
    deadline = time.monotonic() + 5
    while True:
        shown = lab.sandbox("log", str(jail.process.pid), identity=identity).out
        lines = [line for line in shown.splitlines() if "configuration" in line]
        if len(lines) >= count or time.monotonic() > deadline:
            return lines
        time.sleep(0.1)


def test_a_running_jail_follows_them(lab):
    """A preset's own file is watched like the configuration: it changes, goes, and comes back."""
    identity = "user"
    lab.configure("allow-domain = =a.example\n", f"{PRESETS}/own.conf")
    lab.configure("network = restricted\npreset = own\n")
    with lab.jailed(identity=identity) as jail:
        lab.configure("allow-domain = =a.example\nallow-domain = =b.example\n", f"{PRESETS}/own.conf")
        assert "rules: 1 added, 0 removed" in events(lab, identity, jail, 1)[-1]
        lab.call("lab.host:remove", f"{PRESETS}/own.conf")
        assert 'there is no preset "own"' in events(lab, identity, jail, 2)[-1] and "own" in problem(lab, identity)
        lab.configure("allow-domain = =b.example\n", f"{PRESETS}/own.conf")
        assert "rules: 0 added, 1 removed" in events(lab, identity, jail, 3)[-1] and problem(lab, identity) == ""
        lab.configure("network = restricted\npreset = own, npm\n")
        assert "rules: 1 added, 0 removed" in events(lab, identity, jail, 4)[-1]

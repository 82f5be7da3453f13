"""A project's own file, and --network: what they take away, and that they open nothing."""

import pytest
from lab.filesystem import CONFIGURATION
from lab.identity import UID
from lab.services import ECHO
from reach import ROUTE, reached, refused

PROJECT = "/tmp/project"
FILE = f"{PROJECT}/.claude-sandbox.conf"


@pytest.fixture
def project(lab, identity):
    """A directory of the caller's, and a function that writes its file."""
    lab.call("lab.host:make_directory", PROJECT, 0o755, own(identity))

    def write(text, path=FILE, **how):
        lab.call("lab.host:write", path, text, {"uid": own(identity), **how})

    yield write
    lab.call("lab.host:remove", PROJECT)


def own(identity):
    return 0 if identity == "root" else UID


def launch(lab, identity, *command, cwd=PROJECT, **how):
    return lab.jail(*command or ["true"], identity=identity, cwd=cwd, **how)


def test_it_takes_the_network_away(lab, identity, project):
    project("network = none\n")
    with lab.jailed(identity=identity, cwd=PROJECT) as jail:
        assert jail.ask("tcp", address="45.33.7.7", port=ECHO)["errno"] == "EHOSTUNREACH"
        [status] = lab.sandbox("ps", "--json", identity=identity).json["jails"]
        assert (status["network"], status["project"]) == ("none", FILE)
        assert f"with the project's file {FILE}" in lab.sandbox("ps", identity=identity).out
    # The control: beside it.
    with lab.jailed(identity=identity, cwd="/tmp") as jail:
        reached(lab, jail, "tcp", "45.33.7.7")


def test_it_blocks(lab, identity, project):
    lab.configure("allow-net = 10.0.0.0/8\n")
    project("block-ip = 10.1.1.1\n")
    with lab.jailed(identity=identity, cwd=PROJECT) as jail:
        refused(lab, jail, "tcp", "10.1.1.1", ROUTE | {"EHOSTUNREACH"})
        reached(lab, jail, "tcp", "10.1.1.2")
    shown = lab.sandbox("config", identity=identity, cwd=PROJECT).out
    assert f"block-ip = 10.1.1.1    # {FILE}:1:1" in shown.replace("     ", "    ") or f"# {FILE}:1:1" in shown
    assert lab.sandbox("config", "--json", identity=identity, cwd=PROJECT).json["project"] == FILE
    assert "project" not in lab.sandbox("config", "--json", identity=identity, cwd="/").json


@pytest.mark.parametrize("identity", ["user"])
def test_it_stays_when_the_files_change(lab, identity, project):
    """The jail's configuration is that of the files without what the project took, whatever they become."""
    lab.configure("allow-net = 10.0.0.0/8\n")
    project("block-ip = 10.1.1.1\n")
    with lab.jailed(identity=identity, cwd=PROJECT) as jail:
        # Neither what the agent writes there,
        project("")
        lab.configure("allow-net = 10.0.0.0/8\nallow-ip = 172.16.0.9\n")
        lab.sandbox("reload", identity=identity)
        refused(lab, jail, "tcp", "10.1.1.1", ROUTE | {"EHOSTUNREACH"})
        reached(lab, jail, "tcp", "172.16.0.9")


@pytest.mark.parametrize("text, says", [
    ("allow-ip = 10.1.1.1", "allow-ip would open what a project cannot open"), ("allow-net = 10.0.0.0/8", "allow-net would open"),
    ("allow-domain = example.org", "allow-domain would list what is left"), ("preset = npm", "preset would list what is left"),
    ("allow-internal-domain = gitlab.corp:443", "allow-internal-domain cannot be in a project's file"),
    ("egress-jail = 0", "egress-jail cannot be in a project's file"), ("expose-socket = /run/x.sock", "expose-socket cannot be"),
    ("trust-project = /tmp", "trust-project cannot be"), ("claude-binary = /tmp/x", "claude-binary cannot be"), ("nonsense", 'unknown key "nonsense"'),
])  # fmt: skip
def test_what_would_open_is_an_error(lab, identity, project, text, says):
    project(f"# a comment\n{text}\n")
    result = launch(lab, identity)
    assert (result.status, result.out) == (125, "") and f"{FILE}:2:1: {says}" in result.err
    assert lab.sandbox("config", "--check", identity=identity, cwd=PROJECT).status == 125
    assert launch(lab, identity, cwd="/").status == 0


def test_a_wider_mode_is_an_error(lab, identity, project):
    lab.configure("network = none\n")
    for mode in ("internet", "restricted"):
        project(f"network = {mode}\n")
        result = launch(lab, identity)
        assert result.status == 125 and f"network = {mode} is more than network = none ({CONFIGURATION}:1:1) gives" in result.err
    project("network = none\n")
    assert launch(lab, identity).status == 0


def test_a_restricted_configuration_gets_no_name_more(lab, identity, project):
    lab.configure("network = restricted\nallow-domain = =a.example\n")
    project("network = restricted\nallow-domain = =b.example\n")
    assert "would open a name in network = restricted" in launch(lab, identity).err
    lab.configure("")
    assert lab.sandbox("config", "--check", identity=identity, cwd=PROJECT).status == 0


# Where it is looked for.


def test_up_to_the_root_of_the_repository(lab, identity, project):
    project("network = none\n")
    lab.call("lab.host:make_directory", f"{PROJECT}/src/deep", 0o755, own(identity))

    def used(cwd):
        return lab.sandbox("config", "--json", identity=identity, cwd=cwd).json.get("project")

    assert used(PROJECT) == FILE and used(f"{PROJECT}/src/deep") is None, "there is no repository"
    lab.call("lab.host:make_directory", f"{PROJECT}/.git", 0o755, own(identity))
    assert used(f"{PROJECT}/src/deep") == FILE
    # The nearest counts.
    project("block-ip = 1.1.1.1\n", f"{PROJECT}/src/.claude-sandbox.conf")
    assert used(f"{PROJECT}/src/deep") == f"{PROJECT}/src/.claude-sandbox.conf"
    # Nothing above the repository; a worktree's .git is a file.
    lab.call("lab.host:remove", f"{PROJECT}/src/.claude-sandbox.conf")
    project("gitdir: elsewhere\n", f"{PROJECT}/src/.git")
    assert used(f"{PROJECT}/src/deep") is None


@pytest.mark.parametrize("identity", ["user"])
def test_another_user_s_repository_is_none(lab, identity, project):
    """In /tmp anybody can make one, with a file in it."""
    lab.call("lab.host:make_directory", "/tmp/.git", 0o755, 4711)
    lab.call("lab.host:write", "/tmp/.claude-sandbox.conf", "nonsense\n", {"uid": 4711})
    try:
        assert launch(lab, "user").status == 0
        result = launch(lab, "user", cwd="/tmp")
        assert result.status == 125 and "/tmp/.claude-sandbox.conf: belongs to uid 4711" in result.err
    finally:
        lab.call("lab.host:remove", "/tmp/.git")
        lab.call("lab.host:remove", "/tmp/.claude-sandbox.conf")


# How it is opened.


def test_a_link_is_refused(lab, identity, project):
    lab.call("lab.host:symlink", "/etc/passwd", FILE)
    result = launch(lab, identity)
    assert result.status == 125 and f"{FILE}: is a symbolic link" in result.err and "root:x" not in result.err


def test_its_directory_says_nothing_to_the_terminal(lab, identity, project):
    """A repository names its directories as it likes."""
    directory = f"{PROJECT}/a\x1b]0;b\nc"
    lab.call("lab.host:make_directory", directory, 0o755, own(identity))
    project("allow-ip = 10.1.1.1\n", f"{directory}/.claude-sandbox.conf")
    result = launch(lab, identity, cwd=directory)
    assert result.status == 125 and "\x1b" not in result.err
    assert f"{PROJECT}/a\\u{{1b}}]0;b\\nc/.claude-sandbox.conf:1:1: allow-ip" in result.err


def test_what_is_no_file_is_refused(lab, identity, project):
    for make in ("make_fifo", "make_directory"):
        lab.call(f"lab.host:{make}", FILE)
        result = launch(lab, identity)
        assert result.status == 125 and f"{FILE}: is not a regular file" in result.err
        lab.call("lab.host:remove", FILE)


def test_a_large_one_is_refused(lab, identity, project):
    project("# " + "x" * (256 << 10))
    assert "is larger than 256 KiB" in launch(lab, identity).err


@pytest.mark.parametrize("identity", ["user"])
def test_one_that_cannot_be_read_is_refused(lab, identity, project):
    project("network = none\n", uid=0, mode=0o600)
    result = launch(lab, "user")
    assert result.status == 125 and f"{FILE}: Permission denied" in result.err


def test_in_a_jail_it_is_not_read(lab, identity, project):
    """What is started in a jail stays there; by then the file is the command's to change."""
    project("network = none\n")
    script = "echo nonsense >.claude-sandbox.conf && claude-sandbox run -- echo here"
    result = launch(lab, identity, "/bin/sh", "-c", script)
    assert result.out == "here\n", result


@pytest.mark.parametrize("identity", ["root", "container"])
def test_uid_0_reads_everybody_s(lab, identity, project):
    """In a container a repository is as a rule another user's."""
    project("network = none\n", uid=4711)
    assert lab.sandbox("config", "--json", identity=identity, cwd=PROJECT).json["project"] == FILE


# Those that the administrator trusts.

TEAM = "/srv/team"


@pytest.fixture
def team(lab):
    lab.call("lab.host:make_directory", f"{TEAM}/a", 0o755, 0)
    yield f"{TEAM}/a"
    lab.call("lab.host:remove", TEAM)


def test_trusted_projects(lab, team):
    lab.configure(f"trust-project = {TEAM}\n")
    lab.call("lab.host:write", f"{team}/.claude-sandbox.conf", "allow-ip = 10.1.1.1\n", {})
    with lab.jailed(identity="user", cwd=team) as jail:
        reached(lab, jail, "tcp", "10.1.1.1")
        refused(lab, jail, "tcp", "10.1.1.2", ROUTE)
    # Not uid 0: in a container a cloned repository is its own.
    assert launch(lab, "root", cwd=team).status == 125
    if "container" in [known.value for known in lab.identities]:
        assert launch(lab, "container", cwd=team).status == 125
    # Not one that somebody else could have written, nor one elsewhere.
    lab.call("lab.host:write", f"{team}/.claude-sandbox.conf", "allow-ip = 10.1.1.1\n", {"mode": 0o664})
    assert launch(lab, "user", cwd=team).status == 125
    lab.call("lab.host:write", f"{team}/.claude-sandbox.conf", "allow-ip = 10.1.1.1\n", {})
    lab.call("lab.host:make_directory", team, 0o755, UID)
    assert launch(lab, "user", cwd=team).status == 125
    lab.call("lab.host:make_directory", team, 0o755, 0)
    assert launch(lab, "user", cwd=team).status == 0
    lab.configure("trust-project = /srv/tea\n")
    assert launch(lab, "user", cwd=team).status == 125
    lab.configure("")
    assert launch(lab, "user", cwd=team).status == 125


# --network.


def test_the_option_takes_away(lab, identity):
    def network(*options):
        return lab.sandbox("run", *options, "--dry-run", "--json", identity=identity)

    assert network("--network", "internet").json["network"] == "internet"
    assert network("--network=restricted").json["network"] == "restricted"
    assert network("--network", "none").json["network"] == "none"
    lab.configure("network = restricted\nallow-domain = example.org\n")
    assert network("--network", "restricted").json["network"] == "restricted"
    wider = network("--network", "internet")
    assert wider.status == 125
    assert f"--network internet is more than network = restricted ({CONFIGURATION}:1:1) gives" in wider.err
    assert wider.json["errors"][0]["file"] == CONFIGURATION
    assert lab.jail("true", options=("--network", "internet"), identity=identity).status == 125
    assert lab.sandbox("run", "--network", "lan", "true", identity=identity).status == 64


def test_the_option_stays_when_the_files_change(lab):
    lab.configure("allow-ip = 10.1.1.1\n")
    with lab.jailed(identity="user", options=("--network", "restricted")) as jail:
        assert jail.ask("tcp", address="45.33.7.7", port=ECHO)["errno"] == "EHOSTUNREACH"
        lab.configure("allow-ip = 10.1.1.1\nallow-ip = 10.1.1.2\n")
        lab.sandbox("reload", identity="user")
        [status] = lab.sandbox("ps", "--json", identity="user").json["jails"]
        assert (status["network"], status["waitingKeys"]) == ("restricted", [])
        assert jail.ask("tcp", address="45.33.7.7", port=ECHO)["errno"] == "EHOSTUNREACH"
        reached(lab, jail, "tcp", "10.1.1.2")

"""Names that come and go while a jail runs; those of presets and of a project's own file."""

import contextlib
import time

import pytest
from lab.filesystem import CONFIGURATION, EXECUTABLE
from lab.named import ECHO, SHARED4, TLS
from names import WITHIN, no_such_name, reached, refused, restricted
from test_live import quiet

PRESETS = "/etc/claude-sandbox.presets.d"
SHIPPED = "/srv/lab/share/claude-sandbox/presets"
PROJECT, FILE = "/srv/lab/home/project", ".claude-sandbox.conf"
UID = 1000


@pytest.fixture(autouse=True)
def put_back(lab):
    yield
    for path in (CONFIGURATION, CONFIGURATION + ".d", PRESETS, SHIPPED, PROJECT, "/srv/team"):
        lab.call("lab.host:remove", path)


def becomes(jail, wanted, name, port=ECHO):
    """Asks again until the answer is as wanted: how long that takes."""
    begun = time.monotonic()
    while True:
        answer = jail.ask("talk", name=name, port=port, steps=[], timeout=1)
        if answer["errno"] == wanted:
            return time.monotonic() - begun
        assert time.monotonic() - begun < 4 * WITHIN, answer
        time.sleep(0.01)


def keeps(jail, wanted, name, seconds=1.5, port=ECHO):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = jail.ask("talk", name=name, port=port, steps=[], timeout=1)
        assert answer["errno"] == wanted, answer
        time.sleep(0.1)


def hold(jail, name, port=ECHO):
    """A connection that stays open."""
    code = f"import socket; sys.held = getattr(sys, 'held', []); s = socket.create_connection(({name!r}, {port}), 5); s.sendall(b'('); s.recv(1); sys.held.append(s); result = len(sys.held) - 1"
    return jail.ask("evaluate", code=code)["result"]


def state_of(jail, number):
    """What a connection that is held says to one more word."""
    code = f"s = sys.held[{number}]; s.settimeout(2); s.sendall(b'y'); result = s.recv(1).decode()"
    answer = jail.ask("evaluate", code=code)
    return answer["errno"] or answer["result"]


@pytest.mark.parametrize("identity", ["user"], indirect=True)
def test_a_name_comes_and_goes(lab, named, identity):
    lab.configure(restricted("pypi.org:*"))
    with quiet(lab, identity) as jail:
        no_such_name(named, jail, "github.com")
        took = []
        for _ in range(3):
            lab.configure(restricted("pypi.org:*", "github.com:*"))
            took.append(becomes(jail, None, "github.com"))
            reached(named, jail, "api.github.com")
            other, held = hold(jail, "pypi.org"), hold(jail, "github.com")
            (address,) = jail.ask("getaddrinfo", name="github.com")["addresses"]
            lab.configure(restricted("pypi.org:*"))
            took.append(becomes(jail, "EAI_NONAME", "github.com"))
            # The name's address leads nowhere, what was open has ended, and the rest goes on.
            refused(named, jail, "EHOSTUNREACH", address=address)
            assert (state_of(jail, held), state_of(jail, other)) == ("ECONNRESET", "y")
        assert sorted(took)[len(took) // 2] < WITHIN, took


def test_names_are_followed_for_every_caller(lab, named, identity):
    """What uid 0 could have written itself opens nothing by itself; what closes is followed."""
    lab.configure(restricted("pypi.org:*", "github.com:*"))
    with quiet(lab, identity) as jail:
        held = hold(jail, "github.com")
        lab.configure(restricted("pypi.org:*"))
        becomes(jail, "EAI_NONAME", "github.com")
        assert state_of(jail, held) == "ECONNRESET"
        lab.configure(restricted("pypi.org:*", "neighbour.test:*"))
        if identity != "root":  # who could not have written the files
            becomes(jail, None, "neighbour.test")
        else:
            keeps(jail, "EAI_NONAME", "neighbour.test")
            listed, = lab.sandbox("ps", "--json", identity=identity).json["jails"]
            assert listed["waitingKeys"] == ["allow-domain"]
            lab.sandbox("reload", identity=identity)
            becomes(jail, None, "neighbour.test")
        reached(named, jail, "pypi.org")


def test_a_port_goes(lab, named):
    lab.configure(restricted(f"github.com:{ECHO},443"))
    with quiet(lab, "user") as jail:
        held = hold(jail, "github.com")
        lab.configure(restricted("github.com:443"))
        becomes(jail, "EHOSTUNREACH", "github.com")
        assert state_of(jail, held) == "ECONNRESET"
        assert jail.ask("talk", name="github.com", port=TLS, steps=[])["errno"] is None


def test_a_name_below_is_blocked(lab, named):
    lab.configure(restricted("github.com:*"))
    with quiet(lab, "user") as jail:
        gist, other = hold(jail, "gist.github.com"), hold(jail, "api.github.com")
        lab.configure(restricted("github.com:*", more="block-domain = gist.github.com\n"))
        becomes(jail, "EAI_NONAME", "gist.github.com")
        assert (state_of(jail, gist), state_of(jail, other)) == ("ECONNRESET", "y")


def test_an_address_that_a_name_leads_to_is_blocked(lab, named):
    lab.configure(restricted("github.com:*"))
    with quiet(lab, "user") as jail:
        held = hold(jail, "github.com")
        lab.configure(restricted("github.com:*", more="block-net = 0.0.0.0/0\nblock-net = ::/0\n"))
        becomes(jail, "EHOSTUNREACH", "github.com")
        assert state_of(jail, held) == "ECONNRESET"


def test_an_internal_name_comes_and_goes(lab, named):
    """In the internet mode; where it is the first name at all, it waits for a launch, which makes the gateway."""
    named.zone({"corp.test": {"A": ["10.20.0.6"]}, "other.test": {"A": ["10.20.0.6"]}})
    both = "allow-internal-domain = other.test:80\nallow-internal-domain = corp.test:80\n"
    lab.configure("allow-internal-domain = other.test:80\n")
    with quiet(lab, "user") as jail:
        assert jail.ask("talk", name="corp.test", port=80, steps=[])["errno"] == "EHOSTUNREACH"
        lab.configure(both)
        becomes(jail, None, "corp.test", port=80)
        lab.configure("allow-internal-domain = other.test:80\n")
        becomes(jail, "EHOSTUNREACH", "corp.test", port=80)
    lab.configure("# nothing\n")
    with quiet(lab, "user") as jail:
        lab.configure(both)
        keeps(jail, "EHOSTUNREACH", "corp.test", port=80)
        (listed,) = lab.sandbox("ps", "--json", identity="user").json["jails"]
        assert listed["waitingKeys"] == ["allow-internal-domain"]


def test_a_mistake_changes_nothing(lab, named):
    lab.configure(restricted("github.com:*"))
    with quiet(lab, "user") as jail:
        held = hold(jail, "github.com")
        lab.configure(restricted("git hub.com", "pypi.org"))
        keeps(jail, None, "github.com")
        keeps(jail, "EAI_NONAME", "pypi.org", 0.2)
        assert state_of(jail, held) == "y"


# Presets.


def test_a_preset(lab, named, identity):
    """One that was shipped; one of the administrator's with its name goes before it."""
    lab.call("lab.host:write", f"{SHIPPED}/forge.conf", "allow-domain = github.com:*\n", {})
    lab.configure("network = restricted\npreset = forge\n")
    with lab.jailed(identity=identity) as jail:
        reached(named, jail, "github.com")
        no_such_name(named, jail, "pypi.org")
    lab.call("lab.host:write", f"{PRESETS}/forge.conf", "allow-domain = pypi.org:*\n", {})
    assert "pypi.org" in lab.sandbox("config", identity=identity).out
    with lab.jailed(identity=identity) as jail:
        reached(named, jail, "pypi.org")
        no_such_name(named, jail, "github.com")


def test_a_preset_comes_and_goes(lab, named):
    lab.call("lab.host:write", f"{PRESETS}/forge.conf", "allow-domain = github.com:*\n", {})
    lab.configure("network = restricted\n")
    with quiet(lab, "user") as jail:
        no_such_name(named, jail, "github.com")
        lab.configure("network = restricted\npreset = forge\n")
        becomes(jail, None, "github.com")
        held = hold(jail, "github.com")
        lab.call("lab.host:write", f"{PRESETS}/forge.conf", "allow-domain = pypi.org:*\n", {})
        becomes(jail, None, "pypi.org")
        becomes(jail, "EAI_NONAME", "github.com")
        assert state_of(jail, held) == "ECONNRESET"
        lab.configure("network = restricted\n")
        becomes(jail, "EAI_NONAME", "pypi.org")


@pytest.mark.parametrize("how", [{"mode": 0o666}, {"uid": UID, "gid": UID}])
def test_a_preset_that_others_can_write(lab, named, how):
    lab.call("lab.host:write", f"{PRESETS}/forge.conf", "allow-domain = github.com:*\n", how)
    lab.configure("network = restricted\npreset = forge\n")
    result = lab.jail("true", identity="user")
    assert result.status == 125 and "forge.conf" in result.err, result


def test_a_preset_that_is_not_there(lab):
    lab.configure("network = restricted\npreset = forge\n")
    result = lab.jail("true", identity="user")
    assert result.status == 125 and "forge" in result.err and "^" in result.err, result


# A project's own file.


def project(lab, text, directory=PROJECT, below="src/deep", **how):
    """A repository with a file of its own; where in it to work."""
    owner = {"uid": UID, "gid": UID} if directory == PROJECT else {}
    for path in (directory, f"{directory}/.git", f"{directory}/src", f"{directory}/src/deep"):
        lab.call("lab.host:make_directory", path, 0o755, owner.get("uid", 0))
    lab.call("lab.host:write", f"{directory}/{FILE}", text, {**owner, **how})
    return {"cwd": f"{directory}/{below}" if below else directory}


@pytest.mark.parametrize("below", ["", "src/deep"])
def test_a_project_tightens(lab, named, identity, below):
    where = project(lab, "block-domain = gist.github.com\nblock-ip = 45.33.7.9\n", below=below)
    lab.configure(restricted("github.com:*", more="allow-net = 45.33.7.0/24\n"))
    with lab.jailed(identity=identity, **where) as jail:
        reached(named, jail, "github.com")
        no_such_name(named, jail, "gist.github.com")
        refused(named, jail, "EHOSTUNREACH", address="45.33.7.9", port=7)
        assert jail.ask("talk", address="45.33.7.8", port=7, steps=[])["errno"] is None
        listed = lab.sandbox("ps", identity=identity).out
        assert FILE in listed, listed
        assert f"{PROJECT}/{FILE}" in lab.sandbox("config", identity=identity, **where).out
        # It was read at the launch.
        lab.call("lab.host:write", f"{PROJECT}/{FILE}", "block-domain = github.com\n", {"uid": UID, "gid": UID})
        keeps(jail, None, "github.com", 0.7)


def test_a_project_narrows_the_mode(lab, named, identity):
    where = project(lab, "network = restricted\n")
    with lab.jailed(identity=identity, **where) as jail:
        no_such_name(named, jail, "github.com")
        assert jail.ask("talk", address=SHARED4, port=TLS, steps=[])["errno"] == "EHOSTUNREACH"
    where = project(lab, "network = none\n")
    lab.configure(restricted("github.com:*"))
    with lab.jailed(identity=identity, **where) as jail:
        assert jail.ask("talk", name="github.com", port=ECHO, steps=[])["errno"].startswith("EAI_")


@pytest.mark.parametrize("line", [
    "allow-domain = neighbour.test", "allow-internal-domain = corp.test:80", "allow-ip = 10.1.1.1", "allow-net = 10.0.0.0/8",
    "network = internet", "egress-jail = 0", "preset = github", "trust-project = /srv", "allow-override = yes",
])  # fmt: skip
def test_a_project_widens_nothing(lab, named, identity, line):
    """An error that names the line and the reason; nothing has run."""
    where = project(lab, f"# ours\n{line}\n")
    lab.configure(restricted("github.com:*"))
    result = lab.jail("echo", "ran", identity=identity, **where)
    assert (result.status, result.out) == (125, "") and f"{FILE}:2:" in result.err, result


def test_a_project_that_is_trusted(lab, named, identity):
    """Below trust-project, with the ownership of /etc's files: widens, too; but never for uid 0."""
    where = project(lab, "allow-domain = neighbour.test:*\n", "/srv/team/one")
    lab.configure(restricted("github.com:*", more="trust-project = /srv/team\n"))
    if identity != "user":
        result = lab.jail("echo", "ran", identity=identity, **where)
        assert (result.status, result.out) == (125, "") and f"{FILE}:1:" in result.err, result
        return
    with lab.jailed(identity=identity, **where) as jail:
        reached(named, jail, "neighbour.test")
        reached(named, jail, "github.com")
    for how in ({"mode": 0o666}, {"uid": UID, "gid": UID}):
        where = project(lab, "allow-domain = neighbour.test:*\n", "/srv/team/one", **how)
        result = lab.jail("echo", "ran", identity=identity, **where)
        assert (result.status, result.out) == (125, ""), (how, result)


def test_a_project_that_is_elsewhere(lab, named):
    """Above the repository's root nothing is read; nor a link that leads out of what is trusted, or into it."""
    lab.configure(restricted("github.com:*", more="trust-project = /srv/team\n"))
    where = project(lab, "# nothing\n")
    lab.call("lab.host:write", f"{PROJECT}/../{FILE}", "block-domain = github.com\n", {"uid": UID, "gid": UID})
    try:
        with lab.jailed(identity="user", **where) as jail:
            reached(named, jail, "github.com")
    finally:
        lab.call("lab.host:remove", f"{PROJECT}/../{FILE}")
    project(lab, "allow-domain = neighbour.test:*\n", "/srv/team/one")
    lab.call("lab.host:symlink", f"/srv/team/one/{FILE}", f"{PROJECT}/{FILE}")
    assert lab.jail("echo", "ran", identity="user", **where).status == 125


def test_a_project_s_file_as_strange_as_it_may_be(lab, named):
    """The agent, or whoever wrote the repository, can put anything there: an error, at once, and nothing runs."""
    where = project(lab, "")
    lab.configure(restricted("github.com:*"))
    path = f"{PROJECT}/{FILE}"
    for make in (("lab.host:make_fifo", path), ("lab.host:symlink", "/dev/zero", path), ("lab.host:symlink", path, path),
                 ("lab.host:make_directory", path), ("lab.host:symlink", "/etc/shadow", path)):  # fmt: skip
        lab.call("lab.host:remove", path)
        lab.call(*make)
        result = lab.jail("echo", "ran", identity="user", timeout=5, **where)
        assert (result.status, result.out) == (125, "") and "root:" not in result.err, (make, result)
    lab.call("lab.host:remove", path)
    lab.call("lab.host:write", path, "block-domain = github.com\n" * 5000, {"uid": UID, "gid": UID})
    result = lab.jail("echo", "ran", identity="user", timeout=10, **where)
    assert result.status in (0, 125) and result.seconds < 3, result


def test_a_repository_without_one(lab, named):
    lab.configure(restricted("github.com:*"))
    where = project(lab, "")
    lab.call("lab.host:remove", f"{PROJECT}/{FILE}")
    with contextlib.closing(lab.jailed(identity="user", **where)) as jail:
        reached(named, jail, "github.com")
    assert lab.run([EXECUTABLE, "config"], identity="user", **where).status == 0

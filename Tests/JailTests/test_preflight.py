"""What a machine may lack: the launch is refused, all of it is said at once, with its fix and the override."""

import contextlib
import os

import pytest
from lab.filesystem import EXECUTABLE

MARKER = "/tmp/ran"
BIN = "/usr/bin"
# What is executed: the link's target, or a file of its own.
PASTA = os.path.realpath(f"{BIN}/pasta")


@pytest.fixture(autouse=True)
def tun(lab):
    yield
    lab.call("lab.host:make_tun", 0o666)


@pytest.fixture
def binaries(lab):
    """/usr/bin, with a layer over it that a test may change."""
    lab.call("lab.host:overlay", BIN)
    yield BIN
    lab.call("lab.host:uncover", BIN)


@pytest.fixture
def refuse(lab, identity, clean):
    """Asserts that a launch is refused, that nothing ran, that doctor agrees; returns what was said."""

    def attempt(*missing, **how):
        result = lab.jail("touch", MARKER, identity=identity, **how)
        assert (result.status, result.out) == (125, ""), result
        assert not lab.call("lab.host:exists", MARKER)
        assert "CLAUDE_SANDBOX_EGRESS_JAIL=0" in result.err
        assert result.err.count("fix: ") >= len(missing)
        doctor = lab.sandbox("doctor", "--json", identity=identity, **how)
        lacking = {check["name"]: check for check in doctor.json["findings"] if check["state"] != "ok"}
        assert doctor.status == 1 and set(missing) <= set(lacking), doctor.out
        assert all(check.get("fix") for check in lacking.values())
        for name in missing:
            assert f"{name}: {lacking[name]['finding']}" in result.err
        text = lab.sandbox("doctor", identity=identity, **how)
        assert text.status == 1 and all(name in text.out for name in missing)
        return result.err

    return attempt


def test_all_is_well(lab, identity, clean):
    doctor = lab.sandbox("doctor", "--json", identity=identity)
    states = {check["name"]: check["state"] for check in doctor.json["findings"]}
    # Who owns the system can change what later launches consist of.
    owner = {"root": "limited", "user": "ok"}.get(identity) or states["user"]
    # Whatever this machine's pasta is, and whether there is a Claude Code: test_doctor.py.
    given = {name: states[name] for name in ("pasta", "Claude Code")}
    assert "missing" not in given.values()
    assert doctor.status == 0 and states == {**dict.fromkeys(states, "ok"), "user": owner, **given}
    assert lab.sandbox("doctor", identity=identity).status == 0


def test_no_tun(lab, refuse):
    lab.call("lab.host:remove_tun")
    message = refuse("/dev/net/tun")
    assert "--device=/dev/net/tun" in message and "No such file" in message


def test_a_tun_that_is_root_s_alone(lab, refuse, identity):
    lab.call("lab.host:make_tun", 0o600)
    if identity == "root":
        assert lab.jail("true", identity=identity).status == 0
        return
    assert "Permission denied" in refuse("/dev/net/tun")


def test_a_tun_that_is_another_file(lab, refuse):
    lab.call("lab.host:remove_tun")
    lab.call("lab.host:write", "/dev/net/tun", "", {"mode": 0o666})
    refuse("tap device")


def test_no_pasta(lab, refuse, binaries):
    for name in ("pasta", "passt", "pasta.avx2", "passt.avx2"):
        lab.call("lab.host:remove", f"{binaries}/{name}")
    assert "apt-get install passt" in refuse("pasta")


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_a_pasta_that_others_can_change(lab, refuse, binaries, mode):
    lab.call("lab.host:chmod", PASTA, mode)
    assert PASTA in refuse("pasta")


def test_a_pasta_of_somebody_else(lab, refuse, binaries):
    lab.call("lab.host:chown", PASTA, 1000, 1000)
    refuse("pasta")


def test_a_pasta_in_a_directory_that_others_can_change(lab, refuse, binaries):
    lab.call("lab.host:chmod", binaries, 0o777)
    refuse("pasta")


def test_a_pasta_that_links_into_a_writable_place(lab, refuse, binaries):
    lab.call("lab.host:copy", PASTA, "/tmp/pasta")
    lab.call("lab.host:symlink", "/tmp/pasta", f"{binaries}/pasta")
    refuse("pasta")
    lab.call("lab.host:remove", "/tmp/pasta")


def test_a_pasta_that_is_no_program(lab, refuse, binaries):
    lab.call("lab.host:chmod", PASTA, 0o644)
    refuse("pasta")


@contextlib.contextmanager
def replaced_pasta(lab, text):
    """A root-owned program in pasta's place."""
    lab.call("lab.host:write", "/srv/lab/stub", text, {"mode": 0o755})
    lab.call("lab.host:bind", "/srv/lab/stub", PASTA)
    try:
        yield
    finally:
        lab.call("lab.host:uncover", PASTA)
        lab.call("lab.host:remove", "/srv/lab/stub")


@pytest.mark.parametrize("text, words", [
    ("#!/bin/sh\necho no luck >&2\nexit 1\n", "no luck"),
    ("#!/bin/sh\nexit 0\n", ""),
    ("#!/bin/sh\nkill -9 $$\n", ""),
    ("#!/nonexistent\n", ""),
    ("", ""),
], ids=["fails", "exits", "killed", "no-interpreter", "empty"])  # fmt: skip
def test_a_pasta_that_fails(lab, identity, clean, text, words):
    """Before it is ready: the command never runs, and its one line of explanation is passed on."""
    with replaced_pasta(lab, text):
        result = lab.jail("touch", MARKER, identity=identity)
    assert (result.status, result.out) == (125, ""), result
    assert not lab.call("lab.host:exists", MARKER)
    assert "pasta" in result.err and words in result.err


def test_a_pasta_that_is_never_ready(lab, identity, clean):
    """It holds the launch; an interrupt ends it, and the command has not run."""
    with replaced_pasta(lab, "#!/bin/sh\ncase $* in *--version*) exit 0;; esac\nexec sleep 1000\n"):
        process = lab.start([EXECUTABLE, "run", "--", "touch", MARKER], identity=identity)
        while not any("1000" in p["argv"] for p in lab.call("lab.residue:processes").values()):
            assert not lab.has_ended(process.pid)
        process.signal(15)
        result = process.communicate()
        process.close()
        assert (result.status, result.out, result.err) == (-15, "", "")
    assert not lab.call("lab.host:exists", MARKER)


@pytest.mark.parametrize("variable", ["PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "GETENT", "TMPDIR"])
def test_planted_helpers_do_not_run(lab, identity, variable):
    """A workspace's .venv/bin comes first on PATH; so does whatever it preloads."""
    script = "#!/bin/sh\ntouch /tmp/planted\nexit 1\n"
    for name in ("pasta", "passt", "ip", "unshare", "mount", "getent", "sh", "newuidmap"):
        lab.call("lab.host:write", f"/tmp/venv/bin/{name}", script, {"mode": 0o755})
    value = f"/tmp/venv/bin:{lab.path()}" if variable == "PATH" else "/tmp/venv/bin/pasta" if variable == "LD_PRELOAD" else "/tmp/venv/bin"
    environment = {variable: value, "PATH": value if variable == "PATH" else lab.path()}
    result = lab.run([EXECUTABLE, "run", "--", "/usr/bin/true"], identity=identity, add_env=environment)
    lab.sandbox("doctor", identity=identity, add_env=environment)
    lab.sandbox("explain", "web.lab.test", identity=identity, add_env=environment)
    planted = lab.call("lab.host:exists", "/tmp/planted")
    for path in ("/tmp/venv", "/tmp/planted"):
        lab.call("lab.host:remove", path)
    assert result.status == 0 and not planted


def test_helpers_have_no_environment_and_no_descriptors(lab, identity, tmp_path):
    with lab.jailed(identity=identity, add_env={"SECRET": "s"}) as jail, open(tmp_path / "f", "w"):
        pastas = [p for p in lab.call("lab.residue:processes").values() if p["comm"].startswith(("passt", "pasta"))]
        assert pastas
        for pasta in pastas:
            assert lab.call("lab.host:read", f"/proc/{pasta['pid']}/environ") == ""
        assert jail.ask("evaluate", code="result = os.environ['SECRET']")["result"] == "s"


def test_no_user_namespaces(refuse):
    message = refuse("user namespace", user_namespaces=False)
    assert "user.max_user_namespaces" in message


def test_a_refusal_is_printed_once(lab, refuse):
    """What the machine lacks is found out when a step has failed; then it is not told as the failed step, too."""
    message = refuse("user namespace", user_namespaces=False)
    assert message.count("claude-sandbox: refused: ") == 1 and message.count("fix: ") == 1, message
    lab.call("lab.host:remove_tun")
    lab.call("lab.host:write", "/dev/net/tun", "", {"mode": 0o666})
    message = refuse("tap device")
    assert message.count("claude-sandbox: refused: ") == 1 and message.count("fix: ") == 1, message


def test_everything_is_listed_at_once(lab, refuse, binaries):
    lab.call("lab.host:remove_tun")
    for name in ("pasta", "passt", "pasta.avx2", "passt.avx2"):
        lab.call("lab.host:remove", f"{binaries}/{name}")
    message = refuse("/dev/net/tun", "pasta", "user namespace", user_namespaces=False)
    assert message.count("claude-sandbox: refused: ") >= 3 and message.count("CLAUDE_SANDBOX_EGRESS_JAIL=0") == 1


def test_the_override_is_not_named_where_it_is_forbidden(lab, identity):
    lab.configure("allow-override = no\n")
    lab.call("lab.host:remove_tun")
    result = lab.jail("true", identity=identity)
    assert result.status == 125 and "CLAUDE_SANDBOX_EGRESS_JAIL=0" not in result.err


def test_without_network_neither_tun_nor_pasta_is_needed(lab, identity, binaries):
    lab.call("lab.host:remove_tun")
    lab.call("lab.host:remove", f"{binaries}/pasta")
    assert lab.jail("true", identity=identity, options=("--network", "none")).status == 0


def test_a_chroot(lab):
    """The kernel makes no user namespaces in one. Nothing else would tell why."""
    script = 'set -e; mkdir -p /srv/lab/new; mount --rbind / /srv/lab/new; exec chroot /srv/lab/new "$@"'
    command = [EXECUTABLE, "run", "--", "touch", MARKER]
    result = lab.run(["unshare", "--mount", "sh", "-c", script, "sh", *command], identity="root")
    assert (result.status, result.out) == (125, ""), result
    assert "user namespace: unshare(CLONE_NEWUSER): Operation not permitted\n  fix: leave the chroot" in result.err
    assert not lab.call("lab.host:exists", MARKER)


def test_no_getent(lab, identity, binaries):
    """Small images have none. A jail needs it for nothing; what looks names up says why it cannot."""
    lab.call("lab.host:remove", f"{binaries}/getent")
    result = lab.sandbox("explain", "web.lab.test", identity=identity)
    assert (result.status, result.out) == (2, "")
    assert "names cannot be looked up: /usr/bin/getent: No such file or directory" in result.err
    found = {row["name"]: row for row in lab.sandbox("verify", "--json", identity=identity).json["checks"]}
    assert [name for name, row in found.items() if row["state"] == "unreachable"] == ["name service works", "the internet works"]
    assert found["name service works"]["saw"] == "/usr/bin/getent: No such file or directory"

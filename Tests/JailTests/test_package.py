"""The Debian package, installed by dpkg into a small root of its own: what is another's stays, and comes back."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest
from test_install import SOURCE, STAND_IN, checksum

CLAUDE, DIVERTED = "usr/bin/claude", "usr/bin/claude.distrib"
NEWER = "../lib/node_modules/@anthropic-ai/claude-code/cli.mjs"
NPM = "../lib/node_modules/@anthropic-ai/claude-code/cli.js"
SETTINGS = "etc/claude-code/managed-settings.d/50-claude-sandbox.json"
SKILL = "etc/claude-code/.claude/skills/verify-sandbox/SKILL.md"
# What maintainer scripts run. setpriv is not there: they have to do without it.
PROGRAMS = ["sh", "dpkg-divert", "dpkg-query", "readlink", "rm", "mv", "cp", "mkdir", "rmdir", "grep", "id", "timeout", "env"]
# The proof of this stand-in holds where /holds is.
PROVEN = STAND_IN.replace("case $1 in", 'case ${0##*/} in verify-sandbox) test -e /holds; exit ;; esac\ncase $1 in', 1)


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Two versions of the package."""
    if os.geteuid() != 0 or not shutil.which("dpkg-deb"):
        if os.environ.get("CLAUDE_SANDBOX_TESTS_MUST_RUN") == "1":
            pytest.fail("needs root and dpkg")
        pytest.skip("needs root and dpkg")
    directory = tmp_path_factory.mktemp("package")
    program = directory / "claude-sandbox"
    program.write_text(PROVEN)
    program.chmod(0o755)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(
        [SOURCE / "install.sh", "--binary", program, "--sha256", checksum(program)], check=True, stdout=subprocess.DEVNULL,
        env={**environment, "DESTDIR": str(directory / "stage"), "PREFIX": "/usr"},
    )  # fmt: skip
    for version in ("1.0", "1.1"):
        subprocess.run([SOURCE / "packaging/deb", directory / "stage", version, directory], check=True, env=environment)
    return sorted(directory.glob("*.deb"))


@pytest.fixture
def root(tmp_path, packages):
    root = tmp_path / "root"
    for name in ("usr/bin", "usr/lib", "usr/lib64", "usr/share/man/man1", "etc", "var/lib/dpkg/info", "var/lib/dpkg/updates", "dev"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "var/lib/dpkg/status").touch()
    (root / "dev/null").touch()
    for name in PROGRAMS:
        program = pathlib.Path(shutil.which(name)).resolve()
        shutil.copy(program, root / "usr/bin" / name)
        libraries = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
        for library in re.findall(r"/[^ \n]+", libraries):
            target = root / os.path.realpath(os.path.dirname(library)).lstrip("/") / os.path.basename(library)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)
    (root / "holds").touch()
    (root / "usr/lib/node_modules/@anthropic-ai/claude-code").mkdir(parents=True)
    (root / "usr/lib/node_modules/@anthropic-ai/claude-code/cli.js").write_text("the real one")
    (root / "usr/lib/node_modules/@anthropic-ai/claude-code/cli.mjs").write_text("a newer one")
    return root


def dpkg(root, *words, status=0):
    result = subprocess.run(
        ["dpkg", f"--root={root}", "--force-depends", "--force-bad-path", "--force-confold", *words],
        capture_output=True, text=True, env={**os.environ, "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )  # fmt: skip
    assert result.returncode == status, result
    return result.stdout + result.stderr


def link(root, name):
    path = root / name
    return os.readlink(path) if path.is_symlink() else "file" if path.exists() else None


@pytest.fixture(params=["npm", "native", "none"])
def theirs(request, root):
    """What is /usr/bin/claude before, as `link` shows it."""
    if request.param == "npm":
        (root / CLAUDE).symlink_to(NPM)
    elif request.param == "native":
        (root / CLAUDE).write_text("the real one")
    return link(root, CLAUDE)


def test_another_s_claude_is_kept_and_comes_back(root, packages, theirs):
    page = root / "usr/share/man/man1/claude.1.gz"
    page.write_text("theirs")
    for package in packages:
        dpkg(root, "--install", package)
        assert (link(root, CLAUDE), link(root, DIVERTED)) == ("claude-sandbox", theirs)
        assert (root / SETTINGS).exists() and (root / SKILL).exists()
        assert page.read_text() == "theirs"
    dpkg(root, "--remove", "claude-sandbox")
    assert (link(root, CLAUDE), link(root, DIVERTED)) == (theirs, None)
    assert theirs is None or (root / CLAUDE).read_text() == "the real one"
    assert page.read_text() == "theirs"
    assert not (root / "etc/claude-code").exists()
    dpkg(root, "--purge", "claude-sandbox")
    assert "claude" not in (root / "var/lib/dpkg/diversions").read_text()


def test_npm_updates_over_ours(root, packages):
    (root / CLAUDE).symlink_to(NPM)
    dpkg(root, "--install", packages[0])
    for after in (lambda: dpkg(root, "--install", packages[1]), lambda: dpkg(root, "--remove", "claude-sandbox")):
        (root / CLAUDE).unlink()
        (root / CLAUDE).symlink_to(NEWER)
        after()
        assert NEWER in (link(root, CLAUDE), link(root, DIVERTED))
    assert (link(root, CLAUDE), link(root, DIVERTED)) == (NEWER, None)


def test_ours_by_install_sh_is_not_diverted(root, packages):
    (root / CLAUDE).symlink_to("claude-sandbox")
    dpkg(root, "--install", packages[0])
    assert (link(root, CLAUDE), link(root, DIVERTED)) == ("claude-sandbox", None)
    dpkg(root, "--remove", "claude-sandbox")
    assert link(root, CLAUDE) is None


def test_a_refusal_where_both_names_are_taken(root, packages):
    for name in (CLAUDE, DIVERTED):
        (root / name).write_text(name)
    assert DIVERTED in dpkg(root, "--install", packages[0], status=1)
    assert [(root / name).read_text() for name in (CLAUDE, DIVERTED)] == [CLAUDE, DIVERTED]


def test_no_guard_where_no_jail_holds(root, packages):
    (root / "holds").unlink()
    assert "no jail holds here" in dpkg(root, "--install", packages[0])
    assert not (root / SETTINGS).exists() and link(root, CLAUDE) == "claude-sandbox"
    (root / "holds").touch()
    dpkg(root, "--install", packages[0])
    assert (root / SETTINGS).exists()
    # One that was placed stays: without a jail Claude Code is refused, and not let go.
    (root / "holds").unlink()
    dpkg(root, "--install", packages[1])
    assert (root / SETTINGS).exists()

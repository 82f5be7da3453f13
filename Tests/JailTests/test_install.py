"""install.sh: into a directory, with a stand-in for the executable; and on a lab's host, to the proof."""

import hashlib
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import tarfile
from io import BytesIO

import pytest
from lab import Identity
from lab.filesystem import EXECUTABLE
from lab.identity import UID

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PARTS = ["install.sh", "etc", "share"]
STANDARD = ["etc", "opt", "usr/local/bin", "usr/local/share/man", "var/lib"]
RECORD = "var/lib/claude-sandbox/directories"
BIN = "usr/local/bin"
CONFIGURATION = "etc/claude-sandbox.conf"
SETTINGS = "etc/claude-code/managed-settings.d/50-claude-sandbox.json"
SKILL = "etc/claude-code/.claude/skills/verify-sandbox/SKILL.md"
PRESETS = "usr/local/share/claude-sandbox/presets"
HAS_GUARD = (SOURCE / "etc/managed-settings.json").exists()
# The commands by which install.sh changes something: between two of them it does not matter when it is killed.
CHANGES = ["mkdir", "install", "mv", "ln", "rm", "rmdir"]

STAND_IN = """#!/bin/sh
case $1 in
  version) echo claude-sandbox 0.0.0 ;;
  --generate-completion-script) echo "completions for $2" ;;
  *) exit 64 ;;
esac
"""


@pytest.fixture
def release(tmp_path):
    """An unpacked release."""
    directory = tmp_path / "release"
    directory.mkdir()
    shutil.copy(SOURCE / "install.sh", directory)
    for name in ("etc", "share"):
        shutil.copytree(SOURCE / name, directory / name)
    executable = directory / "claude-sandbox"
    executable.write_text(STAND_IN)
    executable.chmod(0o755)
    (directory / "SHA256SUMS").write_text(f"{checksum(executable)}  claude-sandbox\n")
    return directory


@pytest.fixture
def system(tmp_path):
    """What DESTDIR names: the directories that every system has."""
    root = tmp_path / "root"
    for name in STANDARD:
        (root / name).mkdir(parents=True)
    return root


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def install(release, system, *options, path="", **more):
    environment = {"PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"], "DESTDIR": str(system), **more}
    return subprocess.run(
        [release / "install.sh", *options], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        start_new_session=True,
    )  # fmt: skip


def tree(root):
    """Every file below it: its kind, mode, and contents."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        contents = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(root))] = (stat.filemode(status.st_mode), contents)
    return found


def test_everything_is_placed(release, system):
    result = install(release, system)
    assert (result.returncode, result.stderr) == (0, "")
    found = tree(system)
    assert found[f"{BIN}/claude-sandbox"] == ("-rwxr-xr-x", STAND_IN.encode())
    assert found[f"{BIN}/verify-sandbox"] == ("lrwxrwxrwx", "claude-sandbox")
    assert found[CONFIGURATION] == ("-rw-r--r--", (release / CONFIGURATION).read_bytes())
    assert found["usr/local/share/man/man1/claude-sandbox.1"][0] == "-rw-r--r--"
    assert found["usr/local/share/bash-completion/completions/claude-sandbox"][1].startswith(b"completions for bash\n# shellcheck")
    assert found["etc/profile.d/claude-sandbox.sh"] == ("-rw-r--r--", (release / "etc/profile.d/claude-sandbox.sh").read_bytes())
    assert "usr/local/share/man/man1/claude.1" not in found
    presets = {path.name: ("-rw-r--r--", path.read_bytes()) for path in (SOURCE / "share/presets").iterdir()}
    assert presets == {name.rpartition("/")[2]: file for name, file in found.items() if name.startswith(f"{PRESETS}/")}
    assert found["usr/local/share/claude-sandbox/open-url"] == ("-rwxr-xr-x", (SOURCE / "share/open-url").read_bytes())
    files = [name for name, (mode, _) in found.items() if mode[0] != "d" and name != RECORD]
    assert all(f"{system}/{name}" in result.stdout for name in files)
    assert not [name for name in files if name.endswith((".part", ".new"))]
    assert HAS_GUARD == (SETTINGS in found)


def test_previews_are_placed_where_a_release_has_them(release, system):
    preview = release / "claude-sandbox-preview"
    preview.write_text("previews\n")
    sums = release / "SHA256SUMS"
    with sums.open("a") as file:
        file.write(f"{checksum(preview)}  claude-sandbox-preview\n")
    assert install(release, system).returncode == 0
    assert tree(system)[f"{BIN}/claude-sandbox-preview"] == ("-rwxr-xr-x", b"previews\n")
    assert install(release, system, "--uninstall").returncode == 0
    assert f"{BIN}/claude-sandbox-preview" not in tree(system)
    preview.write_text("others\n")
    before = tree(system)
    result = install(release, system)
    assert result.returncode == 1 and "claude-sandbox-preview does not match its checksum" in result.stderr
    assert tree(system) == before


def test_once_more_changes_nothing(release, system):
    install(release, system)
    before = tree(system)
    assert install(release, system).returncode == 0
    assert tree(system) == before


def test_a_dry_run_changes_nothing(release, system):
    before = tree(system)
    dry = install(release, system, "--dry-run")
    assert dry.returncode == 0 and tree(system) == before
    assert dry.stdout == install(release, system).stdout
    before = tree(system)
    assert install(release, system, "--uninstall", "--purge", "--dry-run").returncode == 0
    assert tree(system) == before


def test_a_prefix(release, system):
    before = tree(system)
    assert install(release, system, PREFIX="/opt/jail").returncode == 0
    assert (system / "opt/jail/bin/claude-sandbox").exists() and not (system / BIN / "claude-sandbox").exists()
    assert install(release, system, "--uninstall", "--purge", PREFIX="/opt/jail").returncode == 0
    assert tree(system) == before
    assert install(release, system, PREFIX="opt").returncode == 1


def test_a_changed_configuration_is_kept(release, system):
    install(release, system)
    (system / CONFIGURATION).write_text("allow-ip = 10.0.0.1\n")
    result = install(release, system)
    assert result.returncode == 0 and f"{system}/{CONFIGURATION}.new" in result.stdout
    assert (system / CONFIGURATION).read_text() == "allow-ip = 10.0.0.1\n"
    assert (system / f"{CONFIGURATION}.new").read_bytes() == (release / CONFIGURATION).read_bytes()
    # Once it has become the new default there is nothing beside it.
    shutil.copy(release / CONFIGURATION, system / CONFIGURATION)
    assert install(release, system).returncode == 0
    assert not (system / f"{CONFIGURATION}.new").exists()


def test_uninstall_leaves_the_configuration_and_nothing_else(release, system):
    before = tree(system)
    install(release, system)
    (system / CONFIGURATION).write_text("ipv6 = off\n")
    install(release, system)
    (system / "etc/claude-sandbox.conf.d").mkdir()
    (system / "etc/claude-sandbox.conf.d/site.conf").write_text("ipv6 = off\n")
    assert install(release, system, "--uninstall").returncode == 0
    kept = {CONFIGURATION, f"{CONFIGURATION}.new", "etc/claude-sandbox.conf.d", "etc/claude-sandbox.conf.d/site.conf"}
    assert set(tree(system)) - set(before) == kept
    assert install(release, system, "--uninstall", "--purge").returncode == 0
    assert tree(system) == before


def test_a_wrong_checksum_is_refused(release, system):
    before = tree(system)
    right = checksum(release / "claude-sandbox")
    assert install(release, system, "--binary", str(release / "claude-sandbox"), "--sha256", right.upper()).returncode == 0
    install(release, system, "--uninstall", "--purge")
    for options in (["--sha256", "0" * 64], ["--sha256=" + "0" * 64]):
        result = install(release, system, *options)
        assert result.returncode == 1 and "does not match its checksum" in result.stderr and "fix: " in result.stderr
        assert tree(system) == before
    (release / "claude-sandbox").write_text(STAND_IN + "#")
    assert "does not match its checksum" in install(release, system).stderr
    (release / "SHA256SUMS").unlink()
    assert "has no checksum" in install(release, system).stderr
    assert "is not a file" in install(release, system, "--binary", "nowhere", "--sha256", right).stderr
    assert tree(system) == before


def test_another_machine_s_executable_is_refused(release, system):
    (release / "claude-sandbox").write_bytes(b"\x7fELF")
    result = install(release, system, "--sha256", checksum(release / "claude-sandbox"))
    assert result.returncode == 1 and "does not run on this machine" in result.stderr
    assert not (system / BIN / "claude-sandbox").exists()


@pytest.mark.parametrize("name", ["verify-sandbox", *(["claude"] if HAS_GUARD else [])])
def test_a_package_manager_s_link_is_kept(release, system, name):
    link = system / BIN / name
    link.symlink_to("../lib/node_modules/@anthropic-ai/claude-code/cli.js")
    before = tree(system)
    result = install(release, system)
    assert result.returncode == 1 and f"{link} is not ours but npm's" in result.stderr and "PREFIX=" in result.stderr
    assert tree(system) == before
    install(release, system, "--uninstall", "--purge")
    assert tree(system) == before
    assert install(release, system, PREFIX="/opt/jail").returncode == 0
    link.unlink()
    link.write_text("somebody's")
    assert f"{link} is not ours" in install(release, system).stderr


if HAS_GUARD:

    @pytest.mark.parametrize("name", ["managed-settings.json", "managed-settings.d/10-site.json"])
    @pytest.mark.parametrize("key", ["policyHelper", "processWrapper"])
    def test_settings_of_others_are_respected(release, system, name, key):
        file = system / "etc/claude-code" / name
        file.parent.mkdir(parents=True)
        file.write_text('{"%s": {"path": "/opt/other"}}' % key)
        before = tree(system)
        result = install(release, system)
        assert result.returncode == 1 and f'{file} sets "{key}"' in result.stderr
        assert tree(system) == before
        assert install(release, system, "--no-guard").returncode == 0
        assert not (system / SETTINGS).exists() and not (system / SKILL).exists()
        file.write_text('{"permissions": {}}')
        assert install(release, system).returncode == 0
        assert (system / SETTINGS).exists() and (system / SKILL).exists()
        assert install(release, system, "--no-guard").returncode == 0
        assert not (system / SETTINGS).exists() and not (system / SKILL).exists() and file.exists()


@pytest.mark.parametrize("half", [False, True], ids=["before", "halfway"])
def test_interrupted_anywhere_and_repaired(release, system, tmp_path, half):
    """Killed at the first command, the second, ..., by name; each time another run repairs, and uninstalling leaves nothing."""
    before = tree(system)
    install(release, system)
    whole = tree(system)
    install(release, system, "--uninstall", "--purge")
    calls = killers(tmp_path, half)
    killed = 0
    while interrupted(install(release, system, path=calls(killed + 1))):
        killed += 1
        # Every other time what is there by halves is removed without having been repaired.
        if killed % 2:
            assert install(release, system).returncode == 0
            assert tree(system) == whole
            continue
        assert install(release, system, "--uninstall", "--purge").returncode == 0
        assert tree(system) == before
    assert killed > 15


def test_uninstall_interrupted_anywhere(release, system, tmp_path):
    before = tree(system)
    calls = killers(tmp_path, False)
    killed = 0
    while True:
        install(release, system)
        if not interrupted(install(release, system, "--uninstall", "--purge", path=calls(killed + 1))):
            break
        killed += 1
        assert install(release, system, "--uninstall", "--purge").returncode == 0
        assert tree(system) == before
    assert killed > 5


def interrupted(result):
    """Whether it was killed; otherwise it has to have worked."""
    assert result.returncode in (0, -signal.SIGKILL), result
    return result.returncode != 0


def killers(tmp_path, half):
    """A function that makes a PATH on which the n-th command kills install.sh, before or in the middle of its work."""
    directory, count = tmp_path / "killers", tmp_path / "count"
    directory.mkdir()

    def prepare(number):
        count.write_text("")
        for name in CHANGES:
            real = shutil.which(name)
            # The last argument of a copying command is its target, which then has half of what it should.
            work = f'"{real}" "$@"; for last; do :; done; [ ! -f "$last" ] || truncate -s 7 "$last"' if half else ":"
            work = work if name == "install" or not half else f'"{real}" "$@"'
            script = directory / name
            script.write_text(
                f"""#!/bin/sh
echo >>{count}
if [ "$(wc -l <{count})" = {number} ]; then
  {work}
  kill -KILL 0
fi
exec {real} "$@"
"""
            )
            script.chmod(0o755)
        return str(directory)

    return prepare


PREFIX = "/srv/lab/prefix"
RELEASE = "/srv/lab/release"


@pytest.fixture
def unpacked(lab):
    """A release, without the executable, on the lab's host."""
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in PARTS:
            tar.add(SOURCE / name, name)
    assert lab.run(["mkdir", "-p", RELEASE]).status == 0
    assert lab.run(["tar", "-x", "--no-same-owner", "-C", RELEASE], stdin=archive.getvalue()).status == 0
    yield RELEASE
    lab.run(["rm", "-rf", RELEASE, PREFIX])


def test_another_s_page_is_kept(release, system):
    page = system / "usr/local/share/man/man1/claude.1"
    page.parent.mkdir()
    page.write_text("theirs")
    assert install(release, system).returncode == 0 and install(release, system, "--uninstall").returncode == 0
    assert page.read_text() == "theirs"
    # Ours, of the first version, goes.
    page.write_text(".so man1/claude-sandbox.1\n")
    completions = system / "usr/local/share/fish/vendor_completions.d/claude-sandbox.fish"
    completions.parent.mkdir(parents=True)
    completions.write_text("")
    assert install(release, system).returncode == 0 and not page.exists() and not completions.exists()


def test_another_s_directories_are_kept(release, system):
    """fish's package makes these, and they are empty."""
    for name in ("etc/fish/conf.d", "etc/fish/completions", "usr/local/share/zsh"):
        (system / name).mkdir(parents=True)
    before = tree(system)
    for options in ([], ["--no-profile"], ["--no-guard"]):
        assert install(release, system, *options).returncode == 0
        assert install(release, system, "--uninstall", "--purge").returncode == 0
        assert tree(system) == before
    # The control: without the record nothing that was made is known.
    assert install(release, system).returncode == 0
    assert "/usr/local/share/zsh/site-functions" in (system / RECORD).read_text().splitlines()
    (system / RECORD).unlink()
    assert install(release, system, "--uninstall", "--purge").returncode == 0
    assert (system / "usr/local/share/zsh/site-functions").is_dir() and not (system / RECORD).parent.exists()


def test_without_lines_for_shells(release, system):
    snippets = [system / "etc/profile.d/claude-sandbox.sh", system / "etc/fish/conf.d/claude-sandbox.fish"]
    assert install(release, system, PREFIX="/opt/jail").returncode == 0
    for snippet in snippets:
        assert "/opt/jail/bin/claude" in snippet.read_text() and "/usr/local" not in snippet.read_text()
    assert install(release, system, "--no-profile", PREFIX="/opt/jail").returncode == 0
    assert not any(snippet.exists() for snippet in snippets) and not (system / "etc/profile.d").exists()


def on_host(lab, *options, **how):
    return lab.run([f"{RELEASE}/install.sh", *options], identity=Identity.ROOT, add_env={"PREFIX": PREFIX}, **how)


def test_an_installation_is_proven(lab, unpacked, clean):
    digest = lab.run(["sha256sum", EXECUTABLE]).out.split()[0]
    prebuilt = ("--binary", EXECUTABLE, "--sha256", digest)
    result = on_host(lab, *prebuilt)
    assert result.status == 0, result
    assert "The jail holds: " in result.out and result.out.rstrip().splitlines()[-1].startswith("Try it: ")
    assert lab.run([f"{PREFIX}/bin/verify-sandbox"], identity=Identity.USER).status == 0
    # On a machine without internet the proof fails, but for those who know that there is none.
    lab.resolv("nameserver 203.0.113.253\noptions timeout:1 attempts:1\n")
    failed = on_host(lab, *prebuilt)
    assert failed.status == 1 and "the internet cannot be reached from the jail" in failed.err and "The previous version is back" in failed.err
    assert lab.run([f"{PREFIX}/bin/verify-sandbox", "--offline"], identity=Identity.USER).status == 0
    assert lab.run(["ls", f"{PREFIX}/bin/claude-sandbox.old"]).status == 2
    assert on_host(lab, *prebuilt, "--offline").status == 0
    assert on_host(lab, "--uninstall", "--purge").status == 0
    assert lab.run(["find", PREFIX]).status == 1


def test_the_caller_s_own_shell_is_asked(lab, unpacked, clean):
    """With an alias that leads past the jailed one, and without."""
    name, _, _, _, _, home, _ = lab.run(["getent", "passwd", str(UID)]).out.strip().split(":")
    digest = lab.run(["sha256sum", EXECUTABLE]).out.split()[0]

    def said():
        words = ["env", f"SUDO_USER={name}", f"PREFIX={PREFIX}", f"{RELEASE}/install.sh", "--binary", EXECUTABLE, "--sha256", digest]
        result = lab.run(words, identity=Identity.ROOT)
        assert result.status == 0, result
        return result.out

    assert "Note: " not in said()
    lab.call("lab.host:write", f"{home}/.bashrc", "alias claude=/opt/another/claude\n", {"uid": UID})
    try:
        note = said()
    finally:
        lab.call("lab.host:remove", f"{home}/.bashrc")
        on_host(lab, "--uninstall", "--purge")
    assert f"Note: what {name} starts as claude is not jailed: " in note and "an alias for /opt/another/claude" in note
    assert f"fix: echo 'alias claude={PREFIX}/bin/claude' >>~/.bashrc" in note


def test_a_machine_on_which_no_jail_can_be_built(lab, unpacked):
    digest = lab.run(["sha256sum", EXECUTABLE]).out.split()[0]
    lab.call("lab.host:remove_tun")
    try:
        result = on_host(lab, "--binary", EXECUTABLE, "--sha256", digest)
    finally:
        lab.call("lab.host:make_tun", 0o666)
    assert result.status == 1 and "a jail cannot be built here" in result.err and "--device=/dev/net/tun" in result.out
    # Nobody's Claude Code is worse off: no name, no settings, no lines for shells.
    assert "Nothing is installed" in result.err
    for path in (PREFIX, f"/{SETTINGS}", "/etc/profile.d/claude-sandbox.sh"):
        assert not lab.call("lab.host:exists", path), path


def test_only_root_installs(lab, unpacked):
    digest = lab.run(["sha256sum", EXECUTABLE]).out.split()[0]
    result = lab.run(
        [f"{RELEASE}/install.sh", "--binary", EXECUTABLE, "--sha256", digest], identity=Identity.USER, add_env={"PREFIX": PREFIX}
    )
    assert result.status == 1 and "only root can write" in result.err

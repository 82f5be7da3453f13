"""What `claude` is in a user's interactive shell, as `doctor --shell` tells it: aliases and functions come before PATH."""

import os
import pathlib
import shutil
import subprocess

import pytest
from lab.lab import executable
from test_install import SOURCE

FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}


@pytest.fixture(params=FILES)
def ask(request, tmp_path):
    """A function that writes the shell's file, puts directories on PATH, and asks."""
    shell = shutil.which(request.param)
    if not shell:
        assert os.environ.get("CLAUDE_SANDBOX_TESTS_MUST_RUN") != "1", f"{request.param} is not installed"
        pytest.skip(f"{request.param} is not installed")
    ours, theirs = tmp_path / "ours/bin", tmp_path / ".local/bin"
    for directory in (ours, theirs):
        directory.mkdir(parents=True)
    shutil.copy(executable(), ours / "claude-sandbox")
    (ours / "claude").symlink_to("claude-sandbox")
    (theirs / "claude").write_text("#!/bin/sh\n")
    (theirs / "claude").chmod(0o755)

    def ask(text, *directories):
        file = tmp_path / FILES[request.param]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        path = ":".join([*map(str, directories), "/usr/bin", "/bin"])
        result = subprocess.run(
            [ours / "claude-sandbox", "doctor", "--shell"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
            env={"HOME": str(tmp_path), "SHELL": shell, "PATH": path, "LC_ALL": "C.UTF-8"}, timeout=30,
        )  # fmt: skip
        assert result.stderr == ""
        return result.returncode, result.stdout

    ask.ours, ask.theirs, ask.name = ours, theirs, request.param
    return ask


def test_the_order_on_path(ask):
    assert ask("", ask.ours, ask.theirs) == (0, f"{ask.ours}/claude, in {shutil.which(ask.name)}\n")
    status, said = ask("echo noise", ask.theirs, ask.ours)
    assert status == 1 and f"it is {ask.theirs}/claude, which runs without a jail" in said
    assert f"  fix: echo 'alias claude={ask.ours}/claude' >>~/{FILES[ask.name]}" in said
    status, said = ask("")
    assert status == 1 and "does not find it" in said


def test_the_advice_helps(ask):
    assert ask(f"alias claude={ask.ours}/claude\n", ask.theirs, ask.ours)[0] == 0


def test_an_alias_that_leads_past(ask):
    status, said = ask("alias claude=~/.local/bin/claude\n", ask.ours, ask.theirs)
    found = "a function" if ask.name == "fish" else f"an alias for {ask.theirs}/claude"
    assert status == 1 and f" it is {found}, which runs without a jail\n" in said, said


def test_an_alias_that_adds_options(ask):
    alias = "alias claude='claude --verbose'\n"
    assert ask(alias, ask.ours, ask.theirs)[0] == 0
    assert ask(alias, ask.theirs, ask.ours)[0] == 1


def test_the_installed_lines(ask):
    """They win whatever comes first on PATH."""
    name = "etc/fish/conf.d/claude-sandbox.fish" if ask.name == "fish" else "etc/profile.d/claude-sandbox.sh"
    text = (SOURCE / name).read_text().replace("/usr/local/bin", str(ask.ours))
    file = pathlib.Path(ask.ours).parent / os.path.basename(name)
    file.write_text(text)
    assert ask(f". {file}\n", ask.theirs, ask.ours)[0] == 0
    # Without the program they do nothing.
    (ask.ours / "claude").rename(ask.ours / "gone")
    subprocess.run([shutil.which(ask.name), "-c", f". {file}; claude"], check=True, env={"PATH": f"{ask.theirs}:/usr/bin"})

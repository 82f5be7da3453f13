"""Completions, as bash, zsh and fish do them: typed into a terminal, with the Tab key."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest
from lab.lab import executable
from test_install import SOURCE, checksum

pexpect = pytest.importorskip("pexpect") if os.environ.get("CLAUDE_SANDBOX_TESTS_MUST_RUN") != "1" else __import__("pexpect")

TAB = "\t"
# What is typed, and the words that the shell passes on. `zz-program` knows one word, alpha.
CASES = [
    (f"doc{TAB}", "doctor"),
    (f"config --pr{TAB}", "config --prove"),
    (f"rel{TAB}", "reload"),
    (f"ps --a{TAB}", "ps --all"),
    (f"pres{TAB}", "presets"),
    (f"run --dry{TAB}", "run --dry-run"),
    (f"run --network r{TAB}", "run --network restricted"),
    (f"run --network=n{TAB}", "run --network=none"),
    (f"run zz-pro{TAB}", "run zz-program"),
    (f"run -- zz-pro{TAB}", "run -- zz-program"),
    (f"run --network none --dry-run zz-pro{TAB}", "run --network none --dry-run zz-program"),
    (f"run --network=none zz-pro{TAB}", "run --network=none zz-program"),
    (f"run --publish 5173 --publish=1:2 zz-pro{TAB}", "run --publish 5173 --publish=1:2 zz-program"),
    (f"run zz-program al{TAB}", "run zz-program alpha"),
    (f"run -- zz-program al{TAB}", "run -- zz-program alpha"),
    (f"run --network none -- zz-program x al{TAB}", "run --network none -- zz-program x alpha"),
    (f"run -- cat zz-fi{TAB}", "run -- cat zz-file"),
    (f"learn -- zz-program al{TAB}", "learn -- zz-program alpha"),
    (f"lo{TAB}", "log"),
    # Behind the command an option is the command's.
    (f"run zz-program --dry{TAB}", "run zz-program --dry"),
]
SHELLS = {
    "bash": (
        ["--norc", "--noprofile", "-i"],
        "PS1='ready> '; bind 'set enable-bracketed-paste off'; . /usr/share/bash-completion/bash_completion; "
        'complete -W alpha zz-program; claude-sandbox() { printf "<%s>\\n" "$*"; }',
    ),
    "zsh": (
        ["-f", "-i"],
        "PS1='ready> '; unset zle_bracketed_paste; unsetopt prompt_cr prompt_sp; fpath=($COMPLETIONS/usr/local/share/zsh/site-functions $fpath); autoload -Uz compinit; compinit -u -D; "
        '_zz() { compadd alpha }; compdef _zz zz-program; claude-sandbox() { printf "<%s>\\n" "$*" }',
    ),
    "fish": (
        ["-i"],
        "function fish_prompt; echo 'ready> '; end; set -g fish_autosuggestion_enabled 0; "
        "set -p fish_complete_path $COMPLETIONS/etc/fish/completions; complete -c zz-program -fa alpha; "
        'function claude-sandbox; printf "<%s>\\n" "$argv"; end',
    ),
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The completions, where install.sh places them; and something to complete."""
    root = tmp_path_factory.mktemp("completions")
    program = pathlib.Path(executable())
    subprocess.run(
        [SOURCE / "install.sh", "--binary", program, "--sha256", checksum(program)], check=True, stdout=subprocess.DEVNULL,
        env={**os.environ, "DESTDIR": str(root)},
    )  # fmt: skip
    for name in ("zz-program", "zz-file"):
        (root / name).write_text("#!/bin/sh\n")
    (root / "zz-program").chmod(0o755)
    return root


@pytest.fixture(scope="module", params=SHELLS)
def shell(request, installed):
    """A shell at its prompt."""
    if not shutil.which(request.param):
        assert os.environ.get("CLAUDE_SANDBOX_TESTS_MUST_RUN") != "1", f"{request.param} is not installed"
        pytest.skip(f"{request.param} is not installed")
    words, setup = SHELLS[request.param]
    environment = {
        "PATH": f"{installed}:/usr/bin:/bin", "HOME": str(installed), "TERM": "dumb", "LC_ALL": "C.UTF-8",
        "XDG_DATA_DIRS": f"{installed}/usr/local/share:/usr/share", "COMPLETIONS": str(installed),
    }  # fmt: skip
    process = pexpect.spawn(
        request.param, words, env=environment, cwd=str(installed), encoding="utf-8", timeout=10, dimensions=(50, 200)
    )
    process.sendline(f"{setup}; echo be''gin")
    process.expect_exact("begin")
    process.name = request.param
    yield process
    process.close(force=True)


@pytest.mark.parametrize(("typed", "words"), CASES)
def test_completion(shell, typed, words):
    shell.send(f"claude-sandbox {typed}")
    shell.send("\r")
    shell.expect(r"<([^>\r\n]*)>[ \r\n]")
    assert shell.match[1].rstrip() == words


def test_every_option_with_a_value_is_known_to_be_one(installed):
    """What is behind it would otherwise be taken for the command."""
    help = subprocess.run([executable(), "run", "--help"], capture_output=True, text=True).stdout
    options = {line.split()[0] for line in help.splitlines() if line.startswith("  --") and " <" in line.split("  ")[1]}
    assert options == {"--network", "--publish"}
    for name in ("run.bash", "run.fish"):
        text = (SOURCE / "etc/completions" / name).read_text()
        assert all(re.search(rf"(^ *|case .*|\| ){option}\b", text, re.MULTILINE) for option in options)


def test_where_shells_look(tmp_path):
    environment = {**os.environ, "HOME": str(tmp_path)}
    said = subprocess.run(["fish", "-c", "echo $fish_complete_path"], capture_output=True, text=True, env=environment).stdout
    assert "/etc/fish/completions" in said.split()
    said = subprocess.run(["zsh", "-f", "-c", "echo $fpath"], capture_output=True, text=True).stdout
    assert "/usr/local/share/zsh/site-functions" in said.split()

"""A command runs as it would without a jail: its words, environment, directory, identity, limits and streams."""

import json
import os

import pytest
from lab import Identity
from lab.filesystem import EXECUTABLE
from lab.lab import PYTHON

SHOW = """
import json, os, resource, sys
print(json.dumps({"argv": [os.fsencode(a).hex() for a in sys.argv[1:]], "cwd": os.getcwd(), "env": {k: v for k, v in os.environ.items()},
  "ids": [os.getresuid(), os.getresgid()], "umask": os.umask(0), "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
  "nice": os.getpriority(os.PRIO_PROCESS, 0), "group": os.getpgrp(), "session": os.getsid(0), "pid": os.getpid(), "parent": os.getppid()}))
"""


def show(lab, *words, launcher=(EXECUTABLE, "run", "--"), **how):
    result = lab.run([*launcher, PYTHON, "-I", "-c", SHOW, *words], **how)
    assert (result.status, result.err) == (0, "")
    return result.json


@pytest.mark.parametrize("words", [
    [""], ["", ""], ["a b", " c "], ["line\nbreak", "\n"], ["tab\t", "quote\"'", "$HOME", "`id`", "*"], ["--", "-h", "--help", "--json"],
    [b"\xff\xfe\x80"], ["ünïcödé"], ["x" * 100_000], [str(n) for n in range(2000)],
], ids=["empty", "two-empty", "spaces", "newlines", "shell", "options", "no-utf-8", "unicode", "long", "many"])  # fmt: skip
def test_words(lab, identity, words):
    assert [bytes.fromhex(word) for word in show(lab, *words, identity=identity)["argv"]] == [os.fsencode(word) for word in words]


def test_options_after_the_command_are_the_command_s(lab, identity):
    result = lab.sandbox("run", "--", "echo", "--network", "none", "--dry-run", "--", "-h", identity=identity)
    assert (result.status, result.out) == (0, "--network none --dry-run -- -h\n")


def test_environment(lab, identity):
    env = {"PATH": lab.path(), "EMPTY": "", "LINES_": "a\nb", "LD_LIBRARY_PATH": "/nowhere", "HOME": "/x", "IFS": " ", "A=B"[0]: "1"}
    assert show(lab, identity=identity, env=env)["env"] == {**env, **locale(lab), "CLAUDE_SANDBOX": "1"}


def locale(lab):
    """Python sets LC_CTYPE where the locale is C: the control run tells."""
    return {k: v for k, v in lab.run([PYTHON, "-I", "-c", SHOW], env={"PATH": lab.path()}).json["env"].items() if k == "LC_CTYPE"}


def test_an_empty_environment(lab, identity):
    result = lab.run([EXECUTABLE, "run", "--", "/usr/bin/env"], identity=identity, env={})
    assert (result.status, result.out) == (0, "CLAUDE_SANDBOX=1\n")


def test_what_is_added_to_the_environment(lab, identity):
    environment = lab.run(["env"], identity=identity).out
    assert lab.jail("env", identity=identity).out == f"{environment}CLAUDE_SANDBOX=1\n"


@pytest.mark.parametrize("directory", ["/", "/usr/share", "/tmp", "/srv/lab/tests/probes"])
def test_directory(lab, identity, directory):
    assert show(lab, identity=identity, cwd=directory)["cwd"] == directory


def test_ids(lab, identity):
    uid = Identity(identity).uid
    assert show(lab, identity=identity)["ids"] == [[uid] * 3, [uid] * 3]


def test_files_belong_to_the_caller(lab, identity):
    assert lab.jail("sh", "-c", "echo text > /tmp/mine; stat -c %u:%g /tmp/mine", identity=identity).out == "{0}:{0}\n".format(
        Identity(identity).uid
    )
    assert lab.run(["stat", "-c", "%u", "/tmp/mine"], identity="root").out == ("0\n" if identity == "root" else "1000\n")
    assert lab.call("lab.host:read", "/tmp/mine") == "text\n"
    lab.call("lab.host:remove", "/tmp/mine")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_umask(lab, identity, umask):
    assert show(lab, identity=identity, umask=umask)["umask"] == umask


def test_limits_and_niceness(lab, identity):
    launcher = ["prlimit", "--nofile=123:456", "nice", "-n", "7", EXECUTABLE, "run", "--"]
    shown = show(lab, launcher=launcher, identity=identity)
    assert (shown["nofile"], shown["nice"]) == ([123, 456], os.getpriority(os.PRIO_PROCESS, 0) + 7)


def test_few_descriptors(lab, identity):
    """A limit that leaves the launcher too few descriptors is an error, never an unsealed command. (test_stress tries each.)"""
    result = lab.run(["prlimit", "--nofile=9:9", EXECUTABLE, "run", "--", "grep", "CapEff", "/proc/self/status"], identity=identity)
    assert (result.status, result.out) == (125, "")
    assert result.err.startswith("claude-sandbox: refused: ") and "Too many open files" in result.err.splitlines()[0], result


def test_the_process_group_is_the_caller_s(lab, identity):
    """So that the terminal's signals reach the command, and `kill %1` does."""
    process = lab.start([EXECUTABLE, "run", "--", PYTHON, "-I", "-c", SHOW], identity=identity)
    shown = json.loads(process.communicate().out)
    process.close()
    assert shown["group"] == process.pid


def test_standard_streams(lab, identity):
    data = bytes(range(256)) * 4096
    result = lab.jail("sh", "-c", "md5sum; echo err >&2", identity=identity, stdin=data)
    control = lab.run(["md5sum"], stdin=data)
    assert (result.status, result.out, result.err) == (0, control.out, "err\n")


def test_closed_output(lab, identity):
    """`claude-sandbox run -- yes | head -1`: the command is ended by SIGPIPE, as without a jail."""
    result = lab.run(["bash", "-c", f"{EXECUTABLE} run -- yes | head -1; echo ${{PIPESTATUS[0]}}"], identity=identity)
    assert result.out == "y\n141\n"


def test_nothing_is_printed(lab, identity):
    result = lab.jail("true", identity=identity)
    assert (result.status, result.out, result.err) == (0, "", "")


@pytest.mark.parametrize("command, path", [("tool", "/tmp/path"), ("/tmp/path/tool", "/usr/bin"), ("./tool", "/usr/bin")])
def test_commands_are_found_as_a_shell_finds_them(lab, identity, command, path):
    lab.call("lab.host:make_directory", "/tmp/path")
    lab.call("lab.host:write", "/tmp/path/tool", "#!/bin/sh\necho found\n", {"mode": 0o755})
    result = lab.jail(command, identity=identity, cwd="/tmp/path", env={"PATH": path})
    lab.call("lab.host:remove", "/tmp/path")
    assert (result.status, result.out) == (0, "found\n")


def test_scripts_without_an_interpreter(lab, identity):
    """execvp(3) hands them to the shell."""
    lab.call("lab.host:write", "/tmp/plain", "echo plain\n", {"mode": 0o755})
    result = lab.jail("/tmp/plain", identity=identity)
    lab.call("lab.host:remove", "/tmp/plain")
    assert (result.status, result.out, result.err) == (0, "plain\n", "")


def test_an_unreadable_directory(lab, identity):
    """The launcher does not need to look at where it is."""
    lab.call("lab.host:make_directory", "/tmp/closed", 0o111)
    result = lab.jail("echo", "here", identity=identity, cwd="/tmp/closed")
    lab.call("lab.host:remove", "/tmp/closed")
    assert (result.status, result.out) == (0, "here\n")


@pytest.mark.parametrize(("words", "command"), [
    (["--network", "none"], ["--network", "x", "--help"]), (["--network=none", "--"], ["--", "-x"]), ([], ["a", "--", "b"]),
    (["--"], ["--dry-run"]),
])  # fmt: skip
def test_options_behind_the_command_are_the_command_s(lab, identity, words, command):
    result = lab.sandbox("run", *words, "/bin/echo", "is", *command, identity=identity)
    assert (result.status, result.out, result.err) == (0, " ".join(["is", *command]) + "\n", "")


@pytest.mark.parametrize("option", ["--netwrok", "-x", "--dry"])
def test_a_misspelt_option_is_no_command(lab, identity, option):
    result = lab.sandbox("run", option, "--", "true", identity=identity)
    assert (result.status, result.out) == (64, "") and f"unknown option '{option}'" in result.err

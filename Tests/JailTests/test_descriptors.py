"""Descriptors that the command line names, as a shell's `<(…)` does: which the command gets, that nobody else keeps them, and that none leads out."""

import os
import select

import pytest
from lab.filesystem import CONFIGURATION, EXECUTABLE
from lab.lab import PYTHON

MARKER = "/tmp/named"


def bash(lab, identity, script, **how):
    return lab.run(["/bin/bash", "-c", script.replace("JAIL", f"{EXECUTABLE} run --")], identity=identity, **how)


@pytest.mark.parametrize("script, out", [
    ("JAIL cat <(echo hi)", "hi\n"), ("JAIL cat <(echo one) <(echo two)", "one\ntwo\n"), ("JAIL diff <(seq 3) <(seq 3) && echo same", "same\n"),
    ("echo data | JAIL tee >(sed s/^/got:/) | cat", "data\ngot:data\n"), ("JAIL cat /proc/self/fd/7 7< <(echo seven)", "seven\n"),
    ("JAIL grep --file=/dev/fd/9 9< <(echo b) <<< $'a\\nb'", "b\n"), ("JAIL cat /dev/fd/3 3<<< here", "here\n"),
    ("JAIL cat /dev/fd/200 200< <(echo far)", "far\n"), (f"JAIL cat /dev/fd/5 5<{CONFIGURATION}.text", "text\n"),
    (f"{EXECUTABLE} run --network none -- cat <(echo alone)", "alone\n"),
])  # fmt: skip
def test_what_the_command_line_names_is_there(lab, identity, script, out):
    lab.call("lab.host:write", f"{CONFIGURATION}.text", "text\n", {"mode": 0o644})
    result = bash(lab, identity, script)
    lab.call("lab.host:remove", f"{CONFIGURATION}.text")
    assert (result.status, sorted(result.out.splitlines())) == (0, sorted(out.splitlines())), result


LIST = "import os; print(sorted(int(name) for name in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + name) and int(name) > 2))"


@pytest.mark.parametrize("word, kept", [
    ("/dev/fd/7", [7]), ("--x=/dev/fd/7", [7]), ("-x=/proc/self/fd/7", [7]), ("/proc/self/fd/8", [8]),
    # What is no name of a descriptor.
    ("x=/dev/fd/7", []), ("/dev/fd/7x", []), ("/dev/fd/", []), ("see /dev/fd/7", []), ("/dev/fd/+7", []), ("/dev/fd/-7", []), ("@/dev/fd/7", []),
    ("/dev/fd/4294967303", []), ("/dev/fd/99999999999999999999", []), ("/dev/fd/7/", []), ("/dev/fd/2", []), ("/dev/fd/6", []),
])  # fmt: skip
def test_nothing_else_is(lab, identity, word, kept):
    pipes = [os.pipe() for _ in range(2)]
    result = lab.run([EXECUTABLE, "run", "--", PYTHON, "-I", "-c", LIST, word], identity=identity, descriptors={7: pipes[0][0], 8: pipes[1][0]})
    for ends in pipes:
        for end in ends:
            os.close(end)
    assert (result.status, result.out) == (0, f"{kept}\n"), result


@pytest.mark.parametrize("options", [[], ["--network", "none"]], ids=["uplink", "none"])
def test_nobody_else_holds_them(lab, identity, options):
    """The pipe ends when the command closes it, although its jail goes on."""
    reader, writer = os.pipe()
    code = "import os, sys, time; os.write(9, b'x'); os.close(9); print('closed', flush=True); time.sleep(1000)"
    command = [EXECUTABLE, "run", *options, "--", PYTHON, "-I", "-c", code, "/dev/fd/9"]
    process = lab.start(command, identity=identity, descriptors={9: writer})
    os.close(writer)
    assert process.read_line() == "closed\n" and os.read(reader, 10) == b"x"
    ended = select.select([reader], [], [], 1)[0] == [reader]
    process.signal(15)
    process.wait()
    process.close()
    os.close(reader)
    assert ended


MADE = """
import os, select, socket, sys
kind, number, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
def keep(pair):
    pair[1].set_inheritable(True)
    return pair[0].detach()
pair, poll = socket.socketpair(), select.epoll()
made = {
    "tcp": lambda: socket.socket().detach(),
    "udp": lambda: socket.socket(type=socket.SOCK_DGRAM).detach(),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).detach(),
    "unix stream": lambda: keep(pair),
    "directory": lambda: os.open("/", os.O_RDONLY),
    "a directory's path": lambda: os.open("/", os.O_PATH),
    "a file's path": lambda: os.open("/etc/hostname", os.O_PATH),
    "tap": lambda: os.open("/dev/net/tun", os.O_RDWR),
    "null": lambda: os.open("/dev/null", os.O_RDWR),
    "terminal": lambda: os.openpty()[1],
    "network namespace": lambda: os.open("/proc/self/ns/net", os.O_RDONLY),
    "mount namespace": lambda: os.open("/proc/self/ns/mnt", os.O_RDONLY),
    "memory": lambda: os.open("/proc/self/mem", os.O_RDWR),
    "pages": lambda: os.open("/proc/self/pagemap", os.O_RDONLY),
    "setting": lambda: os.open("/proc/sys/kernel/ostype", os.O_RDONLY),
    "sysfs": lambda: os.open("/sys/kernel/mm/transparent_hugepage/enabled", os.O_RDONLY),
    "process": lambda: os.pidfd_open(os.getpid()),
    "event": lambda: os.eventfd(0),
    "poll": lambda: poll.fileno(),
    "pipe": lambda: os.pipe()[1],
    "file": lambda: os.open("/etc/hostname", os.O_RDONLY),
    "memory file": lambda: os.memfd_create("file"),
    "deleted": lambda: os.open("/tmp", os.O_TMPFILE | os.O_RDWR),
}[kind]()
os.dup2(made, number)
os.execv(command[0], command)
"""
REFUSED = ["tcp", "udp", "netlink", "unix stream", "directory", "a directory's path", "a file's path", "tap", "null", "terminal", "network namespace",
           "mount namespace", "memory", "pages", "setting", "sysfs", "process", "event", "poll"]  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("word", ["/dev/fd/9", "--input=/proc/self/fd/9"])
def test_what_leads_out_is_refused(lab, identity, kind, word):
    lab.call("lab.host:remove", MARKER)
    launch = [PYTHON, "-I", "-c", MADE, kind, "9", EXECUTABLE, "run", "--", "/usr/bin/touch", MARKER, "--", word]
    result = lab.run(launch, identity=identity)
    assert (result.status, lab.call("lab.host:exists", MARKER)) == (125, False), result
    assert result.err.startswith("claude-sandbox: refused: descriptor 9, which the command line names, is "), result
    assert "\n  fix: close it (9>&-), or put a pipe or a file in its place: <(COMMAND)\n" in result.err


@pytest.mark.parametrize("kind", REFUSED)
def test_what_nobody_names_is_closed(lab, identity, kind):
    """The control: the launch is not refused, and the command does not have it."""
    result = lab.run([PYTHON, "-I", "-c", MADE, kind, "9", EXECUTABLE, "run", "--", PYTHON, "-I", "-c", LIST, "9"], identity=identity)
    assert (result.status, result.out) == (0, "[]\n"), result


@pytest.mark.parametrize("kind", ["pipe", "file", "memory file", "deleted"])
def test_what_does_not_is_kept(lab, identity, kind):
    result = lab.run([PYTHON, "-I", "-c", MADE, kind, "9", EXECUTABLE, "run", "--", PYTHON, "-I", "-c", LIST, "/dev/fd/9"], identity=identity)
    assert (result.status, result.out) == (0, "[9]\n"), result


REOPEN = """
import os, sys
try: os.open(sys.argv[1], os.O_WRONLY); print("written")
except OSError as error: print(error.strerror)
"""


@pytest.mark.parametrize("number", [0, 9])
@pytest.mark.parametrize("path", [CONFIGURATION, "/etc/claude-code/managed-settings.json", "/proc/sys/kernel/domainname"])
def test_a_file_that_is_frozen_is_not_written_by_a_descriptor(lab, identity, number, path):
    """The descriptor leads to the mount outside, which is not read-only."""
    lab.configure("# as it was\n")
    lab.call("lab.host:make_directory", "/etc/claude-code")
    lab.call("lab.host:write", "/etc/claude-code/managed-settings.json", "{}", {"mode": 0o644})
    script = f'exec "$0" "$@" {number}<{path}'
    word = f"/proc/self/fd/{number}"
    result = lab.run(["/bin/sh", "-c", script, EXECUTABLE, "run", "--", PYTHON, "-I", "-c", REOPEN, word], identity=identity)
    control = lab.run(["/bin/sh", "-c", script, PYTHON, "-I", "-c", REOPEN, word], identity=identity)
    lab.call("lab.host:remove", "/etc/claude-code")
    if identity != "user":
        assert (result.status, result.out) == (125, "") and "could be written to" in result.err, result
        assert identity != "root" or control.out == "written\n"
    elif path.startswith("/proc") and number > 2:
        assert result.status == 125
    else:
        assert (result.status, result.out) == (0, "Permission denied\n"), result


def test_in_a_jail_everything_stays(lab, identity):
    """What a jail starts is its own."""
    result = lab.jail("/bin/bash", "-c", f"{EXECUTABLE} run -- cat <(echo hi)", identity=identity)
    assert (result.status, result.out) == (0, "hi\n"), result

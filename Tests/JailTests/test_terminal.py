"""At a terminal: job control, interrupts and the window's size are as without a jail. A real pty, a real bash."""

import fcntl
import os
import re
import select
import signal
import struct
import termios
import time

import pytest
from lab.filesystem import EXECUTABLE, TESTS
from lab.lab import PYTHON

pytestmark = pytest.mark.usefixtures("clean")

PROMPT = "%% "


class Terminal:
    """A pty whose other end is the standard streams and the controlling terminal of a process in the lab."""

    def __init__(self, lab, argv, identity, output=None, text="", **how):
        self.master, slave = os.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        os.fchmod(slave, 0o666)
        os.fchown(slave, 1000 if identity == "user" else os.fstat(slave).st_uid, -1)
        self.text, self.status = "", None
        self.type(text)
        given = {0: slave, 1: slave if output is None else output, 2: slave}
        self.process = lab.start(argv, identity=identity, descriptors=given, session=True, pipes=(), **how)
        os.close(slave)

    def expect(self, pattern, timeout=10):
        """Read until the pattern appears behind what was read before; returns the match."""
        deadline = time.monotonic() + timeout
        while True:
            match = re.search(pattern, self.text)
            if match:
                self.text = self.text[match.end() :]
                return match
            if not select.select([self.master], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise AssertionError(f"{pattern!r} did not appear; the terminal says {self.text!r}")
            try:
                data = os.read(self.master, 65536)
            except OSError:  # EIO: the last process has left the terminal
                data = b""
            if not data:
                raise AssertionError(f"{pattern!r} did not appear before the end; the terminal says {self.text!r}")
            self.text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]\r?", "", self.text + data.decode(errors="replace"))

    def type(self, text):
        os.write(self.master, text.encode())

    def command(self, line):
        """Type a line at bash's prompt."""
        self.type(line + "\n")

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def foreground(self):
        return struct.unpack("i", fcntl.ioctl(self.master, termios.TIOCGPGRP, bytes(4)))[0]

    def wait(self):
        """The process's status, as subprocess tells it."""
        if self.status is None:
            self.status = self.process.wait(10)
        return self.status

    def close(self):
        """Hang up: what still is at the terminal gets SIGHUP."""
        if self.master is not None:
            os.close(self.master)
            self.master = None


@pytest.fixture
def terminal(lab, identity):
    """A function that starts a process at a terminal."""
    opened = []

    def start(argv, **how):
        opened.append(Terminal(lab, argv, identity, **how))
        return opened[-1]

    yield start
    for one in opened:
        one.close()
        one.wait()


@pytest.fixture
def shell(terminal):
    """An interactive bash with job control."""
    bash = terminal(["bash", "--norc", "--noprofile", "--noediting", "-i"], add_env={"PS1": PROMPT, "HISTFILE": "/dev/null"})
    bash.expect(PROMPT)
    return bash


def run(words):
    return f"{EXECUTABLE} run -- {words}"


def status(shell):
    shell.command("echo status=$?")
    return int(shell.expect(r"status=(\d+)\r")[1])


def test_the_terminal_is_the_command_s(shell):
    shell.command(run("sh -c 'test -t 0 && test -t 1 && test -t 2 && echo all'"))
    shell.expect("all\r\n")
    assert status(shell) == 0
    shell.command(run("sh -c 'exec 3<>/dev/tty && echo opened'"))
    shell.expect("opened\r\n")


def test_reading_from_the_terminal(shell):
    """A background process group would be stopped by SIGTTIN."""
    shell.command(run("sh -c 'echo ask; read line; echo \"got $line\"'"))
    shell.expect("ask\r\n")
    shell.type("an answer\n")
    shell.expect("got an answer\r\n")
    assert status(shell) == 0


def test_interrupt(shell):
    """Ctrl-C ends the command by SIGINT, and bash knows: 130."""
    shell.command(run("sh -c 'echo ready; exec sleep 1000'"))
    shell.expect("ready\r\n")
    shell.type("\x03")
    shell.expect(PROMPT)
    assert status(shell) == 128 + signal.SIGINT


def test_an_interrupt_that_the_command_handles(shell):
    """It arrives once, the command decides, and the launcher waits."""
    code = "import signal,time; n=[]; signal.signal(2,lambda *_: n.append(1)); print(\\'ready\\',flush=True)\\nwhile not n: time.sleep(0.01)\\ntime.sleep(0.3); print(\\'count\\',len(n)); raise SystemExit(5)"
    shell.command(run(f"{PYTHON} -I -c $'{code}'"))
    shell.expect("ready\r\n")
    shell.type("\x03")
    shell.expect("count 1\r\n")
    assert status(shell) == 5


def test_quit(shell):
    shell.command("ulimit -c 0; " + run("sh -c 'echo ready; exec sleep 1000'"))
    shell.expect("ready\r\n")
    shell.type("\x1c")
    shell.expect(PROMPT)
    assert status(shell) == 128 + signal.SIGQUIT


def test_stop_and_continue(shell):
    """Ctrl-Z stops the job, fg continues it, however quickly they follow each other."""
    # sigwait, since a handler that is due just before a read(2) begins would not run until that ends.
    code = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCONT]); print(\\'ready\\', flush=True)\\nwhile True: signal.sigwait([signal.SIGCONT]); print(\\'on\\', flush=True)"
    shell.command(run(f"{PYTHON} -I -c $'{code}'"))
    shell.expect("ready\r\n")
    for _ in range(5):
        shell.type("\x1a")
        shell.expect("Stopped")
        shell.expect(PROMPT)
        shell.command("fg")
        shell.expect("on\r\n")
    shell.type("\x1c")
    assert status(shell) == 128 + signal.SIGQUIT


def test_a_continued_job_reads_the_terminal(shell):
    shell.command(run("sh -c 'echo ready; read line; echo got $line; exit 6'"))
    shell.expect("ready\r\n")
    shell.type("\x1a")
    shell.expect("Stopped")
    shell.expect(PROMPT)
    shell.command("fg")
    shell.type("hello\n")
    shell.expect("got hello\r\n")
    assert status(shell) == 6


def test_a_stopped_job_in_the_background(shell):
    # One process: a shell that is stopped between its vfork(2) and exec cannot stop until its child goes on.
    code = "import time; print(\\'ready\\', flush=True); time.sleep(0.2); print(\\'later\\', flush=True); time.sleep(1000)"
    shell.command(run(f"{PYTHON} -I -c $'{code}'"))
    shell.expect("ready\r\n")
    shell.type("\x1a")
    shell.expect("Stopped")
    shell.expect(PROMPT)
    shell.command("bg")
    shell.expect("later\r\n")
    shell.command("kill %1; wait %1; echo status=$?")
    assert int(shell.expect(r"status=(\d+)\r")[1]) == 128 + signal.SIGTERM


def test_a_job_that_stops_itself(shell):
    """The launcher stops as its command does: by SIGSTOP too."""
    shell.command(run("sh -c 'kill -STOP $$; exit 4'"))
    shell.expect("Stopped")
    shell.expect(PROMPT)
    shell.command("fg")
    shell.expect(PROMPT)
    assert status(shell) == 4


def test_a_background_job(shell):
    shell.command(run("sh -c 'sleep 0.1; exit 3'") + " & wait $!; echo status=$?")
    assert int(shell.expect(r"status=(\d+)\r")[1]) == 3


def test_a_background_job_that_reads_is_stopped(shell):
    shell.command(run("sh -c 'read line; exit 8'") + " &")
    shell.expect(PROMPT)
    shell.command("wait -n %1; jobs")
    shell.expect("Stopped")
    shell.command("fg")
    shell.type("line\n")
    shell.expect(PROMPT)
    assert status(shell) == 8


def test_a_pipeline(shell):
    shell.command(run("sh -c 'echo one; exit 3'") + " | " + run("cat") + "; echo status=${PIPESTATUS[*]}")
    shell.expect("\none\r\n")
    assert shell.expect(r"status=([\d ]+)\r")[1] == "3 0"


def test_the_window_size(shell):
    shell.command(run("stty size"))
    shell.expect("24 80\r\n")
    shell.command(run(f"{PYTHON} -I {TESTS}/probes/window.py"))
    shell.expect("ready\r\n")
    shell.resize(50, 132)
    shell.expect("size 132\r\n")
    shell.type("\n")
    shell.expect(PROMPT)


def test_hang_up(lab, terminal):
    """The terminal goes: so do the command and all of the jail (the fixture looks for residue)."""
    bash = terminal(["bash", "--norc", "--noprofile", "-i"], add_env={"PS1": PROMPT, "HISTFILE": "/dev/null"})
    bash.expect(PROMPT)
    bash.command(run("sh -c 'echo ready; exec sleep 1000'"))
    bash.expect("ready\r\n")


def test_as_session_leader(terminal):
    """Without a shell: `ssh host claude-sandbox ...`, or a terminal window that runs it."""
    window = terminal([EXECUTABLE, "run", "--", "sh", "-c", "echo ready; read line; echo got $line"])
    window.expect("ready\r\n")
    window.type("text\n")
    window.expect("got text\r\n")
    assert window.wait() == 0


def test_as_session_leader_interrupted(terminal):
    window = terminal([EXECUTABLE, "run", "--", "sh", "-c", "echo ready; exec sleep 1000"])
    window.expect("ready\r\n")
    window.type("\x03")
    assert window.wait() == -signal.SIGINT


HANGUPS = """import signal, sys, time
n = []
signal.signal(signal.SIGHUP, lambda *_: n.append(1))
print("ready", flush=True)
while not n: time.sleep(0.01)
time.sleep(0.3)
print("hangups", len(n), flush=True)
sys.exit(5)"""


@pytest.fixture
def window(terminal):
    """A function that starts a process at a terminal that will go, as ssh's connection, tmux's window, an IDE's pane; with standard
    output in a pipe, which stays."""
    readers = []

    def start(argv, **how):
        reader, writer = os.pipe()
        readers.append(reader)
        started = terminal(argv, output=writer, **how)
        os.close(writer)

        def read():
            """What comes within 10 s, at most to the end."""
            assert select.select([reader], [], [], 10)[0], "it says nothing"
            return os.read(reader, 4096).decode()

        started.read = read
        assert read() == "ready\n"
        return started

    yield start
    for reader in readers:
        os.close(reader)


@pytest.mark.parametrize("command", [["run", "--", "sh", "-c", "echo ready; exec sleep 1000"], ["shell"]], ids=["run", "shell"])
def test_a_hangup_of_a_session_leader(window, command):
    """`ssh -t host claude`, `tmux new-window claude`: the kernel tells the session's leader alone, which is the launcher."""
    gone = window([EXECUTABLE, *command], add_env={"SHELL": "/bin/bash", "HISTFILE": "/dev/null"}, text="echo ready; sleep 1000\n")
    gone.close()
    assert gone.wait() == -signal.SIGHUP


def test_a_hangup_of_a_session_leader_that_the_command_handles(window):
    gone = window([EXECUTABLE, "run", "--", PYTHON, "-I", "-c", HANGUPS])
    gone.close()
    assert gone.read() == "hangups 1\n"
    assert gone.wait() == 5


def test_a_hangup_of_a_session_leader_that_ignores_it(window):
    """nohup(1)."""
    gone = window([EXECUTABLE, "run", "--", "sh", "-c", "echo ready; cat; sleep 0.3; echo here; exit 7"], ignored=[signal.SIGHUP])
    gone.close()
    assert gone.read() == "here\n"
    assert gone.wait() == 7


def test_a_hangup_below_a_shell(window):
    """The launcher is no leader. With the leader's end the kernel tells the foreground's group, where the command is, too."""
    gone = window(["sh", "-c", f'{EXECUTABLE} run -- {PYTHON} -I -c "$0"; true', HANGUPS])
    gone.close()
    assert gone.wait() == -signal.SIGHUP
    assert gone.read() == "hangups 1\n"


def test_terminal_modes_are_left_alone(shell):
    shell.command("stty -g | md5sum; " + run("true") + "; stty -g | md5sum")
    one, two = shell.expect(r"\n(\w{32}) ")[1], shell.expect(r"\n(\w{32}) ")[1]
    assert one == two


def test_an_interactive_shell_in_a_jail(lab, identity, terminal):
    """`claude-sandbox shell`: with job control of its own."""
    inner = terminal([EXECUTABLE, "shell"], add_env={"PS1": PROMPT, "SHELL": "/bin/bash", "HISTFILE": "/dev/null"})
    inner.command("set -m; ip -o link | wc -l; PS1='in''ner% '")
    inner.expect(r"\n3\r\n")
    inner.expect("inner% ")
    inner.command("sleep 1000")
    time.sleep(0.2)  # for the shell to start it; there is no sign of that on the terminal
    inner.type("\x1a")
    inner.expect("Stopped")
    inner.command("exit 7\nexit 7")  # the first says that there are stopped jobs
    assert inner.wait() == 7

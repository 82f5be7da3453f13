"""pasta is a program like others: it may be flooded, stopped, or started where little is installed."""

import signal

import pytest
from lab.filesystem import EXECUTABLE
from lab.lab import PYTHON
from lab.services import DISCARD, ECHO
from reach import reached
from test_supervise import parts

pytestmark = pytest.mark.usefixtures("clean")

STOPPED = "claude-sandbox: pasta has stopped reading; the jail's network stands still (restart the jail if this lasts)\n"
RESUMED = "claude-sandbox: pasta reads again; the jail's network is back\n"

BURST = """
import socket, sys, time
flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(1000):
    flood.sendto(bytes(int(sys.argv[1])), ("1.1.1.1", int(sys.argv[2])))
for _ in range(3):
    try:
        with socket.create_connection(("1.1.1.1", int(sys.argv[3])), timeout=10) as client:
            client.sendall(b"still there\\n")
            print(client.makefile().readline(), end="")
    except OSError as error:
        print(error)
"""


@pytest.mark.parametrize("size", [1000, 60000, 65492])
def test_a_burst_does_not_stall_pasta(lab, identity, size):
    """More than pasta reads at once, in frames up to the largest. The network works right after."""
    command = [EXECUTABLE, "run", "--", PYTHON, "-I", "-c", BURST, str(size), str(DISCARD), str(ECHO)]
    result = lab.run(command, identity=identity, timeout=60)
    assert (result.status, result.out, result.err) == (0, "still there\n" * 3, "")


def test_a_stopped_pasta_is_told(lab, identity):
    """One line when it stops reading, one when it reads again, and the network works as before."""
    with lab.jailed(identity=identity) as jail:
        reached(lab, jail, "tcp", "1.1.1.1")
        pasta = parts(lab)["pasta"]
        lab.call("os:kill", pasta, int(signal.SIGSTOP))
        assert jail.ask("udp", address="1.1.1.1", port=ECHO, token="unread", timeout=1)["errno"] == "SILENCE"
        assert jail.process.read_line(2, timeout=15) == STOPPED
        # Said once.
        with pytest.raises(TimeoutError):
            jail.process.read_line(2, timeout=6)
        lab.call("os:kill", pasta, int(signal.SIGCONT))
        assert jail.process.read_line(2, timeout=10) == RESUMED
        reached(lab, jail, "tcp", "1.1.1.1")


def test_a_pasta_that_reads_is_not_told(lab, identity):
    """However much is sent, and where nothing is."""
    code = BURST.replace("range(1000)", "iter(lambda: time.monotonic() > end, True)")
    code = code.replace("\nflood", "\nend = time.monotonic() + 8\nflood", 1)
    command = [EXECUTABLE, "run", "--", PYTHON, "-I", "-c", code, "60000", str(DISCARD), str(ECHO)]
    result = lab.run(command, identity=identity, timeout=60)
    assert (result.status, result.out, result.err) == (0, "still there\n" * 3, "")


def test_without_dev_fd(lab, identity):
    """A minimal root has no /dev/fd: nothing of a launch needs it."""
    lab.call("os:rename", "/dev/fd", "/dev/was-fd")
    try:
        with lab.jailed(identity=identity) as jail:
            reached(lab, jail, "tcp", "1.1.1.1")
    finally:
        lab.call("os:rename", "/dev/was-fd", "/dev/fd")

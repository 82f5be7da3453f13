"""`unix-sockets = own`: no Unix socket of outside, listed or not, but exposed ones. Before Linux 7.1 the launch is refused."""

import ctypes

import pytest
from lab.filesystem import EXECUTABLE
from lab.lab import PYTHON

ABI = ctypes.CDLL(None).syscall(444, None, 0, 1)
OWN = "unix-sockets = own\n"
OUTSIDE, EXPOSED = "/tmp/outside.sock", "/tmp/exposed.sock"
TRY = f"""
import errno, os, socket, tempfile
def tried(name, call):
    try: call(); print(name, "done")
    except OSError as error: print(name, errno.errorcode[error.errno])
def connect(path): socket.socket(socket.AF_UNIX).connect(path)
directory = tempfile.mkdtemp()
own = socket.socket(socket.AF_UNIX); own.bind(directory + "/own"); own.listen()
tried("outside", lambda: connect({OUTSIDE!r}))
tried("exposed", lambda: connect({EXPOSED!r}))
tried("own", lambda: connect(directory + "/own"))
os.mkdir(directory + "/a"); os.mkdir(directory + "/b"); open(directory + "/a/f", "w").close()
tried("rename", lambda: os.rename(directory + "/a/f", directory + "/b/f"))
import shutil; shutil.rmtree(directory)
"""


def attempt(lab, identity, configuration):
    lab.configure(configuration)
    result = lab.jail(PYTHON, "-I", "-c", TRY, identity=identity)
    assert (result.status, result.err) == (0, ""), result
    return dict(line.split() for line in result.out.splitlines())


def test_a_kernel_that_cannot(lab, identity):
    """One that can is tried in Tests/kernels, and by the last test here."""
    if ABI >= 9:
        return
    lab.configure(OWN)
    result = lab.run([EXECUTABLE, "run", "--", "/usr/bin/touch", "/tmp/marker"], identity=identity)
    assert (result.status, lab.call("lab.host:exists", "/tmp/marker")) == (125, False), result
    assert result.err.count("unix-sockets = own needs ABI 9") == 1 and "run Linux 7.1 or newer" in result.err
    doctor = lab.sandbox("doctor", "--json", identity=identity)
    row = {check["name"]: check for check in doctor.json["findings"]}["landlock"]
    assert (doctor.status, row["state"]) == (1, "missing") and "unix-sockets = own needs ABI 9" in row["finding"]


@pytest.mark.parametrize("configuration", ["", "unix-sockets = listed\n"])
def test_listed(lab, identity, serve, configuration):
    """The control: what is not on the list is open."""
    serve(OUTSIDE, EXPOSED)
    assert attempt(lab, identity, configuration) == dict.fromkeys(("outside", "exposed", "own", "rename"), "done")


def test_own(lab, identity, serve):
    if ABI < 9:
        return
    serve(OUTSIDE, EXPOSED)
    answers = attempt(lab, identity, f"{OWN}expose-socket = {EXPOSED}\n")
    assert answers == {"outside": "EACCES", "exposed": "done", "own": "done", "rename": "done"}

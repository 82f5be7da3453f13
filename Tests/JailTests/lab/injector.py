"""Makes one chosen system call of one chosen process of a launch fail, or its last; watches the rest. Runs in the agent.

A seccomp filter with a listener (seccomp_unotify(2)) is put in front of the launcher; every process it starts inherits
it. Each listed call then waits for our word: to go on, or to fail. Unlike strace's injection, which counts for each
process and cannot name one, this says "the holder's third openat". And when the listener hangs up, no process of the
launch exists any more.
"""

import array
import ctypes
import fcntl
import os
import select
import signal
import struct
import time
import traceback

from . import identity as identities
from . import kernel
from .filesystem import EXECUTABLE

_NOTIFY_RECEIVE, _NOTIFY_SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
_NEW_LISTENER = 8
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000

_libc = ctypes.CDLL(None, use_errno=True)
_seccomp = ctypes.CDLL("libseccomp.so.2")


def number(name):
    return _seccomp.seccomp_syscall_resolve_name(name.encode())


def run(argv, env, identity, names, target=None, error=1, timeout=15):
    """Run to the end of every process. `target` is [process, name, occurrence], each counted from 0.

    Without an error number the process is killed at that call instead.

    Process 0 is the launcher, 1 the first that it or a descendant forks, and so on, as the lab's pids tell, of which nobody
    else takes one meanwhile; only while it is the executable under test. Returns status, out, err, the calls in their order, whether the fault was injected, whether the holder
    had come to execute the command by then, and whether every process ended in time.
    """
    numbers = {number(name): name for name in names if number(name) >= 0}
    streams = [os.memfd_create("out"), os.memfd_create("err")]
    child = os.fork()
    if child == 0:
        _start(argv, env, identity, list(numbers), streams)
    os.waitpid(child, os.WUNTRACED)
    listener = _take_listener(child)
    os.kill(child, signal.SIGCONT)
    watch = _Watch(listener, child, numbers, target, error)
    status, hung_up = watch.run(time.monotonic() + timeout)
    os.close(listener)
    out, err = (_contents(stream) for stream in streams)
    return {
        "status": None if status is None else os.waitstatus_to_exitcode(status), "out": out, "err": err, "calls": watch.calls,
        "injected": watch.injected, "too_late": watch.too_late, "ended": hung_up,
    }  # fmt: skip


class _Watch:
    def __init__(self, listener, launcher, numbers, target, error):
        self.listener, self.launcher, self.numbers, self.error = listener, launcher, numbers, error
        self.target = tuple(target) if target else None
        self.calls, self.counts, self.processes = [], {}, set()
        self.injected = self.too_late = self.executed = False
        self.holders = set()

    def run(self, deadline):
        """Answer until nobody is left who could ask. The launcher's wait status, and whether all ended in time."""
        status = None
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        while True:
            ready = poll.poll(max((deadline - time.monotonic()) * 1000, 0))
            if not ready:
                break
            if ready[0][1] & select.POLLIN:
                self._answer()
            elif ready[0][1] & select.POLLHUP:
                return os.waitpid(self.launcher, 0)[1], True
        for pid in {self.launcher, *self.processes}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return status, False

    def _answer(self):
        request = array.array("B", bytes(80))
        try:
            fcntl.ioctl(self.listener, _NOTIFY_RECEIVE, request)
        except OSError:  # ENOENT: the process was killed meanwhile
            return
        id, pid, _, nr, _, _, *arguments = struct.unpack("=QIIiIQ6Q", request)
        fail = self._decide(pid, self.numbers.get(nr), arguments)
        if fail and not self.error:
            os.kill(pid, signal.SIGKILL)
            return
        answer = struct.pack("=QqiI", id, 0, -self.error if fail else 0, 0 if fail else _CONTINUE)
        try:
            fcntl.ioctl(self.listener, _NOTIFY_SEND, answer)
        except OSError:
            return

    def _decide(self, pid, name, arguments):
        try:
            if os.readlink(f"/proc/{pid}/exe") != EXECUTABLE:
                return False
        except OSError:
            return False
        process = pid - self.launcher
        self.processes.add(pid)
        count = self.counts.get((process, name), 0)
        self.counts[process, name] = count + 1
        self.calls.append([process, name, count, [argument & 0xFFFFFFFF for argument in arguments[:3]]])
        if name == "unshare":
            self.holders.add(process)
        self.executed = self.executed or (name == "execve" and process in self.holders)
        if (process, name, count) != self.target:
            return False
        self.injected, self.too_late = True, self.executed
        return True


def _start(argv, env, identity, numbers, streams):
    """In the child: filter, stop until the listener was taken, execute. Never returns."""
    try:
        os.setpgid(0, 0)
        for n in range(1, signal.NSIG):
            if n not in (9, 19, 32, 33):
                signal.signal(n, signal.SIG_DFL)
        null = os.open("/dev/null", os.O_RDWR)
        for source, standard in zip((null, *streams), (0, 1, 2)):
            os.dup2(source, standard)
        os.closerange(3, 1000)
        identities.become(identity)
        os.chdir("/")
        program = _program(numbers)
        buffer = ctypes.create_string_buffer(program)
        fprog = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
        kernel.prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
        listener = _libc.syscall(number("seccomp"), 1, _NEW_LISTENER, fprog)
        if listener < 0:
            raise OSError(ctypes.get_errno(), "seccomp")
        _libc.kill(_libc.getpid(), signal.SIGSTOP)
        _libc.close(listener)
        os.execve(argv[0], argv, env)
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(99)


def _program(numbers):
    """Ask about the listed system calls, allow the others.

    An executable at fixed addresses makes its calls from below 4 GB, and what it executes (libraries) does not: those are
    not even asked about.
    """
    load, jump_if_equal, answer = 0x20, 0x15, 0x06
    code = b""
    if _at_fixed_addresses():
        code += struct.pack("HBBI", load, 0, 0, 12)  # the upper half of the instruction pointer
        code += struct.pack("HBBI", jump_if_equal, 1, 0, 0) + struct.pack("HBBI", answer, 0, 0, _ALLOW)
    code += struct.pack("HBBI", load, 0, 0, 0)  # the system call's number
    for n in numbers:
        code += struct.pack("HBBI", jump_if_equal, 0, 1, n) + struct.pack("HBBI", answer, 0, 0, _NOTIFY)
    return code + struct.pack("HBBI", answer, 0, 0, _ALLOW)


def _at_fixed_addresses():
    with open(EXECUTABLE, "rb") as file:
        return struct.unpack("H", file.read(18)[16:])[0] == 2  # ET_EXEC


def _take_listener(pid):
    """The stopped child's listener: pidfd_getfd(2), as it cannot send anything without asking."""
    pidfd = os.pidfd_open(pid)
    for name in os.listdir(f"/proc/{pid}/fd"):
        if "seccomp notify" in os.readlink(f"/proc/{pid}/fd/{name}"):
            descriptor = _libc.syscall(number("pidfd_getfd"), pidfd, int(name), 0)
            if descriptor >= 0:
                os.close(pidfd)
                return descriptor
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise RuntimeError("the child has no listener")


def _contents(descriptor):
    with open(descriptor, "rb", closefd=True) as file:
        file.seek(0)
        return file.read().decode("utf-8", "surrogateescape")

"""The fork server: starts processes in the lab as its own children, so that a test sees exactly what a shell would see.

A spawned process has no wrapper around it: its parent is the agent, its descriptors came with the request, and its wait
status is reported as the kernel gave it.
"""

import fcntl
import importlib
import os
import selectors
import signal
import sys
import traceback

from . import filesystem, host, identity, injector, kernel, residue  # noqa: F401 (what `call` names; their own path gets covered)
from .filesystem import TESTS

_SPARE = 400  # Descriptors are parked from here on while they are put in place.


class Agent:
    def __init__(self, channel):
        self.channel, self.selector = channel, selectors.DefaultSelector()
        self.children = {}
        sys.path.insert(0, TESTS)
        self.selector.register(channel.socket, selectors.EVENT_READ, self._request)

    def run(self):
        self.channel.send({"ready": True})
        self.running = True
        while self.running:
            for key, _ in self.selector.select():
                key.data(key.fileobj)

    def _request(self, _):
        message, descriptors = self.channel.receive()
        if message is None:
            self.running = False
            return
        try:
            result = getattr(self, "do_" + message["do"])(descriptors, **message["with"])
            self.channel.send({"id": message["id"], "result": result})
        except Exception as error:
            self.channel.send({"id": message["id"], "error": repr(error), "trace": traceback.format_exc()})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def do_call(self, _, function, args):
        """Run a function of this package or of a test module on the host, as the lab's root."""
        module, name = function.split(":")
        return getattr(importlib.import_module(module), name)(*args)

    def do_signal(self, _, pid, number):
        os.kill(pid, number)
        return True

    def do_spawn(self, descriptors, **request):
        """Start a process. Returns its pid, or the errno of the step that failed and that step's name."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            _become(request, descriptors, writer)
        os.close(writer)
        with open(reader, "rb") as report:
            failure = report.read().decode()
        if failure:
            os.waitpid(pid, 0)
            raise RuntimeError(failure)
        pidfd = os.pidfd_open(pid)
        self.children[pidfd] = pid
        self.selector.register(pidfd, selectors.EVENT_READ, self._ended)
        return pid

    def _ended(self, pidfd):
        pid = self.children.pop(pidfd)
        self.selector.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        self.channel.send({"ended": pid, "status": status})


def _become(request, descriptors, report):
    """In the child: take the requested shape and execute. Never returns."""
    try:
        os.setsid() if request["session"] else os.setpgid(0, 0)
        # Python ignores SIGPIPE and SIGXFSZ; what we start must begin as a shell's child does.
        for number in range(1, signal.NSIG):
            if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
                signal.signal(number, signal.SIG_IGN if number in request["ignored"] else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, request["masked"])
        parked = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _SPARE) for descriptor in descriptors]
        report = fcntl.fcntl(report, fcntl.F_DUPFD_CLOEXEC, _SPARE)
        os.closerange(0, _SPARE)
        for source, target in zip(parked, request["targets"]):
            os.dup2(source, target, inheritable=True)
        if request["session"] and os.isatty(0):
            fcntl.ioctl(0, kernel.TIOCSCTTY, 0)
        if request["kept"] is not None:
            filesystem.keep_etc(request["kept"])
        identity.become(request["identity"], request["user_namespaces"])
        os.umask(request["umask"])
        os.chdir(request["cwd"])
        # Bytes that are no text travel as surrogates, as in os.fsencode.
        os.execve(request["argv"][0], request["argv"], request["env"])
    except BaseException:
        os.write(report, traceback.format_exc().encode())
    finally:
        os._exit(127)

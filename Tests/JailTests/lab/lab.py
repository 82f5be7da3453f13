"""The test's side of a lab: start it, launch in it, ask what was seen, end it."""

import contextlib
import dataclasses
import json
import os
import selectors
import shutil
import signal
import subprocess
import time

from .channel import Channel
from .filesystem import CONFIGURATION, EXECUTABLE, LAB, TESTS
from .identity import Identity
from .shape import DNSMASQ4

DIRECTORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = "/usr/bin/python3"
_TIMEOUT = 30


def executable():
    """The claude-sandbox under test."""
    default = os.path.join(os.path.dirname(os.path.dirname(DIRECTORY)), ".build/release/claude-sandbox")
    return os.path.realpath(os.environ.get("CLAUDE_SANDBOX_EXECUTABLE") or default)


def claude_code():
    """The real Claude Code, which Tests/claude/get fetches; None where it has not."""
    path = os.path.join(os.path.dirname(os.path.dirname(DIRECTORY)), ".build/claude/claude")
    return os.path.realpath(path) if os.path.exists(path) else None


@dataclasses.dataclass
class Result:
    """A finished process: `status` as subprocess tells it (-n: killed by signal n)."""

    status: int
    out: str
    err: str
    seconds: float

    @property
    def json(self):
        return json.loads(self.out)


class Process:
    """A process that runs in the lab; its descriptors' other ends are ours."""

    def __init__(self, lab, pid, ends):
        self.lab, self.pid, self.ends, self.started = lab, pid, ends, time.monotonic()
        self.ahead = {1: b"", 2: b""}  # what was read behind a line

    def signal(self, number):
        self.lab.do("signal", pid=self.pid, number=int(number))

    def wait(self, timeout=_TIMEOUT):
        """The exit status, as subprocess tells it."""
        return os.waitstatus_to_exitcode(self.lab.ended(self.pid, timeout))

    def communicate(self, data=b"", timeout=_TIMEOUT):
        """Feed standard input, read until end of file, wait."""
        out, self.ahead = self.ahead, {1: b"", 2: b""}
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            for number in (1, 2):
                if number in self.ends:
                    selector.register(self.ends[number], selectors.EVENT_READ, number)
            if 0 in self.ends:
                if data:
                    selector.register(self.ends[0], selectors.EVENT_WRITE, 0)
                else:
                    self.close(0)
            while selector.get_map():
                ready = selector.select(deadline - time.monotonic())
                if not ready:
                    self._give_up(out)
                for key, _ in ready:
                    if key.data == 0:
                        data = data[os.write(key.fd, data[:4096]) :]
                        finished = not data
                    else:
                        chunk = os.read(key.fd, 65536)
                        out[key.data] += chunk
                        finished = not chunk
                    if finished:
                        selector.unregister(key.fd)
                        self.close(key.data)
        status = self.wait(max(deadline - time.monotonic(), 1))
        return Result(status, *(out[n].decode("utf-8", "surrogateescape") for n in (1, 2)), time.monotonic() - self.started)

    def _give_up(self, out):
        running = self.lab.running()
        with contextlib.suppress(Exception):
            self.signal(signal.SIGKILL)
        raise TimeoutError(f"process {self.pid} or what it started still writes; so far {out}; running: {running}")

    def read_line(self, number=1, timeout=_TIMEOUT):
        """One line of output."""
        text = self.ahead[number]
        with selectors.DefaultSelector() as selector:
            selector.register(self.ends[number], selectors.EVENT_READ)
            while b"\n" not in text:
                if not selector.select(timeout):
                    raise TimeoutError(f"no line within {timeout} s; so far {text!r}")
                chunk = os.read(self.ends[number], 65536)
                if not chunk:
                    break
                text += chunk
        line, end, self.ahead[number] = text.partition(b"\n")
        return (line + end).decode("utf-8", "surrogateescape")

    def write(self, text):
        os.write(self.ends[0], text.encode())

    def close(self, *numbers):
        for number in numbers or list(self.ends):
            if number in self.ends:
                os.close(self.ends.pop(number))


class Lab:
    def __init__(self, shape):
        self.shape, self.serial, self.statuses = shape, 0, {}
        self.channel, agent = Channel.pair()
        self.services, services = Channel.pair()
        binary = executable()
        arguments = {
            "shape": shape.name, "tests": DIRECTORY, "executable": binary if os.path.exists(binary) else None,
            "claude_code": claude_code(), "agent": agent.socket.fileno(), "services": services.socket.fileno(),
        }  # fmt: skip
        command = ["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]
        command += ["--user", "--map-root-user"] if os.getuid() else []
        command += [PYTHON, "-B", "-I", os.path.join(DIRECTORY, "lab/boot.py"), json.dumps(arguments)]
        ends = (agent.socket.fileno(), services.socket.fileno())
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=ends)
        agent.socket.close()
        services.socket.close()
        if self.channel.receive(_TIMEOUT)[0] is None:
            raise RuntimeError(f"the lab {shape.name!r} did not start")
        self.identities = [Identity.CONTAINER] if os.getuid() else list(Identity)
        self.reset()
        self.device_port = self.ask("ports")["device"]

    def close(self):
        self.channel.socket.close()
        self.services.socket.close()
        self.process.wait(_TIMEOUT)

    # Requests to the agent.

    def do(self, do, descriptors=(), **arguments):
        self.serial += 1
        self.channel.send({"id": self.serial, "do": do, "with": arguments}, descriptors)
        while True:
            message = self._receive(_TIMEOUT)
            if message.get("id") == self.serial:
                if "error" in message:
                    raise RuntimeError(f"{message['error']}\n{message['trace']}")
                return message["result"]

    def ended(self, pid, timeout):
        deadline = time.monotonic() + timeout
        while pid not in self.statuses:
            try:
                self._receive(deadline - time.monotonic())
            except TimeoutError:
                raise TimeoutError(f"process {pid} runs on; running: {self.running()}") from None
        return self.statuses.pop(pid)

    def has_ended(self, pid):
        with contextlib.suppress(TimeoutError):
            while True:
                self._receive(0)
        return pid in self.statuses

    def _receive(self, timeout):
        message, _ = self.channel.receive(timeout)
        if message is None:
            raise RuntimeError("the lab ended")
        if "ended" in message:
            self.statuses[message["ended"]] = message["status"]
        return message

    def call(self, function, *args):
        """Run "module:function" on the host, as the lab's root."""
        return self.do("call", function=function, args=list(args))

    def running(self):
        """What runs in the lab beside the lab itself, for messages."""
        found = self.call("lab.residue:processes").values()
        return [f"{p['pid']} ({p['parent']}) {p['state']} {' '.join(p['argv'][:6])[:120]}" for p in found if p["pid"] > 10]

    # Requests to the services.

    def ask(self, ask, **arguments):
        self.services.send({"ask": ask, "with": arguments})
        message, _ = self.services.receive(_TIMEOUT)
        if message is None:
            raise RuntimeError("the lab's services ended")
        return message["answer"]

    def forget(self):
        self.ask("forget")

    def seen(self, **fields):
        """The packets and connections that arrived since `forget`, of which every named field has that value."""
        self.ask("fence")
        return [e for e in self.ask("seen") if all(e.get(name) == value for name, value in fields.items())]

    def queries(self):
        return self.ask("queries")

    # The host.

    def reset(self):
        """Put back what tests change: no configuration, a routable resolver."""
        self.call("lab.host:reset", f"nameserver {DNSMASQ4}\nsearch lab.test\noptions ndots:1 timeout:2 attempts:2\n")

    def configure(self, text, path=CONFIGURATION, **how):
        self.call("lab.host:write", path, text, how)

    def resolv(self, text):
        self.call("lab.host:write", "/etc/resolv.conf", text, {})

    # Launches.

    def start(
        self, argv, identity=None, descriptors=None, env=None, add_env=None, cwd="/", session=False, ignored=(), masked=(),
        umask=0o022, user_namespaces=True, pipes=(0, 1, 2), kept=None,
    ):  # fmt: skip
        """Start a process on the host. `descriptors` maps its descriptors to ours; `pipes` are made where none is given.

        With `kept`, a configuration, its /etc is a copy that nobody changes: what stays over many tests would follow them.
        """
        identity = Identity(identity or self.identities[0])
        given, ends = dict(descriptors or {}), {}
        made = []
        for number in pipes:
            if number not in given:
                reader, writer = os.pipe2(os.O_CLOEXEC)
                theirs, ends[number] = (reader, writer) if number == 0 else (writer, reader)
                given[number] = theirs
                made.append(theirs)
        argv = [os.fsdecode(word) for word in argv]
        if "/" not in argv[0]:
            argv[0] = shutil.which(argv[0], path=self.path()) or argv[0]
        try:
            pid = self.do(
                "spawn", list(given.values()), targets=list(given), argv=argv, cwd=cwd, session=session,
                env={**(self.environment(identity) if env is None else env), **(add_env or {})},
                identity=identity.value, umask=umask, user_namespaces=user_namespaces, kept=kept,
                ignored=[int(n) for n in ignored], masked=[int(n) for n in masked],
            )  # fmt: skip
        except BaseException:
            for end in ends.values():
                os.close(end)
            raise
        finally:
            for descriptor in made:
                os.close(descriptor)
        return Process(self, pid, ends)

    def run(self, argv, stdin=b"", timeout=_TIMEOUT, **how):
        """Run a process on the host to its end."""
        process = self.start(argv, **how)
        try:
            return process.communicate(stdin, timeout)
        finally:
            process.close()

    def sandbox(self, *words, **how):
        """Run `claude-sandbox WORDS...` to its end."""
        return self.run([EXECUTABLE, *words], **how)

    def jail(self, *command, options=(), **how):
        """Run a command in a jail to its end."""
        return self.run([EXECUTABLE, "run", *options, "--", *command], **how)

    def jailed(self, options=(), launcher=None, **how):
        """A jail that stays, with a prober in it."""
        return Jailed(self, self.start([*(launcher or [EXECUTABLE, "run", *options, "--"]), *prober()], **how))

    def outside(self, **how):
        """The same prober on the host without a jail: the control."""
        return Jailed(self, self.start(prober(), **how))

    @staticmethod
    def path():
        return f"{LAB}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    def environment(self, identity):
        return {"PATH": self.path(), "HOME": identity.home, "LANG": "C.UTF-8", "TERM": "xterm"}


def prober():
    return [PYTHON, "-B", "-I", f"{TESTS}/probes/prober.py"]


class Jailed:
    """A process that answers probes: each a dictionary in, a dictionary out."""

    def __init__(self, lab, process):
        self.lab, self.process = lab, process
        ready = process.read_line()
        if ready != "ready\n":
            result = process.communicate()
            raise RuntimeError(f"the prober did not start: exit {result.status}, {ready}{result.out}{result.err}")

    def ask(self, kind, **arguments):
        self.process.write(json.dumps({"probe": kind, **arguments}) + "\n")
        line = self.process.read_line()
        if not line:
            result = self.process.communicate()
            raise RuntimeError(f"the prober ended: exit {result.status}, {result.err}")
        return json.loads(line)

    def close(self):
        """End of standard input ends the prober; its exit status."""
        self.process.close(0)
        try:
            return self.process.wait()
        finally:
            self.process.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.close()
        else:
            with contextlib.suppress(Exception):
                self.process.signal(signal.SIGKILL)
            self.process.close()

"""A lab to measure in: the tests' network without their services, and nothing else.

Like the lab it has no uplink, and everything in it dies with its pid namespace.
"""

import json
import os
import statistics
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
TESTS = os.path.join(ROOT, "Tests/JailTests")
PYTHON = "/usr/bin/python3"

sys.dont_write_bytecode = True
sys.path.insert(0, TESTS)
from lab import filesystem, kernel, network  # noqa: E402
from lab.identity import Identity, become  # noqa: E402
from lab.shape import SHAPES  # noqa: E402

EXECUTABLE = filesystem.EXECUTABLE
AGAINST = EXECUTABLE + "-against"
HELPERS = f"{filesystem.LAB}/bin"
WORLD = network.WORLD
CALLER = Identity.CONTAINER if os.getuid() else Identity.USER

# pasta as the launcher starts it: see Sources/Jail/Uplink/Pasta.swift.
CLOSED = "-t none -u none -T none -U none".split()
QUIET = "-q -l /dev/null".split()
LOCKED = [
    *"-i eth0 -M 9a:55:9a:55:9a:55 -a 192.0.0.2 -n 29 -g 192.0.0.1".split(),
    *"-a fd9a:559a:559a::2 -g fd9a:559a:559a::1 -I uplink0".split(),
    *CLOSED,
    *"--no-map-gw --no-dhcp --no-dhcpv6 --no-ndp --no-ra -D none -S none".split(),
]
ON_A_TAP = ["-f", *QUIET, "-P", "/proc/self/fd/1", *LOCKED]


def enter(executable, against=None):
    """Run the calling program again, in a lab of its own; returns in the lab only. `against` is another build, for AGAINST."""
    if "CLAUDE_SANDBOX_BENCHMARK" not in os.environ:
        if not os.path.exists(executable):
            sys.exit(f"{executable} is not built: ./install.sh --build")
        command = ["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]
        command += ["--user", "--map-root-user"] if os.getuid() else []
        os.environ["CLAUDE_SANDBOX_BENCHMARK"] = os.getcwd()
        os.execvp(command[0], [*command, PYTHON, "-B", os.path.abspath(sys.argv[0]), *sys.argv[1:]])
    os.chdir(os.environ.pop("CLAUDE_SANDBOX_BENCHMARK"))
    executable = os.path.abspath(executable)
    sources = {name: _read(f"{HERE}/helpers/{name}") for name in os.listdir(f"{HERE}/helpers")}
    against = os.open(against, os.O_PATH) if against else None
    filesystem.make_private(TESTS, executable)
    if against is not None:
        with open(AGAINST, "w"):
            pass
        kernel.bind(f"/proc/self/fd/{against}", AGAINST)
    network.build(SHAPES["plain"])
    with open("/etc/resolv.conf", "w") as file:
        file.write("nameserver 198.51.100.53\n")
    for name, source in sources.items():
        options = ["-O2", "-Wall", "-Wextra", "-Werror", "-static", "-x", "c", "-", "-o", f"{HELPERS}/{name.removesuffix('.c')}"]
        subprocess.run(["cc", *options], input=source, text=True, check=True)
    os.chdir("/")


def _read(path):
    with open(path) as file:
        return file.read()


class Worker:
    """A process in the caller's place, with a configuration of its own, that runs commands when asked."""

    def __init__(self, configuration=None, world=False):
        request, answer = os.pipe(), os.pipe()
        self.process = os.fork()
        if self.process == 0:
            os.close(request[1])
            os.close(answer[0])
            self._serve(configuration, world, os.fdopen(request[0]), os.fdopen(answer[1], "w"))
        os.close(request[0])
        os.close(answer[1])
        self.requests, self.answers = os.fdopen(request[1], "w"), os.fdopen(answer[0])

    @staticmethod
    def _serve(configuration, world, requests, answers):
        if world:
            kernel.setns(os.open(WORLD, os.O_RDONLY), kernel.CLONE_NEWNET)
        if configuration is not None:
            path = filesystem.CONFIGURATION
            kernel.unshare(kernel.CLONE_NEWNS)
            kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
            mine = f"{filesystem.LAB}/{os.getpid()}.conf"
            for name, text in ((mine, configuration), (path, "")):
                with open(name, "w") as file:
                    file.write(text)
            kernel.bind(mine, path)
        if not world:
            become(CALLER)
        os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
        for line in requests:
            command = json.loads(line)
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            print(json.dumps([done.returncode, done.stdout, done.stderr]), file=answers, flush=True)
        os._exit(0)

    def run(self, *command):
        """The output of a command that must succeed."""
        print(json.dumps(command), file=self.requests, flush=True)
        status, out, error = json.loads(self.answers.readline())
        if status:
            raise RuntimeError(f"{' '.join(command)[:200]}: exit {status}: {error.strip()}")
        return out

    def start(self, *command):
        """Begin a command that ends some time after `finish` is called."""
        thread = threading.Thread(target=self.run, args=command, daemon=True)
        thread.start()
        return thread


def caller(command):
    """A process in the caller's place whose standard input and output are pipes."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(command, **pipes, preexec_fn=lambda: become(CALLER))


def set_sysctl(name, value):
    with open(f"/proc/sys/{name}", "w") as file:
        file.write(value)


def median(values):
    return statistics.median(values)


def table(header, rows):
    rows = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    for row in rows:
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))))
    print()


def conditions():
    """What the figures depend on."""
    release, load = os.uname().release, os.getloadavg()[0]
    version = subprocess.run(["/usr/bin/pasta", "--version"], capture_output=True, text=True).stdout.splitlines()
    print(f"Linux {release}, {os.cpu_count()} CPUs, load {load:.1f}; {version[0] if version else 'pasta of unknown version'}\n")


def target(text, value, limit, unit="", at_most=True):
    met = value <= limit if at_most else value >= limit
    print(f"{'met   ' if met else 'MISSED'}  {text}: {value:.2f}{unit} (target: {'at most' if at_most else 'at least'} {limit:g}{unit})")

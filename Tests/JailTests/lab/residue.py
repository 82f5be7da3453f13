"""What a launch left behind: processes, namespaces, mounts, links, files. Runs in the agent.

`take` before a launch, `compare` after it: the second waits for processes that are on their way out, on their pidfds.
"""

import contextlib
import os
import re
import select
import signal
import socket
import time

from . import host

_KINDS = ("net", "user", "mnt", "ipc", "pid", "uts", "cgroup")
_DIRECTORIES = ("/tmp", "/var/tmp", "/run", "/dev/shm", "/srv/lab/home", "/srv/lab/root", "/dev/net")


def _is_made(path):
    """What a launch makes once for each user, and leaves: empty directories for covers, and the record's."""
    if re.fullmatch(r"/srv/lab/(home|root)/\.local", path):
        return [d for d, _, _ in os.walk(path)] == [path, f"{path}/state", f"{path}/state/claude-sandbox"]
    name = r"/tmp/((tmux|cc-daemon|cc-socks)-\d+|cc-socks|claude-mcp-browser-bridge-\w+)"
    return re.fullmatch(name, path) and os.path.isdir(path) and not os.listdir(path)


def processes():
    """Every live process of the lab: pid, parent, state, command line."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                head, tail = file.read().rsplit(")", 1)
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().rstrip(b"\0").split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = tail.split()
        found[name] = {
            "pid": int(name), "comm": head.split("(", 1)[1], "state": fields[0], "parent": int(fields[1]),
            "group": int(fields[2]), "session": int(fields[3]),
            "argv": [word.decode("utf-8", "surrogateescape") for word in words],
        }  # fmt: skip
    return found


def status(pid):
    """The fields of /proc/PID/status."""
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def descriptors(pid):
    """What each descriptor of a process is."""
    found = {}
    # The process, or one of its descriptors, may go while it is looked at.
    with contextlib.suppress(FileNotFoundError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            found[fd] = os.readlink(f"/proc/{pid}/fd/{fd}")
    return found


def namespaces():
    """Every namespace that a process of the lab is in, or that a mount keeps."""
    found = set()
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            for kind in _KINDS:
                try:
                    found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
                except (FileNotFoundError, PermissionError, ProcessLookupError):
                    continue
    return sorted(found)


def take():
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split(" ", 3)[3] for line in file]
    return {
        "processes": sorted(processes()),
        "namespaces": namespaces(),
        "mounts": sorted(mounts),
        "links": sorted(name for _, name in socket.if_nameindex()),
        "files": sorted(path for d in _DIRECTORIES for name in os.listdir(d) if not _is_made(path := f"{d}/{name}")),
    }


def compare(before, patience=5.0):
    """What is there now and was not before, by kind; empty when nothing was left."""
    _await_exit(set(processes()) - set(before["processes"]), patience)
    now = take()
    left = {kind: sorted(set(now[kind]) - set(before[kind])) for kind in now}
    left["processes"] = [p for pid, p in processes().items() if pid in left["processes"]]
    return {kind: things for kind, things in left.items() if things}


def remove(left):
    """Ends what `compare` found, so that one test's residue is not the next one's."""
    for process in left.get("processes", ()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process["pid"], signal.SIGKILL)
    for path in left.get("files", ()):
        host.remove(path)
    _await_exit({str(process["pid"]) for process in left.get("processes", ())}, 5)


def _await_exit(pids, patience):
    deadline = time.monotonic() + patience
    for pid in pids:
        try:
            pidfd = os.pidfd_open(int(pid))
        except ProcessLookupError:
            continue
        select.select([pidfd], [], [], max(deadline - time.monotonic(), 0))
        os.close(pidfd)
    # An orphan is gone when process 1 has reaped it; it does so at once, but after us.
    while time.monotonic() < deadline and any(os.path.exists(f"/proc/{pid}") for pid in pids):
        os.sched_yield()

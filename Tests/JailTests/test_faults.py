"""Every system call of a launch that could be refused is refused once: nothing may run that is not sealed.

A clean launch is recorded first, so that the list follows the code. For each call that follows, one launch. Either the
command never ran, the exit status is 125 and the message names a cause; or the step is one that may be skipped: then the
command, which reports what it sees of its jail, must see exactly what it sees in a clean launch.
"""

import errno
import json
import signal

import pytest
from lab import Identity
from lab.filesystem import EXECUTABLE, TESTS
from lab.lab import PYTHON

CALLS = """
unshare setns clone clone3 fork vfork execve setsid setpgid setresuid setgroups prctl capset capget seccomp landlock_create_ruleset
landlock_add_rule landlock_restrict_self openat open_tree move_mount fsopen fsconfig fsmount mount umount2 mount_setattr pivot_root
chroot ioctl socket socketpair bind listen connect setsockopt getsockopt getsockname sendto sendmsg recvfrom recvmsg write pipe2 dup2
dup3 fcntl close_range pidfd_open pidfd_send_signal signalfd4 timerfd_create eventfd2 epoll_create1 epoll_ctl 
rt_sigprocmask rt_sigaction newfstatat fstat statx readlink getdents64 read poll ppoll memfd_create
openat2 mkdirat fchmodat symlinkat readlinkat chdir statfs inotify_init1 inotify_add_watch inotify_rm_watch
""".split()

# Calls whose first arguments say what they are: one launch for each such meaning. Of the others, each occurrence.
MEANING = {"prctl": 1, "setsockopt": 3, "rt_sigaction": 0, "newfstatat": 0, "getdents64": 0, "recvfrom": 0,
           "poll": 0}  # fmt: skip
# For those, this many occurrences of each process: the first, the last, and some between.
FEW = 5
# What a program is told in a jail without an uplink.
CLOSED = (None, errno.ENETUNREACH, errno.EINVAL, errno.EHOSTUNREACH)


def launch(lab, identity, target=None, options=()):
    argv = [EXECUTABLE, "run", *options, "--", PYTHON, "-B", "-I", f"{TESTS}/probes/report.py"]
    return lab.call("lab.injector:run", argv, lab.environment(Identity(identity)), identity, CALLS, target)


@pytest.fixture(scope="module")
def recorded(module_lab):
    """The calls of a clean launch and its report, for each caller."""
    known = {}

    def record(identity):
        if identity not in known:
            launch(module_lab, identity)  # The first makes directories that later ones find.
            result = launch(module_lab, identity)
            assert (result["status"], result["err"], result["ended"]) == (0, "", True), result
            known[identity] = result["calls"], json.loads(result["out"])
        return known[identity]

    return record


def chosen(calls, name):
    """The occurrences of one call to refuse: [process, name, occurrence]."""
    groups = {}
    for process, call, occurrence, arguments in calls:
        if call == name:
            meaning = tuple(arguments[: MEANING[name]]) if name in MEANING else None
            groups.setdefault((process, meaning), []).append(occurrence)
    for (process, _), occurrences in groups.items():
        few = occurrences
        if name in MEANING and len(occurrences) > FEW:
            step = (len(occurrences) - 1) / (FEW - 1)
            few = sorted({occurrences[round(n * step)] for n in range(FEW)})
        for occurrence in few:
            yield [process, name, occurrence]


def wrong(result, report):
    """What is wrong with a launch of which one call was refused; None if nothing is."""
    if not result["ended"]:
        return "processes stayed"
    if not result["injected"]:
        return None  # Not every launch makes the same number of reads and polls.
    status, said = result["status"], result["err"].strip()
    if not result["out"]:
        if status == -signal.SIGABRT and "Swift runtime" in said:
            return None  # before anything of ours is executed
        if status == 125 or (result["too_late"] and status == 126):
            return None if "claude-sandbox: " in said else f"exit {status} without a cause: {said!r}"
        return f"exit {status}: {said!r}"
    try:
        seen = json.loads(result["out"])
    except ValueError:
        return f"exit {status}, and no report: {result['out'][:60]!r} {said!r}"
    closed = result["too_late"] or "the jail has no network any more" in said
    differences = different(seen, report, may_be_closed=closed)
    if differences or status not in (0, 125):
        return f"the command ran{' already' if result['too_late'] else ''}, exit {status}: {differences} {said!r}"
    return None


def blackholes(routes):
    return [route for route in routes if route.startswith("* ")]


def name_servers(text):
    return [line for line in text.splitlines() if line.startswith("nameserver")]


def different(seen, report, may_be_closed):
    """How a jail differs from a clean one. One that lost its uplink while the command ran is as good: it is closed."""
    found = {}
    for key, value in report.items():
        if key == "refused":
            # No answer at all is a refusal, too: the packet that would have brought it was refused.
            if any(isinstance(answer, str) for answer in seen[key]):
                found[key] = seen[key]
        elif key == "internet" and may_be_closed:
            if seen[key] not in (value, *CLOSED):
                found[key] = seen[key]
        elif key == "routes" and may_be_closed:
            if blackholes(seen[key]) != blackholes(value):
                found[key] = seen[key]
        elif key == "resolv":  # without the host's search list names are longer to write, and no more can be reached
            if name_servers(seen[key]) != name_servers(value):
                found[key] = seen[key]
        elif isinstance(value, list):
            more, less = set(map(str, seen[key])), set(map(str, value))
            if more != less:
                found[key] = sorted(more - less), sorted(less - more)
        elif seen[key] != value:
            found[key] = seen[key]
    return found


def test_the_recording_is_of_a_launch(recorded):
    calls, report = recorded("user")
    processes = {process for process, *_ in calls}
    assert len(processes) >= 4
    for name in ("unshare", "capset", "ioctl", "execve", "sendto", "prctl", "socket"):
        assert any(call == name for _, call, *_ in calls), name
    assert report["status"]["CapEff"] == "0" * 16 and report["internet"] == "token-report"
    assert report["refused"] == [113] * 6


def test_the_filter_is_attached_before_anyone_reads_the_tap(recorded):
    calls, _ = recorded("user")
    attach = next(n for n, (_, name, _, arguments) in enumerate(calls) if name == "ioctl" and arguments[1] == 0x401054D5)
    supervisor = calls[attach][0]
    holder = next(process for process, name, *_ in calls if name == "unshare")
    passes = next(n for n, (process, name, *_) in enumerate(calls) if name == "sendmsg" and process == supervisor)
    pasta = next(n for n, (process, name, *_) in enumerate(calls) if name == "execve" and process != holder)
    assert attach < passes < pasta


def test_a_fault_is_noticed(lab, recorded):
    """The oracle works: a refused unshare(2) ends the launch, and is what the launch says."""
    calls, _ = recorded("user")
    result = launch(lab, "user", next(chosen(calls, "unshare")))
    assert result["injected"] and result["status"] == 125 and "unshare" in result["err"]
    assert result["err"].startswith("claude-sandbox: "), "nobody else has anything to say"


@pytest.mark.parametrize("name", CALLS)
def test_a_refused_call(lab, recorded, clean, name):
    calls, report = recorded("user")
    failures, missed, targets = [], [], list(chosen(calls, name))
    for target in targets:
        lab.forget()
        result = launch(lab, "user", target)
        problem = wrong(result, report)
        leaked = [e for e in lab.seen(token="token-report") if e.get("dst") != "1.1.1.1"]
        if problem or leaked:
            failures.append(f"{target}: {problem or leaked}")
        if not result["injected"]:
            missed.append(target)
    assert not failures, "\n".join(failures)
    # Reads and polls come in other numbers each time; most of them come. The first look at the configuration's files comes
    # some time after the launch, when the command may have ended.
    assert len(missed) <= len(targets) / 4 or name == "inotify_add_watch", missed


@pytest.mark.parametrize("caller", ["root", "container"])
@pytest.mark.parametrize("name", ["unshare", "ioctl", "capset", "execve", "clone", "mount", "write"])
def test_a_refused_call_of_other_callers(lab, recorded, clean, name, caller):
    if caller not in [known.value for known in lab.identities]:
        pytest.skip("only root can become this caller")
    calls, report = recorded(caller)
    failures = []
    for target in chosen(calls, name):
        problem = wrong(launch(lab, caller, target), report)
        if problem:
            failures.append(f"{target}: {problem}")
    assert not failures, "\n".join(failures)


# What a launch with ports does beside the others.
OF_PORTS = ["socket", "bind", "listen", "setns", "clone", "epoll_create1", "epoll_ctl", "setsockopt", "seccomp", "close_range"]


@pytest.mark.parametrize("name", OF_PORTS)
def test_a_refused_call_of_a_launch_with_ports(lab, clean, name):
    """A port of the configuration may be missing, and that is said. One of `--publish` that is missing refuses the launch. No other opens."""
    lab.configure("allow-host-port = 6001\nallow-host-port = 6002/udp\n")
    options = ("--publish", "7001")
    clean_launch = launch(lab, "user", options=options)
    assert (clean_launch["status"], clean_launch["err"]) == (0, ""), clean_launch
    report = json.loads(clean_launch["out"])
    failures = []
    for target in chosen(clean_launch["calls"], name):
        result = launch(lab, "user", target, options)
        problem = wrong(result, report)
        if problem:
            failures.append(f"{target}: {problem}")
    assert not failures, "\n".join(failures)

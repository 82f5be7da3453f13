"""The processes that hold a jail up, as its command sees them: it cannot slow them down, move them or have them killed first."""

import contextlib
import os
import time

import pytest
from lab.lab import PYTHON
from lab.services import ECHO
from reach import FILTER4, ROUTE, reached
from test_supervise import parts

OURS = ("launcher", "supervisor", "pasta")

# Each call on `pid`, with what changes nothing where it is not refused: name -> errno, null for success.
CALLS = """
import platform
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
IOPRIO_SET = {{"x86_64": 251, "aarch64": 30}}[platform.machine()]
SCHED_SETATTR = {{"x86_64": 314, "aarch64": 274}}[platform.machine()]
pid, group = {pid}, {group}
result = {{}}
def tried(name, answer):
    result[name] = errno.errorcode[ctypes.get_errno()] if answer < 0 else None
def python(name, call):
    try: call(); result[name] = None
    except OSError as error: result[name] = errno.errorcode[error.errno]
best_effort = 2 << 13 | 4
python("sched_setaffinity", lambda: os.sched_setaffinity(pid, os.sched_getaffinity(pid)))
python("sched_setscheduler", lambda: os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0)))
python("sched_setparam", lambda: os.sched_setparam(pid, os.sched_param(0)))
attributes = struct.pack("=IIQiIQQQ", 48, 0, 0, 0, 0, 0, 0, 0)
for name, number in (("plain", pid), ("upper bits", pid | 1 << 32)):
    tried(f"sched_setattr {{name}}", libc.syscall(SCHED_SETATTR, ctypes.c_ulong(number), attributes, 0))
    tried(f"ioprio_set process {{name}}", libc.syscall(IOPRIO_SET, 1, ctypes.c_ulong(number), best_effort))
python("setpriority process", lambda: os.setpriority(os.PRIO_PROCESS, pid, 0))
python("setpriority group", lambda: os.setpriority(os.PRIO_PGRP, group, 0))
tried("ioprio_set group", libc.syscall(IOPRIO_SET, 2, group, best_effort))
"""
ALL_USER = """
python("setpriority user", lambda: os.setpriority(os.PRIO_USER, 0, 0))
tried("ioprio_set user", libc.syscall(IOPRIO_SET, 3, os.getuid(), best_effort))
"""
CHILD = """
import subprocess
sys.child = subprocess.Popen(["sleep", "1000"], process_group=0)
result = sys.child.pid
"""
END = "sys.child.kill(); sys.child.wait()"


@pytest.mark.parametrize("name", OURS)
def test_scheduling_of_ours(lab, identity, name):
    with lab.jailed(identity=identity) as jail:
        pid = parts(lab)[name]
        group = lab.call("os:getpgid", pid)
        inside = jail.ask("evaluate", code=CALLS.format(pid=pid, group=group) + ALL_USER)["result"]
        assert len(inside) == 12 and set(inside.values()) == {"EPERM"}, inside
        # The control: outside, its user may.
        with lab.outside(identity=identity) as outside:
            answers = outside.ask("evaluate", code=CALLS.format(pid=pid, group=group))["result"]
            assert set(answers.values()) == {None}, answers


def test_scheduling_of_its_own(lab, identity):
    """On itself and on what it starts the command may do all of this, also in a group of its own; not on the group that it shares."""
    with lab.jailed(identity=identity) as jail:
        pid = jail.ask("evaluate", code=CHILD)["result"]
        for target in (pid, 0):
            answers = jail.ask("evaluate", code=CALLS.format(pid=target, group=pid))["result"]
            assert set(answers.values()) == {None}, answers
        group = CALLS.format(pid=0, group=0)
        answers = jail.ask("evaluate", code=group)["result"]
        assert {call: answer for call, answer in answers.items() if answer} == {
            "setpriority group": "EPERM", "ioprio_set group": "EPERM"}  # fmt: skip
        jail.ask("evaluate", code=END)


# Files by which a process's user decides over it. Where there is no autogroup the kernel has no such file.
FILES = ("autogroup", "oom_score_adj", "oom_adj", "coredump_filter", "comm", "sched")
OPEN = """
result = {{}}
for name in {names}:
    try: os.close(os.open(f"/proc/{pid}/{{name}}", os.O_WRONLY)); result[name] = None
    except OSError as error: result[name] = errno.errorcode[error.errno]
"""


@pytest.mark.parametrize("name", OURS)
def test_files_of_ours_in_proc(lab, identity, name):
    """They belong to root, since ours are not dumpable; for uid 0 they are read-only in the jail."""
    with lab.jailed(identity=identity) as jail:
        found = parts(lab)
        pid = found[name]
        names = [file for file in FILES if lab.call("os.path:exists", f"/proc/{pid}/{file}")]
        # pasta does the same for itself, right after it has said that it is ready.
        deadline = time.monotonic() + 2
        while identity == "user" and lab.call("test_ours:owner", pid) != 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        answers = jail.ask("evaluate", code=OPEN.format(pid=pid, names=names))["result"]
        assert set(answers.values()) == {"EACCES" if identity == "user" else "EROFS"} and "oom_score_adj" in answers, answers
        own = jail.ask("evaluate", code=OPEN.format(pid="self", names=names))["result"]
        assert set(own.values()) == {None}, own


def owner(pid):
    """On the host: whose the files of a process are."""
    return os.stat(f"/proc/{pid}/oom_score_adj").st_uid


def standing(pid):
    """On the host: how a process is scheduled, and how soon it is killed for memory."""
    answers = [sorted(os.sched_getaffinity(pid)), os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid)]
    for name in ("autogroup", "oom_score_adj"):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/{name}") as file:
            answers.append(file.read())
    return answers


STARVE = """
import subprocess
def attempt(call, *arguments):
    try: call(*arguments)
    except OSError: pass
def write(path, text):
    with open(path, "w") as file: file.write(text)
for pid in {pids}:
    attempt(os.sched_setaffinity, pid, {{min(os.sched_getaffinity(0))}})
    attempt(os.sched_setscheduler, pid, os.SCHED_IDLE, os.sched_param(0))
    attempt(os.setpriority, os.PRIO_PROCESS, pid, 19)
    attempt(os.setpriority, os.PRIO_PGRP, pid, 19)
    attempt(write, f"/proc/{{pid}}/oom_score_adj", "1000")
    attempt(write, f"/proc/{{pid}}/autogroup", "19")
    time.sleep(0.2)  # The kernel takes no more than ten such changes a second.
busy = [{python!r}, "-I", "-S", "-c", "while True: pass"]
sys.loops = [subprocess.Popen(busy, start_new_session=True) for _ in range(40)]
"""


def test_a_starved_supervisor_follows(lab, identity):
    """Busy loops take their share of the processors, and no more: a new route of the host is closed all the same.

    The bound is generous: the prober starves, too. What may not change is exact: how ours are scheduled.
    """
    address = "203.0.113.7"
    # In a session of its own: an autogroup that is made idle should not be the tests'.
    with lab.jailed(identity=identity, session=True) as jail:
        found = parts(lab)
        pids = [found[name] for name in ("supervisor", "launcher", "pasta")]
        before = [lab.call("test_ours:standing", pid) for pid in pids]
        jail.ask("evaluate", code=STARVE.format(pids=pids, python=PYTHON))
        assert [lab.call("test_ours:standing", pid) for pid in pids] == before
        reached(lab, jail, "udp", address)
        lab.call("lab.host:ip", "route add 203.0.113.0/24 via 198.51.100.99 dev eth0")
        try:
            deadline = time.monotonic() + 5
            while True:
                answer = jail.ask("udp", address=address, port=ECHO, token="token-starved", timeout=0.2)
                if answer["errno"] in ROUTE | FILTER4:
                    break
                assert time.monotonic() < deadline, answer
        finally:
            jail.ask("evaluate", code="for loop in sys.loops: loop.kill()")
            lab.call("lab.host:ip", "route del 203.0.113.0/24")

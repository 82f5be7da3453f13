"""The launcher stands for its command: statuses, signals; and nothing outlives a jail, however it ends."""

import os
import signal
import time

import pytest
from lab.filesystem import EXECUTABLE
from lab.lab import PYTHON
from lab.services import ECHO
from reach import by_supervisor, reached
from test_escapes import has_scopes

FORWARDED = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2]
DEADLY = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGKILL, signal.SIGSEGV,
          signal.SIGABRT, signal.SIGPIPE, signal.SIGALRM]  # fmt: skip

pytestmark = pytest.mark.usefixtures("clean")

# A tree that tries to stay: a child, a daemon in its own session, one that ignores what can be ignored.
TREE = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
settled, settle = os.pipe()
def fork(body):
    if os.fork() == 0:
        body(); os._exit(0)
def wait():
    os.write(settle, b"x"); time.sleep(1000)
def stubborn():
    for n in range(1, 32):
        if n not in (9, 19): signal.signal(n, signal.SIG_IGN)
    wait()
def daemon():
    os.setsid(); fork(stubborn)
fork(wait); fork(daemon); fork(stubborn)
for _ in range(3): os.read(settled, 1)
"""


def parts(lab):
    """The processes of the only jail: launcher, supervisor, pasta, and the rest, which is the command's tree."""
    found = {"launcher": None, "supervisor": None, "pasta": None, "command": []}
    everything = lab.call("lab.residue:processes")
    for process in everything.values():
        if process["comm"].startswith("claude-sandbox"):
            parent = everything.get(str(process["parent"]), {})
            above = everything.get(str(parent.get("parent")), {})
            depth = sum(one.get("comm", "").startswith("claude-sandbox") for one in (parent, above))
            # Below the supervisor: who covers something in the jail, for a moment.
            if depth < 2:
                found["supervisor" if depth else "launcher"] = process["pid"]
        elif process["comm"].startswith(("passt", "pasta")):
            found["pasta"] = process["pid"]
        elif "import os, signal, sys, time" in "".join(process["argv"]) or "1000" in process["argv"]:
            found["command"].append(process["pid"])
    return found


def start_tree(lab, identity, then="print('ready', flush=True); sys.stdin.read()"):
    process = lab.start([EXECUTABLE, "run", "--", PYTHON, "-I", "-c", TREE + then], identity=identity)
    assert process.read_line() == "ready\n"
    return process


# Statuses.


@pytest.mark.parametrize("status", [0, 1, 2, 7, 63, 64, 124, 125, 126, 127, 128, 129, 254, 255])
def test_exit_statuses(lab, identity, status):
    assert lab.jail("sh", "-c", f"exit {status}", identity=identity).status == status


@pytest.mark.parametrize("number", DEADLY)
def test_a_signal_that_ends_the_command_ends_the_launcher(lab, identity, number):
    """Not exit 128+n: who waits for us sees WIFSIGNALED, as a shell needs to."""
    result = lab.jail(PYTHON, "-I", "-c", f"import os, signal; signal.signal({int(number)}, 0) if {int(number)} != 9 else 0; "
                      f"os.kill(os.getpid(), {int(number)})", identity=identity)  # fmt: skip
    assert (result.status, result.err) == (-number, "")


def test_no_core_of_the_launcher(lab, identity):
    """Raising the command's SIGSEGV on ourselves must not write a second core, of us. (The command's own is its business.)"""
    launcher = ["prlimit", "--core=unlimited", EXECUTABLE, "run", "--"]
    result = lab.run([*launcher, "sh", "-c", "ulimit -c 0; kill -SEGV $$"], identity=identity, cwd="/tmp")
    assert result.status == -signal.SIGSEGV
    assert [f for f in lab.call("lab.residue:take")["files"] if "core" in f] == []


@pytest.mark.parametrize("words, status", [
    (["/nonexistent"], 127), (["no-such-command"], 127), ([""], 127), (["/etc/passwd"], 126), (["/etc"], 126),
    (["/nonexistent/x"], 127), (["/etc/passwd/x"], 127), (["/tmp/no-interpreter"], 127),
])  # fmt: skip
def test_commands_that_cannot_be_executed(lab, identity, words, status):
    lab.call("lab.host:write", "/tmp/no-interpreter", "#!/nonexistent/interpreter\n", {"mode": 0o755})
    result = lab.jail(*words, identity=identity)
    lab.call("lab.host:remove", "/tmp/no-interpreter")
    finding = {126: "Permission denied", 127: "command not found"}[status]
    assert (result.status, result.out, result.err) == (status, "", f"claude-sandbox: {words[0]}: {finding}\n")


def test_a_file_that_is_not_executable_on_path(lab, identity):
    """As a shell: found but not executable is 126; a later one on PATH is preferred."""
    lab.call("lab.host:write", "/tmp/one/tool", "#!/bin/sh\necho one\n", {"mode": 0o644})
    lab.call("lab.host:write", "/tmp/two/tool", "#!/bin/sh\necho two\n", {"mode": 0o755})
    first = lab.jail("tool", identity=identity, env={"PATH": "/tmp/one:/usr/bin"})
    second = lab.jail("tool", identity=identity, env={"PATH": "/tmp/one:/tmp/two:/usr/bin"})
    for directory in ("/tmp/one", "/tmp/two"):
        lab.call("lab.host:remove", directory)
    assert (first.status, second.status, second.out) == (126, 0, "two\n")


# Signals to the launcher.


@pytest.mark.parametrize("number", FORWARDED)
def test_signals_are_forwarded(lab, identity, number):
    code = f"""
import signal, time
got = []
signal.signal({int(number)}, lambda *_: got.append(1)); print('ready', flush=True)
while not got: time.sleep(0.01)
print('got', flush=True); raise SystemExit(9)
"""
    process = lab.start([EXECUTABLE, "run", "--", PYTHON, "-I", "-c", code], identity=identity)
    assert process.read_line() == "ready\n"
    process.signal(number)
    result = process.communicate()
    process.close()
    assert (result.status, result.out) == (9, "got\n")


@pytest.mark.parametrize("number", FORWARDED)
def test_signals_end_what_does_not_handle_them(lab, identity, number):
    process = start_tree(lab, identity)
    process.signal(number)
    assert process.wait() == -number
    process.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_at_every_moment_of_the_launch(lab, identity, number):
    """Whenever it comes, it ends the launch, and says nothing; and nothing is left."""
    for delay in range(0, 60, 4):
        process = lab.start([EXECUTABLE, "run", "--", "sleep", "1000"], identity=identity)
        time.sleep(delay / 1000)  # A delay is what is tested here.
        process.signal(number)
        result = process.communicate()
        process.close()
        assert (result.status, result.out, result.err) == (-number, "", ""), delay


@pytest.mark.parametrize("number", [signal.SIGKILL])
@pytest.mark.parametrize("delay", range(0, 60, 4))
def test_a_kill_at_every_moment_of_the_launch(lab, number, delay):
    process = lab.start([EXECUTABLE, "run", "--", "sleep", "1000"])
    time.sleep(delay / 1000)  # A delay is what is tested here.
    process.signal(number)
    assert process.wait(5) == -number
    process.close()


# The end.


def test_descendants_end_with_the_command(lab, identity):
    process = start_tree(lab, identity, "print('ready', flush=True); os._exit(3)")
    assert process.wait() == 3
    process.close()


def test_descendants_cannot_hold_the_output_open(lab, identity):
    """`x=$(claude-sandbox run -- ...)` returns, although a daemon has inherited the pipe."""
    result = lab.jail("sh", "-c", "setsid sleep 1000 & echo done", identity=identity, timeout=10)
    assert (result.status, result.out) == (0, "done\n")


@pytest.mark.parametrize("victims", [("launcher",), ("supervisor",)])
def test_nothing_outlives_a_killed_launcher_or_supervisor(lab, identity, victims):
    # A command that would not end by itself when its input does.
    process = start_tree(lab, identity, "print('ready', flush=True); import time; time.sleep(1000)")
    found = parts(lab)
    assert all(found.values()) and len(found["command"]) == 4, found
    for victim in victims:
        lab.call("os:kill", found[victim], int(signal.SIGKILL))
    status = process.wait(10)
    process.close()
    assert status == (-signal.SIGKILL if "launcher" in victims else 125)


def test_both_at_once(lab, identity):
    """With nobody left to clean up, the kernel ends the command and pasta (PR_SET_PDEATHSIG)."""
    process = lab.start([EXECUTABLE, "run", "--", "sh", "-c", "echo $$; read line"], identity=identity)
    command = process.read_line().strip()
    found = parts(lab)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for name in ("launcher", "supervisor"):
            lab.call("os:kill", found[name], int(number))
    assert process.wait(10) == -signal.SIGKILL
    deadline = time.monotonic() + 5
    # Its standard input is still open: it does not end by itself.
    while lab.call("lab.host:exists", f"/proc/{command}"):
        assert time.monotonic() < deadline
    process.close()


def test_a_killed_supervisor_is_told(lab, identity):
    process = start_tree(lab, identity)
    lab.call("os:kill", parts(lab)["supervisor"], int(signal.SIGKILL))
    result = process.communicate(timeout=10)
    process.close()
    assert (result.status, result.err) == (125, "claude-sandbox: the supervisor was killed, and the jail with it\n")


def test_a_killed_pasta(lab, identity):
    """One line is said, nothing opens, the command gets errors and goes on."""
    with lab.jailed(identity=identity) as jail:
        reached(lab, jail, "tcp", "1.1.1.1")
        lab.call("os:kill", parts(lab)["pasta"], int(signal.SIGKILL))
        line = jail.process.read_line(2)
        assert line == "claude-sandbox: pasta ended (it gave no reason); the jail has no network any more\n"
        lab.forget()
        # The link is gone, and the default route with it; what is internal is refused as before.
        internet, internal = ("1.1.1.1", "2606:4700::1111"), ("10.0.0.1", "198.51.100.77", "fd00::1")
        for address in (*internet, *internal):
            expected = {"ENETUNREACH"} if address in internet else by_supervisor(address)
            assert jail.ask("tcp", address=address, port=ECHO)["errno"] in expected
            assert jail.ask("tcp", address=address, port=ECHO, bind="device")["text"] == "no interface with this name"
        assert [event for event in lab.seen(place="world") if event.get("dport") == ECHO] == []


def test_a_stopped_pasta_does_not_hold_the_end(lab, identity):
    process = start_tree(lab, identity)
    lab.call("os:kill", parts(lab)["pasta"], int(signal.SIGSTOP))
    process.signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    process.close()


def test_the_command_cannot_hold_the_end(lab, identity):
    """A tree that is stopped, or forks as it is killed, ends all the same."""
    code = TREE + """
if os.fork() == 0:
    os.setsid()
    while True:
        if os.fork(): time.sleep(0.001); os._exit(0)
print('ready', flush=True); sys.stdin.read()
"""
    process = lab.start([EXECUTABLE, "run", "--", PYTHON, "-I", "-c", code], identity=identity)
    assert process.read_line() == "ready\n"
    process.signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    process.close()


def test_a_supervisor_that_its_own_command_kills(lab, identity):
    """Same uid, but Landlock forbids signals to outside. Where the kernel is older, killing it closes the jail."""
    code = "import os, signal, time; os.kill(os.getppid(), signal.SIGKILL); time.sleep(1000)"
    process = lab.start([EXECUTABLE, "run", "--", PYTHON, "-I", "-c", code], identity=identity)
    result = process.communicate(timeout=10)
    process.close()
    if has_scopes():
        assert result.status == 1 and result.err.endswith("\nPermissionError: [Errno 1] Operation not permitted\n"), result
    else:
        assert (result.status, result.err) == (125, "claude-sandbox: the supervisor was killed, and the jail with it\n")


def test_fifty_at_once(lab, identity):
    code = f"import socket; s = socket.create_connection(('1.1.1.1', {ECHO}), 20); s.sendall(b'x'); print(s.recv(1).decode())"
    processes = [lab.start([EXECUTABLE, "run", "--", PYTHON, "-I", "-c", code], identity=identity) for _ in range(50)]
    results = [process.communicate(timeout=90) for process in processes]
    for process in processes:
        process.close()
    assert [(r.status, r.out, r.err) for r in results] == [(0, "x\n", "")] * 50


@pytest.mark.parametrize("configuration", ["", "allow-net = 172.16.0.0/12\nblock-net = 9.0.0.0/8\n"])
def test_a_launch_inside_a_jail(lab, identity, configuration):
    """A jail in a jail: it is in one already, and never gets out of it, whatever the environment says."""
    lab.configure(configuration)
    address = lab.jail("ip", "-4", "-o", "address", "show", "uplink0", identity=identity).out
    nested = lab.jail(EXECUTABLE, "run", "--", "ip", "-4", "-o", "address", "show", "uplink0", identity=identity)
    assert (nested.status, nested.out) == (0, address), nested
    inner = [EXECUTABLE, "run", "--", "sh", "-c", "ip route | grep -c '^blackhole 10.0.0.0/8'"]
    for environment in ({}, {"CLAUDE_SANDBOX_EGRESS_JAIL": "1"}):
        result = lab.jail(*inner, identity=identity, add_env=environment)
        assert (result.status, result.out, result.err) == (0, "1\n", "")
    override = lab.jail("env", "CLAUDE_SANDBOX_EGRESS_JAIL=0", *inner, identity=identity)
    assert (override.status, override.out, override.err) == (0, "1\n", "claude-sandbox: no jail: CLAUDE_SANDBOX_EGRESS_JAIL=0\n")


def test_the_launcher_uses_little(lab, identity):
    with lab.jailed(identity=identity):
        pid = parts(lab)["supervisor"]
        rollup = lab.call("lab.host:read", f"/proc/{pid}/smaps_rollup")
        (pss,) = [int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")]
        assert pss <= 4096


def test_waiting_costs_nothing(lab, identity):
    """No polling: an idle launcher and supervisor do not run at all."""
    with lab.jailed(identity=identity):
        found = parts(lab)

        def switches():
            statuses = [lab.call("lab.residue:status", found[name]) for name in ("launcher", "supervisor")]
            return [int(s["voluntary_ctxt_switches"]) for s in statuses]

        time.sleep(0.2)
        before = switches()
        time.sleep(0.5)
        assert switches() == before


def test_standard_input_is_the_command_s_alone(lab, identity):
    """Who writes to a pipe learns from EPIPE that the command has closed it: nobody else may hold it open."""
    process = lab.start([EXECUTABLE, "run", "--", "sh", "-c", "echo $$; read line; exec <&-; echo closed; exec sleep 1000"], identity=identity)
    command = int(process.read_line())
    pipe = os.readlink(f"/proc/self/fd/{process.ends[0]}")

    def holders():
        processes = [command, *(parts(lab)[name] for name in ("launcher", "supervisor", "pasta"))]
        return [pid for pid in processes if pipe in lab.call("lab.residue:descriptors", pid).values()]

    assert holders() == [command]
    process.write("\n")
    assert process.read_line() == "closed\n"
    assert holders() == []
    with pytest.raises(BrokenPipeError):
        process.write("\n")
    process.signal(signal.SIGTERM)
    process.wait()
    process.close()

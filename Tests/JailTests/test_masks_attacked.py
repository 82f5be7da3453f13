"""The command arranges its own home and /tmp as it likes, while what is in them is looked at and covered.

Whoever covers has capabilities in the jail that the command has not. It must never cover, for the command, what the command
could not: that would take a wall away. And nothing that the command makes may keep it from covering what is to be covered.
"""

import json
import os
import time

import pytest
from lab import Identity
from lab.filesystem import EXECUTABLE, TESTS
from lab.lab import PYTHON
from masked import REFUSED, covered, unmasked
from test_faults import recorded  # noqa: F401 (a fixture)
from test_stress import LIMITED, memory
from test_supervise import parts

HOME = Identity.USER.home
SETTINGS = "/etc/claude-code/managed-settings.json"
DOCKER = "/run/docker.sock"


@pytest.fixture
def jail(lab, serve):
    """A jail of a user, below whose home nothing is, where the host has a socket."""
    clear(lab)
    lab.call("lab.host:write", SETTINGS, "{}", {"mode": 0o644})
    serve(DOCKER)
    with lab.jailed(identity="user") as jail:
        assert jail.ask("unix", path=DOCKER)["errno"] in REFUSED
        yield jail
    clear(lab)
    lab.call("lab.host:remove", os.path.dirname(SETTINGS))


def clear(lab):
    lab.run(["/bin/sh", "-c", f"rm -rf {HOME}/.[a-z]* {HOME}/old* /tmp/vscode-* /tmp/dbus-* /tmp/link*"], identity="root")


def do(jail, code):
    answer = jail.ask("evaluate", code=f"import os, subprocess\n{code}")
    assert answer["errno"] is None, answer
    return answer.get("result")


def start(jail, code):
    """In the jail, in the background; its pid."""
    return do(jail, f"result = subprocess.Popen([{PYTHON!r}, '-I', '-c', {code!r}]).pid")


def mounts(jail, text):
    return do(jail, f"result = sum({text!r} in line for line in open('/proc/self/mountinfo'))")


def still_stands(lab, jail, serve):
    assert do(jail, f"result = os.listdir({os.path.dirname(SETTINGS)!r})") == [os.path.basename(SETTINGS)]
    assert do(jail, "result = os.path.exists('/dev/null') and os.path.exists('/proc/self')")
    serve(DOCKER)
    covered(jail, DOCKER)
    assert lab.jail("true", identity="user").status == 0


@pytest.mark.parametrize("target", ["run", "/etc/claude-code", "/dev", "/proc", "/proc/self/root", "/run", HOME, "/nonexistent"])
@pytest.mark.parametrize("link", [".docker/run", ".ssh/sockets", ".ansible/cp"])
def test_a_link_to_something_else(lab, jail, serve, link, target):
    do(jail, f"os.makedirs('{HOME}/{os.path.dirname(link)}'); os.symlink({target!r}, '{HOME}/{link}')")
    still_stands(lab, jail, serve)


def test_a_home_that_is_a_link(lab, serve):
    """As it is on some machines; what is in it is covered all the same."""
    clear(lab)
    serve(f"{HOME}/.ssh/cm-host")
    lab.call("lab.host:symlink", HOME, "/tmp/link-home")
    environment = {**lab.environment(Identity.USER), "HOME": "/tmp/link-home"}
    with lab.jailed(identity="user", env=environment) as jail:
        assert unmasked(jail, [f"{HOME}/.ssh/cm-host", "/tmp/link-home/.ssh/cm-host"]) == []
        serve(f"{HOME}/.ssh/cm-later")
        covered(jail, f"{HOME}/.ssh/cm-later")
    clear(lab)


EXCHANGE = """
import ctypes, os
c = ctypes.CDLL(None)
n = 0
while True:
    directory, link = b"/tmp/vscode-%d" % n, b"/tmp/link%d" % n
    n += 1
    os.mkdir(directory); os.symlink("/etc/claude-code", link)
    for _ in range(400):
        if c.renameat2(-100, directory, -100, link, 2): break
"""


def test_a_directory_that_is_exchanged_for_a_link_while_it_is_covered(lab, jail, serve):
    start(jail, EXCHANGE)
    time.sleep(3)
    still_stands(lab, jail, serve)


FLAP = """
import os
while True:
    for n in range(20):
        name = "/tmp/dbus-%d" % n
        try: {make}
        except OSError: pass
        try: {remove}
        except OSError: pass
"""


@pytest.mark.parametrize("make, remove", [("open(name, 'w').close()", "os.unlink(name)"), ("os.mkdir(name)", "os.rmdir(name)")])
def test_names_that_come_and_go(lab, jail, serve, make, remove):
    start(jail, FLAP.format(make=make, remove=remove))
    for _ in range(3):
        still_stands(lab, jail, serve)


NESTED = """
import time
result = []
for n in range(60):
    os.rename("{ssh}", "{home}/old%d" % n)
    time.sleep(0.02)
    os.mkdir("{ssh}")
    until = time.monotonic() + 50e-6 * 1.1**n
    while time.monotonic() < until: pass
    os.mkdir("{ssh}/s")
    time.sleep(0.03)
    server = socket.socket(socket.AF_UNIX)
    server.bind("{ssh}/s/cm")
    server.listen(100)
    until = time.monotonic() + 1
    while socket.socket(socket.AF_UNIX).connect_ex("{ssh}/s/cm") == 0:
        if time.monotonic() > until:
            result.append(n)
            break
        time.sleep(0.02)
"""


def test_directories_that_are_made_at_once(lab, jail):
    """A directory is followed a moment after it was made, and in that moment another can be made in it. It takes
    the longer the more there are to follow."""
    do(jail, f"os.makedirs('{HOME}/.rd'); [os.mkdir(f'{HOME}/.rd/{{n}}') for n in range(1000)]; os.mkdir('{HOME}/.ssh')")
    time.sleep(0.5)
    assert do(jail, NESTED.format(ssh=f"{HOME}/.ssh", home=HOME)) == []


NAMES = ["cm host", "cm\thost", "cm-\u00e9", "cm-e\u0301", "cm-\udcff", "\u0301cm", "cm\\040"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name(lab, jail, serve, name):
    """Names are bytes; two that look alike are two."""
    bind = (
        "import os, socket, time; s = socket.socket(socket.AF_UNIX); s.bind(os.fsencode({path!r})); s.listen(100); "
        "print('listening', flush=True); time.sleep(100)"
    )
    connect = "s = socket.socket(socket.AF_UNIX); result = s.connect_ex(os.fsencode({path!r}))"
    do(jail, f"os.mkdir('{HOME}/.ssh')")
    for path in (f"{HOME}/.ssh/{name}", f"/tmp/vscode-{name}"):
        server = lab.start([PYTHON, "-I", "-c", bind.format(path=path)], identity="user")
        assert server.read_line() == "listening\n"
        deadline = time.monotonic() + 1
        while do(jail, connect.format(path=path)) == 0:
            assert time.monotonic() < deadline, path
            time.sleep(0.02)
        with lab.jailed(identity="user") as another:
            assert do(another, connect.format(path=path)) != 0
        server.signal(9)
        server.close()
    assert lab.sandbox("verify", "--offline", identity="user").status == 0


def test_two_names_of_one_socket(lab, serve):
    clear(lab)
    serve(f"{HOME}/.ssh/cm-host")
    names = [f"{HOME}/.ssh/cm-host", f"{HOME}/.ssh/cm-link"]
    assert lab.run(["ln", names[0], names[1]], identity="root").status == 0
    with lab.jailed(identity="user") as jail:
        assert unmasked(jail, names) == []
    clear(lab)


def test_each_thing_is_covered_once(lab, jail, serve):
    """And an exposed socket is put back once: the covers of a jail do not pile up."""
    do(jail, "os.mkdir('/tmp/vscode- x')")
    for n in range(5):
        serve(f"/tmp/vscode-{n}.sock")
        covered(jail, f"/tmp/vscode-{n}.sock")
    assert mounts(jail, "/tmp/vscode-\\040x") == 1
    lab.configure(f"expose-socket = {DOCKER}\n")
    lab.call("lab.host:make_directory", "/run/nscd")  # on the list as /var/run/nscd, too
    with lab.jailed(identity="user") as other:
        assert mounts(other, "/run/nscd ") == 1
        before = mounts(other, "docker.sock")
        for n in range(5):
            serve(f"/tmp/vscode-{n}.sock")
            covered(other, f"/tmp/vscode-{n}.sock")
        assert other.ask("unix", path=DOCKER)["errno"] is None
        assert mounts(other, "docker.sock") == before


def test_one_covers_at_a_time(lab, jail):
    supervisor = parts(lab)["supervisor"]
    start(jail, FLAP.format(make="os.mkdir(name)", remove="os.rmdir(name)"))
    most = 0
    for _ in range(100):
        below = [one for one in lab.call("lab.residue:processes").values() if one["parent"] == supervisor]
        most = max(most, sum(one["comm"].startswith("claude-sandbox") for one in below))
    assert most == 1


CHURN = """
import os, time
n = 0
while True:
    names = [f"{home}/.ssh/{{'d' * 200}}{{n + k}}" for k in range(500)]
    for name in names: os.mkdir(name)
    time.sleep(0.05)
    for name in names: os.rmdir(name)
    n += 500
"""
FLOOD = """
import os
n = 0
while True:
    name = "/tmp/link" + "x" * 230 + str(n)
    os.mkdir(name); os.rmdir(name)
    n += 1
"""


@pytest.mark.parametrize("code", [CHURN.format(home=HOME), FLOOD], ids=["in a directory that is followed", "names of no row"])
def test_the_supervisor_stays_small(lab, jail, serve, code):
    supervisor = parts(lab)["supervisor"]
    do(jail, f"os.mkdir('{HOME}/.ssh')")
    start(jail, code)
    for _ in range(5):
        time.sleep(1)
        assert memory(lab, supervisor) < LIMITED
    still_stands(lab, jail, serve)


# What cannot be followed or covered ends a jail: a socket is a way out without any uplink.


def ends(lab, code, cause, launcher=None):
    """The command's end, within a second, and nothing of what it does after that."""
    jail = lab.jailed(identity="user", launcher=launcher)
    jail.process.write(json.dumps({"probe": "evaluate", "code": f"import os, time\n{code}\ntime.sleep(1)\nresult = 'went on'"}) + "\n")
    result = jail.process.communicate()
    jail.process.close()
    assert (result.status, result.out) == (125, ""), result
    assert result.err.startswith("claude-sandbox: the supervisor failed, and the jail with it: ") and cause in result.err


UNREADABLE = f"inotify_add_watch {HOME}/.ssh: Permission denied"


def test_a_directory_that_is_not_readable(lab):
    """It can be entered: what appears in it would not be told."""
    clear(lab)
    lab.run(["/bin/sh", "-c", f"mkdir {HOME}/.ssh; chmod 300 {HOME}/.ssh"], identity="user")
    result = lab.jail("true", identity="user")
    assert result.status == 125 and UNREADABLE in result.err and f"fix: make it readable to you: chmod u+r {HOME}/.ssh" in result.err, result
    assert lab.jail("true", identity="root").status == 0
    lab.run(["/bin/chmod", "700", f"{HOME}/.ssh"], identity="user")
    ends(lab, f"os.rename('{HOME}/.ssh', '{HOME}/old'); os.mkdir('{HOME}/.ssh', 0o300)", UNREADABLE)
    clear(lab)


# A user namespace in which only what is in it counts.
APART = """
import os, resource, sys
sys.path.insert(0, sys.argv[1])
from lab import kernel
from lab.identity import map_single
uid, gid = os.getuid(), os.getgid()
kernel.unshare(kernel.CLONE_NEWUSER)
map_single(uid, gid, uid, gid)
exec(sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


def apart(code):
    return [PYTHON, "-B", "-I", "-c", APART, TESTS, code, EXECUTABLE, "run", "--"]


def with_watches(number):
    return apart(f"with open('/proc/sys/user/max_inotify_watches', 'w') as file: file.write('{number}')")


def test_watches_that_are_used_up(lab):
    clear(lab)
    result = lab.run([*with_watches(3), "true"], identity="user")
    assert result.status == 125 and "No space left on device" in result.err and "fs.inotify.max_user_watches" in result.err
    code = f"os.mkdir('{HOME}/.ssh')\nfor n in range(200): os.mkdir('{HOME}/.ssh/%d' % n)"
    ends(lab, code, "No space left on device", with_watches(200))
    clear(lab)


def test_too_many_directories(lab):
    clear(lab)
    many = f"import os; os.mkdir('{HOME}/.ssh'); [os.mkdir(f'{HOME}/.ssh/{{n}}') for n in range(4096)]"
    lab.run([PYTHON, "-c", many], identity="user")
    result = lab.jail("true", identity="user")
    assert result.status == 125 and f"{HOME}/.ssh has too many directories to follow" in result.err and "fix: remove" in result.err
    clear(lab)


FORKS = """
import signal
held = []
try:
    while True:
        child = os.fork()
        if child == 0: signal.pause()
        held.append(child)
except OSError: pass
os.mkdir("/tmp/vscode-now")
"""


def test_what_cannot_be_covered_again(lab):
    """Without a process more, nobody can cover."""
    clear(lab)
    cause = "covering again what the jail must not see: Resource temporarily unavailable"
    ends(lab, FORKS, cause, apart("resource.setrlimit(resource.RLIMIT_NPROC, (40, 40))"))
    clear(lab)


def test_what_is_covered_is_watched_before(recorded):  # noqa: F811
    calls, _ = recorded("user")
    names = [name for _, name, *_ in calls]
    last = len(names) - 1 - names[::-1].index("inotify_add_watch")
    holder = next(process for process, name, *_ in calls if name == "capset")
    assert last < next(n for n, (process, name, *_) in enumerate(calls) if process == holder and name == "move_mount")

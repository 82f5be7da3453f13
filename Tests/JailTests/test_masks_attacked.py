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
    lab.run(["/bin/sh", "-c", f"rm -rf {HOME}/.[a-z]* {HOME}/old* /tmp/vscode-* /tmp/dbus-* /tmp/link* /tmp/.org.chromium.*"], identity="root")


def do(jail, code):
    answer = jail.ask("evaluate", code=f"import os, subprocess\n{code}")
    assert answer["errno"] is None, answer
    return answer.get("result")


def start(jail, code):
    """In the jail, in the background; its pid."""
    return do(jail, f"result = subprocess.Popen([{PYTHON!r}, '-I', '-c', {code!r}]).pid")


def mounts(jail, text):
    return do(jail, f"result = sum({text!r} in line for line in open('/proc/self/mountinfo'))")


def other(lab, code):
    """As another user of the machine."""
    drop = "import os; os.setgroups([]); os.setresgid(4242, 4242, 4242); os.setresuid(4242, 4242, 4242)"
    assert lab.run([PYTHON, "-I", "-c", f"{drop}\n{code}"], identity="root").status == 0


def still_stands(lab, jail, serve):
    assert do(jail, f"result = os.listdir({os.path.dirname(SETTINGS)!r})") == [os.path.basename(SETTINGS)]
    assert jail.ask("read", path=SETTINGS)["text"] == "{}"
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


def test_what_a_link_leads_to_is_made_anew(lab, jail, serve):
    do(jail, f"os.makedirs('{HOME}/.a/b'); os.symlink('{HOME}/.a/b', '{HOME}/.ssh')")
    time.sleep(0.3)
    do(jail, f"os.rename('{HOME}/.a/b', '{HOME}/.a/c'); os.mkdir('{HOME}/.a/b')")
    time.sleep(0.3)
    serve(f"{HOME}/.a/b/cm-host")
    covered(jail, f"{HOME}/.ssh/cm-host")


# Exposed sockets.


def test_an_exposed_path_that_becomes_a_link(lab, serve):
    """In an earlier jail: it does not say which socket is exposed."""
    clear(lab)
    serve(DOCKER)
    lab.configure(f"expose-socket = {HOME}/.ssh/cm-host\n")
    lab.run(["/bin/sh", "-c", f"mkdir {HOME}/.ssh; ln -s {DOCKER} {HOME}/.ssh/cm-host"], identity="user")
    with lab.jailed(identity="user") as jail:
        assert jail.ask("unix", path=DOCKER)["errno"] in REFUSED
    lab.run(["rm", f"{HOME}/.ssh/cm-host"], identity="user")
    serve(f"{HOME}/.ssh/cm-host")
    with lab.jailed(identity="user") as jail:
        assert jail.ask("unix", path=f"{HOME}/.ssh/cm-host")["errno"] is None
    clear(lab)


PODMAN = "/run/user/1000/podman/podman.sock"


@pytest.fixture
def exposing(lab, serve):
    """A jail in which Podman's socket is exposed, in a cover that is the command's to arrange."""
    clear(lab)
    lab.call("lab.host:make_directory", "/run/user/1000", 0o700, 1000)
    lab.call("lab.host:write", SETTINGS, "{}", {"mode": 0o644})
    serve(PODMAN, DOCKER)
    lab.call("lab.host:chown", os.path.dirname(PODMAN), 1000, 1000)
    lab.configure(f"expose-socket = {PODMAN}\n")
    with lab.jailed(identity="user") as jail:
        assert jail.ask("unix", path=PODMAN)["errno"] is None
        do(jail, "os.rename('/run/user/1000/podman', '/run/user/1000/old')")
        yield jail
    for path in ("/run/user/1000", os.path.dirname(SETTINGS)):
        lab.call("lab.host:remove", path)
    clear(lab)


def test_an_exposed_path_in_a_cover_that_becomes_a_link(exposing, serve):
    do(exposing, f"os.mkdir('/run/user/1000/podman'); os.symlink('{DOCKER}', '{PODMAN}')")
    serve(DOCKER)
    covered(exposing, DOCKER)


PUT_BACK = """
import ctypes, os
c = ctypes.CDLL(None)
for name, target in (("podman", "{home}/mine"), ("other", "{settings}")):
    os.mkdir(f"/run/user/1000/{{name}}")
    os.symlink(target, f"/run/user/1000/{{name}}/podman.sock")
open("{home}/mine", "w").write("mine")
while True: c.renameat2(-100, b"/run/user/1000/podman", -100, b"/run/user/1000/other", 2)
"""


def test_an_exposed_path_that_is_exchanged_while_it_is_put_back(exposing):
    start(exposing, PUT_BACK.format(home=HOME, settings=SETTINGS))
    start(exposing, "import os, time\nfor n in range(200): os.mkdir(f'{os.environ[\"HOME\"]}/.rd-{n}'); os.makedirs(f'{os.environ[\"HOME\"]}/.rd/{n}'); time.sleep(0.01)")
    time.sleep(3)
    assert exposing.ask("read", path=SETTINGS)["text"] == "{}"
    assert not any("mine" in line for line in do(exposing, "result = open('/proc/self/mountinfo').readlines()"))


EXCHANGE = """
import ctypes, os, socket
c = ctypes.CDLL(None)
n = 0
while True:
    name, link = b"/tmp/vscode-%d" % n, b"/tmp/link%d" % n
    n += 1
    socket.socket(socket.AF_UNIX).bind(name); os.symlink("/etc/claude-code/managed-settings.json", link)
    for _ in range(400):
        if c.renameat2(-100, name, -100, link, 2): break
"""


def test_a_socket_that_is_exchanged_for_a_link_while_it_is_covered(lab, jail, serve):
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


@pytest.mark.parametrize("where", [".ssh/\udcff", ".ssh/e\u0301"], ids=ascii)
def test_any_name_of_a_directory(lab, jail, where):
    path = f"{HOME}/{where}/cm"
    bind = f"import os, socket, time; s = socket.socket(socket.AF_UNIX); s.bind(os.fsencode({path!r})); s.listen(100); print('listening', flush=True); time.sleep(100)"
    do(jail, f"os.makedirs(os.fsencode({os.path.dirname(path)!r}))")
    time.sleep(0.3)
    server = lab.start([PYTHON, "-I", "-c", bind], identity="user")
    assert server.read_line() == "listening\n"
    deadline = time.monotonic() + 1
    while do(jail, f"s = socket.socket(socket.AF_UNIX); result = s.connect_ex(os.fsencode({path!r}))") == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    server.signal(9)
    server.close()


def test_a_name_that_hides_another(lab, jail, serve):
    """The Kelvin sign is no K, though Unicode calls them equivalent."""
    do(jail, f"os.mkdir('{HOME}/.ssh')")
    time.sleep(0.3)
    start(jail, f"import os\nname = os.fsencode('{HOME}/.ssh/cm-\u212a')\nwhile True: open(name, 'w').close()")
    for _ in range(3):
        serve(f"{HOME}/.ssh/cm-K")
        covered(jail, f"{HOME}/.ssh/cm-K")


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
        assert mounts(other, "/run/nscd ") == 1


def test_one_covers_at_a_time(lab, jail):
    supervisor = parts(lab)["supervisor"]
    start(jail, FLAP.format(make="os.mkdir(name)", remove="os.rmdir(name)"))
    most, until = 0, time.monotonic() + 2
    while time.monotonic() < until:
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
    for name in names: {away}
    n += 500
"""
SLIDE = """
import os
n = 0
while True:
    os.mkdir(f"{home}/.ssh/{{n}}")
    if n > 900: os.rmdir(f"{home}/.ssh/{{n - 900}}")
    n += 1
"""
NAMED = """
import os, time
old = "{home}/.ssh/d"
os.mkdir(old)
for n in range(600):
    new = "{home}/.ssh/" + "d" * 200 + str(n)
    os.rename(old, new)
    old = new
    time.sleep(0.002)
while True:
    for n in range(1000): open(f"{{old}}/{{n}}", "w").close()
"""
FLOOD = """
import os
n = 0
while True:
    name = "/tmp/link" + "x" * 230 + str(n)
    os.mkdir(name); os.rmdir(name)
    n += 1
"""
LOADS = {
    "made and removed": CHURN.format(home=HOME, away="os.rmdir(name)"),
    "made and moved away": CHURN.format(home=HOME, away=f"os.rename(name, '{HOME}/.hold/' + str(time.monotonic()))"),
    "always some": SLIDE.format(home=HOME),
    "one of many names": NAMED.format(home=HOME),
    "names of no row": FLOOD,
}


@pytest.mark.parametrize("load", LOADS)
def test_the_supervisor_stays_small_and_awake(lab, jail, serve, load):
    supervisor = parts(lab)["supervisor"]
    do(jail, f"os.mkdir('{HOME}/.ssh'); os.mkdir('{HOME}/.hold')")
    start(jail, LOADS[load])
    for _ in range(5):
        time.sleep(1)
        assert memory(lab, supervisor) < LIMITED
    assert jail.ask("getaddrinfo", name="web.lab.test")["errno"] is None
    still_stands(lab, jail, serve)


# Others, and machines that are not well.


def test_another_user_keeps_nobody_from_starting(lab, serve):
    clear(lab)
    with lab.jailed(identity="user") as jail:
        other(lab, "for n in range(5000): os.makedirs(f'/tmp/.org.chromium.x/{n}'); os.mkdir(f'/tmp/dbus-{n}')")
        serve(DOCKER)
        covered(jail, DOCKER)
    for identity in ("user", "root"):
        assert lab.jail("true", identity=identity).status == 0
    clear(lab)


DEAD = """
import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
if not os.path.exists("/dev/fuse"): os.mknod("/dev/fuse", 0o020666, os.makedev(10, 229))
device = os.open("/dev/fuse", os.O_RDWR)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % device
if c.mount(b"fuse", {path!r}, b"fuse", 0, options): raise SystemExit(os.strerror(ctypes.get_errno()))
os.close(device)
try: os.stat({path!r})
except OSError as error: print(error.errno)
"""


@pytest.mark.parametrize("path", ["/mnt", f"{HOME}/.lima/vm", f"{HOME}/.lima"])
def test_a_file_system_whose_server_is_away(lab, path):
    clear(lab)
    lab.call("lab.host:make_directory", path, 0o755, 1000)
    with lab.jailed(identity="user") as jail:
        result = lab.run([PYTHON, "-I", "-c", DEAD.format(path=path.encode())], identity="root")
        if result.status:
            pytest.skip(f"no FUSE here: {result.err}")
        try:
            assert result.out == "107\n"  # ENOTCONN
            assert lab.jail("true", identity="user").status == 0
            do(jail, "os.mkdir('/tmp/vscode-x')")
            time.sleep(1)
            assert do(jail, "result = 1") == 1
        finally:
            lab.run(["umount", "-l", path], identity="root")
    clear(lab)


BURST = """
import signal, time
held = []
try:
    while True:
        child = os.fork()
        if child == 0:
            time.sleep(0.6)
            os._exit(0)
        held.append(child)
except OSError: pass
os.mkdir("/tmp/vscode-x")
for child in held: os.waitpid(child, 0)
time.sleep(0.5)
result = len(held)
"""


def test_a_burst_of_processes(lab, serve):
    clear(lab)
    with lab.jailed(identity="user", launcher=apart("resource.setrlimit(resource.RLIMIT_NPROC, (40, 40))")) as jail:
        assert do(jail, BURST) > 20
        serve(DOCKER)
        covered(jail, DOCKER)
    clear(lab)


# What cannot be followed or covered.


def ends(lab, code, cause, launcher=None):
    """The command's end, and nothing of what it does after that."""
    jail = lab.jailed(identity="user", launcher=launcher)
    jail.process.write(json.dumps({"probe": "evaluate", "code": f"import os, time\n{code}\ntime.sleep(10)\nresult = 'went on'"}) + "\n")
    result = jail.process.communicate()
    jail.process.close()
    assert (result.status, result.out) == (125, ""), result
    assert result.err.startswith("claude-sandbox: the supervisor failed, and the jail with it: ") and cause in result.err


UNREADABLE = f"inotify_add_watch {HOME}/.ssh: Permission denied"


def test_a_directory_that_is_not_readable(lab, serve):
    """It can be entered, and what appears in it would not be told: no launch, or it is covered as a whole."""
    clear(lab)
    lab.run(["/bin/sh", "-c", f"mkdir {HOME}/.ssh; chmod 300 {HOME}/.ssh"], identity="user")
    result = lab.jail("true", identity="user")
    assert result.status == 125 and UNREADABLE in result.err and f"fix: make it readable to you: chmod u+r {HOME}/.ssh" in result.err, result
    assert lab.jail("true", identity="root").status == 0
    lab.run(["/bin/chmod", "700", f"{HOME}/.ssh"], identity="user")
    with lab.jailed(identity="user") as jail:
        do(jail, f"os.rename('{HOME}/.ssh', '{HOME}/old'); os.mkdir('{HOME}/.ssh', 0o300)")
        time.sleep(0.3)
        assert do(jail, f"result = os.listdir('{HOME}/.ssh')") == []  # the cover
        serve(f"{HOME}/.ssh/cm-host")
        assert jail.ask("unix", path=f"{HOME}/.ssh/cm-host")["errno"] in REFUSED
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


def test_watches_that_are_used_up(lab, serve):
    clear(lab)
    result = lab.run([*with_watches(3), "true"], identity="user")
    assert result.status == 125 and "No space left on device" in result.err and "fs.inotify.max_user_watches" in result.err
    with lab.jailed(identity="user", launcher=with_watches(150)) as jail:
        do(jail, f"os.mkdir('{HOME}/.ssh')\nfor n in range(150): os.mkdir(f'{HOME}/.ssh/{{n}}')")
        time.sleep(1)
        paths = [f"{HOME}/.ssh/{n}/cm-host" for n in range(150)]
        serve(*paths)
        time.sleep(1)
        assert unmasked(jail, paths) == []
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
socket.socket(socket.AF_UNIX).bind("/tmp/vscode-now")
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

"""Running jails, listed and told to read the configuration again: who is answered, who is believed, and what neither can do.

The sockets are in the network namespace of the host, under names that begin with PREFIX.
"""

import json
import re
import time

import pytest
from lab.filesystem import EXECUTABLE
from lab.lab import PYTHON
from test_stress import LIMITED, memory
from test_supervise import parts

PREFIX = "claude-sandbox/"

# Definitions for what runs as a prober's `evaluate`, in a jail or on the host.
ASK = """
def connect(name):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(3)
    s.connect("\\0" + name)
    return s
def ask(name, request=b"status", descriptors=()):
    with connect(name) as s:
        try:
            socket.send_fds(s, [request], descriptors) if descriptors else s.send(request)
            return s.recv(1 << 20).decode()
        except (ConnectionResetError, BrokenPipeError):
            return ""
def names():
    return [line.split("@")[1].strip() for line in open("/proc/net/unix") if "@claude-sandbox/" in line and " 00010000 " in line]
"""

# A listener with a supervisor's kind of name that does as it likes; it tells what it was sent.
FAKE = """
import os, socket, sys, time
answer = {answer}
if answer == b"too long": answer = bytes(100_000)
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind("\\0claude-sandbox/" + os.urandom(16).hex())
s.listen({backlog})
print("listening", flush=True)
held = []
while answer is not None:
    c, _ = s.accept()
    request = c.recv(100)
    print(request.decode() or "nothing", flush=True)
    if request:
        try:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            c.send(answer)
        except OSError as error: print(error, flush=True)
    held.append(c)
time.sleep(1000)
"""

pytestmark = pytest.mark.usefixtures("clean")


def ps(lab, identity, *words):
    """What `ps --json` says, and how long it took."""
    result = lab.sandbox("ps", "--json", *words, identity=identity)
    assert result.status == 0, result
    return result.json, result.seconds


def names(lab):
    """The supervisors' sockets on the host."""
    return re.findall(rf"@({PREFIX}[0-9a-f]+)$", lab.call("lab.host:read", "/proc/net/unix"), re.M)


def other(identity):
    """Somebody that this caller is not: root of the container is the ordinary user."""
    return "user" if identity == "root" else "root"


@pytest.fixture
def fake(lab):
    """A function that starts a listener with a supervisor's kind of name."""
    started = []

    def start(identity, answer=None, backlog=100):
        process = lab.start([PYTHON, "-I", "-c", FAKE.format(answer=repr(answer), backlog=backlog)], identity=identity)
        started.append(process)
        assert process.read_line() == "listening\n"
        return process

    yield start
    for process in started:
        process.signal(9)
        process.wait()
        process.close()


def status(**changed):
    """What a supervisor might answer."""
    text = {"supervisor": 1, "launcher": 1, "command": ["x"], "network": "none", "since": 0, "refused": 0, "waitingKeys": []}
    text |= {"name": "x", "ports": [], **changed}
    return json.dumps(text, ensure_ascii=False).encode()


# What is listed.


def test_running_jails_are_listed(lab, identity):
    words = ["two words", "\x1b[2Jclear", "line\nbreak"]
    with lab.jailed(identity=identity) as one:
        time.sleep(1.1)
        quiet = lab.start([EXECUTABLE, "run", "--network", "none", "--", PYTHON, "-c", "import sys; sys.stdin.read()", *words], identity=identity, cwd="/usr")
        for _ in range(100):
            listed, _ = ps(lab, identity)
            if len(listed["jails"]) == 2 and listed["jails"][1]["memory"] > 2 << 20:
                break
        result = lab.sandbox("ps", identity=identity)
        quiet.close(0)
        assert quiet.wait() == 0
        quiet.close()
        assert listed["version"] == 1 and listed["unasked"] == 0
        first, second = listed["jails"]
        assert (first["pid"], second["pid"]) == (one.process.pid, quiet.pid), "the oldest first"
        assert (first["network"], second["network"]) == ("internet", "none")
        assert (first["directory"], second["directory"]) == ("/", "/usr")
        assert second["command"] == [PYTHON, "-c", "import sys; sys.stdin.read()", *words]
        assert {jail["uid"] for jail in listed["jails"]} == {1000 if identity == "user" else 0}
        for jail in listed["jails"]:
            assert jail["answered"] and jail["refused"] == 0 and 2 << 20 < jail["memory"] < 100 << 20
            assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", jail["since"])
        head, row, another = result.out.splitlines()
        assert head.split() == ["PID", "NETWORK", "FOR", "REFUSED", "MEMORY", "DIRECTORY", "COMMAND"]
        assert re.fullmatch(rf"{one.process.pid} +internet +[1-9]\d*s +0 +\d+ MB +/ +{PYTHON} .*", row), row
        assert re.split(" {2,}", another)[1:2] + re.split(" {2,}", another)[-2:] == [
            "none", "/usr", rf"{PYTHON} -c import sys; sys.stdin.read() two words \u{{1b}}..."
        ]  # fmt: skip
        assert "\x1b" not in result.out


def test_another_pid_namespace(lab):
    """The kernel says who the supervisor is, as the one who asks counts; seen from a namespace in which it has no number, neither has
    its jail."""
    apart = ["unshare", "--pid", "--fork", "--mount-proc", EXECUTABLE]
    with lab.jailed(identity="root", launcher=[*apart, "run", "--"]) as inner, lab.jailed(identity="root") as outer:
        listed, _ = ps(lab, "root")
        children = [p["pid"] for p in lab.call("lab.residue:processes").values() if p["parent"] == inner.process.pid]
        assert {found["pid"] for found in listed["jails"]} == {*children, outer.process.pid}
        listed = lab.run([*apart, "ps", "--json"], identity="root").json
        assert ["pid" in found for found in listed["jails"]] == [False, False] and all(found["answered"] for found in listed["jails"])
        result = lab.run([*apart, "ps"], identity="root")
        assert [line.split()[0] for line in result.out.splitlines()] == ["PID", "-", "-"]
        inner.close = inner.process.close
        lab.do("signal", pid=children[0], number=9)
        inner.process.wait()


def test_a_name_of_a_file_is_no_second_jail(lab):
    """The same line of /proc/net/unix, by a socket in the file system."""
    with lab.jailed(identity="root") as jail:
        name, = names(lab)
        code = f"""
import os, socket, time
os.mkdir("/tmp/second"); os.chdir("/tmp/second"); os.mkdir("@claude-sandbox")
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.bind("@{name}"); s.listen(1)
print("listening", flush=True); time.sleep(1000)
"""
        second = lab.start([PYTHON, "-I", "-c", code], identity="root")
        assert second.read_line() == "listening\n"
        assert names(lab) == [name, name]
        assert [found["pid"] for found in ps(lab, "root")[0]["jails"]] == [jail.process.pid]
        second.signal(9)
        second.wait()
        second.close()
        lab.call("lab.host:remove", "/tmp/second")


def test_no_jail(lab, identity):
    result = lab.sandbox("ps", identity=identity)
    assert (result.status, result.out, result.err) == (0, "", "claude-sandbox: no jail is running\n")
    assert ps(lab, identity)[0] == {"jails": [], "unasked": 0, "verdict": "listed", "version": 1}
    result = lab.sandbox("reload", identity=identity)
    assert (result.status, result.out, result.err) == (0, "", "claude-sandbox: no jail is running\n")


def test_long_commands_are_cut(lab):
    words = ["\x01" * 100_000] + ["x"] * 20_000
    jail = lab.start([EXECUTABLE, "run", "--", "sh", "-c", "echo ready; read line", *words], identity="user")
    assert jail.read_line() == "ready\n"
    listed, _ = ps(lab, "user")
    jail.close(0)
    jail.wait()
    jail.close()
    command = listed["jails"][0]["command"]
    assert command[:2] == ["sh", "-c"] and 3900 < len("".join(command)) < 4100 and command[-1] == "…"


def test_jails_end_with_their_sockets(lab, identity):
    with lab.jailed(identity=identity) as jail:
        assert len(names(lab)) == 1
        supervisor = parts(lab)["supervisor"]
        lab.do("signal", pid=supervisor, number=9)
        jail.process.wait()
        assert names(lab) == []
        assert ps(lab, identity)[0]["jails"] == []
        jail.close = jail.process.close


# Who is answered.


def test_another_user_s_jails(lab, identity):
    """Neither listed nor answered; to root they are, who may see everything."""
    with lab.jailed(identity=other(identity)) as theirs, lab.jailed(identity=identity) as own:
        listed, _ = ps(lab, identity)
        assert [jail["pid"] for jail in listed["jails"]] == [own.process.pid]
        code = ASK + "result = [ask(name) for name in names()]"
        with lab.outside(identity=identity) as client:
            answers = client.ask("evaluate", code=code)["result"]
        answered = {json.loads(answer)["launcher"] for answer in answers if answer}
        if identity == "root":
            assert answered == {own.process.pid, theirs.process.pid}
            listed, _ = ps(lab, "root", "--all")
            assert {jail["pid"]: jail["uid"] for jail in listed["jails"]} == {own.process.pid: 0, theirs.process.pid: 1000}
            result = lab.sandbox("ps", "--all", identity="root")
            assert result.out.split()[:2] == ["PID", "UID"]
        else:
            assert len(answers) == 2 and answered == {own.process.pid}
        result = lab.sandbox("reload", f"{theirs.process.pid}", identity=identity)
        assert (result.status, result.out) == (1, "") and "is not the launcher of a jail of yours" in result.err


def test_the_jails_of_all_users_are_for_root(lab):
    result = lab.sandbox("ps", "--all", identity="user")
    assert (result.status, result.out) == (1, "") and "only root" in result.err


@pytest.mark.parametrize("options", [(), ("--network", "none")])
def test_jails_cannot_ask(lab, identity, options):
    """Neither their own supervisor nor another's: the names are in another network namespace."""
    with lab.jailed(identity=identity) as target, lab.jailed(identity=identity, options=options) as jail:
        known = names(lab)
        assert len(known) == 2
        try_all = f"""
result = []
for name in {known!r}:
    try: result.append(ask(name))
    except OSError as error: result.append(errno.errorcode[error.errno])
"""
        with lab.outside(identity=identity) as client:
            answers = client.ask("evaluate", code=ASK + try_all)["result"]
            assert {json.loads(answer)["launcher"] for answer in answers} == {target.process.pid, jail.process.pid}, "the control"
        assert jail.ask("evaluate", code=ASK + "result = names()")["result"] == []
        assert jail.ask("evaluate", code=ASK + try_all)["result"] == ["ECONNREFUSED"] * 2
        if identity == "user":
            # A user namespace in which it has every capability; with a network of its own, and with the jail's.
            for flags in (0x10000000, 0x10000000 | 0x40000000):
                nested = f"""
reader, writer = os.pipe()
if os.fork() == 0:
    if ctypes.CDLL(None).unshare({flags}): os.write(writer, b"unshare")
    {try_all.replace(chr(10), chr(10) + "    ")}
    os.write(writer, " ".join(result).encode())
    os._exit(0)
os.wait()
result = os.read(reader, 1000).decode()
"""
                assert jail.ask("evaluate", code=ASK + nested)["result"] == "ECONNREFUSED ECONNREFUSED"
        for words in (["ps"], ["ps", "--json"], ["reload"]):
            answer = jail.ask("run", argv=[EXECUTABLE, *words])
            assert answer["status"] == 1 and "from outside only" in answer["err"], answer
            assert (answer["out"] == "") == ("--json" not in words) and '"jails"' not in answer["out"], answer


# Reload.


def test_reload(lab, identity):
    with lab.jailed(identity=identity) as one, lab.jailed(identity=identity) as two:
        everything = lab.sandbox("reload", identity=identity)
        single = lab.sandbox("reload", f"{two.process.pid}", identity=identity)
        none = lab.sandbox("reload", "1", identity=identity)
    assert (everything.status, everything.err) == (0, ""), everything
    assert sorted(line.split() for line in everything.out.splitlines()) == sorted([f"{jail.process.pid}", "follows", "the", "configuration"] for jail in (one, two))
    assert (single.status, single.out) == (0, f"{two.process.pid}  follows the configuration\n")
    assert (none.status, none.out) == (1, "") and "1 is not the launcher" in none.err


# What hostile clients do to a supervisor.


def test_what_is_no_request(lab):
    """Closed without a word; descriptors that come with it are not taken."""
    with lab.jailed(identity="user") as jail, lab.outside(identity="user") as client:
        supervisor = parts(lab)["supervisor"]
        before = lab.call("lab.residue:descriptors", supervisor)
        code = ASK + f"""
name, = names()
result = [ask(name, request) for request in (b"", b"x", b"status\\n", b"x" * 100_000, bytes(16), b"\\xff" * 6)]
result += [ask(name, b"x", [0, 1, 2]), connect(name).close()]
with connect(name) as s: s.shutdown(socket.SHUT_WR)
"""
        answer = client.ask("evaluate", code=code)
        assert answer["result"] == [""] * 7 + [None], answer
        assert len(ps(lab, "user")[0]["jails"]) == 1
        assert jail.ask("getaddrinfo", name="web.lab.test")["addresses"]
        assert lab.call("lab.residue:descriptors", supervisor).keys() == before.keys()


def test_many_connections_that_say_nothing(lab):
    """A few are open at once, each for a second; names are told meanwhile, and afterwards jails are listed."""
    with lab.jailed(identity="user") as jail, lab.outside(identity="user") as client:
        supervisor = parts(lab)["supervisor"]
        wanted = jail.ask("getaddrinfo", name="web.lab.test")["addresses"]
        hold = ASK + """
import threading
sys.held, name = [], names()[0]
def hold():
    try: sys.held.append(connect(name))
    except OSError: pass
for _ in range(1000): threading.Thread(target=hold, daemon=True).start()
deadline = time.monotonic() + 2
while len(sys.held) < 20 and time.monotonic() < deadline: time.sleep(0.01)
result = len(sys.held)
"""
        assert client.ask("evaluate", code=hold)["result"] >= 20
        most = 0
        for _ in range(20):
            most = max(most, len(accepted(lab, supervisor)))
            answer = jail.ask("getaddrinfo", name="web.lab.test")
            assert answer["addresses"] == wanted and answer["seconds"] < 0.5, answer
        assert 4 <= most <= 8, most
        assert memory(lab, supervisor) < LIMITED
        client.process.signal(9)
        client.process.wait()
        client.close = client.process.close
        assert len(ps(lab, "user")[0]["jails"]) == 1


def test_who_says_nothing_holds_nothing(lab):
    """All that may be open at once stay so for a second; who asks meanwhile waits."""
    with lab.jailed(identity="user") as jail, lab.outside(identity="user") as client:
        client.ask("evaluate", code=ASK + "sys.held = [connect(names()[0]) for _ in range(8)]")
        listed, seconds = ps(lab, "user")
        assert [found["answered"] for found in listed["jails"]] == [True] and 0.5 < seconds < 1.9
        assert ps(lab, "user")[1] < 0.5
        assert client.ask("evaluate", code="result = [len(s.recv(1)) for s in sys.held]")["result"] == [0] * 8
        assert jail.ask("getaddrinfo", name="web.lab.test")["addresses"]


def accepted(lab, supervisor):
    """The connections to a supervisor that it has accepted; more wait in the kernel."""
    with_its_name = re.findall(rf" 03 +(\d+) @{PREFIX}", lab.call("lab.host:read", "/proc/net/unix"))
    own = lab.call("lab.residue:descriptors", supervisor).values()
    return {f"socket:[{inode}]" for inode in with_its_name} & set(own)


def test_strangers_do_not_keep_others_out(lab):
    """Root's jail, and an ordinary user who connects without end."""
    with lab.jailed(identity="root") as jail, lab.outside(identity="user") as client:
        supervisor = parts(lab)["supervisor"]
        code = ASK + """
import threading
name = names()[0]
def knock():
    while True:
        try:
            with connect(name): pass
        except OSError: pass
for _ in range(4): threading.Thread(target=knock, daemon=True).start()
result = True
"""
        assert client.ask("evaluate", code=code)["result"]
        used = processor_time(lab, supervisor)
        started = time.monotonic()
        for _ in range(5):
            assert [found["pid"] for found in ps(lab, "root")[0]["jails"]] == [jail.process.pid]
        time.sleep(1)
        assert processor_time(lab, supervisor) - used < 0.25 * (time.monotonic() - started)
        client.process.signal(9)
        client.process.wait()
        client.close = client.process.close


def processor_time(lab, pid):
    """Seconds."""
    fields = lab.call("lab.host:read", f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


# What hostile servers do to ps.


def test_a_server_of_another_user_is_not_asked(lab, identity, fake):
    """It would be believed otherwise. To root's ps --all it is one more user."""
    process = fake(other(identity), answer=status(command=["forged"]))
    with lab.jailed(identity=identity) as jail:
        assert [found["pid"] for found in ps(lab, identity)[0]["jails"]] == [jail.process.pid]
        assert process.read_line() == "nothing\n"
        if identity == "root":
            listed, _ = ps(lab, "root", "--all")
            assert process.read_line() == "status\n"
            assert {(found["uid"], tuple(found["command"])) for found in listed["jails"]} >= {(1000, ("forged",))}


LIES = {
    "controls": status(command=["\x1b]0;owned\x07", "\x9b31m", "a\nb", "\u202etxt"], network="\x1b[2J", directory="\r/"),
    "numbers": status(since=1 << 62),
    "negative": status(refused=-1),
    "no JSON": b"\xff\xfe\x00",
    "deep": b"[" * 60_000,
    "huge": b"too long",
    "somebody else's": status(launcher=2, supervisor=2),
    "everybody's": status(launcher=1, supervisor=1),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies(lab, fake, lie):
    fake("user", answer=LIES[lie])
    with lab.jailed(identity="root") as jail:
        listed, seconds = ps(lab, "root", "--all")
        result = lab.sandbox("ps", "--all", identity="root")
        raw = lab.sandbox("ps", "--all", "--json", identity="root").out
    assert seconds < 2 and result.status == 0
    for text in (result.out, raw):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    own, = (found for found in listed["jails"] if found["uid"] == 0)
    assert own["pid"] == jail.process.pid and own["answered"]
    liar, = (found for found in listed["jails"] if found["uid"] == 1000)
    assert liar["answered"] == (lie in ("controls", "somebody else's", "everybody's"))
    assert len(result.out.splitlines()) == 3
    # Whose process it claims, as far as its own number shows; never what others' take.
    assert liar.get("memory", 0) < 100 << 20


CLAIM = """
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind("\\0claude-sandbox/" + os.urandom(16).hex()); s.listen()
print("listening", flush=True)
while True:
    c, _ = s.accept(); c.recv(100)
    c.send(json.dumps({**json.loads(sys.argv[1]), "supervisor": os.getpid()}).encode())
"""


def test_another_user_cannot_name_the_launcher(lab):
    """Who ends what `ps --all` shows should not end what somebody else chose: the parent is the kernel's word."""
    with lab.jailed(identity="root") as jail:
        liar = lab.start([PYTHON, "-I", "-c", CLAIM, status(launcher=jail.process.pid).decode()], identity="user")
        assert liar.read_line() == "listening\n"
        listed, _ = ps(lab, "root", "--all")
        liar.signal(9)
        liar.wait()
        liar.close()
        found = {entry["uid"]: entry for entry in listed["jails"]}
        assert found[0]["pid"] == jail.process.pid and found[1000]["answered"]
        assert found[1000].get("pid") != jail.process.pid


def test_servers_that_never_answer(lab, fake):
    """Each user's own share is asked, and ps ends in time."""
    for _ in range(3):
        fake("user")
    fake("user", backlog=0)
    with lab.jailed(identity="user") as jail:
        started = time.monotonic()
        result = lab.sandbox("ps", identity="user")
        assert time.monotonic() - started < 4
        assert result.status == 0 and result.out.count("(does not answer)") == 4
        assert f"\n{jail.process.pid} " in result.out
        result = lab.sandbox("reload", identity="user")
        assert result.status == 1 and f"\n{jail.process.pid} " in f"\n{result.out}" and result.out.count("does not answer") == 3
        assert "jails may be missing" in result.err, "ps still waits in its queue"


MANY = """
import os, resource, socket, time
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []
for _ in range(2000):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.bind("\\0claude-sandbox/" + os.urandom(16).hex()); s.listen(0)
    held.append(s)
    if {full}:
        c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); c.connect(s.getsockname()); held.append(c)
print("listening", flush=True); time.sleep(1000)
"""


@pytest.mark.parametrize("full", [False, True])
def test_very_many_servers(lab, full):
    """Another user's, which nobody can tell apart before connecting. The own jail is found among them."""
    many = lab.start([PYTHON, "-I", "-c", MANY.format(full=full)], identity="user")
    assert many.read_line() == "listening\n"
    with lab.jailed(identity="root") as jail:
        for words in ((), ("--all",)):
            listed, seconds = ps(lab, "root", *words)
            assert seconds < 6
            assert jail.process.pid in [found["pid"] for found in listed["jails"]]
            assert len(listed["jails"]) <= 1 + 256
            assert (listed["unasked"] > 1000) == (full or bool(words))
    many.signal(9)
    many.wait()
    many.close()

"""The administrator's files change while a jail runs: it follows within a second, or keeps what it has."""

import contextlib
import os
import threading
import time

import pytest
from lab import Identity
from lab.filesystem import CONFIGURATION, EXECUTABLE, TESTS
from lab.lab import PYTHON, prober
from lab.services import ECHO
from lab.shape import TINY4
from reach import NONE, ROUTE, reached, refused
from test_follow import WALLS, WITHIN
from test_sockets_attacked import APART

DROP_IN = CONFIGURATION + ".d"
LINKED = "/srv/linked"
FORGE, OTHER = "10.1.1.1", "10.2.2.2"
OPEN, CLOSED = f"allow-ip = {FORGE}\n", f"block-ip = {FORGE}\n"
LIVES_ON = 1.5  # seconds after which what was not followed will not be


@pytest.fixture(autouse=True)
def put_back(lab):
    yield
    for path in (CONFIGURATION, DROP_IN):
        while lab.call("test_live:is_mounted", path):
            lab.call("lab.host:uncover", path)
    for path in (CONFIGURATION, DROP_IN, LINKED, *(f"{p}{end}" for p in (CONFIGURATION, DROP_IN) for end in (".off", ".new", ".old"))):
        lab.call("lab.host:remove", path)
    lab.call("lab.host:chmod", "/etc", 0o755)


@contextlib.contextmanager
def quiet(lab, identity, says="", **how):
    """A jail that tells nothing on its terminal, where Claude Code draws."""
    jail = lab.jailed(identity=identity, **how)
    try:
        yield jail
        result = jail.process.communicate()
        assert (result.status, result.err) == (0, says)
    finally:
        with contextlib.suppress(Exception):
            jail.process.signal(9)
        jail.process.close()


def becomes(jail, wanted, address, **how):
    """Ask again until the answer is as wanted: how long that takes. How long it may take is asked by one test; a machine that runs
    tests side by side is slow at times."""
    begun = time.monotonic()
    while True:
        answer = jail.ask("udp", address=address, port=ECHO, token="token-live", timeout=0.2, **how)
        if answer["errno"] is None if wanted else answer["errno"] in WALLS:
            return time.monotonic() - begun
        assert time.monotonic() - begun < 4 * WITHIN, answer
        time.sleep(0.01)


def state(lab, identity):
    """What `ps` says of the only jail: what is wrong with the files, which keys wait, whether it watches."""
    jail, = lab.sandbox("ps", "--json", identity=identity).json["jails"]
    return jail.get("configurationProblem"), jail["waitingKeys"], jail["isWatched"]


def keeps(jail, wanted, address):
    """The answer stays, for longer than following would take."""
    end = time.monotonic() + LIVES_ON
    while time.monotonic() < end:
        answer = jail.ask("udp", address=address, port=ECHO, token="token-keeps", timeout=1)
        assert answer["errno"] is None if wanted else answer["errno"] in WALLS, answer
        time.sleep(0.1)


# On the host.


def is_mounted(path):
    with open("/proc/self/mountinfo") as file:
        return any(line.split()[4] == path for line in file)


def rename(old, new):
    os.rename(old, new)


def exchange(directory, files):
    """A directory is replaced by another, as a whole."""
    os.makedirs(f"{directory}.new")
    for name, text in files.items():
        with open(f"{directory}.new/{name}", "w") as file:
            file.write(text)
    os.rename(directory, f"{directory}.old")
    os.rename(f"{directory}.new", directory)


def link_anew(target, path):
    """As `ln -sfn` and Kubernetes do it."""
    os.symlink(target, f"{path}.new")
    os.rename(f"{path}.new", path)


def write_slowly(path, parts, pause):
    with open(path, "w") as file:
        for part in parts:
            time.sleep(pause)
            file.write(part)
            file.flush()


MAIN, SITE = CONFIGURATION, f"{DROP_IN}/10-site.conf"
WRITE, REMOVE, SYMLINK, BIND = "lab.host:write", "lab.host:remove", "lab.host:symlink", "lab.host:bind"


def at(path, text):
    return (WRITE, path, text, {})


# Each: what is there at the launch, which opens FORGE, and what closes it.
CHANGES = {
    "edited": ([at(MAIN, OPEN)], [at(MAIN, "# nothing\n")]),
    "appended": ([at(MAIN, OPEN)], [at(MAIN, OPEN + CLOSED)]),
    "renamed over": ([at(MAIN, OPEN)], [("lab.host:replace", MAIN, "# nothing\n")]),
    "deleted": ([at(MAIN, OPEN)], [(REMOVE, MAIN)]),
    "moved away": ([at(MAIN, OPEN)], [("test_live:rename", MAIN, MAIN + ".off")]),
    "made": ([at(SITE, OPEN)], [at(MAIN, CLOSED)]),
    "drop-in added": ([at(MAIN, OPEN), at(SITE, "")], [at(f"{DROP_IN}/20-more.conf", CLOSED)]),
    "drop-in edited": ([at(SITE, OPEN)], [at(SITE, CLOSED)]),
    "drop-in deleted": ([at(SITE, OPEN)], [(REMOVE, SITE)]),
    "drop-in renamed": ([at(SITE, OPEN)], [("test_live:rename", SITE, SITE + ".off")]),
    "directory made": ([at(MAIN, OPEN)], [at(SITE, CLOSED)]),
    "directory removed": ([at(SITE, OPEN)], [(REMOVE, DROP_IN)]),
    "directory replaced": ([at(SITE, OPEN)], [("test_live:exchange", DROP_IN, {"10-site.conf": CLOSED})]),
    "linked, target edited": ([at(f"{LINKED}/a", OPEN), (SYMLINK, f"{LINKED}/a", MAIN)], [at(f"{LINKED}/a", "")]),
    "linked, target renamed over": ([at(f"{LINKED}/a", OPEN), (SYMLINK, "../srv/linked/a", MAIN)], [("lab.host:replace", f"{LINKED}/a", "")]),
    "linked anew": ([at(f"{LINKED}/a", OPEN), at(f"{LINKED}/b", ""), (SYMLINK, f"{LINKED}/a", MAIN)],
                    [("test_live:link_anew", f"{LINKED}/b", MAIN)]),
    "linked, a directory on the way linked anew": (
        [at(f"{LINKED}/1/a", OPEN), at(f"{LINKED}/2/a", ""), (SYMLINK, "1", f"{LINKED}/data"), (SYMLINK, f"{LINKED}/data/a", MAIN)],
        [("test_live:link_anew", "2", f"{LINKED}/data")]),
    "linked, a directory on the way replaced": (
        [at(f"{LINKED}/1/a", OPEN), (SYMLINK, f"{LINKED}/1/a", MAIN)], [("test_live:exchange", f"{LINKED}/1", {"a": ""})]),
    "linked directory, file added": (
        [at(MAIN, OPEN), at(f"{LINKED}/d/a.conf", ""), (SYMLINK, f"{LINKED}/d", DROP_IN)], [at(f"{LINKED}/d/b.conf", CLOSED)]),
    "bound, edited where it is": ([at(f"{LINKED}/a", OPEN), at(MAIN, ""), (BIND, f"{LINKED}/a", MAIN)], [at(f"{LINKED}/a", "")]),
    "bound directory, file added where it is": (
        [at(MAIN, OPEN), at(f"{LINKED}/d/a.conf", ""), ("lab.host:make_directory", DROP_IN), (BIND, f"{LINKED}/d", DROP_IN)],
        [at(f"{LINKED}/d/b.conf", CLOSED)]),
    "written slowly": ([at(MAIN, OPEN)], [("test_live:write_slowly", MAIN, [OPEN, CLOSED], 0.2)]),
}  # fmt: skip


@pytest.mark.parametrize("before, change", CHANGES.values(), ids=[name.replace(" ", "-") for name in CHANGES])
def test_what_is_closed_is_followed(lab, identity, before, change):
    """However it is done; and once more, since what is watched may be another file by then."""
    follows(lab, identity, before, change)


# A container has mounts of its own.
@pytest.mark.parametrize("identity", ["root", "user"], indirect=True)
@pytest.mark.parametrize("before, change", [
    ([at(f"{LINKED}/a", ""), at(MAIN, OPEN)], [(BIND, f"{LINKED}/a", MAIN)]),
    ([at(f"{LINKED}/a", OPEN), at(MAIN, ""), (BIND, f"{LINKED}/a", MAIN)], [("lab.host:uncover", MAIN)]),
], ids=["bound-over", "unbound"])  # fmt: skip
def test_what_is_closed_by_a_mount_is_followed(lab, identity, before, change):
    follows(lab, identity, before, change)


def follows(lab, identity, before, change):
    for function, *arguments in before:
        lab.call(function, *arguments)
    with quiet(lab, identity) as jail:
        becomes(jail, True, FORGE)
        reached(lab, jail, "tcp", FORGE)
        time.sleep(0.3)
        for function, *arguments in change:
            lab.call(function, *arguments)
        becomes(jail, False, FORGE)
        refused(lab, jail, "tcp", FORGE, WALLS)
        lab.configure("block-ip = 203.0.113.7\n", f"{DROP_IN}/99-last.conf")
        becomes(jail, False, "203.0.113.7")
        becomes(jail, False, FORGE)


def test_a_second_is_enough(lab):
    """Most of the time: see `becomes`."""
    lab.configure(OPEN)
    with quiet(lab, "user") as jail:
        took = []
        for n in range(11):
            lab.configure(OPEN if n % 2 else "# nothing\n")
            took.append(becomes(jail, n % 2 == 1, FORGE))
            time.sleep(0.3)
        print(sorted(took))
        assert sorted(took)[len(took) // 2] < WITHIN / 2


def test_a_rule_that_is_added_opens(lab):
    with quiet(lab, "user") as jail:
        refused(lab, jail, "tcp", FORGE, WALLS)
        for path in (MAIN, SITE):
            lab.configure(f"allow-ip = {FORGE}:{ECHO}\n", path)
            becomes(jail, True, FORGE)
            reached(lab, jail, "tcp", FORGE)
            refused(lab, jail, "tcp", FORGE, WALLS, port=80)
            refused(lab, jail, "tcp", OTHER, WALLS)
            lab.call(REMOVE, path)
            becomes(jail, False, FORGE)
            refused(lab, jail, "tcp", FORGE, WALLS, bind="device")


def test_who_could_have_written_the_files_opens_nothing(lab):
    """uid 0 owns what the files are made in: its command could allow itself anything by writing what is not there."""
    lab.configure(OPEN)
    with quiet(lab, "root") as jail:
        becomes(jail, True, FORGE)
        assert jail.ask("evaluate", code=f"os.makedirs('{DROP_IN}'); open('{SITE}', 'w').write('allow-net = 10.0.0.0/8\\n')")["errno"] is None
        keeps(jail, False, OTHER)
        becomes(jail, True, FORGE)
        assert state(lab, "root") == (None, ["allow-net"], True)
        lab.configure("block-ip = 203.0.113.7\n")
        becomes(jail, False, "203.0.113.7")
        becomes(jail, False, FORGE)
        lab.call(REMOVE, MAIN)
        keeps(jail, False, "203.0.113.7")
        assert state(lab, "root") == (None, ["allow-net", "block-ip"], True)
        said = "opens nothing by itself: only 'claude-sandbox reload' follows allow-net, block-ip\n"
        assert said in lab.sandbox("ps", identity="root").out
        # Somebody outside wants it.
        assert lab.sandbox("reload", identity="root").out.endswith("  follows the configuration\n")
        becomes(jail, True, OTHER)
        becomes(jail, True, "203.0.113.7")
        assert state(lab, "root") == (None, [], True)


@pytest.mark.parametrize("wrong", [
    at(MAIN, OPEN + "allow-ipp = 10.3.3.3\n"),
    at(SITE, "network = intranet\n"),
    at(MAIN, "".join(f"block-ip = 45.{n >> 8}.{n & 255}.{n % 254 + 1}\n" for n in range(6000))),
    ("lab.host:chmod", MAIN, 0o666),
    ("lab.host:chmod", MAIN, 0o000),
    ("lab.host:chown", MAIN, 1234, 1234),
    ("lab.host:chmod", "/etc", 0o777),
    ("lab.host:make_fifo", MAIN),
    ("lab.host:symlink", f"{LINKED}/nothing", MAIN),
], ids=["unknown-key", "bad-value", "too-large", "writable", "unreadable", "owned", "etc-writable", "fifo", "dangling"])  # fmt: skip
def test_what_is_wrong_changes_nothing(lab, identity, wrong):
    lab.configure(OPEN)
    function, *arguments = wrong
    with quiet(lab, identity) as jail:
        becomes(jail, True, FORGE)
        lab.call(function, *arguments)
        keeps(jail, True, FORGE)
        refused(lab, jail, "tcp", OTHER, WALLS)
        reached(lab, jail, "tcp", "203.0.113.7")
        # Root reads any file, and in a container all that is not its own belongs to one user.
        if (identity, *wrong[1:]) not in [("root", MAIN, 0o000), ("container", MAIN, 1234, 1234)]:
            problem, waiting, is_watched = state(lab, identity)
            assert "/etc" in problem or "instructions" in problem
            # What cannot be read cannot be watched.
            assert (waiting, is_watched) == ([], wrong[1:] != (MAIN, 0o000))
            assert "\n" not in problem and problem.split(" (")[0] in lab.sandbox("config", "--check", identity=identity).err
        # What was done is undone, and closes something.
        lab.call("lab.host:chmod", "/etc", 0o755)
        lab.call(REMOVE, SITE)
        lab.call(REMOVE, MAIN)
        lab.configure("block-ip = 203.0.113.7\n")
        # Asked at once, it waits for the jail that still tells of the mistake.
        checked = lab.sandbox("config", "--check", identity=identity)
        assert (checked.status, checked.err) == (0, ""), checked
        becomes(jail, False, "203.0.113.7")
        becomes(jail, False, FORGE)


def test_a_mode_that_is_mended(lab, identity):
    lab.configure(OPEN)
    with quiet(lab, identity) as jail:
        becomes(jail, True, FORGE)
        lab.call("lab.host:chmod", MAIN, 0o666)
        lab.configure("# nothing\n", mode=0o666)
        keeps(jail, True, FORGE)
        lab.call("lab.host:chmod", MAIN, 0o644)
        becomes(jail, False, FORGE)


def test_a_file_that_is_half_there(lab, identity):
    """An editor truncates, and then writes. Nothing is closed in between."""
    lab.configure(OPEN)
    with quiet(lab, identity) as jail:
        becomes(jail, True, FORGE)
        writing = threading.Thread(target=lab.call, args=("test_live:write_slowly", MAIN, [OPEN], 0.3))
        writing.start()
        keeps(jail, True, FORGE)
        writing.join()


def test_no_network_is_a_cut(lab, identity):
    lab.configure(OPEN)
    said = f"claude-sandbox: {MAIN}:1:1: network = none; the jail has no network any more\n"
    with quiet(lab, identity, said) as jail:
        becomes(jail, True, FORGE)
        lab.configure("network = none\n")
        deadline = time.monotonic() + 4 * WITHIN
        while jail.ask("udp", address="1.1.1.1", port=ECHO, timeout=0.2)["errno"] not in NONE:
            assert time.monotonic() < deadline
        lab.configure(OPEN)
        time.sleep(LIVES_ON)
        for address in ("1.1.1.1", "2606:4700::1111"):
            assert jail.ask("tcp", address=address, port=ECHO)["errno"] in NONE
        assert jail.ask("tcp", address=FORGE, port=ECHO)["errno"] in WALLS | NONE


def test_standard_error_that_nobody_reads(lab):
    """The supervisor does not wait for room there: it has a jail to serve."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    try:
        with lab.jailed(identity="user", descriptors={2: writer}) as jail:
            lab.configure("network = none\n")
            deadline = time.monotonic() + 4 * WITHIN
            while jail.ask("udp", address="1.1.1.1", port=ECHO, timeout=0.2)["errno"] not in NONE:
                assert time.monotonic() < deadline
            listed, = lab.sandbox("ps", "--json", identity="user").json["jails"]
            assert (listed["answered"], listed.get("network")) == (True, "cut")
    finally:
        os.close(reader)
        os.close(writer)


def test_a_jail_without_a_network_stays_without(lab, identity):
    with quiet(lab, identity, options=("--network", "none")) as jail:
        lab.configure(OPEN)
        time.sleep(LIVES_ON)
        for address in (FORGE, "1.1.1.1"):
            assert jail.ask("tcp", address=address, port=ECHO)["errno"] in WALLS | NONE


def test_what_only_a_launch_takes_waits(lab, identity):
    """Also when the host's network changes later."""
    lab.configure(OPEN)
    with quiet(lab, identity) as jail:
        reached(lab, jail, "tcp", "2606:4700::1111")
        lab.configure("ipv6 = off\negress-jail = 0\nexpose-socket = /run/none.sock\nunix-sockets = own\nblock-ip = 203.0.113.9\n")
        becomes(jail, False, "203.0.113.9")
        becomes(jail, False, FORGE)
        reached(lab, jail, "tcp", "2606:4700::1111")
        assert state(lab, identity) == (None, ["egress-jail", "expose-socket", "unix-sockets", "ipv6"], True)
        checked = lab.sandbox("config", "--check", identity=identity)
        note = "only a new launch follows egress-jail, expose-socket, unix-sockets, ipv6"
        assert (checked.status, checked.out, checked.err) == (0, "", f"claude-sandbox: jail {jail.process.pid}: {note}\n")
        lab.call("lab.host:ip", "route add blackhole 203.0.113.0/28")
        try:
            becomes(jail, False, "203.0.113.7")
            reached(lab, jail, "tcp", "2606:4700::1111")
        finally:
            lab.call("lab.host:ip", "route del blackhole 203.0.113.0/28")
        becomes(jail, True, "203.0.113.7")


# Many edits.


def edits(texts, seconds, rate=100):
    """Writes the texts in turn, in place and by renaming. Runs on the host."""
    begun = time.monotonic()
    count = 0
    while (now := time.monotonic() - begun) < seconds:
        text = texts[count % len(texts)]
        if count % 3:
            with open(MAIN, "w") as file:
                file.write(text)
        else:
            with open(f"{MAIN}.new", "w") as file:
                file.write(text)
            os.rename(f"{MAIN}.new", MAIN)
        count += 1
        time.sleep(max(0, count / rate - now))
    return count


TRANSFER = f"""
import threading
sys.keep = socket.create_connection(("{FORGE}", {ECHO}), 5)
sys.failed, sys.rounds, sys.longest = None, 0, 0
def work():
    try:
        while sys.keep:
            begun = time.monotonic()
            sys.keep.sendall(b"x" * 1000)
            left = 1000
            while left: left -= len(sys.keep.recv(left)) or 1 / 0
            sys.rounds += 1
            sys.longest = max(sys.longest, time.monotonic() - begun)
            time.sleep(0.002)
    except Exception as error: sys.failed = repr(error)
threading.Thread(target=work, daemon=True).start()
"""


def supervisor(lab):
    """The processor time of the jail's supervisor, in seconds, and its memory in KiB."""
    found = lab.call("lab.residue:processes").values()
    launchers = [p["pid"] for p in found if p["argv"][:2] == [EXECUTABLE, "run"]]
    own = next(p["pid"] for p in found if p["parent"] in launchers and p["argv"][:2] == [EXECUTABLE, "run"])
    return lab.call("test_live:usage", own)


def usage(process):
    with open(f"/proc/{process}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    with open(f"/proc/{process}/smaps_rollup") as file:
        pss = next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), pss


SECONDS = float(os.environ.get("CLAUDE_SANDBOX_TESTS_EDITS", "8"))


def test_a_hundred_edits_a_second(lab, identity):
    """The supervisor is not kept busy, the last state is what holds, and what stays allowed is not disturbed."""
    lab.configure(OPEN)
    with quiet(lab, identity) as jail:
        becomes(jail, True, FORGE)
        assert jail.ask("evaluate", code=TRANSFER)["errno"] is None
        before, _ = supervisor(lab)
        # One after the other, each is new.
        texts = [OPEN + f"block-ip = 203.0.113.{n}\n" for n in range(100, 137)]
        count = 0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            count += lab.call("test_live:edits", texts, min(5, SECONDS))
        after, pss = supervisor(lab)
        lab.configure(OPEN + "block-ip = 203.0.113.7\n")
        becomes(jail, False, "203.0.113.7")
        code = "result = [sys.failed, sys.rounds, sys.longest]; sys.keep = None"
        failed, rounds, longest = jail.ask("evaluate", code=code)["result"]
        print(f"{count} edits, {after - before:.2f} s of CPU, {pss} KiB, {rounds} rounds, the longest {longest:.3f} s")
        assert failed is None and rounds > SECONDS * 50 and longest < 0.5
        assert count > SECONDS * 60 and after - before < SECONDS * 0.15
        assert pss < 10_000
        becomes(jail, True, FORGE)


def test_edits_while_jails_start(lab, identity):
    """What changed between a launch's reading and its watching is followed, too."""
    jails = []
    try:
        for n in range(8):
            lab.configure(OPEN)
            process = lab.start([EXECUTABLE, "run", "--", *prober()], identity=identity)
            time.sleep(n * 0.004)
            lab.configure("# nothing\n")
            jails.append(process)
        for process in jails:
            assert process.read_line() == "ready\n"
        time.sleep(2 * WITHIN)
        for process in jails:
            process.write('{"probe": "udp", "address": "%s", "port": %d, "timeout": 1}\n' % (FORGE, ECHO))
            assert '"errno": null' not in (line := process.read_line()) and "SILENCE" not in line, line
    finally:
        for process in jails:
            process.close()


def test_file_events_that_are_used_up(lab):
    """The jail goes on, and looks by itself now and then."""
    lab.configure(OPEN)
    launcher = [PYTHON, "-B", "-I", "-c", APART, TESTS, EXECUTABLE, "run", "--"]
    with quiet(lab, "user", launcher=launcher) as jail:
        becomes(jail, True, FORGE)
        lab.configure("# nothing\n")
        keeps(jail, True, FORGE)
        assert state(lab, "user") == (None, [], False)
        deadline = time.monotonic() + 11
        while jail.ask("udp", address=FORGE, port=ECHO, timeout=0.2)["errno"] not in WALLS:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        # Who does not want to wait.
        lab.configure("block-ip = 203.0.113.7\n")
        assert lab.sandbox("reload", identity="user").status == 0
        assert jail.ask("udp", address="203.0.113.7", port=ECHO)["errno"] in WALLS


UNANSWERED = """
import threading
def ask():
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
    number = 0
    while True:
        for s in sockets:
            number = number + 1 & 0xffff
            try: s.sendto(struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + b"\\6silent\\4test\\0\\0\\1\\0\\1", ("127.0.0.53", 53))
            except OSError: pass
        time.sleep(0.005)
threading.Thread(target=ask, daemon=True).start()
"""


def test_the_command_cannot_use_descriptors_up(lab):
    """By names that nobody answers, where the supervisor may have few."""
    lab.configure(OPEN)
    lab.resolv(f"nameserver {TINY4}\n")
    few = ["sh", "-c", 'ulimit -n 150; exec "$@"', "sh", EXECUTABLE, "run", "--"]
    with quiet(lab, "user", launcher=few) as jail:
        becomes(jail, True, FORGE)
        assert jail.ask("evaluate", code=UNANSWERED)["errno"] is None
        time.sleep(1)
        lab.configure("# nothing\n")
        becomes(jail, False, FORGE)
        assert state(lab, "user") == (None, [], True)


def test_the_command_cannot_use_them_up_first(lab):
    """The instance is the supervisor's before the command runs."""
    lab.configure(OPEN)
    with quiet(lab, "user") as jail:
        code = "c = ctypes.CDLL(None); sys.all = []\nwhile (n := c.inotify_init()) >= 0: sys.all.append(n)\nresult = len(sys.all)"
        assert jail.ask("evaluate", code=code)["result"] > 0
        lab.configure("# nothing\n")
        becomes(jail, False, FORGE)
        lab.configure("block-ip = 203.0.113.7\n")
        becomes(jail, False, "203.0.113.7")


FLOOD = """
import threading
sys.flooding, sys.count = True, 0
def flood():
    # In turn: an event that is the same as the last is not told again.
    while sys.flooding:
        for path in ("/srv/flood1", "/srv/flood2"): os.utime(path)
        sys.count += 2
threading.Thread(target=flood, daemon=True).start()
"""


def test_a_command_that_makes_events(lab):
    """Its files lie beside what is watched; it cannot keep the supervisor busy, nor from following."""
    for name in ("/srv/flood1", "/srv/flood2"):
        lab.call(WRITE, name, "", {"uid": Identity.USER.uid})
    lab.call(WRITE, "/srv/forge.conf", OPEN, {})
    lab.call(SYMLINK, "/srv/forge.conf", MAIN)
    try:
        with quiet(lab, "user") as jail:
            becomes(jail, True, FORGE)
            assert jail.ask("evaluate", code=FLOOD)["errno"] is None
            before, _ = supervisor(lab)
            time.sleep(3)
            after, pss = supervisor(lab)
            count = jail.ask("evaluate", code="result = sys.count")["result"]
            print(f"{count} events, {after - before:.2f} s of CPU in 3 s, {pss} KiB")
            assert count > 10_000
            assert after - before < 0.6 and pss < 10_000
            lab.call(WRITE, "/srv/forge.conf", "", {})
            becomes(jail, False, FORGE)
            assert jail.ask("evaluate", code="sys.flooding = False")["errno"] is None
    finally:
        for name in ("/srv/flood1", "/srv/flood2", "/srv/forge.conf"):
            lab.call(REMOVE, name)


# Connections that are open.


def test_an_open_exchange_of_datagrams_ends_at_once(lab, identity):
    lab.configure(OPEN)
    with quiet(lab, identity) as jail:
        code = f"sys.keep = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); sys.keep.settimeout(1); sys.keep.connect(('{FORGE}', {ECHO}))"
        assert jail.ask("evaluate", code=code)["errno"] is None
        assert jail.ask("evaluate", code="sys.keep.send(b'one'); result = sys.keep.recv(9).decode()")["result"] == "one"
        lab.configure("# nothing\n")
        becomes(jail, False, FORGE)
        lab.forget()
        answer = jail.ask("evaluate", code="sys.keep.settimeout(0.5); sys.keep.send(b'token-late'); result = sys.keep.recv(9).decode()")
        assert "result" not in answer and answer["errno"] in WALLS | {"SILENCE"}
        assert lab.seen(token="token-late") == []


def test_an_open_connection_is_reset(lab, identity):
    """By the supervisor, when the command uses it: an error of ICMP would be ignored by an established connection."""
    lab.configure(OPEN)
    with quiet(lab, identity) as jail:
        code = f"sys.keep = socket.create_connection(('{FORGE}', {ECHO}), 5); sys.keep.sendall(b'one'); result = sys.keep.recv(9).decode()"
        assert jail.ask("evaluate", code=code)["result"] == "one"
        lab.configure("# nothing\n")
        becomes(jail, False, FORGE)
        lab.forget()
        answer = jail.ask("evaluate", code="sys.keep.settimeout(2); sys.keep.sendall(b'token-late'); result = sys.keep.recv(9).decode()")
        assert "result" not in answer and answer["errno"] == "ECONNRESET"
        assert lab.seen(token="token-late") == []

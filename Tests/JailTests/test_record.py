"""The record: what a jail was refused and asked for. It is its user's, hidden from jails, and never a reason for a launch to fail."""

import json
import os
import time

import pytest
import records
from dnswire import query
from lab import Identity
from lab.filesystem import EXECUTABLE
from lab.lab import PYTHON
from test_sockets_attacked import MOVING
from test_stress import LIMITED, memory, parts

# Packets to its other ports reach the tap filter, which refuses them.
DEVICE = "10.20.0.6"
OPEN_PORT = f"allow-ip = {DEVICE}:443/tcp\n"
KNOCK = f"""
import socket, sys
for port in map(int, sys.argv[1:]):
    with socket.socket() as s: print(s.connect_ex(({DEVICE!r}, port)))
"""
HOME = Identity.USER.home


@pytest.fixture(autouse=True)
def homes(lab):
    """Homes without a record, before and after."""

    def clear():
        for home in (Identity.USER.home, Identity.ROOT.home):
            lab.run(["/bin/sh", "-c", f"umount -q {home}/.local/state/claude-sandbox {home}; chmod -R u+rwX {home}; rm -rf {home}/.[a-z]* {home}/*"], identity="root")  # fmt: skip

    clear()
    lab.configure(OPEN_PORT)
    yield
    clear()


def home(identity):
    return Identity(identity).home


def knock(*ports):
    return [PYTHON, "-I", "-c", KNOCK, *map(str, ports)]


def refused(jail, port):
    answer = jail.ask("tcp", address=DEVICE, port=port)
    assert answer["errno"] == "EHOSTUNREACH", answer


def test_what_is_recorded(lab, identity):
    with lab.jailed(identity=identity) as jail:
        assert jail.ask("getaddrinfo", name="device.lab.test")["addresses"] == [DEVICE]
        for port in (22, 22, 22, 53):
            refused(jail, port)
        # The first of a kind is there at once: before the next question is answered.
        assert jail.ask("getaddrinfo", name="device.lab.test")["addresses"] == [DEVICE]
        assert [line["port"] for line in records.lines(lab, home(identity), "refused")] == [22, 53]
    place = records.directory(home(identity))
    (file,) = lab.call("records:files", place).values()
    uid = 0 if identity == "root" else 1000
    assert (file["mode"], file["owner"], lab.call("records:mode", place)) == (0o600, uid, 0o700)
    lines = records.lines(lab, home(identity))
    assert [line["event"] for line in lines] == ["started", "refused", "refused", "refused", "names", "ended"]
    started, first, _, again, names, ended = lines
    assert len({line["jail"] for line in lines}) == 1 and all(line["version"] == 1 for line in lines)
    assert (started["command"][0], started["directory"], started["network"]) == (PYTHON, "/", "internet")
    assert {key: first[key] for key in ("destination", "port", "protocol", "name", "count")} == {
        "destination": DEVICE, "port": 22, "protocol": "tcp", "name": "device.lab.test", "count": 1}  # fmt: skip
    assert (first["rule"]["prefix"], first["rule"]["kind"]) == ("10.0.0.0/8", "builtin")
    assert (again["port"], again["count"]) == (22, 2)
    asked = {entry["name"]: entry["count"] for entry in names["names"]}
    assert asked.get("device.lab.test", 0) >= 1
    assert (ended["status"], ended["refused"]) == (0, 4) and ended["asked"] == sum(asked.values())


def test_a_launcher_that_is_killed(lab):
    before = lab.call("lab.residue:take")
    jail = lab.jailed(identity="user")
    refused(jail, 22)
    jail.process.signal(9)
    jail.process.wait()
    lab.call("lab.residue:compare", before)
    jail.process.close()
    *_, ended = records.lines(lab, HOME)
    assert ended["event"] == "ended" and ended["refused"] == 1 and not {"status", "signal"} & set(ended)
    assert "ended, with launcher or supervisor: 1 refused" in lab.sandbox("log", identity="user").out


def test_doctor_says_whether_there_is_one(lab, identity):
    place = records.directory(home(identity))

    def row(**how):
        findings = lab.sandbox("doctor", "--json", identity=identity, **how).json["findings"]
        return next(row for row in findings if row["name"] == "record")

    assert (row()["state"], row()["finding"]) == ("ok", f"none yet; {place}")
    lab.jail("true", identity=identity)
    assert (row()["state"], row()["finding"]) == ("ok", place)
    other = row(add_env={"HOME": "/nonexistent"})
    assert other["state"] == "limited" and other["finding"] == "launches are not recorded: /nonexistent: No such file or directory"


def test_a_place_in_the_configuration(lab):
    lab.configure(f"{OPEN_PORT}block-ip = {DEVICE}:22/tcp\n")
    lab.jail(*knock(22), identity="user")
    (line,) = records.lines(lab, HOME, "refused")
    assert (line["rule"]["file"], line["rule"]["line"], line["rule"]["kind"]) == ("/etc/claude-sandbox.conf", 2, "configuration")
    assert "/etc/claude-sandbox.conf:2 closes it" in lab.sandbox("log", identity="user").out


def test_without_a_network(lab, identity):
    result = lab.jail("true", options=("--network", "none", "--summary"), identity=identity)
    assert (result.status, result.err) == (0, "claude-sandbox: 0 names asked, 0 destinations refused\n"), result
    assert [line["event"] for line in records.lines(lab, home(identity))] == ["started", "ended"]


# Hidden.


def test_it_is_not_there_for_the_command(lab, identity):
    place = records.directory(home(identity))
    lab.jail("true", identity=identity)
    before = lab.call("records:files", place)
    assert len(before) == 1
    with lab.jailed(identity=identity) as jail:
        seen = jail.ask("evaluate", code=f"result = os.listdir({place!r}), os.statvfs({place!r}).f_files < 10**7")
        assert seen["result"][0] == [], seen
        assert jail.ask("write", path=f"{place}/{next(iter(before))}", text="forged")["errno"] is None
        assert jail.ask("write", path=f"{place}/2026-11-21T000000Z-1-00000000.1.jsonl", text="forged")["errno"] is None
        after = lab.call("records:files", place)
        assert len(after) == 2 and all(after[name] == before[name] for name in before)
        assert "forged" not in str(after)
        said = jail.ask("run", argv=[EXECUTABLE, "log"])
        assert (said["status"], said["out"]) == (1, "") and "not visible in a jail: run claude-sandbox log outside" in said["err"]


def test_a_state_directory_of_its_own(lab, identity):
    state = f"{home(identity)}/elsewhere/state"
    environment = {"XDG_STATE_HOME": state}
    seen = lab.jail("ls", "-A", f"{state}/claude-sandbox", identity=identity, add_env=environment)
    assert (seen.status, seen.out, seen.err) == (0, "", ""), seen
    assert len(lab.call("records:files", f"{state}/claude-sandbox")) == 1
    assert "ended with status 0" in lab.sandbox("log", identity=identity, add_env=environment).out
    # One that is relative is none (XDG Base Directory Specification).
    lab.jail("true", identity=identity, add_env={"XDG_STATE_HOME": "state"})
    assert len(lab.call("records:files", records.directory(home(identity)))) == 1


# What an earlier jail may have arranged. The launch goes on.


def as_user(lab, code):
    assert lab.run([PYTHON, "-I", "-c", f"import os\n{code}"], identity="user", cwd=HOME).status == 0


@pytest.mark.parametrize("link", [".local", ".local/state", ".local/state/claude-sandbox"])
@pytest.mark.parametrize("target", ["there", "nowhere", "/tmp"])
def test_links_are_not_followed(lab, link, target):
    as_user(lab, f"os.makedirs({os.path.dirname(link) or '.'!r}, exist_ok=True); os.makedirs({HOME + '/there'!r}); os.symlink({target if target[0] == '/' else HOME + '/' + target!r}, {link!r})")  # fmt: skip
    result = lab.jail("echo", "it ran", identity="user")
    assert (result.status, result.out) == (0, "it ran\n"), result
    assert result.err == f"claude-sandbox: this launch is not recorded: {records.directory(HOME)}: not a directory of this user, or behind a link\n"
    assert lab.run(["find", f"{HOME}/there", "/tmp", "-name", "*claude-sandbox*"], identity="root").out == ""
    read = lab.sandbox("log", identity="user")
    assert (read.status, read.out) == (1, "") and "there is no record" in read.err


@pytest.mark.parametrize("arrange", ["directory", "file", "fifo"])
def test_what_is_not_the_user_s_own_directory(lab, arrange):
    place = records.directory(HOME)
    as_user(lab, f"os.makedirs({os.path.dirname(place)!r})")
    if arrange == "directory":
        lab.call("lab.host:make_directory", place, 0o777, 4242)
    elif arrange == "file":
        lab.call("lab.host:write", place, "", {"uid": 1000})
    else:
        lab.call("lab.host:make_fifo", place)
    result = lab.jail("echo", "it ran", identity="user")
    assert (result.status, result.out) == (0, "it ran\n") and "not recorded" in result.err, result
    assert lab.call("records:files", place) == {}


@pytest.mark.parametrize("variables", [{}, {"HOME": "/nonexistent"}, {"HOME": "/"}, {"HOME": "relative"}])
def test_without_a_home(lab, variables):
    """As in many containers: nothing is said, unless somebody sits there."""
    result = lab.jail("echo", "it ran", identity="user", env={"PATH": lab.path(), **variables})
    assert (result.status, result.out, result.err) == (0, "it ran\n", ""), result


def test_a_full_disk(lab):
    place = records.directory(HOME)
    as_user(lab, f"os.makedirs({place!r})")
    lab.run(["mount", "-t", "tmpfs", "-o", "size=8k,uid=1000,gid=1000,mode=700", "none", place], identity="root")
    result = lab.jail(*knock(*range(1000, 1120)), identity="user")
    assert (result.status, result.out) == (0, "113\n" * 120), result
    assert "claude-sandbox: the record of this launch lacks " in result.err and "No space left on device" in result.err
    # Every line is whole.
    assert len(records.lines(lab, HOME, "refused")) > 5


def test_a_limit_for_files(lab):
    """RLIMIT_FSIZE: a signal that would end the supervisor, but for its being blocked."""
    result = lab.run(["/bin/bash", "-c", f'ulimit -f 4; exec {EXECUTABLE} run -- "$@"', "-", *knock(*range(1000, 1040))], identity="user")
    assert (result.status, result.out) == (0, "113\n" * 40), result
    assert "File too large" in result.err
    assert len(records.lines(lab, HOME, "refused")) > 5


def test_moved_while_it_is_held(lab):
    """What was opened stays open, wherever it is."""
    with lab.jailed(identity="user") as jail:
        refused(jail, 22)
        as_user(lab, "os.rename('.local/state', 'other'); os.makedirs('.local/state/claude-sandbox', 0o700)")
        refused(jail, 53)
    assert lab.call("records:files", records.directory(HOME)) == {}
    (file,) = lab.call("records:files", f"{HOME}/other/claude-sandbox").values()
    assert [json.loads(line)["event"] for line in file["text"].splitlines()] == ["started", "refused", "refused", "ended"]


@pytest.mark.parametrize(
    "change",
    ["os.truncate(path, 0)", "os.unlink(path)", "open(path, 'a').write('{}\\n')", "os.rename(path, path + '.old')",
     "text = open(path).read().replace(':22,', ':23,'); open(path, 'r+').write(text)"],
)  # fmt: skip
def test_who_changes_it_is_told_of(lab, change):
    """In a namespace of its own a command may get at it; then its user is told."""
    jail = lab.jailed(identity="user")
    refused(jail, 22)
    as_user(lab, f"import glob\npath, = glob.glob({records.directory(HOME) + '/*'!r})\n{change}")
    jail.process.close(0)
    result = jail.process.communicate()
    assert (result.status, result.err) == (0, "claude-sandbox: somebody has changed the record of this launch while it ran\n"), result


def test_the_command_gets_at_it(lab):
    """SECURITY.md says so: what is the user's own can be moved from under its cover. This launch's record then says that it was."""
    code = "import glob\n" + MOVING + f"""
for path in glob.glob("{HOME}/moved/.local/state/claude-sandbox/*") + glob.glob("/.local/state/claude-sandbox/*") + glob.glob("/moved/.local/state/claude-sandbox/*"):
    os.truncate(path, 0); print("emptied")
"""
    result = lab.jail(PYTHON, "-I", "-c", code, HOME, ".local/x", identity="user")
    lab.run(["rm", "-rf", f"{HOME}/moved"], identity="root")
    assert "emptied" in result.out and "somebody has changed the record" in result.err, result


# Hostile words.


def test_nothing_in_it_acts_on_a_terminal(lab, identity):
    """Arguments, directory, names that were asked: one line each, of ASCII; shown escaped."""
    hostile = b'\x1b[2J\n{"version":1}\r\x9b31m\xff\xe2\x80\xae"\\'
    directory = os.fsdecode(b"/tmp/\x1b[31m\n\xe2\x80\xae")
    lab.call("lab.host:make_directory", directory, 0o777)
    code = "import sys; sys.argv; exec(sys.stdin.read())"
    ask = f"""
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.connect(("127.0.0.53", 53)); s.settimeout(3)
    for label in (b"\\x1b[2J", b"a\\nb", b"\\xe2\\x80\\xae", b"x" * 63):
        s.send(bytes.fromhex({query("")!r})[:12] + bytes([len(label)]) + label + b"\\0\\0\\1\\0\\1")
        s.recv(512)
"""
    result = lab.jail(PYTHON, "-I", "-c", code, hostile, stdin=ask.encode(), identity=identity, cwd=directory)
    lab.call("lab.host:remove", directory)
    assert (result.status, result.err) == (0, ""), result
    (file,) = lab.call("records:files", records.directory(home(identity))).values()
    assert all(0x20 <= ord(character) < 0x7F or character == "\n" for character in file["text"])
    started, names, _ = [json.loads(line) for line in file["text"].splitlines()]
    assert started["command"][-1].startswith('\x1b[2J\n{"version":1}\r') and started["directory"].startswith("/tmp/\x1b[31m\n")
    assert [entry["name"] for entry in names["names"]][:3] == ["\\027[2j", "\\226\\128\\174", "a\\010b"]
    for options in ([], ["--summary"], ["--json"]):
        shown = lab.sandbox("log", *options, identity=identity)
        assert shown.status == 0 and all(ord(character) >= 0x20 or character == "\n" for character in shown.out), shown
        assert "\x9b" not in shown.out and "\u202e" not in shown.out
        assert len(shown.out.splitlines()) == (1 if options == ["--summary"] else 3)


NAMED = f"""
import ctypes, os, socket, sys
child = os.fork()
if child: os.waitpid(child, 0)
else:
    ctypes.CDLL(None).prctl(15, b"\\x1b[2J\\n#=\\xff\\xe2\\x80\\xae\\"")
    for address in ("10.9.9.9", {DEVICE!r}):
        with socket.socket() as s: print(address, s.connect_ex((address, 22)), os.getpid(), flush=True)
"""


def test_what_a_program_calls_itself(lab, identity):
    """The right process, its parents up to the command, and no name that acts: in the record, in `log`, in what `learn` prints."""
    result = lab.sandbox("learn", "--", PYTHON, "-I", "-c", NAMED, identity=identity)
    pids = {int(line.split()[2]) for line in result.out.splitlines()}
    assert (result.status, len(pids), result.out.count(" 113 ")) == (0, 1, 2), result
    refused = records.lines(lab, home(identity), "refused")
    assert [line["destination"] for line in refused] == ["10.9.9.9", DEVICE]
    for line in refused:
        assert {line["process"]["pid"]} == pids and line["process"]["name"].startswith("\x1b[2J\n#="), line
        assert [parent["name"] for parent in line["process"]["parents"]] == [os.path.basename(PYTHON)], line
    shown = lab.sandbox("log", identity=identity)
    assert shown.out.count("\\u{1b}[2J\\n#=") == 2 and "\x1b" not in shown.out and "\u202e" not in shown.out
    assert len(shown.out.splitlines()) == 4, shown
    # What is learned opens two ports, and nothing else.
    assert [line.split("  # ")[0] for line in result.err.splitlines()] == ["allow-ip = 10.9.9.9:22/tcp", f"allow-ip = {DEVICE}:22/tcp"], result
    lab.configure(result.err)
    assert lab.sandbox("config", "--check", identity=identity).status == 0


def test_a_forged_record(lab):
    """Lines that others wrote are read with care, or not at all; and what is no file of ours is not opened."""
    place = records.directory(HOME)
    as_user(lab, f"os.makedirs({place!r}, 0o700); os.mkfifo({place!r} + '/2026-11-21T000000Z-1-00000000.1.jsonl'); os.symlink('/etc/passwd', {place!r} + '/2026-11-21T000000Z-1-00000001.1.jsonl')")  # fmt: skip
    good = {"version": 1, "time": "2026-11-21T00:00:00.000Z", "jail": 1, "event": "refused", "destination": "10.1.2.3", "port": 443,
            "protocol": "tcp", "process": {"pid": 7, "name": "\x1b[2J"}, "count": -5,
            "rule": {"prefix": "x", "because": "\nx", "kind": "what"}}  # fmt: skip
    bad = [{**good, "destination": "10.1.2.3\nallow-net = 0.0.0.0/0"}, {**good, "port": 70000}, {**good, "version": 2}, {**good, "jail": "1"}]
    text = "\n".join(map(json.dumps, [good, *bad])) + "\n\x1b[31m\nnot JSON\n" + "[" * 100_000 + "\n" + json.dumps(good)
    lab.call("lab.host:write", f"{place}/2026-11-21T000000Z-1-00000002.1.jsonl", text, {"uid": 1000, "gid": 1000, "mode": 0o600})
    lab.call("lab.host:write", f"{place}/notes", "mine", {"uid": 1000, "gid": 1000})
    shown = lab.sandbox("log", identity="user")
    assert shown.status == 0 and "lines are no record of this version" in shown.err, shown
    assert "\x1b" not in shown.out + shown.err and "root:" not in shown.out
    assert shown.out.count("to allow it") == 1 and shown.out.count("\n") == 2, shown.out
    explained = lab.sandbox("explain", "10.1.2.3", identity="user")
    assert "last refused" in explained.out and "\x1b" not in explained.out


SCAN = f"""
import socket, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    for port in range(1000, 3000):
        try: s.sendto(b"x", ({DEVICE!r}, port))
        except OSError: pass
        time.sleep(0.001)
"""


def test_a_scan(lab):
    """Some lines, and a count of what they do not tell."""
    result = lab.jail(PYTHON, "-I", "-c", SCAN, options=("--summary",), identity="user")
    assert result.status == 0, result
    lines = records.lines(lab, HOME)
    told = [line for line in lines if line["event"] == "refused"]
    suppressed = sum(line["count"] for line in lines if line["event"] == "suppressed")
    assert 200 <= len(told) <= 200 + 20 * (result.seconds + 1), len(told)
    assert suppressed > 500 and sum(line["count"] for line in told) + suppressed == lines[-1]["refused"]
    assert f"and {suppressed} more attempts" in result.err and result.err.count("\n") == 1


NAMES = """
import socket, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.connect(("127.0.0.53", 53)); s.settimeout(0.5)
    for number in range(3000):
        labels = b"".join(b"\\x3f" + b"\\x1b" * 63 for _ in range(3)) + b"\\x06" + b"%06d" % number + b"\\0"
        s.send(bytes.fromhex(HEAD)[:12] + labels + b"\\0\\1\\0\\1")
        if number % 50 == 49:
            try:
                while True: s.recv(4096)
            except OSError: pass
            s.settimeout(0.05)
result = "asked"
"""


def test_names_without_end(lab):
    """As long and as odd as they can be: so many are kept, the others counted, and the supervisor stays small."""
    with lab.jailed(identity="user") as jail:
        supervisor = parts(lab)["supervisor"]
        answer = jail.ask("evaluate", code=NAMES.replace("HEAD", repr(query(""))))
        assert answer.get("result") == "asked", answer
        assert memory(lab, supervisor) < LIMITED
    lines = records.lines(lab, HOME)
    told = {entry["name"] for line in lines for entry in line.get("names", [])}
    others = sum(line.get("others", 0) for line in lines)
    assert len(told) == 1000 and others > 500 and lines[-1]["asked"] == 1000 + others
    assert sum(len(file["text"]) for file in lab.call("records:files", records.directory(HOME)).values()) < 3 << 20


# Reading.


def test_log(lab, identity):
    lab.jail(*knock(22, 22, 53), identity=identity)
    (started, *_) = records.lines(lab, home(identity))
    lab.jail("false", identity=identity)
    shown = lab.sandbox("log", identity=identity)
    assert (shown.status, shown.err) == (0, "") and "\x1b" not in shown.out
    row = next(line for line in shown.out.splitlines() if f"{DEVICE}:22/tcp" in line)
    assert row.startswith(f"{started['time'][:19]}Z  {started['jail']}") and f"to allow it: allow-ip = {DEVICE}:22/tcp" in row
    assert "ended with status 1" in shown.out
    one = lab.sandbox("log", "--json", str(started["jail"]), identity=identity)
    assert {json.loads(line)["jail"] for line in one.out.splitlines()} == {started["jail"]}
    assert lab.sandbox("log", "--since", "1h", identity=identity).out == shown.out
    assert lab.sandbox("log", "--since", "9999-01-01", identity=identity).out == ""
    assert lab.sandbox("log", "--since", "yesterday", identity=identity).status == 64
    assert lab.sandbox("log", "--summary", identity=identity).out.startswith("0 names asked, 2 destinations refused: ")
    for variables in ({}, {"NO_COLOR": "1"}, {"TERM": "dumb"}):
        words = ["/usr/bin/script", "-qec", f"{EXECUTABLE} log", "/dev/null"]
        coloured = lab.run(words, identity=identity, add_env=variables).out
        assert ("\x1b[31mrefused\x1b[0m" in coloured) == (not variables), coloured


def test_the_log_of_several_jails_is_in_order(lab, identity):
    with lab.jailed(identity=identity) as one, lab.jailed(identity=identity) as two:
        for jail, port in ((two, 22), (one, 53), (two, 80)):
            refused(jail, port)
            time.sleep(0.01)
    lines = [json.loads(line) for line in lab.sandbox("log", "--json", identity=identity).out.splitlines()]
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert [line["port"] for line in lines if line["event"] == "refused"] == [22, 53, 80]


def test_the_log_names_who_started_it(lab, identity):
    lab.jail("/bin/sh", "-c", f"{PYTHON} -I -c \"$0\" 22; true", KNOCK, identity=identity)
    (line,) = records.lines(lab, home(identity), "refused")
    assert [parent["name"] for parent in line["process"]["parents"]] == ["sh"]
    assert f"python3 (pid {line['process']['pid']}) < sh " in lab.sandbox("log", identity=identity).out


def test_what_is_not_recorded(lab, identity):
    lab.jail("true", identity=identity)
    shown = lab.sandbox("log", "4194305", identity=identity)
    assert (shown.status, shown.out, shown.err) == (0, "", "claude-sandbox: nothing is recorded of that\n")


def test_nothing_was_recorded(lab, identity):
    shown = lab.sandbox("log", identity=identity)
    assert (shown.status, shown.out) == (1, "") and shown.err.startswith("claude-sandbox: there is no record: "), shown


def test_follow(lab, identity):
    lab.jail("true", identity=identity)
    follower = lab.start([EXECUTABLE, "log", "--follow"], identity=identity)
    try:
        assert "started: " in follower.read_line() and "ended with" in follower.read_line()
        with lab.jailed(identity=identity) as jail:
            assert "started: " in follower.read_line()
            begun = time.monotonic()
            refused(jail, 22)
            assert f"{DEVICE}:22/tcp" in follower.read_line() and time.monotonic() - begun < 1
    finally:
        follower.signal(15)
        follower.wait()
        follower.close()


def test_summary(lab, identity):
    """The status stays the command's, and so do its streams."""
    words = ["/bin/sh", "-c", f"echo out; {PYTHON} -I -c \"$0\" 22 22 >/dev/null; exit 3", KNOCK]
    result = lab.jail(*words, options=("--summary",), identity=identity)
    assert (result.status, result.out) == (3, "out\n"), result
    assert result.err.startswith(f"claude-sandbox: 0 names asked, 1 destination refused: {DEVICE}:22/tcp (") and result.err.endswith("2 times)\n")
    killed = lab.jail("/bin/sh", "-c", "kill -9 $$", options=("--summary",), identity=identity)
    assert (killed.status, killed.err) == (-9, "claude-sandbox: 0 names asked, 0 destinations refused\n")


def test_learn(lab, identity):
    """What it prints is a configuration, with which the run is not refused any more."""
    learned = lab.sandbox("learn", "--", *knock(8080), identity=identity)
    assert (learned.status, learned.out) == (0, "113\n"), learned
    assert learned.err.startswith(f"allow-ip = {DEVICE}:8080/tcp  # "), learned
    lab.configure(OPEN_PORT + learned.err)
    again = lab.sandbox("learn", "--", *knock(8080), identity=identity)
    assert "113" not in again.out and again.err == "# nothing was refused\n", again
    assert lab.sandbox("learn", "--", "false", identity=identity).status == 1
    assert lab.sandbox("learn", identity=identity).status == 64


def test_explain_names_the_last_time(lab, identity):
    before = lab.sandbox("explain", "--json", f"{DEVICE}:22/tcp", identity=identity)
    assert before.json.get("lastRefused") is None
    lab.jail(*knock(22), identity=identity)
    after = lab.sandbox("explain", f"{DEVICE}:22/tcp", identity=identity)
    assert f"ago: {DEVICE}:22/tcp, " in after.out or f"just now: {DEVICE}:22/tcp, " in after.out, after
    assert "last refused" not in lab.sandbox("explain", f"{DEVICE}:23/tcp", identity=identity).out
    assert lab.sandbox("explain", "--json", DEVICE, identity=identity).json["lastRefused"]["destination"] == f"{DEVICE}:22/tcp"


# The journal.

JOURNAL = """
import os, socket, sys
os.makedirs("/run/systemd/journal", exist_ok=True)
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind("/run/systemd/journal/socket")
os.chmod("/run/systemd/journal/socket", 0o777)
print("listening", flush=True)
if sys.argv[1:] == ["deaf"]: sys.stdin.read()
while True: print(server.recv(65536).decode().replace("\\n", "|"), flush=True)
"""


@pytest.fixture
def journal(lab):
    daemons = []

    def start(*how):
        daemons.append(lab.start([PYTHON, "-I", "-c", JOURNAL, *how], identity="root"))
        assert daemons[0].read_line() == "listening\n"
        return daemons[0]

    yield start
    for daemon in daemons:
        daemon.signal(9)
        daemon.wait()
        daemon.close()
    lab.call("lab.host:remove", "/run/systemd")


def test_the_journal_has_it_too(lab, identity, journal):
    daemon = journal()
    lab.jail(*knock(22), identity=identity)
    started, refusal, ended = (daemon.read_line() for _ in range(3))
    fields = dict(field.split("=", 1) for field in refusal.rstrip("|\n").split("|"))
    (line,) = records.lines(lab, home(identity), "refused")
    assert fields["SYSLOG_IDENTIFIER"] == "claude-sandbox" and fields["PRIORITY"] == "5"
    assert fields["MESSAGE"].startswith(f"refused: {DEVICE}:22/tcp by ")
    assert (fields["CLAUDE_SANDBOX_EVENT"], fields["CLAUDE_SANDBOX_DESTINATION"]) == ("refused", f"{DEVICE}:22/tcp")
    assert fields["CLAUDE_SANDBOX_JAIL"] == str(line["jail"])
    assert "CLAUDE_SANDBOX_EVENT=started" in started and "CLAUDE_SANDBOX_EVENT=ended" in ended


def test_a_journal_that_does_not_read(lab, journal):
    journal("deaf")
    result = lab.jail(*knock(*range(1000, 1100)), identity="user")
    assert (result.status, result.out, result.err) == (0, "113\n" * 100, ""), result
    assert len(records.lines(lab, HOME, "refused")) == 100

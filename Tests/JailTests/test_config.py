"""/etc/claude-sandbox.conf as an administrator writes it: what is accepted, what is refused, and how it is said."""

import re

import pytest
from lab.filesystem import CONFIGURATION
from lab.services import ECHO
from reach import ROUTE, reached, refused

DROP_IN = CONFIGURATION + ".d"
MARKER = "/tmp/ran"


@pytest.fixture
def launch(lab, identity):
    """A function that launches a command which leaves a marker: the result, and whether it ran."""

    def start(**how):
        result = lab.jail("touch", MARKER, identity=identity, **how)
        ran = lab.call("lab.host:exists", MARKER)
        lab.call("lab.host:remove", MARKER)
        return result, ran

    return start


@pytest.fixture
def launch_refused(launch):
    """Asserts that the launch was refused and the command did not run; returns what was said."""

    def start(**how):
        result, ran = launch(**how)
        assert (result.status, result.out, ran) == (125, "", False), result
        return result.err

    return start


# What is accepted.


@pytest.mark.parametrize("text", [
    "allow-ip = 172.23.142.119   # internal GitLab forge\n",
    "allow-ip=172.23.142.119#forge",
    "  allow-ip\t=\t172.23.142.119  \n",
    "# a comment\n\n   # another\nallow-ip = 172.23.142.119\n\n",
    "allow-ip = 172.23.142.119\r\n",
    "allow-ip = 10.1.1.1\nallow-ip = 172.23.142.119\nallow-ip = 172.23.142.119\n",
    "allow-net = 172.23.142.0/24\n",
    "allow-net = 172.16.0.0/12\nblock-net = 172.23.0.0/16\nallow-ip = 172.23.142.119\n",
], ids=["as-it-is", "no-blanks", "blanks", "comments", "crlf", "repeated", "net", "most-specific"])  # fmt: skip
def test_accepted_lines(lab, staying, identity, text):
    jail = staying(lab, identity, text)
    reached(lab, jail, "tcp", "172.23.142.119")
    refused(lab, jail, "tcp", "10.9.9.9", ROUTE)


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "network = internet\n", "ipv6 = auto\n", "allow-override = yes\n", "egress-jail = 1\n"])
def test_defaults_can_be_written_out(launch, lab, text):
    lab.configure(text)
    result, ran = launch()
    assert (result.status, result.err, ran) == (0, "", True)


@pytest.mark.parametrize("allow, block", [("allow-ip = 10.7.7.7", "block-ip = 10.7.7.7"), ("allow-net = 10.7.7.0/24", "block-net = 10.7.7.0/24")])
def test_block_wins_between_equals(lab, staying, identity, allow, block):
    refused(lab, staying(lab, identity, f"{allow}\n{block}\n"), "tcp", "10.7.7.7", ROUTE | {"EHOSTUNREACH"})
    refused(lab, staying(lab, identity, f"{block}\n{allow}\n"), "tcp", "10.7.7.7", ROUTE | {"EHOSTUNREACH"})


def test_drop_ins_are_read(lab, launch, identity):
    lab.configure("allow-ip = 10.1.1.1\n")
    lab.configure("allow-ip = 10.1.1.2\n", f"{DROP_IN}/10-site.conf")
    lab.configure("allow-ip = 10.1.1.3\n", f"{DROP_IN}/20-team.conf")
    lab.configure("nonsense\n", f"{DROP_IN}/notes.txt")
    for name in (".hidden.conf.swp", ".hidden.conf", "10-site.conf~", "10-site.conf.bak", "#10-site.conf#"):
        lab.configure("nonsense\n", f"{DROP_IN}/{name}")
    lab.call("lab.host:symlink", "user@host.123:456", f"{DROP_IN}/.#20-team.conf")
    rules = lab.sandbox("config", "--json", identity=identity).json["rules"]
    assert [(rule["prefix"].removesuffix("/32"), rule["origin"]["file"]) for rule in rules] == [
        ("10.1.1.1", CONFIGURATION), ("10.1.1.2", f"{DROP_IN}/10-site.conf"), ("10.1.1.3", f"{DROP_IN}/20-team.conf"),
    ]  # fmt: skip
    with lab.jailed(identity=identity) as jail:
        for address in ("10.1.1.1", "10.1.1.2", "10.1.1.3"):
            reached(lab, jail, "tcp", address)


def test_drop_ins_without_the_main_file(lab, launch, identity):
    lab.configure("allow-ip = 10.1.1.2\n", f"{DROP_IN}/site.conf")
    with lab.jailed(identity=identity) as jail:
        reached(lab, jail, "tcp", "10.1.1.2")


def test_a_value_set_in_two_files(lab, launch_refused):
    lab.configure("ipv6 = off\n")
    lab.configure("ipv6 = auto\n", f"{DROP_IN}/site.conf")
    message = launch_refused()
    assert f"{DROP_IN}/site.conf:1:1: " in message and f"{CONFIGURATION}:1:1" in message


def test_the_workspace_is_not_asked(lab, launch, identity):
    """Neither the working directory, nor the home directory, nor the environment configures a jail."""
    for directory in ("/tmp/project", "/srv/lab/home", "/srv/lab/root"):
        for name in ("claude-sandbox.conf", ".config/claude-sandbox.conf", "etc/claude-sandbox.conf"):
            lab.call("lab.host:write", f"{directory}/{name}", "allow-ip = 10.1.1.1\n", {})
    # A project's own file can only take something away (test_project), and is looked for in the project.
    for directory in ("/tmp", "/srv/lab/home", "/srv/lab/root"):
        lab.call("lab.host:write", f"{directory}/.claude-sandbox.conf", "allow-ip = 10.1.1.1\n", {})
    environment = {"CLAUDE_SANDBOX_CONF": "/tmp/project/claude-sandbox.conf", "XDG_CONFIG_HOME": "/tmp/project", "CLAUDE_SANDBOX_ALLOW_IP": "10.1.1.1"}
    with lab.jailed(identity=identity, cwd="/tmp/project", add_env=environment) as jail:
        refused(lab, jail, "tcp", "10.1.1.1", ROUTE)
    lab.call("lab.host:remove", "/tmp/project")
    lab.call("lab.host:remove", "/tmp/.claude-sandbox.conf")
    for directory in ("/srv/lab/home", "/srv/lab/root"):
        for name in ("claude-sandbox.conf", ".claude-sandbox.conf", ".config", "etc"):
            lab.call("lab.host:remove", f"{directory}/{name}")


# What is refused, and how.

WRONG = [
    # text, line, column, words of the message or the hint
    ("allow-ips = 1.2.3.4", 1, 1, "did you mean allow-ip"),
    ("alow-net = 10.0.0.0/8", 1, 1, "did you mean allow-net"),
    ("netwrok = none", 1, 1, "did you mean network"),
    ("frobnicate = 1", 1, 1, "unknown key"),
    ("allow-ip = 010.0.0.1", 1, 12, "octal"),
    ("allow-ip = 10.0.0.08", 1, 12, "octal"),
    ("allow-ip = 10.0.0.0/8", 1, 20, "allow-net"),
    ("allow-net = 10.0.0.1/8", 1, 13, "10.0.0.0/8"),
    ("allow-net = fd00::1/64", 1, 13, "fd00::/64"),
    ("allow-ip = forge.example", 1, 12, "name"),
    ("allow-ip = 10.0.0.256", 1, 12, "10.0.0.256"),
    ("allow-ip = 10.0.0", 1, 12, "10.0.0"),
    ("allow-ip = 167772161", 1, 12, "167772161"),
    ("allow-ip = 0x0a000001", 1, 12, "0x0a000001"),
    ("allow-net = 10.0.0.0/33", 1, 22, "32"),
    ("allow-net = 10.0.0.0/-1", 1, 22, "32"),
    ("allow-net = 10.0.0.0/08", 1, 22, "32"),
    ("allow-ip = 10.0.0.1:0", 1, None, "0"),
    ("allow-ip = 10.0.0.1:65536", 1, None, "65536"),
    ("allow-ip = 10.0.0.1:http2", 1, None, "http2"),
    ("allow-ip = 10.0.0.1:80/sctp", 1, None, "sctp"),
    ("allow-ip = 10.0.0.1:", 1, None, "port"),
    ("allow-ip = 10.0.0.1:80,", 1, None, ""),
    ("allow-ip = 10.0.0.1 10.0.0.2", 1, None, ""),
    ("allow-ip = fe80::1%eth0", 1, None, ""),
    ("allow-ip =", 1, None, ""),
    ("allow-ip", 1, 1, "value"),
    ("= 10.0.0.1", 1, None, ""),
    ("network = lan", 1, None, "lan"),
    ("network = Internet", 1, None, "Internet"),
    ("Network = none", 1, 1, "network"),
    ("ipv6 = on", 1, None, "on"),
    ("egress-jail = maybe", 1, 15, "maybe"),
    ("egress-jail = 2", 1, 15, "2"),
    ("egress-jail = FALSE?", 1, 15, "FALSE?"),
    ("allow-override = never", 1, 18, "never"),
    ("network = none\nnetwork = none", 2, 1, "1:1"),
    ("ok-line-is-not = 1\n\n\nallow-ip = x", 4, 12, "x"),
    ("allow-host-port = 127.0.0.1:5432", 1, 19, "write allow-host-port = 5432"),
    ("publish = 8080:80\npublish = 127.0.0.1:8080:81", 2, 11, f"{CONFIGURATION}:1:1: publish = 8080:80"),
    ("publish = 9000:5432\nallow-host-port = 5432", 2, 19, f"{CONFIGURATION}:1:1: publish = 9000:5432"),
    ("allow-ip = 10.0.0.1\0", 1, None, ""),
    ("allow-ip = \x1b[31m10.0.0.1", 1, None, ""),
]


@pytest.mark.parametrize("text, line, column, words", WRONG, ids=[repr(case[0]) for case in WRONG])
def test_wrong_lines(lab, launch_refused, identity, text, line, column, words):
    lab.configure(text + "\n")
    message = launch_refused()
    heads = [head for head in message.splitlines() if head.startswith(f"{CONFIGURATION}:{line}:")]
    assert heads, message
    if column:
        assert heads[0].startswith(f"{CONFIGURATION}:{line}:{column}: "), message
    assert words in message
    assert any(set(row.strip()) == {"^"} for row in message.splitlines())
    assert "\x1b" not in message and "\0" not in message
    check = lab.sandbox("config", "--check", identity=identity)
    assert check.status == 125 and heads[0] in check.err


@pytest.mark.parametrize("text", ["workspace-root = /srv\n", "no-forge\n", "allow-write = /srv\n", "pass-env = HOME\n"])
def test_keys_of_a_file_system_sandbox_are_accepted(lab, launch, identity, text):
    lab.configure(text)
    result, ran = launch()
    assert (result.status, result.err, ran) == (0, "", True)
    key = text.split()[0]
    assert lab.sandbox("config", identity=identity).out.count(key) == 1


def test_all_errors_are_listed_at_once(lab, launch_refused):
    lab.configure("allow-ip = 010.1.1.1\nallow-ips = 1\nipv6 = maybe\n")
    lab.configure("network = lan\n", f"{DROP_IN}/a.conf")
    lab.configure("allow-net = 1.2.3.4/8\n", f"{DROP_IN}/b.conf")
    message = launch_refused()
    for place in (f"{CONFIGURATION}:1:", f"{CONFIGURATION}:2:", f"{CONFIGURATION}:3:", f"{DROP_IN}/a.conf:1:", f"{DROP_IN}/b.conf:1:"):
        assert place in message
    assert "5 errors" in message


def test_a_caret_under_the_error(lab, launch_refused):
    lab.configure("allow-ip =   10.0.0.256  # forge\n")
    lines = launch_refused().splitlines()
    (at,) = [n for n, line in enumerate(lines) if set(line.strip()) == {"^"}]
    assert lines[at - 1][lines[at].index("^") :].startswith("10.0.0.256")


def test_text_that_is_no_utf_8(lab, launch_refused):
    lab.configure("allow-ip = 10.0.0.1 # caf\udce9\n\udcff\udcfe = 1\n")
    assert f"{CONFIGURATION}:" in launch_refused()


def test_a_thousand_exceptions(lab, identity):
    lab.configure("".join(f"allow-ip = 10.{n // 250}.{n % 250}.1:{ECHO}\n" for n in range(1000)))
    with lab.jailed(identity=identity) as jail:
        reached(lab, jail, "tcp", "10.3.249.1")
        refused(lab, jail, "tcp", "10.3.249.2", ROUTE)


def test_more_exceptions_than_a_filter_holds(lab, launch_refused):
    lab.configure("".join(f"allow-ip = 10.{n // 250}.{n % 250}.1:{n + 1}\n" for n in range(20000)))
    message = launch_refused()
    assert " instructions and can hold 4093 (20000 configured rules, " in message
    assert "allow-net" in message


# Whose file it is.


@pytest.mark.parametrize("how", [{"mode": 0o666}, {"mode": 0o664}, {"mode": 0o646}, {"uid": 1000}, {"uid": 1000, "mode": 0o444}])
@pytest.mark.parametrize("path", [CONFIGURATION, f"{DROP_IN}/site.conf"])
def test_files_that_others_can_change(lab, launch_refused, path, how):
    lab.configure("ipv6 = off\n", path, **how)
    message = launch_refused()
    assert path in message and "fix: " in message


def test_a_group_that_may_only_read(lab, launch):
    lab.configure("ipv6 = off\n", mode=0o644, gid=1000)
    result, ran = launch()
    assert (result.status, ran) == (0, True)


def test_an_unreadable_file(lab, launch, identity):
    lab.configure("allow-override = no\n", mode=0o600)
    result, ran = launch()
    assert (result.status, ran) == ((0, True) if identity == "root" else (125, False))
    if identity != "root":
        assert CONFIGURATION in result.err and "Permission denied" in result.err
        assert f"  fix: chmod 644 {CONFIGURATION}\n" in result.err


@pytest.mark.parametrize("path", [CONFIGURATION, f"{DROP_IN}/site.conf"])
def test_a_directory_in_place_of_a_file(lab, launch_refused, path):
    lab.call("lab.host:make_directory", path)
    assert path in launch_refused()


@pytest.mark.parametrize("path", [CONFIGURATION, f"{DROP_IN}/site.conf"])
def test_a_fifo_in_place_of_a_file(lab, launch_refused, path):
    """Opening it must not wait for a writer."""
    lab.call("lab.host:make_directory", DROP_IN)
    lab.call("lab.host:make_fifo", path)
    assert path in launch_refused()


def test_a_device_in_place_of_a_file(lab, launch_refused):
    lab.call("lab.host:symlink", "/dev/null", CONFIGURATION)
    assert CONFIGURATION in launch_refused()


def test_a_link_into_a_writable_place(lab, launch_refused):
    lab.call("lab.host:write", "/tmp/loose/conf", "allow-ip = 10.0.0.1\n", {})
    lab.call("lab.host:make_directory", "/tmp/loose", 0o777)
    lab.call("lab.host:symlink", "/tmp/loose/conf", CONFIGURATION)
    message = launch_refused()
    lab.call("lab.host:remove", "/tmp/loose")
    assert CONFIGURATION in message


def test_a_dangling_link(lab, launch_refused):
    """A file that is meant to be there and is not: its restrictions would be missing."""
    lab.call("lab.host:symlink", "/etc/nowhere.conf", CONFIGURATION)
    assert CONFIGURATION in launch_refused()


@pytest.mark.parametrize("directory", ["/etc", DROP_IN])
@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_directory_that_others_can_change(lab, launch_refused, directory, mode):
    lab.configure("ipv6 = off\n", f"{DROP_IN}/site.conf")
    lab.configure("")
    old = lab.call("lab.host:chmod", directory, mode)
    try:
        assert directory in launch_refused()
    finally:
        lab.call("lab.host:chmod", directory, old)


def test_a_directory_of_somebody_else(lab, launch_refused):
    lab.configure("ipv6 = off\n", f"{DROP_IN}/site.conf")
    lab.call("lab.host:chown", DROP_IN, 1000, 1000)
    assert DROP_IN in launch_refused()


def test_an_unreadable_directory(lab, launch, identity):
    lab.configure("allow-override = no\n", f"{DROP_IN}/site.conf")
    for mode in (0o700, 0o744):
        lab.call("lab.host:chmod", DROP_IN, mode)
        result, ran = launch()
        assert (result.status, ran) == ((0, True) if identity == "root" else (125, False))
        assert f"  fix: chmod 755 {DROP_IN}\n" in result.err or identity == "root"


def test_advice_names_what_to_change(lab, launch_refused):
    lab.configure("ipv6 = off\n", uid=1000)
    assert f"  fix: chown root:root {CONFIGURATION}\n" in launch_refused()
    lab.configure("ipv6 = off\n", mode=0o664)
    assert f"  fix: chmod go-w {CONFIGURATION}\n" in launch_refused()


# The override.

NO, YES = ["0", "no", "off", "false"], ["1", "yes", "on", "true"]


def where(lab, identity, **how):
    """"jail", "host" or None for where a command ran, and the result."""
    result = lab.jail("ip", "-o", "link", identity=identity, **how)
    return "jail" if " uplink0:" in result.out else "host" if " eth0" in result.out else None, result


@pytest.mark.parametrize("value", NO)
def test_the_environment_switches_the_jail_off(lab, identity, value):
    place, result = where(lab, identity, add_env={"CLAUDE_SANDBOX_EGRESS_JAIL": value})
    assert (place, result.status) == ("host", 0)


@pytest.mark.parametrize("value", YES)
@pytest.mark.parametrize("text", ["", "egress-jail = 0\n"])
def test_the_environment_switches_the_jail_on(lab, identity, value, text):
    lab.configure(text)
    assert where(lab, identity, add_env={"CLAUDE_SANDBOX_EGRESS_JAIL": value})[0] == "jail"


@pytest.mark.parametrize("value", NO)
def test_the_file_switches_the_jail_off(lab, identity, value):
    lab.configure(f"egress-jail = {value}\n")
    assert where(lab, identity)[0] == "host"


@pytest.mark.parametrize("value", ["", " ", "2", "nope", "None", "disable", "0 0", "-1", "00"])
@pytest.mark.parametrize("text", ["", "egress-jail = 0\n", "allow-override = no\n"])
def test_other_values_are_refused(lab, identity, value, text):
    lab.configure(text)
    place, result = where(lab, identity, add_env={"CLAUDE_SANDBOX_EGRESS_JAIL": value})
    assert (place, result.status) == (None, 125) and "CLAUDE_SANDBOX_EGRESS_JAIL" in result.err


def test_the_administrator_can_forbid_it(lab, identity):
    lab.configure("allow-override = no\n")
    place, result = where(lab, identity, add_env={"CLAUDE_SANDBOX_EGRESS_JAIL": "0"})
    assert (place, result.status) == (None, 125) and "allow-override" in result.err and CONFIGURATION in result.err
    assert where(lab, identity)[0] == "jail"


def test_the_override_does_not_hide_a_broken_file(lab, identity):
    """It may be the file that forbids it."""
    lab.configure("allow-overide = no\n")
    place, result = where(lab, identity, add_env={"CLAUDE_SANDBOX_EGRESS_JAIL": "0"})
    assert (place, result.status) == (None, 125)


def test_without_a_jail_the_command_is_itself(lab, identity):
    """Exit status and words are the command's; a word on stderr says that there is no jail."""
    result = lab.jail("sh", "-c", 'echo "$1"; exit 7', "sh", "a\nb", identity=identity, add_env={"CLAUDE_SANDBOX_EGRESS_JAIL": "0"})
    assert (result.status, result.out) == (7, "a\nb\n")
    assert result.err == "claude-sandbox: no jail: CLAUDE_SANDBOX_EGRESS_JAIL=0\n"


def test_the_line_that_switches_the_jail_off_is_named(lab, identity):
    lab.configure("# nothing else\negress-jail = 0\n")
    place = "/etc/claude-sandbox.conf:2:"
    assert re.match(rf"claude-sandbox: no jail: egress-jail = 0 \({place}", lab.jail("true", identity=identity).err)
    for words in (["explain", "10.0.0.1"], ["run", "--dry-run"]):
        assert re.match(rf"claude-sandbox: egress-jail = 0 \({place}", lab.sandbox(*words, identity=identity).err)


def test_localhost_is_explained(lab, identity):
    """The host's has no way in; what answers in a jail is the jail's."""
    assert "the jail's own" in lab.sandbox("explain", "127.0.0.1:80/tcp", identity=identity).out


# config, explain, dry run: what they say agrees with what happens.


def test_config_names_sources(lab, identity):
    lab.configure("ipv6 = off\nallow-ip = 10.0.0.1:80/tcp # forge\n")
    lines = dict(line.split("  # ") for line in re.sub(" {2,}", "  ", lab.sandbox("config", identity=identity).out).splitlines())
    assert lines["ipv6 = off"] == f"{CONFIGURATION}:1:1" and lines["network = internet"] == "default"
    assert lines["allow-ip = 10.0.0.1:80/tcp"].startswith(f"{CONFIGURATION}:2:")


def test_check_is_silent_when_all_is_well(lab, identity):
    lab.configure("ipv6 = off\n")
    result = lab.sandbox("config", "--check", identity=identity)
    assert (result.status, result.err) == (0, "")


@pytest.mark.parametrize("target, reachable, source", [
    ("10.1.1.1:80", True, 1), ("10.1.1.1:81", False, None), ("10.1.1.1:80/udp", False, None), ("10.1.1.2", False, None),
    ("8.8.8.8", False, 2), ("8.8.4.4", True, None), ("192.168.7.7:443", True, 3), ("169.254.169.254", False, None),
    ("[fd00::1]:443", False, None), ("2606:4700::1111", True, None), ("127.0.0.1:7007", False, None),
])  # fmt: skip
def test_explain(lab, identity, target, reachable, source):
    lab.configure("allow-ip = 10.1.1.1:80/tcp\nblock-ip = 8.8.8.8\nallow-net = 192.168.7.0/24\n")
    result = lab.sandbox("explain", target, "--json", identity=identity)
    assert (result.json["version"], result.json["destination"]) == (1, target)
    answers = [answer for answer in result.json["answers"] if not target.endswith("1:80") or answer["destination"].endswith("/tcp")]
    assert {answer["reachable"] for answer in answers} == {reachable}, result.out
    if source:
        assert any(f"{CONFIGURATION}:{source}" in str(value) for answer in answers for value in answer.values()), result.out


def test_explain_a_name(lab, identity):
    result = lab.sandbox("explain", "web.lab.test:443", "--json", identity=identity)
    assert {answer["reachable"] for answer in result.json["answers"]} == {True} and "45.33.7.7" in result.out
    assert lab.sandbox("explain", "device.lab.test", "--json", identity=identity).json["answers"][0]["reachable"] is False


@pytest.mark.parametrize("target, status, verdict", [
    ("https://web.lab.test/a?b", 0, "reachable"), ("git@web.lab.test:owner/project.git", 0, "reachable"), ("web.lab.test:https", 0, "reachable"),
    ("10.1.1.1", 1, "partial"), ("10.1.1.1:http/tcp", 0, "reachable"), ("[fd00::1]:443", 1, "blocked"), ("http://10.1.1.2", 1, "blocked"),
    ("nowhere.lab.test", 2, "unknown"),
])  # fmt: skip
def test_verdicts_have_their_exit_status(lab, identity, target, status, verdict):
    lab.configure("allow-ip = 10.1.1.1:80/tcp\n")
    result = lab.sandbox("explain", target, "--json", identity=identity)
    assert (result.status, result.json["verdict"]) == (status, verdict), result
    assert lab.sandbox("explain", target, identity=identity).status == status
    assert ("errors" in result.json) == (verdict == "unknown") == bool(result.err)


@pytest.mark.parametrize("target, words", [
    ("010.0.0.1", "looks octal"), ("10.1", "four decimal numbers"), ("fd00::3:443", "write [fd00::3]:443"), ("10.0.0.0/24", "it is a prefix"),
    ("10.0.0.1:nosuch", "is not a port"), ("10.0.0.1:53/UDP", "lower case"), ("foo://host/", "the default port of foo:// is not known"),
])  # fmt: skip
def test_what_cannot_be_explained(lab, target, words):
    result = lab.sandbox("explain", target)
    assert (result.status, result.out) == (64, "") and words in result.err, result


def test_a_dry_run_runs_nothing(lab, identity, clean):
    lab.configure("allow-ip = 10.1.1.1:80/tcp\n")
    result = lab.jail("touch", MARKER, options=("--dry-run",), identity=identity)
    assert result.status == 0 and not lab.call("lab.host:exists", MARKER)
    for words in ("10.1.1.1", "blackhole 10.0.0.0/8", f"{CONFIGURATION}:1"):
        assert words in result.out
    assert lab.jail("true", options=("--dry-run", "--json"), identity=identity).json


@pytest.mark.parametrize("words", [["run"], ["run", "--"], ["run", "--frob", "--", "true"], ["run", "--network", "lan", "--", "true"],
                                   ["frob"], ["explain"], ["config", "extra"], ["run", "--network"]])  # fmt: skip
def test_usage(lab, words):
    result = lab.sandbox(*words)
    assert (result.status, result.out) == (64, "") and "Usage: " in result.err


def test_version(lab):
    assert lab.sandbox("version", "--json").json["release"] in lab.sandbox("version").out
    assert lab.sandbox("--version").status == 0


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["help", "run"], ["doctor", "--help"]])
def test_help(lab, words):
    result = lab.sandbox(*words)
    assert (result.status, result.err) == (0, "") and "USAGE: " in result.out

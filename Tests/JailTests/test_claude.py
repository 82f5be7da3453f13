"""The real Claude Code, installed as its installers do it, against a stand-in for the Messages API in the lab's internet."""

import contextlib
import io
import json
import os
import re
import tarfile

import pytest
from lab import Identity
from lab.filesystem import CLAUDE_CODE, EXECUTABLE, LAB, TESTS
from lab.lab import PYTHON, claude_code
from test_docs import see_refusals
from test_install import SOURCE
from test_terminal import Terminal

API = "http://web.lab.test:9080"
LOG, RELEASE = f"{LAB}/api.log", f"{LAB}/release"
CLAUDE, SANDBOX = "/usr/local/bin/claude", "/usr/local/bin/claude-sandbox"
VERSION = "2.1.330"
REFUSED = "policyHelper failed: exited with code 1: claude-sandbox: refused: Claude Code must run in a jail here"
LINKS = "RUN ip -o link | cut -d: -f2 | cut -d@ -f1 | sort | xargs"
JAILED, UNJAILED = "the tool said: lo refuse0 uplink0\n", "the tool said: eth0 lo\n"


@contextlib.contextmanager
def prepared(lab):
    """The lab's host with our sources and a /usr that nothing outlives, and the API in the world."""
    if not claude_code():
        pytest.skip("the real Claude Code is not here: Tests/claude/get")
    lab.call("lab.host:overlay", "/usr")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in ("install.sh", "etc", "share", "packaging", "README.md", "SECURITY.md", "CHANGELOG.md"):
            tar.add(SOURCE / name, name)
    lab.call("lab.host:make_directory", RELEASE)
    assert lab.run(["tar", "-x", "--no-same-owner", "-C", RELEASE], stdin=archive.getvalue()).status == 0
    command = ["nsenter", "--net=/run/netns/world", PYTHON, "-B", "-I", f"{TESTS}/messages_api.py", "9080", LOG]
    api = lab.start(command, identity=Identity.ROOT)
    assert api.read_line() == "listening\n"
    yield
    api.signal(9)
    api.close()


def install(lab, **variables):
    program = f"{LAB}/stripped"
    assert lab.run(["strip", "-o", program, EXECUTABLE], identity=Identity.ROOT).status == 0
    digest = lab.run(["sha256sum", program]).out.split()[0]
    words = [f"{RELEASE}/install.sh", "--binary", program, "--sha256", digest]
    installed = lab.run(words, identity=Identity.ROOT, add_env={"PATH": PATH, **variables}, timeout=60)
    assert installed.status == 0, installed


@pytest.fixture(scope="module")
def machine(module_lab):
    """Where install.sh has run."""
    with prepared(module_lab):
        install(module_lab)
        yield


PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Where installers put it: the file, and the link that PATH finds. ~ is the user's home.
NPM_FILE = "lib/node_modules/@anthropic-ai/claude-code/bin/claude.exe"
LAYOUTS = {
    "native": (f"~/.local/share/claude/versions/{VERSION}", "~/.local/bin/claude"),
    "npm": (f"~/.npm-global/{NPM_FILE}", "~/.npm-global/bin/claude"),
    "nodesource": (f"/usr/{NPM_FILE}", "/usr/bin/claude"),
    "local": ("~/.claude/local/node_modules/@anthropic-ai/claude-code/bin/claude.exe", "~/.claude/local/claude"),
}


class User:
    """A caller with a home of its own, and a Claude Code in it."""

    def __init__(self, lab, identity, layout="native"):
        self.lab, self.identity = lab, Identity(identity)
        self.uid = self.identity.uid
        self.home = f"{self.identity.home}/{os.urandom(4).hex()}"
        self.work = f"{self.home}/work"
        # To the root of a rootless container files of the user's are its own.
        self.owner = 0 if self.identity is Identity.ROOT else 1000
        self.file, self.link = (path.replace("~", self.home) for path in LAYOUTS[layout])
        self.made, self.terminals = [], []
        self.directory(self.work)
        for path in (self.file, self.link):
            self.directory(os.path.dirname(path))
        lab.call("lab.host:link", CLAUDE_CODE, self.file, "bind")
        lab.call("lab.host:symlink", os.path.relpath(self.file, os.path.dirname(self.link)), self.link)
        project = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        self.write(".claude.json", json.dumps({
            "hasCompletedOnboarding": True, "theme": "dark", "projects": {self.work: project},
            "customApiKeyResponses": {"approved": ["x" * 20], "rejected": []},
        }))  # fmt: skip
        self.environment = {
            "HOME": self.home, "PATH": PATH, "LANG": "C.UTF-8", "TERM": "xterm-256color", "SHELL": "/bin/bash",
            "ANTHROPIC_BASE_URL": API, "ANTHROPIC_API_KEY": "sk-ant-" + "x" * 80, "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1", "DISABLE_ERROR_REPORTING": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }  # fmt: skip

    def directory(self, path):
        """Makes it, and those above it that are in the home, for the user."""
        while path.startswith(self.home):
            self.made.append(path)
            path = os.path.dirname(path)
        for path in sorted(self.made):
            self.lab.call("lab.host:make_directory", path, 0o755, self.owner)

    def write(self, path, text, mode=0o644):
        self.directory(os.path.dirname(f"{self.home}/{path}"))
        self.lab.call("lab.host:write", f"{self.home}/{path}", text, {"uid": self.owner, "gid": self.owner, "mode": mode})

    def read(self, path):
        return self.lab.call("lab.host:read", f"{self.home}/{path}")

    def run(self, *command, stdin=b"", **variables):
        environment = {**self.environment, **variables}
        return self.lab.run(list(command), stdin, 60, identity=self.identity, env=environment, cwd=self.work)

    def ask(self, prompt, *options, program=CLAUDE):
        """One turn of `claude -p`, with Bash allowed."""
        return self.run(program, "-p", prompt, "--permission-mode", "default", "--allowedTools", "Bash", *options)

    def terminal(self, *command):
        opened = Terminal(self.lab, list(command), self.identity.value, env=self.environment, cwd=self.work)
        self.terminals.append(opened)
        return opened

    def close(self):
        for terminal in self.terminals:
            terminal.close()
            terminal.wait()
        self.lab.call("lab.host:uncover", self.file)
        # A container's root has a /tmp of its own, in which no other root's files are.
        for path in (self.link, self.file, self.home, f"/tmp/claude-{self.uid}"):
            self.lab.call("lab.host:remove", path)


@pytest.fixture
def new_user(lab, machine):
    """A function that makes users, and removes them."""
    users = []
    lab.call("lab.host:write", LOG, "", {})

    def make(identity="user", layout="native"):
        users.append(User(lab, identity, layout))
        return users[-1]

    yield make
    for user in users:
        user.close()


@pytest.fixture
def user(new_user):
    return new_user()


def requests(lab):
    """What reached the API since the test began: (method, path, body)."""
    found = []
    # Behind the last newline is one that is being written.
    for line in lab.run(["cat", LOG]).out.split("\n")[:-1]:
        request = json.loads(line)
        found.append((request["method"], request["path"].split("?")[0], json.dumps(request["body"])))
    return found


def claudes(lab):
    """Processes of Claude Code, jailed or not."""
    return [line for line in lab.running() if "claude" in line and "messages_api" not in line]


def test_the_version(user):
    assert user.run(CLAUDE, "--version").out == f"{VERSION} (Claude Code)\n"


def test_a_turn_whose_tool_runs_in_the_jail(lab, new_user, identity):
    user = new_user(identity)
    assert user.ask(LINKS).out == JAILED
    lab.forget()
    prompt = "RUN curl -sS -m 5 http://10.1.1.1/; echo $?; curl -sS -m 5 http://45.33.7.7/"
    refused = user.ask(prompt)
    assert refused.status == 0 and refused.out.endswith("\n7\nhello from 45.33.7.7:80\n"), refused
    assert re.search(r"Failed to connect to 10.1.1.1 port 80 after \d{1,3} ms", refused.out)
    assert lab.seen(dst="10.1.1.1") == []
    lab.configure("allow-ip = 10.1.1.1:80/tcp\n")
    assert user.ask(prompt).out == "the tool said: hello from 10.1.1.1:80\n0\nhello from 45.33.7.7:80\n"


def test_unjailed_it_is_refused(lab, user):
    refused = user.ask(LINKS, program=user.link)
    assert (refused.status, refused.out) == (1, "") and refused.err.startswith(REFUSED), refused
    assert requests(lab) == []
    lab.configure("egress-jail = 0\n")
    assert user.ask(LINKS, program=user.link).out == UNJAILED


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_sdks_and_extensions_start(user, wrapped):
    """Ours by its path; or theirs, by way of the wrapper. They talk through pipes."""
    program = [f"{os.path.dirname(CLAUDE)}/claude-sandbox-wrap", user.file] if wrapped else [CLAUDE]
    question = {"type": "user", "message": {"role": "user", "content": LINKS}}
    options = ["--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
    result = user.run(
        *program, *options, "--permission-mode", "default", "--allowedTools", "Bash", stdin=json.dumps(question).encode() + b"\n"
    )
    assert result.status == 0, result
    assert json.loads(result.out.splitlines()[-1])["result"] == JAILED.strip()


def test_the_override_is_refused_by_the_guard(user):
    refused = user.run(CLAUDE, "-p", "hello", CLAUDE_SANDBOX_EGRESS_JAIL="0")
    assert refused.status == 1 and REFUSED in refused.err, refused


# Lines of a user's own that put theirs first, as installers write them or advise.
PROFILE = {
    "native": 'PATH="$HOME/.local/bin:$PATH"', "npm": 'PATH="$HOME/.npm-global/bin:$PATH"', "nodesource": "",
    "local": "alias claude=~/.claude/local/claude",
}  # fmt: skip
FISH = {**PROFILE, "native": "set -gx PATH $HOME/.local/bin $PATH", "npm": "set -gx PATH $HOME/.npm-global/bin $PATH"}
FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}


@pytest.mark.parametrize("shell", FILES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_claude_in_a_shell(new_user, layout, shell):
    """What a user types. Where their own lines lead past ours, the guard refuses, and the line that doctor gives helps."""
    user = new_user(layout=layout)
    user.environment["SHELL"] = f"/usr/bin/{shell}"
    user.write(FILES[shell], (FISH if shell == "fish" else PROFILE)[layout] + "\n")
    user.write(".bash_profile", ". ~/.bashrc\n")

    def typed(options):
        words = f"claude -p '{LINKS}' --permission-mode default --allowedTools Bash"
        return user.run(f"/usr/bin/{shell}", options, words)

    # A login shell has the lines of /etc/profile.d, but for zsh; fish has those of /etc/fish always. An alias wins over them.
    leads_past = {
        "-lic": layout == "local" or (shell == "zsh" and layout != "nodesource"),
        "-ic": layout == "local" or (shell != "fish" and layout != "nodesource"),
    }
    for options, past in leads_past.items():
        result = typed(options)
        if past:
            assert result.status == 1 and REFUSED in result.err, result
        else:
            assert result.status == 0 and result.out.endswith(JAILED), result
    said = user.run(SANDBOX, "doctor", "--shell")
    assert said.status == leads_past["-ic"]
    if said.status:
        fix = re.search(r"^  fix: (echo 'alias claude=.*)$", said.out, re.M)
        assert user.run("/bin/sh", "-c", fix[1]).status == 0
        assert typed("-ic").out.endswith(JAILED) and user.run(SANDBOX, "doctor", "--shell").status == 0


def test_the_debian_package_over_an_npm_claude(open_lab):
    """NodeSource's npm has put its own where the package puts ours; it is kept, jailed, and comes back."""
    lab = open_lab("plain", "package")
    with prepared(lab), contextlib.closing(User(lab, "user", "nodesource")) as user:

        # Compressing takes ten seconds.
        lab.call("lab.host:write", f"{LAB}/fast/dpkg-deb", '#!/bin/bash\nexec /usr/bin/dpkg-deb "${@/-Zxz/-Znone}"\n', {"mode": 0o755})

        def dpkg(*words):
            environment = {"PATH": f"{LAB}/fast:{PATH}", "SOURCE_DATE_EPOCH": "1700000000"}
            result = lab.run(list(words), identity=Identity.ROOT, add_env=environment, timeout=60)
            assert result.status == 0, result
            return result.out

        lab.call("lab.host:overlay", "/var")
        install(lab, DESTDIR=f"{LAB}/stage", PREFIX="/usr")
        dpkg(f"{RELEASE}/packaging/deb", f"{LAB}/stage", "1.0", LAB)
        assert user.ask(LINKS, program="/usr/bin/claude").out == UNJAILED
        dpkg("sh", "-c", f"dpkg --no-triggers --install {LAB}/claude-sandbox_1.0_*.deb")
        assert user.ask(LINKS, program="/usr/bin/claude").out == JAILED
        refused = user.ask(LINKS, program="/usr/bin/claude.distrib")
        assert refused.status == 1 and refused.err.startswith(REFUSED)
        dpkg("dpkg", "--no-triggers", "--purge", "claude-sandbox")
        assert user.ask(LINKS, program="/usr/bin/claude").out == UNJAILED


def test_a_terminal(lab, user):
    """The interface answers, and ends when it is told so."""
    terminal = user.terminal(CLAUDE)
    terminal.expect("for agents", 30)
    assert any("pasta" in line for line in lab.running())
    terminal.type("hi there")
    terminal.expect("there", 30)
    terminal.type("\r")
    # Claude Code moves over spaces.
    terminal.expect("hello ?from ?the ?API", 30)
    terminal.type("/exit")
    terminal.expect("/exit", 30)
    terminal.type("\r")
    assert terminal.wait() == 0
    assert claudes(lab) == []


def test_a_terminal_that_goes(lab, user):
    terminal = user.terminal(CLAUDE)
    terminal.expect("for agents", 30)
    assert len(claudes(lab)) >= 3
    terminal.close()
    terminal.wait()
    assert claudes(lab) == [] and not any("pasta" in line for line in lab.running())


@pytest.mark.parametrize(("layout", "shell"), [("native", "bash"), ("npm", "zsh"), ("nodesource", "fish"), ("local", "bash")])
def test_a_background_session(lab, new_user, layout, shell):
    """In a jail that stays: Claude Code's daemon starts it through claude-sandbox-wrap. Outside it would end at once."""
    user = new_user(layout=layout)
    user.environment["SHELL"] = f"/usr/bin/{shell}"
    user.write(".zshrc", "")  # or zsh asks whether to make one
    background = f"{CLAUDE} --bg --permission-mode default --allowedTools Bash -- '{LINKS} >~/links'"
    refused = user.run("/bin/sh", "-c", background)
    assert (refused.status, refused.out) == (125, "") and "fix: start a jail that stays: claude-sandbox shell" in refused.err
    user.write("wait.sh", "until test -s ~/links; do sleep 0.1; done; echo links: $(cat ~/links)")
    user.write("count.sh", "echo sessions: $(claude agents --json | grep -c sessionId)")
    terminal = user.terminal(SANDBOX, "shell")
    terminal.expect("jail", 30)
    terminal.type(background + "\r")
    terminal.expect("backgrounded", 30)
    terminal.type("sh ~/wait.sh\r")
    assert terminal.expect(r"links: ([a-z0-9 ]+)\r", 30)[1] == "lo refuse0 uplink0"
    assert any("claude-sandbox-wrap" in line or "bg-pty-host" in line for line in lab.running()), lab.running()
    terminal.type("sh ~/count.sh\r")
    terminal.expect(r"sessions: 1\r", 30)
    log = user.read(".claude/daemon.log")
    assert re.search("bg (spawned|claimed-spare) ", log) and "exit 64" not in log and "before init" not in log, log
    terminal.type("exit\r")
    assert terminal.wait() == 0
    assert claudes(lab) == []


def test_tmux_and_screen_in_a_jail(lab, user):
    ask = f"claude -p '{LINKS}' --permission-mode default --allowedTools Bash"
    user.write("tmux.sh", f"{ask} >~/tmux.out 2>&1; tmux wait-for -S done\n")
    user.write("screen.sh", f"{ask} >~/screen.out 2>&1\n")
    script = "tmux new-session -d 'sh ~/tmux.sh' && tmux wait-for done && screen -D -m sh ~/screen.sh"
    result = user.run(SANDBOX, "run", "--", "sh", "-c", script)
    assert (result.status, result.err) == (0, ""), result
    assert (user.read("tmux.out"), user.read("screen.out")) == (JAILED, JAILED)
    assert claudes(lab) == []


def test_the_hook_that_tells_claude_why(lab, user):
    """The page's, word for word. The request with the tool's result carries its text where a connection was refused."""
    user.write(".claude/hooks/refused", see_refusals("the hook"), 0o755)
    user.write(".claude/settings.json", see_refusals("the hook's settings"))
    said = re.compile(r"(\w+):Bash hook additional context: This session is in a network jail")
    curl = "curl -sS -m 5 http://10.1.1.1/"

    def told(command):
        """The event under which each request of a turn has the text."""
        lab.call("lab.host:write", LOG, "", {})
        assert user.ask(f"RUN {command}").out.startswith("the tool said: ")
        return [said.findall(body) for method, _, body in requests(lab) if method == "POST"]

    assert told(curl) == [[], ["PostToolUseFailure"]]
    # What the tool says does not decide which event it was: under another's name the text would be lost.
    assert told(f"{curl}; echo PostToolUseFailure") == [[], ["PostToolUse"]]
    assert told("exit 7") == [[], []]
    lab.configure("allow-ip = 10.1.1.1:80/tcp\n")
    assert told(curl) == [[], []]
    # Nobody listens there, which is no jail's doing.
    lab.configure("egress-jail = 0\n")
    assert told("curl -sS -m 5 http://127.0.0.1:1/") == [[], []]


def test_the_status_line_that_says_where_claude_is(lab, user):
    """The page's; Claude Code moves over spaces."""
    user.write(".claude/settings.json", see_refusals("the status line"))
    user.terminal(CLAUDE).expect("jail: ?internal ?hosts ?are ?closed", 30)
    lab.configure("egress-jail = 0\n")
    user.terminal(CLAUDE).expect("NO ?JAIL", 30)


SKILLS = "/etc/claude-code/.claude/skills"


@pytest.mark.parametrize("form", ["skill", "command"])
def test_verify_sandbox(lab, user, form):
    """The skill that install.sh places, and the command of the clone: the text reaches the model, and the test that it asks for may run."""
    command = SOURCE / ".claude/commands/verify-sandbox.md"
    skill = f"{SKILLS}/verify-sandbox"
    if form == "command":
        user.write("work/.claude/commands/verify-sandbox.md", command.read_text())
        assert lab.run(["mv", skill, "/srv/lab/skill"], identity=Identity.ROOT).status == 0
    try:
        result = user.run(CLAUDE, "-p", "/verify-sandbox", "--permission-mode", "default")
    finally:
        if form == "command":
            lab.run(["mv", "/srv/lab/skill", skill], identity=Identity.ROOT)
    assert result.status == 0 and result.out.startswith("the tool said: "), result
    assert re.search("ok +this is a jail ", result.out), result.out
    assert re.search(r"^The jail holds: \d+ checks", result.out, re.M), result.out
    texts = "".join(body for method, _, body in requests(lab) if method == "POST")
    assert "The verdict, which is the last line, word for word." in texts
    # What it does not name stays a question, which nobody is here to answer.
    other = user.run(CLAUDE, "-p", "RUN touch ../made", "--permission-mode", "default")
    assert not lab.call("lab.host:exists", f"{user.home}/made"), other


def test_the_skill_about_the_jail(lab, user):
    """Claude Code offers it to the model by its description."""
    user.ask("hello")
    assert "What is closed in this session's network (claude-sandbox)" in requests(lab)[0][2]


def sandboxed(user, prompt, **settings):
    """A turn with Claude Code's own sandbox."""
    settings = {"sandbox": {"enabled": True, "failIfUnavailable": True, **settings}}
    return user.ask(prompt, "--settings", json.dumps(settings))


def test_claude_s_own_sandbox_in_the_jail(lab, user):
    """Both hold: its proxy lets listed domains through, and the jail decides about those, too."""
    domains = {"allowedDomains": ["web.lab.test", "device.lab.test"]}
    fetch = "RUN for h in web four device; do curl -sS -m 5 http://$h.lab.test/ 2>&1; echo; done"
    lab.forget()
    result = sandboxed(user, fetch, network=domains)
    assert "hello from 45.33.7.7:80" in result.out or "hello from [2606:4700::1111]:80" in result.out, result
    assert "Connection blocked by network allowlist" in result.out and "deny network-outbound four.lab.test:80" in result.out
    assert "hello from 10.20.0.6" not in result.out and lab.seen(dst="10.20.0.6") == []
    lab.configure("allow-ip = 10.20.0.6:80/tcp\n")
    assert "hello from 10.20.0.6:80" in sandboxed(user, fetch, network=domains).out
    # The same, past its proxy: bubblewrap's network has the loopback only.
    result = sandboxed(user, "RUN ip -o link | cut -d: -f2; touch ../outside; touch inside")
    assert "uplink0" not in result.out and "Read-only file system" in result.out, result
    assert not lab.call("lab.host:exists", f"{user.home}/outside") and lab.call("lab.host:exists", f"{user.work}/inside")


def test_verify_sandbox_in_claude_s_own_sandbox(user):
    """That one is not a jail's, and lets nothing be attacked; so it is left out."""

    def verify(**settings):
        settings = {"sandbox": {"enabled": True, "failIfUnavailable": True, "allowUnsandboxedCommands": False, **settings}}
        return user.run(CLAUDE, "-p", "/verify-sandbox", "--permission-mode", "default", "--settings", json.dumps(settings))

    inside = verify()
    assert "this command is in another sandbox, such as Claude Code's own" in inside.out and "The jail holds" not in inside.out, inside
    outside = verify(excludedCommands=["verify-sandbox"])
    assert re.search(r"^The jail holds: \d+ checks", outside.out, re.M), outside


def test_claude_s_own_sandbox_as_uid_0(new_user):
    """It has no user namespace there, and says so."""
    result = sandboxed(new_user("root"), "RUN echo ran")
    assert (result.status, result.out) == (1, ""), result
    assert "sandbox required but unavailable" in result.err and "running as uid 0" in result.err, result

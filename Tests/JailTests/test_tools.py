"""Programs that people run: they work through a jail as they do outside, and fail at once where they must."""

import shutil

import pytest
from lab.lab import PYTHON
from lab.services import HTTP

PAGE = "hello from 45.33.7.7:80\n"
WWW = "/srv/lab/www"


@pytest.fixture
def tool(lab, identity):
    """A function that runs a program in a jail; missing ones are skipped, which is a failure where all must run."""

    def start(*command, **how):
        if "/" not in command[0] and not shutil.which(command[0], path=lab.path()):
            pytest.skip(f"{command[0]} is not installed")
        return lab.jail(*command, identity=identity, **how)

    return start


def test_curl(tool):
    result = tool("curl", "-sS", "--max-time", "10", f"http://web.lab.test:{HTTP}/")
    assert (result.status, "hello from" in result.out) == (0, True)
    assert tool("curl", "-sS", "-4", "http://web.lab.test/").out == PAGE
    assert tool("curl", "-sS", "-6", "http://web.lab.test/").out == "hello from [2606:4700::1111]:80\n"


@pytest.mark.parametrize("how", [[], ["--interface", "uplink0"]])
@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "198.51.100.77", "[fd00::1]"])
def test_curl_is_refused(lab, tool, address, how):
    lab.forget()
    result = tool("curl", "-sS", "--max-time", "3", *how, f"http://{address}/")
    assert result.status == 7 and result.seconds < 2, result  # could not connect; never 28, a time-out
    assert lab.seen(dst=address.strip("[]")) == []


def test_git(lab, tool):
    """A clone over HTTP: many small requests, by name."""
    lab.run(["sh", "-c", f"""
        cd /tmp && rm -rf src && git -c init.defaultBranch=main init -q src && cd src && echo text > file && git add file &&
        git -c user.name=x -c user.email=x@x commit -qm one && cd .. && git clone -q --bare src {WWW}/src.git &&
        cd {WWW}/src.git && git update-server-info && rm -rf /tmp/src && chmod -R a+rX {WWW}"""], identity="root")  # fmt: skip
    result = tool("sh", "-c", "git clone -q http://web.lab.test/src.git /tmp/clone && cat /tmp/clone/file; rm -rf /tmp/clone")
    lab.call("lab.host:remove", f"{WWW}/src.git")
    assert (result.status, result.out, result.err) == (0, "text\n", "")


def test_git_is_refused(tool):
    result = tool("git", "ls-remote", "http://10.1.1.1/src.git", add_env={"LC_ALL": "C"})
    assert result.status == 128 and "onnect" in result.err and result.seconds < 2


def test_node(tool):
    code = "fetch('http://web.lab.test/').then(r => r.text()).then(t => process.stdout.write(t))"
    result = tool("node", "-e", code)
    assert result.status == 0 and result.out.startswith("hello from"), result.err


def test_node_is_refused(tool):
    code = "fetch('http://10.1.1.1/').catch(e => console.log(e.cause.code))"
    assert tool("node", "-e", code).out == "EHOSTUNREACH\n"


def test_python(tool):
    code = "import urllib.request as u; print(u.urlopen('http://four.lab.test/', timeout=10).read().decode(), end='')"
    assert tool(PYTHON, "-I", "-c", code).out == PAGE


def test_ping(lab, tool):
    result = tool("ping", "-c", "1", "-W", "3", "45.33.7.7")
    assert result.status == 0 and " 0% packet loss" in result.out, result
    assert tool("ping", "-c", "1", "-W", "3", "2606:4700::1111").status == 0
    lab.configure("allow-ip = 10.1.1.1\n")
    assert tool("ping", "-c", "1", "-W", "3", "10.1.1.1").status == 0


def test_ping_is_refused(lab, tool):
    lab.forget()
    result = tool("ping", "-c", "1", "-W", "1", "10.1.1.1")
    assert result.status == 1 and "\nFrom 10.1.1.1 icmp_seq=1 Packet filtered\n" in result.out, result
    result = tool("ping", "-c", "1", "-W", "1", "-I", "uplink0", "10.1.1.1")
    assert result.status == 1 and "\nFrom 192.0.0.1 icmp_seq=1 Packet filtered\n" in result.out, result
    assert lab.seen(dst="10.1.1.1") == []


def test_bwrap(tool, identity):
    """Claude Code's own sandbox is bubblewrap. (Uid 0 gets no nested user namespace, and could not map itself into one.)"""
    command = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-all", "sh", "-c", "echo inside; ls /proc/self/fd"]
    result = tool(*command)
    if identity == "user":
        assert (result.status, result.out.split()[0]) == (0, "inside"), result
    else:
        assert result.status == 1 and "Creating new namespace failed" in result.err


def test_a_build_s_own_services(tool):
    """A server and its client on the jail's loopback, by name and by both families."""
    code = """
import http.server, threading, urllib.request
s = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
s.RequestHandlerClass.log_message = lambda *a: None
threading.Thread(target=s.serve_forever, daemon=True).start()
print(urllib.request.urlopen(f"http://localhost:{s.server_port}/").status)
"""
    assert tool(PYTHON, "-I", "-c", code, cwd="/srv/lab/tests").out == "200\n"


def test_strace(tool):
    """Debuggers work on the command's own processes."""
    result = tool("strace", "-f", "-o", "/dev/null", "sh", "-c", "echo traced; true | cat")
    assert (result.status, result.out) == (0, "traced\n"), result.err


DAEMON = """
import os, socket, sys, time
os.makedirs(sys.argv[1], mode=0o700, exist_ok=True)
server = socket.socket(socket.AF_UNIX); server.bind(sys.argv[1] + "/control.sock"); server.listen()
time.sleep(0.5)  # whoever watches for such directories has seen it
client = socket.socket(socket.AF_UNIX); client.connect(sys.argv[1] + "/control.sock")
print("connected", os.listdir(sys.argv[1]))
"""


@pytest.mark.parametrize("name", ["tmux-{}", "cc-daemon-{}", "cc-socks-{}"])
def test_a_daemon_of_the_jail_s_own(lab, identity, name):
    """tmux, and `claude --bg`, start one where the host's would be covered; the host sees nothing of it."""
    uid = int(lab.run(["id", "-u"], identity=identity).out)
    directory = "/tmp/" + name.format(uid)
    result = lab.jail(PYTHON, "-c", DAEMON, directory, identity=identity)
    assert (result.status, result.out) == (0, "connected ['control.sock']\n"), result
    assert lab.run(["ls", directory], identity=identity).out == ""


def test_gdb(tool):
    """Both ways: a program that it starts, and one that runs already."""
    result = tool("gdb", "-nx", "-batch", "-ex", "run", "-ex", "info program", "--args", "/bin/echo", "debugged")
    assert "debugged" in result.out and "exited normally" in result.out, result
    attach = "sleep 1000 & gdb -nx -batch -p $! -ex 'print $_siginfo' -ex detach 2>&1; kill $! && echo attached"
    result = tool("sh", "-c", attach)
    assert result.status == 0 and "attached" in result.out and "ptrace:" not in result.out, result


def test_terminals_of_its_own(tool):
    """tmux, expect and script(1) open them."""
    result = tool("script", "-qec", "tty; stty size", "/dev/null")
    assert result.status == 0 and result.out.split()[0] == "/dev/pts/0", result
    code = """
import os, pty
child, master = pty.fork()
if child == 0: os.execvp("sh", ["sh", "-c", "tty; read line; echo got $line"])
os.write(master, b"typed\\n")
text = b""
while b"got typed" not in text: text += os.read(master, 100)
print("got" in text.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert tool(PYTHON, "-I", "-c", code).out == "True 0\n"


def test_job_control(tool):
    """An interactive shell at a terminal that was opened inside."""
    lines = "sleep 1000 & one=$!\nsleep 1000 & two=$!\njobs; kill -STOP %1; sleep 0.2; jobs; bg %1; kill %1 %2; wait $one; echo one=$?; wait $two; echo two=$?\nexit 5\n"
    result = tool("script", "-qec", "bash --norc --noprofile -i", "/dev/null", stdin=lines.encode())
    assert result.status == 5, result
    for words in ("Running", "Stopped", "one=143", "two=143"):
        assert words in result.out, result.out


TREE = """
import os, subprocess, sys
depth = int(sys.argv[1])
if depth == 0:
    print("leaf", flush=True)
    raise SystemExit(3)
if depth == 2:  # as an update check or a language server does
    subprocess.Popen(["sleep", "1000"], start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
children = [subprocess.Popen([sys.executable, "-I", "-c", sys.argv[2], str(depth - 1), sys.argv[2]], stdout=subprocess.PIPE) for _ in range(2)]
for child in children:
    sys.stdout.write(child.communicate()[0].decode())
    assert child.returncode == 3
raise SystemExit(3)
"""


def test_a_tree_of_processes(tool, clean):
    """As npm makes them: levels of shells and interpreters joined by pipes, and what detaches itself from them."""
    result = tool(PYTHON, "-I", "-c", TREE, "3", TREE)
    assert (result.status, result.out) == (3, "leaf\n" * 8), result


def test_node_s_children(tool):
    code = """
const { fork, spawn } = require("child_process"), { Worker } = require("worker_threads");
const sh = spawn("sh", ["-c", "cat; echo err >&2; exit 4"], { stdio: "pipe" });
sh.stdin.end("through"); let out = "";
sh.stdout.on("data", d => out += d);
sh.on("close", (status) => new Worker("require('worker_threads').parentPort.postMessage(7)", { eval: true })
  .on("message", n => console.log(out, status, n)));
"""
    result = tool("node", "-e", code)
    assert (result.status, result.out) == (0, "through 4 7\n"), result


def test_ten_thousand_descriptors(tool):
    """As many as the hard limit allows, up to that."""
    code = """
import os, resource, socket
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
wanted = min(10_000, hard - 50)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = [os.open("/dev/null", os.O_RDONLY) for _ in range(wanted - 100)]
held += [socket.socket().detach() for _ in range(100)]
print(len(held) == wanted)
"""
    assert tool(PYTHON, "-I", "-c", code).out == "True\n"


def test_git_s_own_work(tool):
    """Locks, renames, child processes, a pager at no terminal."""
    script = """
set -e
rm -rf /tmp/own; git -c init.defaultBranch=main init -q /tmp/own; cd /tmp/own
for n in 1 2 3; do echo $n > file; git add file; git -c user.name=x -c user.email=x@x commit -qm "$n"; done
git gc -q; git log --oneline | wc -l; git fsck 2>&1 | wc -l; rm -rf /tmp/own
"""
    result = tool("sh", "-c", script)
    assert (result.status, result.out.split()) == (0, ["3", "0"]), result


def test_python_s_processes(tool):
    """multiprocessing: semaphores in /dev/shm, pipes, a fork server on a Unix socket."""
    code = """
import multiprocessing, os
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(4) as pool: print(sum(pool.map(abs, range(-100, 0))))
"""
    result = tool(PYTHON, "-I", "-c", code)
    assert (result.status, result.out) == (0, "5050\n"), result

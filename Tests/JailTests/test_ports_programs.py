"""Programs that people run, over ports: a database, a model's API, MCP, servers for the browser, a login. What they talk to is real where
it says so, and a stand-in otherwise (`probes/web.py`)."""

import base64
import contextlib
import glob
import json
import os
import shutil
import time
import urllib.parse

import pytest
from lab.filesystem import EXECUTABLE, TESTS
from lab.lab import PYTHON
from ports import SOON

POSTGRES = next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)), None)
NODE = shutil.which("node", path="/usr/bin:/bin")
WEB, DATABASE = 11434, 5433
DATA = "/tmp/postgres"


@contextlib.contextmanager
def server(lab, *argv, identity="user", ready="listening\n", **how):
    process = lab.start(argv, identity=identity, **how)
    try:
        assert process.read_line() == ready, process.communicate()
        yield process
    finally:
        with contextlib.suppress(Exception):
            process.signal(15)
        process.close()
        with contextlib.suppress(Exception):
            process.wait()


@pytest.fixture
def web(lab):
    lab.configure(f"network = none\nallow-host-port = {WEB}\n")
    with server(lab, PYTHON, "-B", "-I", f"{TESTS}/probes/web.py", str(WEB)) as process:
        yield process


# To the host.


@pytest.fixture
def postgres(lab):
    """A real one, with a password, on loopback alone."""
    if not POSTGRES:
        pytest.skip("no PostgreSQL")
    lab.call("lab.host:remove", DATA)
    lab.configure("secret\n", path=f"{DATA}.password")
    lab.call("lab.host:chmod", f"{DATA}.password", 0o644)
    made = lab.run([f"{POSTGRES}/initdb", "--auth=scram-sha-256", "--username=me", f"--pwfile={DATA}.password", "--no-sync", "-D", DATA], identity="user")
    assert made.status == 0, made
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={DATABASE}", "-c", f"unix_socket_directories={DATA}", "-c", "fsync=off"]
    process = lab.start([f"{POSTGRES}/postgres", "-D", DATA, *options], identity="user")
    try:
        yield process
    finally:
        process.signal(3)
        process.wait()
        process.close()
        lab.call("lab.host:remove", DATA)


def psql(lab, host, command):
    argv = [f"{POSTGRES}/psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", f"postgresql://me:secret@{host}:{DATABASE}/postgres?connect_timeout=5", "-c", command]
    return lab.jail(*argv, identity="user")


def test_psql(lab, postgres):
    lab.configure(f"network = none\nallow-host-port = {DATABASE}\n")
    deadline = time.monotonic() + 20
    while (answer := psql(lab, "localhost", "select 6 * 7")).status:
        assert time.monotonic() < deadline, answer
        time.sleep(0.2)
    assert answer.out == "42\n"
    for host in ("127.0.0.1", "[::1]", "host.docker.internal"):
        assert psql(lab, host, "select 6 * 7").out == "42\n"
    big = psql(lab, "localhost", "select length(string_agg(repeat('x', 1000), '')) from generate_series(1, 20000)")
    assert big.out == "20000000\n", big
    rows = psql(lab, "localhost", "copy (select repeat('x', 99) from generate_series(1, 100000)) to stdout")
    assert len(rows.out) == 10_000_000
    # psql's own words, where no line opens the port; and its password is asked for all the same.
    lab.configure("network = none\n")
    refused = psql(lab, "localhost", "select 1")
    assert refused.status == 2 and "Connection refused" in refused.err


def test_ollama_s_api(lab, web):
    """curl, and node's fetch, which is what its JavaScript client calls."""
    tags = lab.jail("curl", "-sS", f"http://localhost:{WEB}/api/tags", identity="user")
    assert tags.json == {"models": [{"name": "stand-in:latest"}]}, tags
    prompt = json.dumps({"model": "stand-in", "prompt": "one two three"})
    said = lab.jail("curl", "-sSN", "-d", prompt, f"http://host.docker.internal:{WEB}/api/generate", identity="user")
    assert [json.loads(line)["response"] for line in said.out.splitlines()] == ["one", "two", "three"], said
    script = f"""fetch("http://127.0.0.1:{WEB}/api/generate", {{method: "POST", body: {prompt!r}}}).then(async (answer) => {{
        for await (const piece of answer.body) process.stdout.write(piece); }})"""
    said = lab.jail(NODE, "-e", script, identity="user")
    assert [json.loads(line)["response"] for line in said.out.splitlines()] == ["one", "two", "three"], said


def test_an_mcp_server_over_http(lab, web):
    def call(method):
        request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method})
        headers = ("-H", "Content-Type: application/json", "-H", "Accept: application/json, text/event-stream")
        said = lab.jail("curl", "-sSN", *headers, "-d", request, f"http://localhost:{WEB}/mcp", identity="user")
        assert said.out.startswith("event: message\ndata: "), said
        return json.loads(said.out.partition("data: ")[2])["result"]

    assert call("initialize")["serverInfo"]["name"] == "stand-in"
    assert [tool["name"] for tool in call("tools/list")["tools"]] == ["add"]


# To the jail.


def when_it_answers(lab, url, *options):
    deadline = time.monotonic() + 2 * SOON
    while (answer := lab.run(["curl", "-sS", "--max-time", "5", *options, url], identity="user")).status:
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    return answer.out


def test_http_server(lab):
    lab.configure("network = none\n")
    argv = [EXECUTABLE, "run", "--publish", "7001", "--", PYTHON, "-u", "-m", "http.server", "7001", "--directory", TESTS]
    with server(lab, *argv, ready="Serving HTTP on 0.0.0.0 port 7001 (http://0.0.0.0:7001/) ...\n"):
        for host in ("localhost", "127.0.0.1", "[::1]"):
            assert "reach.py" in when_it_answers(lab, f"http://{host}:7001/")
        with open(os.path.join(os.path.dirname(__file__), "reach.py")) as file:
            assert when_it_answers(lab, "http://localhost:7001/reach.py") == file.read()


def test_a_development_server(lab):
    """A page, a WebSocket of the same port, and a check of Host that the way in does not spoil."""
    lab.configure("network = none\npublish = 7001\n")
    with server(lab, EXECUTABLE, "run", "--", NODE, f"{TESTS}/probes/dev_server.js", "7001"):
        assert "new WebSocket" in when_it_answers(lab, "http://localhost:7001/")
        assert when_it_answers(lab, "http://localhost:7001/", "-H", "Host: rebound.test") == "host not allowed\n"
        key = base64.b64encode(bytes(16)).decode()
        hello = f"GET / HTTP/1.1\r\nHost: localhost:7001\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        steps = [["send", hello], ["until", '{"type":"connected"}'], ["send", "\x81\x82\0\0\0\0hi"], ["until", '{"type":"full-reload"}']]
        with lab.outside(identity="user") as browser:
            answer = browser.ask("talk", address="127.0.0.1", port=7001, steps=steps)
            assert answer.get("errno") is None and answer["got"][0].startswith("HTTP/1.1 101 "), answer


def test_a_login(lab, web):
    """The tool's own way, unchanged: the browser is outside, and is led back to a random port of the tool's loopback."""
    lab.configure(f"network = none\nallow-host-port = {WEB}\npublish = auto\n")
    tool = lab.start([EXECUTABLE, "run", "--", PYTHON, "-B", "-I", f"{TESTS}/probes/login.py", str(WEB)], identity="user")
    address = tool.read_line().strip()
    back = urllib.parse.urlsplit(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))["redirect_uri"])
    said = tool.read_line(2)
    assert said == f"claude-sandbox: port {back.port} of the jail is at http://127.0.0.1:{back.port}/\n"
    assert when_it_answers(lab, address, "-L") == "You are logged in.\n"
    result = tool.communicate()
    tool.close()
    assert (result.status, json.loads(result.out)) == (0, {"access_token": "granted"}), result

"""Previews: a jail's servers in a browser, by name; who is answered, what is taken, and what no other site can do.

The server in the jail is node's, as development servers have it: uploads, server-sent events, and a WebSocket of its own hand.
"""

import base64
import contextlib
import json
import os
import re
import shutil
import time

import pytest
from lab.filesystem import EXECUTABLE, LAB
from lab.lab import PYTHON
from test_ps import other

PORT = 8090
HOST = f"5173.shop.localhost:{PORT}"
LIST = f"localhost:{PORT}"

SERVER = r"""
const http = require('http'), crypto = require('crypto');
const page = `<!doctype html><title>shop</title><p id=said></p><script>
  const socket = new WebSocket('ws://' + location.host + '/hot');
  socket.onopen = () => socket.send('hello');
  socket.onmessage = (event) => said.textContent = event.data;
</script>`;
const server = http.createServer((request, response) => {
  if (request.url === '/') { response.setHeader('content-type', 'text/html'); return response.end(page); }
  if (request.url === '/events') {
    response.writeHead(200, {'content-type': 'text/event-stream'});
    response.write('data: first\n\n');
    request.on('close', () => console.log('closed'));
    return setTimeout(() => response.write('data: second\n\n'), 300);
  }
  if (request.url === '/open') {
    const other = http.createServer((request, response) => response.end('other'));
    other.on('upgrade', (...words) => server.emit('upgrade', ...words));
    return other.listen(5174, '::1', () => response.end('open'));
  }
  if (request.method === 'POST') {
    const hash = crypto.createHash('sha256');
    request.on('data', (data) => hash.update(data));
    return request.on('end', () => response.end(hash.digest('hex')));
  }
  response.end(JSON.stringify({url: request.url, ...request.headers}));
});
server.on('upgrade', (request, socket) => {
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = crypto.createHash('sha1').update(key).digest('base64');
  const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
  socket.write(Buffer.concat([Buffer.from(head), Buffer.from([0x81, 5, ...Buffer.from('ready')])]));
  socket.on('error', () => {});
  socket.on('data', (data) => socket.write(data[1] & 0x80 ? Buffer.from([0x81, 3, ...Buffer.from('hot')]) : data));
});
server.listen(+process.argv[1], '127.0.0.1', () => console.log('listening'));
"""

# What a client sends that no library would, and all that comes back within a second of silence.
RAW = """
import socket, sys
s = socket.create_connection(("127.0.0.1", 8090), 5)
s.sendall(sys.stdin.buffer.read())
s.settimeout(1)
try:
    while data := s.recv(65536): sys.stdout.buffer.write(data)
except (TimeoutError, ConnectionResetError): pass
"""

pytestmark = pytest.mark.usefixtures("clean")


@contextlib.contextmanager
def running(lab, argv, identity, **how):
    """A process that is ended."""
    process = lab.start(argv, identity=identity, **how)
    try:
        yield process
    finally:
        if not lab.has_ended(process.pid):
            process.signal(15)
        process.wait()
        process.close()


@pytest.fixture
def started(lab):
    """A function that starts a process, and waits for what it says first; all are ended."""
    with contextlib.ExitStack() as stack:

        def start(argv, says, **how):
            process = stack.enter_context(running(lab, argv, **how))
            assert process.read_line() == f"{says}\n"
            return process

        yield start


@pytest.fixture
def preview(started):
    """A function that serves previews."""

    def serve(identity):
        return started(
            [EXECUTABLE, "preview"], f"claude-sandbox: previews at http://{LIST}/", identity=identity)  # fmt: skip

    return serve


@pytest.fixture
def shop(lab, started):
    """A function that starts a jail in a directory with node's server in it."""

    def open_shop(identity, name="shop", port=5173):
        lab.run(["mkdir", "-p", f"/tmp/{identity}/{name}"], identity=identity)
        argv = [EXECUTABLE, "run", "--", "node", "-e", SERVER, f"{port}"]
        return started(argv, "listening", identity=identity, cwd=f"/tmp/{identity}/{name}")

    yield open_shop
    for identity in lab.identities:
        lab.run(["rm", "-rf", f"/tmp/{identity.value}"], identity="root")


def curl(lab, identity, url, *options, **how):
    result = lab.run(["curl", "-gsS", "-m", "20", *options, url], identity=identity, **how)
    assert result.status == 0, result
    return result.out


def status(lab, identity, url, *options):
    return int(curl(lab, identity, url, "-o", "/dev/null", "-w", "%{http_code}", *options))


def raw(lab, identity, text):
    """The statuses of the answers to these bytes."""
    result = lab.run([PYTHON, "-c", RAW], stdin=text.encode("latin-1"), identity=identity)
    assert result.status == 0, result
    return [int(code) for code in re.findall(r"HTTP/1\.[01] (\d+) ", result.out)], result.out


def request(*headers, line="GET / HTTP/1.1"):
    return "\r\n".join([line, *headers, "", ""])


def test_a_server_is_reached_by_name(lab, identity, preview, shop):
    preview(identity)
    assert status(lab, identity, f"http://{HOST}/x") == 404
    jail = shop(identity)
    for host in (HOST, f"5173.SHOP.localhost:{PORT}", f"5173.shop-{jail.pid}.localhost:{PORT}", f"5173.{jail.pid}.localhost:{PORT}"):
        for family in "-4", "-6":
            answer = json.loads(curl(lab, identity, f"http://{host}/a?b=%20{{c}}", family))
            assert answer["url"] == "/a?b=%20{c}" and answer["host"] == host
    assert status(lab, identity, f"http://5174.shop.localhost:{PORT}/") == 502
    # The jail cannot come back through it.
    refused = lab.jail("curl", "-sS", f"http://{HOST}/", identity=identity)
    assert refused.status == 7, refused


def test_a_jail_that_ends_is_gone(lab, preview, shop):
    preview("user")
    first = shop("user")
    assert status(lab, "user", f"http://{HOST}/") == 200
    first.signal(15)
    while not lab.has_ended(first.pid):
        time.sleep(0.01)
    assert status(lab, "user", f"http://{HOST}/") == 404
    shop("user")
    assert status(lab, "user", f"http://{HOST}/") == 200
    second = shop("user")
    assert status(lab, "user", f"http://{HOST}/") == 404
    assert status(lab, "user", f"http://5173.shop-{second.pid}.localhost:{PORT}/") == 200


def test_large_bodies_pass(lab, preview, shop):
    preview("user")
    shop("user")
    made = lab.run(["sh", "-c", "head -c 100000000 /dev/urandom >/tmp/body; sha256sum </tmp/body"], identity="user")
    try:
        for options in ([], ["-H", "Transfer-Encoding: chunked"], ["-0"]):
            answer = curl(lab, "user", f"http://{HOST}/", "-X", "POST", "-T", "/tmp/body", *options)
            assert answer == made.out.split()[0]
    finally:
        lab.call("lab.host:remove", "/tmp/body")


def test_old_servers_answer_until_they_close(lab, preview, started):
    preview("user")
    started(
        [EXECUTABLE, "run", "--", PYTHON, "-u", "-m", "http.server", "8000", "--bind", "::1"],
        "Serving HTTP on ::1 port 8000 (http://[::1]:8000/) ...", identity="user", cwd=f"{LAB}/home")  # fmt: skip
    assert "Directory listing" in curl(lab, "user", f"http://8000.home.localhost:{PORT}/")


def test_events_arrive_as_they_happen(lab, preview, shop, started):
    preview("user")
    jail = shop("user")
    client = started(["curl", "-NsS", f"http://{HOST}/events"], "data: first", identity="user")
    assert (client.read_line(), client.read_line()) == ("\n", "data: second\n")
    client.signal(9)
    assert jail.read_line() == "closed\n"


def test_another_protocol_passes(lab, preview, shop):
    preview("user")
    shop("user")
    upgrade = request(f"Host: {HOST}", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x")
    codes, answer = raw(lab, "user", upgrade)
    assert codes == [101] and answer.endswith("\x05ready"), answer
    # What asks for another protocol and does not get it is the last on its connection.
    codes, answer = raw(lab, "user", request(f"Host: {LIST}", "Connection: Upgrade", "Upgrade: h2c") + request(f"Host: {LIST}"))
    assert codes == [200] and "\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize(
    "text, codes",
    [
        (request(f"Host: {HOST}"), [200]),
        (request(), [400]),
        (request(f"Host: {HOST}", f"Host: {HOST}"), [400]),
        (request(f"Host: {HOST}", f"Host: {LIST}"), [400]),
        (request(f"Host: {HOST}", line=f"GET http://{HOST}/ HTTP/1.1"), [400]),
        (request(f"Host: {HOST}", line=f"CONNECT {HOST} HTTP/1.1"), [400]),
        (request(f"Host: {HOST}", "Content-Length: 0", "Transfer-Encoding: chunked"), [400]),
        (request(f"Host: {HOST}", "Transfer-Encoding: gzip, chunked") + "0\r\n\r\n", [400]),
        (request(f"Host: {HOST}", "Content-Length: 1", "Content-Length: 2"), [400]),
        (request(f"Host: {HOST}", "X: a", " Y: b"), [400]),
        (request("Host: evil.example:8090"), [421]),
        (request("Host: evil.example"), [421]),
        (request(f"Host: {HOST}.evil.example"), [421]),
        (request("Host: localhost:8091"), [421]),
        (request(f"Host: 5173.shop.localhost.:{PORT}"), [421]),
        (request(f"Host: {HOST}") * 3, [200, 200, 200]),
        (request(f"Host: {HOST}") + request(f"Host: {LIST}"), [200, 421]),
        (request(f"Host: {HOST}") + request("Host: evil.example"), [200, 421]),
        (request(f"Host: {HOST}", line="GET / HTTP/1.0"), [200]),
        ("GET / HTTP/2.0\r\n\r\n", [400]),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]),
        (request(f"Host: {HOST}", "X: " + "a" * 90_000), [400]),
    ],
)
def test_every_request_is_checked(lab, preview, shop, text, codes):
    preview("user")
    shop("user")
    answered, out = raw(lab, "user", text)
    assert answered == codes, out
    if codes == [421]:
        assert "shop" not in out


@pytest.mark.parametrize("identity", ["user", "root"])
def test_only_its_own_user_is_answered(lab, identity, preview, shop):
    preview(identity)
    shop(identity)
    for host in (HOST, LIST, "evil.example"):
        for family in "127.0.0.1", "[::1]":
            url = f"http://{family}:{PORT}/"
            assert status(lab, other(identity), url, "-H", f"Host: {host}") == 403
            assert status(lab, identity, url, "-H", f"Host: {host}") == (421 if host == "evil.example" else 200)
    # Many who say nothing keep nobody from being answered.
    hold = "import socket, time; s = [socket.create_connection(('127.0.0.1', 8090)) for _ in range(100)]; print('held', flush=True); time.sleep(60)"
    with running(lab, [PYTHON, "-c", hold], other(identity)) as holder:
        assert holder.read_line() == "held\n"
        assert status(lab, identity, f"http://{HOST}/") == 200


def test_the_list_follows_what_listens(lab, preview, shop, started):
    preview("user")
    assert "No jail is running" in curl(lab, "user", f"http://{LIST}/")
    jail = shop("user")
    page = curl(lab, "user", f"http://127.0.0.1:{PORT}/")
    assert re.findall(r'href="http://([^"/]*)/"', page) == [HOST] and f"pid {jail.pid}" in page
    with running(lab, ["curl", "-NsS", f"http://{LIST}/events"], "user") as client:
        assert HOST in client.read_line()
        assert curl(lab, "user", f"http://{HOST}/open") == "open"
        assert client.read_line() == "\n"
        assert f"http://5174.shop.localhost:{PORT}/" in client.read_line()
        assert curl(lab, "user", f"http://5174.shop.localhost:{PORT}/") == "other"


def test_a_person_is_led_to_the_list(lab, preview):
    preview("user")
    url = f"http://5173.nothing.localhost:{PORT}/"
    location = curl(lab, "user", url, "-o", "/dev/null", "-w", "%{redirect_url}", "-H", "Accept: text/html")
    assert location == f"http://{LIST}/?wanted=5173.nothing"
    assert "port <b>5173</b> of <b>nothing</b>" in curl(lab, "user", location)
    assert curl(lab, "user", url) == "No jail of yours is called nothing.\n"


def test_a_port_in_use_is_said(lab, preview):
    preview("user")
    result = lab.sandbox("preview", identity="root")
    assert (result.status, result.err) == (1, "claude-sandbox: port 8090 is in use\n  fix: choose another one: --port PORT\n")
    assert lab.sandbox("preview", "--port", "0", identity="user").status == 64
    inside = lab.jail(EXECUTABLE, "preview", identity="user")
    assert inside.status == 1 and "this is a jail" in inside.err


# A script of one jail's page, against another's: `said` is what comes of it.
ATTACK = """(async () => {
  const tried = {};
  for (const url of ["http://%(shop)s/", "http://%(list)s/", "http://%(list)s/events"])
    tried[url] = await fetch(url, {mode: "no-cors", method: "GET"}).then((r) => r.type, (e) => "failed");
  tried.read = await fetch("http://%(list)s/").then((r) => r.text(), () => "failed");
  tried.socket = await %(socket)s;
  return tried;
})()"""

# Whether a WebSocket to this Host opens.
SOCKET = """new Promise((done) => {
  const s = new WebSocket("ws://%s/hot"); s.onopen = () => done("open"); s.onerror = () => done("failed");
})"""


def browse(lab, pages, dark=False):
    orders = json.dumps({"home": "/tmp/chromium", "dark": dark, "pages": pages})
    argv = [PYTHON, "-B", f"{LAB}/tests/probes/browser.py"]
    try:
        result = lab.run(argv, stdin=orders.encode(), timeout=120, identity="user")
        log = lab.call("lab.host:read", "/tmp/chromium/log") if result.status else ""
        assert result.status == 0, (result, log[-2000:])
        return result.json
    finally:
        # Its helpers write a little longer than it runs.
        again = "for i in $(seq 50); do rm -rf /tmp/chromium; sleep 0.2; [ -e /tmp/chromium ] || break; done"
        lab.run(["sh", "-c", again], identity="user")


@pytest.mark.skipif(not shutil.which("chromium"), reason="Chromium is not installed")
def test_a_real_browser(lab, preview, shop):
    preview("user")
    shop("user")
    shop("user", name="blog", port=3000)
    hot = "document.getElementById('said')?.textContent"
    live = "document.getElementById('state')?.textContent"
    attack = ATTACK % {"shop": HOST, "list": LIST, "socket": SOCKET % HOST}
    # The ports of one jail are one site.
    assert curl(lab, "user", f"http://{HOST}/open") == "open"
    own = SOCKET % f"5174.shop.localhost:{PORT}"
    count = "document.querySelectorAll('article').length"
    page, listed, evil, wanted = browse(lab, [
        {"url": f"http://{HOST}/", "until": f"{hot} === 'hot'", "say": [hot, own]},
        {"url": f"http://{LIST}/", "until": f"{live} === 'live'", "say": [live, count], "picture": True},
        {"url": f"http://3000.blog.localhost:{PORT}/", "until": f"{hot} === 'hot'", "say": [attack]},
        {"url": f"http://5173.nothing.localhost:{PORT}/", "until": f"{live} === 'live'", "say": ["document.body.innerText"]},
    ])  # fmt: skip
    assert page["said"] == [f"http://{HOST}/", "hot", "open"]
    assert listed["said"] == [f"http://{LIST}/", "live", 2]
    assert base64.b64decode(listed["picture"]).startswith(b"\x89PNG")
    keep_picture(listed["picture"], "light")
    # A page of another jail gets nothing: answers that it cannot read are refusals, and so is the socket.
    tried = evil["said"][1]
    assert tried["read"] == "failed" and tried["socket"] == "failed", tried
    assert wanted["said"][0] == f"http://{LIST}/?wanted=5173.nothing"
    assert "Nothing answers at port 5173 of nothing" in wanted["said"][1]
    [dark] = browse(lab, [{"url": f"http://{LIST}/", "until": f"{live} === 'live'", "say": [], "picture": True}], dark=True)
    keep_picture(dark["picture"], "dark")


def keep_picture(picture, name):
    """Where a person wants to look at it."""
    if directory := os.environ.get("CLAUDE_SANDBOX_PICTURES"):
        with open(f"{directory}/preview-{name}.png", "wb") as file:
            file.write(base64.b64decode(picture))

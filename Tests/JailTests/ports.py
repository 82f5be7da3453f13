"""What the tests of ports share: servers on both sides, and how to ask them."""

import contextlib
import time

from lab.filesystem import TESTS
from lab.lab import PYTHON

SERVER = [PYTHON, "-B", "-I", f"{TESTS}/probes/server.py"]
SOON = 4.0  # seconds: a second is promised, and a machine that runs tests side by side is slow at times
LOOPBACK = ("127.0.0.1", "::1")


@contextlib.contextmanager
def on_host(lab, name, *places, identity="root"):
    """A server on the host."""
    server = lab.start([*SERVER, name, *places], identity=identity)
    try:
        ready = server.read_line()
        assert ready == "listening\n", server.communicate()
        yield server
    finally:
        server.close()
        server.wait()


def in_jail(jail, name, *places):
    """A server in a jail, which ends with it or by `stop`; its process."""
    code = f"p = subprocess.Popen({[*SERVER, name, *places]!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
    code += "keep = sys.__dict__.setdefault('servers', {}); keep[p.pid] = p; result = (p.stdout.readline().decode(), p.pid)"
    answer = jail.ask("evaluate", code=code)
    assert answer["errno"] is None and answer["result"][0] == "listening\n", answer
    return answer["result"][1]


def stop(jail, pid):
    jail.ask("evaluate", code=f"p = sys.servers.pop({pid}); p.kill(); p.wait()")


def named(asker, address, port):
    """Who answers at a TCP port: a name, or the error."""
    answer = asker.ask("talk", address=address, port=port, steps=[["send", "name\n"], ["until", "\n"]])
    got = (answer.get("got") or [""])[0]
    return answer.get("errno") or (got.split()[0] if got else "END")


def datagram(asker, address, port, **how):
    """The same of UDP. A datagram may be lost: it is sent once more."""
    for _ in range(2):
        answer = asker.ask("udp", address=address, port=port, token="x", timeout=1, **how)
        if answer["errno"] is None:
            return answer["answer"].split()[0]
    return answer["errno"]


def becomes(wanted, ask, within=SOON):
    """Asks again until the answer is as wanted; how long that took."""
    begun = time.monotonic()
    while (answer := ask()) != wanted:
        assert time.monotonic() - begun < within, answer
        time.sleep(0.02)
    return time.monotonic() - begun


def status(lab, identity, pid=None):
    """The ports of a jail, as `ps` tells them: by key and the jail's number."""
    jails = lab.sandbox("ps", "--json", identity=identity).json["jails"]
    jail, = [one for one in jails if pid in (None, one["pid"])]
    return {(port["key"], port["inside"], port["protocol"]): port for port in jail["ports"]}

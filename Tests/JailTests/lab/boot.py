"""Process 1 of the lab's pid namespace: builds everything, then reaps orphans until the agent ends.

Started by lab.py as `unshare --mount --net --pid ... python3 boot.py ARGUMENTS-AS-JSON`.
"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import agent, filesystem, kernel, network, services  # noqa: E402
from lab.channel import Channel  # noqa: E402
from lab.shape import DNSMASQ4, DNSMASQ6, SHAPES, STUB4  # noqa: E402

_RECORDS = (
    "--local=/test/",
    "--ptr-record=7.7.33.45.in-addr.arpa,web.lab.test",
    "--host-record=web.lab.test,45.33.7.7,2606:4700::1111",
    "--host-record=api.anthropic.com,45.33.7.7,2606:4700::1111",
    "--host-record=device.lab.test,10.20.0.6",
    "--host-record=four.lab.test,45.33.7.7",
    "--host-record=six.lab.test,2606:4700::1111",
    "--cname=alias.lab.test,web.lab.test",
    "--txt-record=text.lab.test,hello from the lab",
    "--srv-host=_ca._tcp.lab.test,device.lab.test,5064,10,20",
    "--mx-host=lab.test,web.lab.test,5",
    "--txt-record=big.lab.test," + ",".join(f"{n:03}" + "x" * 190 for n in range(18)),
)


def main():
    arguments = json.loads(sys.argv[1])
    shape = SHAPES[arguments["shape"]]
    filesystem.make_private(arguments["tests"], arguments["executable"], arguments["claude_code"])
    tunnels = network.build(shape)
    authority = _dnsmasq(network.WORLD, *_RECORDS, f"--listen-address={DNSMASQ4},{DNSMASQ6}", "--no-resolv")
    stub = _dnsmasq(None, f"--listen-address={STUB4}", "--no-resolv", f"--server={DNSMASQ4}", "--cache-size=0")
    own, other = Channel.inherited(arguments["agent"]), Channel.inherited(arguments["services"])
    serving = _fork(lambda: _serve(other, own, shape, tunnels))
    other.socket.close()
    for near, far in tunnels:
        os.close(near)
        os.close(far)
    for server in (authority, stub):
        for line in server.stderr:
            if "started" in line:
                break
        else:
            sys.exit("dnsmasq did not start")
    acting = _fork(lambda: agent.Agent(own).run())
    while os.wait()[0] not in (acting, serving):
        pass


def _serve(channel, unused, shape, tunnels):
    unused.socket.close()
    services.Services(channel, shape, tunnels).run()


def _fork(body):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            body()
            status = 0
        except BaseException as error:
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            os._exit(status)
    return child


def _dnsmasq(namespace, *options):
    command = ["dnsmasq", "--conf-file=/dev/null", "--no-daemon", "--no-hosts", "--no-poll", "--bind-interfaces"]
    command += ["--pid-file=", "--log-facility=-", "--edns-packet-max=1232", *options]  # --no-daemon keeps the user, too
    enter = (lambda: kernel.setns(os.open(namespace, os.O_RDONLY), kernel.CLONE_NEWNET)) if namespace else None
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=enter)


main()

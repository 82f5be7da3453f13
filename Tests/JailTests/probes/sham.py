"""Makes what `verify` takes for a jail, without the walls: the attacks succeed in it, so every check that can fail does.

    sham.py FROM-THE-REAL-JAIL-AS-JSON COMMAND...    as the lab's root, on the host

It has a link uplink0 and a jail's blackholes, no capability, locked securebits, no_new_privs and a seccomp filter: all that
`Enclosure` asks for. Missing are the tap filter (the link leads straight to the world), the mounts, the system call policy,
the Landlock scopes, and the closing of descriptors. With "holes", more specific routes lead past the blackholes, too. With
"none" there is no link, and the loopback is down.
"""

import ctypes
import json
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import kernel  # noqa: E402
from lab.identity import UID  # noqa: E402

GUEST4, GATEWAY4, GUEST6, GATEWAY6 = "192.0.0.2", "192.0.0.1", "fd6a:61e1:c5b2::2", "fd6a:61e1:c5b2::1"
MAC = "9a:55:9a:55:9a:55"  # of both ends: without ARP, packets are addressed to the link's own
HOLES = ("10.0.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.251", "fd00::1", "2002:a00:1::1")
VISIBLE = "/tmp/nvim.visible"

libc = ctypes.CDLL(None, use_errno=True)


def ip(*lines, world=False):
    for line in lines:
        family = ["-6"] if line.startswith("route") and "::" in line else []
        subprocess.run(["ip", *(["-n", "world"] if world else []), *family, *line.split()], check=True)


def wait_for_the_last_one():
    """On the host. Its link goes with its namespace, when what the attacker left behind there has ended."""
    deadline = time.monotonic() + 5
    while b": sham" in subprocess.run(["ip", "-n", "world", "-o", "link"], check=True, capture_output=True).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def network(what):
    name = f"sham{os.getpid()}"
    ip("link set lo up", f"link add uplink0 address {MAC} type veth peer name {name} address {MAC} netns world")
    ip(f"link set {name} up arp off", f"addr add {GATEWAY4} peer {GUEST4} dev {name}", world=True)
    ip(f"addr add {GATEWAY6}/128 dev {name} nodad", f"route add {GUEST6}/128 dev {name}", world=True)
    ip("link set uplink0 up arp off", f"addr add {GUEST4}/32 dev uplink0", f"addr add {GUEST6}/128 dev uplink0 nodad")
    ip(f"route add {GATEWAY4} dev uplink0", f"route add default via {GATEWAY4}")
    ip(f"route add {GATEWAY6}/128 dev uplink0", f"route add ::/0 via {GATEWAY6} dev uplink0")
    ip(*(f"route add blackhole {prefix}" for prefix in what["blackholes"]))
    if "holes" in what:
        ip(*(f"route add {address} via {GATEWAY6 if ':' in address else GATEWAY4} dev uplink0" for address in HOLES))


def services():
    """What a jail closes, open: in the same network namespace, and inherited."""
    sockets = []
    for family, address in ((socket.AF_UNIX, VISIBLE), (socket.AF_UNIX, "\0visible"), (socket.AF_INET, ("127.0.0.1", 4711))):
        sockets.append(socket.socket(family))
        sockets[-1].bind(address)
        sockets[-1].listen()
        os.set_inheritable(sockets[-1].fileno(), True)
    os.chmod(VISIBLE, 0o666)
    return sockets


def mounts():
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    with open("/run/sham-resolv.conf", "w") as file:
        file.write("nameserver 127.0.0.53\n")
    os.chmod("/run/sham-resolv.conf", 0o666)
    kernel.bind("/run/sham-resolv.conf", "/etc/resolv.conf")


def seal():
    for capability in range(64):
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
    kernel.prctl(28, 0xCF)  # PR_SET_SECUREBITS
    os.setgroups([])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capset(header, sets) == 0
    kernel.prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
    instruction = ctypes.create_string_buffer((0x06).to_bytes(2, "little") + b"\0\0" + (0x7FFF0000).to_bytes(4, "little"))
    program = ctypes.create_string_buffer(16)
    ctypes.c_uint16.from_buffer(program, 0).value = 1
    ctypes.c_void_p.from_buffer(program, 8).value = ctypes.addressof(instruction)
    assert libc.prctl(22, 2, program, 0, 0) == 0  # PR_SET_SECCOMP: a filter that allows everything


def main():
    what, command = json.loads(sys.argv[1]), sys.argv[2:]
    child = os.fork()
    if child:
        # A process outside, of the same user, as the supervisor of a jail is.
        os.setresgid(UID, UID, UID)
        os.setresuid(UID, UID, UID)
        kernel.prctl(4, 1)  # PR_SET_DUMPABLE
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    kernel.unshare(kernel.CLONE_NEWNET | kernel.CLONE_NEWNS)
    mounts()
    kept = []
    if "none" not in what:
        network(what)
        kept = services()
    seal()
    os.execv(command[0], command)
    del kept


if __name__ == "__main__":
    main()

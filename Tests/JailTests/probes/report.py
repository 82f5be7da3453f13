"""What a command sees of its jail: printed so that two launches can be compared word for word."""

import json
import os
import re
import socket

FIELDS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "SigBlk", "Uid")
PYTHON_S_OWN = 1 << 12 | 1 << 24  # Python ignores SIGPIPE and SIGXFSZ


def status():
    with open("/proc/self/status") as file:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return {"ignored": int(fields["SigIgn"], 16) & ~PYTHON_S_OWN, **{name: fields[name] for name in FIELDS}}


def mounts():
    with open("/proc/self/mountinfo") as file:
        lines = [line.split() for line in file]
    # As uid 0 the jail has a mount over each process of ours, which have other numbers at each launch.
    return sorted(f"{re.sub('^/proc/[0-9]+$', '/proc/PID', words[4])} {words[5]} {words[words.index('-') + 1]}" for words in lines)


def refusal(address, device):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, 11, 1)
        sock.settimeout(0.5)
        try:
            if device:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"uplink0")
            sock.sendto(b"token-report", (address, 7))
            return sock.recv(100).decode()
        except OSError as error:
            return error.errno


def descriptors():
    return sorted(int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}"))


def routes():
    """Link, destination, gateway, flags (0200: a blackhole) and mask of each."""
    with open("/proc/net/route") as file:
        return sorted(" ".join(words[:4] + words[7:8]) for words in map(str.split, file.readlines()[1:]))


print(json.dumps({
    "status": status(), "mounts": mounts(), "descriptors": descriptors(), "routes": routes(),
    "resolv": open("/etc/resolv.conf").read(),
    "refused": [refusal(a, d) for a in ("10.0.0.1", "169.254.169.254", "198.51.100.77") for d in (False, True)],
    "internet": refusal("1.1.1.1", False),
}))  # fmt: skip

"""Builds the two network namespaces of a shape."""

import fcntl
import os
import struct
import subprocess

from . import kernel
from .identity import unprivileged_lab
from .shape import DNSMASQ4, DNSMASQ6, SILENT4, TINY4, TINY6, CLOSED4

WORLD = "/run/netns/world"

# Every address is the world's own. In table main: in table local it would hide IPv6's own multicast and link-local routes.
_ANYIP = """
route add local 0.0.0.0/1 dev lo table main
route add local 128.0.0.0/1 dev lo table main
-6 route add local ::/1 dev lo table main
-6 route add local 8000::/1 dev lo table main
"""
_RESOLVERS = f"""
addr add {DNSMASQ4}/32 dev lo
addr add {DNSMASQ6}/128 dev w0 nodad
addr add {TINY4}/32 dev lo
addr add {TINY6}/128 dev w0 nodad
addr add {CLOSED4}/32 dev lo
route add blackhole {SILENT4}/32
"""
_SYSCTLS = {
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv6/ip_nonlocal_bind": "1",  # answers come from the address asked, which AnyIP does not assign
    "net/ipv6/conf/all/accept_ra": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/router_solicitations": "0",
}


def ip(lines, world=False):
    """Run `ip` lines, in the host or in the world; those that begin with -6 come last. A line that fails is an error."""
    lines = [line.strip() for line in lines.splitlines() if line.strip()]
    six = [line.removeprefix("-6 ") for line in lines if line.startswith("-6 ")]
    for family, batch in ((), [line for line in lines if not line.startswith("-6 ")]), (("-6",), six):
        if not batch:
            continue
        command = ["ip", *(("-n", "world") if world else ()), *family, "-batch", "-"]
        done = subprocess.run(command, input="\n".join(batch) + "\n", capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}\n" + "\n".join(batch))


def build(shape):
    _name_world()
    _sysctls()
    with kernel.network_namespace(WORLD):
        _sysctls()
    pairs = "".join(f"link add {host} type veth peer name {world} netns world\n" for host, world in shape.links)
    ups = "".join(f"link set {host} up\n" for host, _ in shape.links)
    world_ups = "".join(f"link set {world} up\n" for _, world in shape.links)
    tunnels = [_tunnel(host, world) for host, world in shape.tunnels]
    ups += "".join(f"link set {host} up\n" for host, _ in shape.tunnels)
    world_ups += "".join(f"link set {world} up\n" for _, world in shape.tunnels)
    ip(pairs + "link set lo up\n" + ups)
    ip("link set lo up\n" + world_ups + shape.world + _ANYIP + _RESOLVERS, world=True)
    ip(shape.host)
    return tunnels


def _name_world():
    """Make the world's namespace, and name it as ip-netns(8) does."""
    os.makedirs(os.path.dirname(WORLD))
    with open(WORLD, "w"):
        pass
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    kernel.unshare(kernel.CLONE_NEWNET)
    kernel.bind("/proc/self/ns/net", WORLD)
    kernel.setns(home, kernel.CLONE_NEWNET)
    os.close(home)


def _sysctls():
    groups = "0 0" if unprivileged_lab() else "0 2147483647"  # those that exist
    for name, value in {**_SYSCTLS, "net/ipv4/ping_group_range": groups}.items():
        with open(f"/proc/sys/{name}", "w") as file:
            file.write(value)


def _tunnel(host, world):
    """Two tun devices whose descriptors somebody has to join: see services.Crossing."""
    near = _tun(host)
    with kernel.network_namespace(WORLD):
        return near, _tun(world)


def _tun(name):
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(descriptor, kernel.TUNSETIFF, struct.pack("16sH22x", name.encode(), kernel.IFF_TUN_NO_PI))
    return descriptor

"""The lab: a synthetic network in namespaces without an uplink, in which tests launch real jails.

    host ---- eth0 ------------- w0 ---- world
      |  \\--- eth1, tun0, ... -- w1 ...   |
      canaries                            services on every address, witness, dnsmasq

"host" is the machine that a jail is launched on. "world" answers on every address there is (AnyIP), so that the
internet, a LAN, a VPN and the metadata address are all one process. A witness in both records each packet that arrives,
so that "blocked" is proven by packets that were never seen, not only by an error.

A `Lab` is one such pair of namespaces, of one `Shape`. Nothing in it can send a packet outside, and all of it (mounts,
files, processes, links) dies with its pid namespace.
"""

from .lab import Jailed, Lab, Process, Result
from .identity import Identity
from .shape import SHAPES, Shape

__all__ = ["Identity", "Jailed", "Lab", "Process", "Result", "SHAPES", "Shape"]

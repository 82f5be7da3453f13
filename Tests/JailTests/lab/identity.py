"""Who launches: the three kinds of caller that the launcher must serve."""

import enum
import os

from . import kernel

UID = 1000


class Identity(str, enum.Enum):
    ROOT = "root"  # real root
    USER = "user"  # an ordinary user
    CONTAINER = "container"  # root of a rootless container: uid 0 in a user namespace of an ordinary user's

    @property
    def uid(self):
        return UID if self is Identity.USER else 0

    @property
    def home(self):
        return "/srv/lab/root" if self is Identity.ROOT else "/srv/lab/home"


def map_single(inside_uid, inside_gid, uid, gid):
    """In a new user namespace: map one id to the one that created it."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside_uid} {uid} 1"),
        ("gid_map", f"{inside_gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def become(identity, user_namespaces=True):
    """Turn the calling process into `identity`.

    With `user_namespaces` off, it may not create any: the sysctl belongs to the user namespace it is written in.
    """
    if identity != Identity.ROOT and os.getuid() == 0 and not unprivileged_lab():
        os.setgroups([])
        os.setresgid(UID, UID, UID)
        os.setresuid(UID, UID, UID)
        kernel.prctl(4, 1)  # PR_SET_DUMPABLE: setresuid cleared it, and /proc/self would belong to root.
    uid, gid = os.getuid(), os.getgid()
    if identity == Identity.CONTAINER and not unprivileged_lab():
        kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS)
        map_single(0, 0, uid, gid)
    elif not user_namespaces:
        kernel.unshare(kernel.CLONE_NEWUSER)
        map_single(uid, gid, uid, gid)
    if not user_namespaces:
        with open("/proc/sys/user/max_user_namespaces", "w") as file:
            file.write("0")


def unprivileged_lab():
    """Whether the lab itself runs in a user namespace, where only one uid exists."""
    with open("/proc/self/uid_map") as file:
        return file.read().split() != ["0", "0", "4294967295"]

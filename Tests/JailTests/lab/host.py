"""What tests change on the host. Runs in the agent."""

import contextlib
import os
import shutil
import socket

from . import kernel, network
from .filesystem import CONFIGURATION, PRESETS, TUN


def reset(resolv):
    for path in (CONFIGURATION, CONFIGURATION + ".d", PRESETS):
        remove(path)
    if os.path.islink("/etc/resolv.conf") or not os.path.isfile("/etc/resolv.conf") or read("/etc/resolv.conf") != resolv:
        write("/etc/resolv.conf", resolv, {})


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def write(path, text, how):
    """Write a file, in place if there is one. `how` may name mode, uid, gid."""
    if os.path.islink(path) or not os.path.isfile(path):
        remove(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.chmod(path, how.get("mode", 0o644))
    os.chown(path, how.get("uid", 0), how.get("gid", 0))


def replace(path, text):
    """Change a file as resolvers' and network daemons do: a new one, renamed over the old."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def make_directory(path, mode=0o755, uid=0):
    os.makedirs(path, exist_ok=True)
    os.chmod(path, mode)
    os.chown(path, uid, uid)


def make_fifo(path):
    remove(path)
    os.mkfifo(path, 0o644)


def symlink(target, path):
    remove(path)
    os.symlink(target, path)


def link(source, target, how):
    """A second name for a file. A bind mount stands for a hard link, which cannot leave a file system."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if how == "symbolic":
        os.symlink(source, target)
    else:
        write(target, "", {})
        kernel.bind(source, target)


def chmod(path, mode):
    old = os.stat(path).st_mode & 0o7777
    os.chmod(path, mode)
    return old


def chown(path, uid, gid):
    os.chown(path, uid, gid)


def exists(path):
    return os.path.lexists(path)


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def ip(lines, world=False):
    network.ip(lines, world)


def links():
    """The names of the host's links."""
    return [name for _, name in socket.if_nameindex()]


def bind(source, target):
    kernel.bind(source, target)


def cover(target, mode="755"):
    """Hide a directory under an empty one."""
    kernel.mount("tmpfs", target, "tmpfs", 0, f"mode={mode}")


def overlay(target):
    """Put a writable layer over a directory, to remove or change what is in it."""
    layer = f"/srv/lab/overlay{target.replace('/', '-')}"
    shutil.rmtree(layer, ignore_errors=True)
    os.makedirs(f"{layer}/upper")
    os.makedirs(f"{layer}/work")
    kernel.mount("overlay", target, "overlay", 0, f"lowerdir={target},upperdir={layer}/upper,workdir={layer}/work")


def copy(source, target, mode=0o755):
    shutil.copyfile(source, target)
    os.chmod(target, mode)


def uncover(target):
    kernel.umount(target)


def remove_tun():
    os.unlink(TUN)


def make_tun(mode):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(TUN)
    os.mknod(TUN, 0o020000 | mode, os.makedev(10, 200))
    os.chmod(TUN, mode)


def udp(address, port, text):
    """One datagram from the host."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(text.encode(), (address, port))


def sysctl(name, value, world=False):
    with kernel.network_namespace(network.WORLD) if world else contextlib.nullcontext():
        with open(f"/proc/sys/{name}", "w") as file:
            file.write(value)

"""The system calls that Python 3.11 has no function for."""

import contextlib
import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18

TIOCSCTTY = 0x540E
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, call):
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def _bytes(text):
    return None if text is None else os.fsencode(text)


def unshare(flags):
    _check(_libc.unshare(flags), "unshare")


def setns(descriptor, kind):
    _check(_libc.setns(descriptor, kind), "setns")


def mount(source, target, fstype=None, flags=0, data=None):
    call = _libc.mount(_bytes(source), _bytes(target), _bytes(fstype), ctypes.c_ulong(flags), _bytes(data))
    _check(call, f"mount {target}")


def bind(source, target, recursive=False):
    mount(source, target, None, MS_BIND | (MS_REC if recursive else 0))


def umount(target):
    _check(_libc.umount2(_bytes(target), 2), f"umount {target}")


def prctl(option, argument):
    _check(_libc.prctl(option, argument, 0, 0, 0), "prctl")


@contextlib.contextmanager
def network_namespace(path):
    """Run a block in another network namespace; what is opened in it stays there."""
    home, there = os.open("/proc/self/ns/net", os.O_RDONLY), os.open(path, os.O_RDONLY)
    try:
        setns(there, CLONE_NEWNET)
        yield
    finally:
        setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)

"""Makes the system calls that a jail does not have, and prints what each answered: name -> errno, null for success.

Arguments are chosen so that the kernel itself would answer something else. With the word "control" (outside a jail) only
those calls are made that load no kernel module and change nothing.
"""

import ctypes
import errno
import json
import mmap
import os
import platform
import sys

SOCKET, SOCKETPAIR = "socket", "socketpair"
UPPER = 1 << 32  # not looked at by the kernel where it takes an int
ALLOWED_FAMILIES = (1, 2, 10, 16)
ALLOWED_NETLINK = (0, 4, 15, 16)
BAD = 1  # a pointer to nowhere
MINUS_ONE = (1 << 64) - 1

NUMBERS = {
    "x86_64": {
        "socket": 41, "socketpair": 53, "ioctl": 16, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
        "keyctl": 250, "add_key": 248, "request_key": 249, "userfaultfd": 323, "lookup_dcookie": 212, "nfsservctl": 180,
        "bpf": 321, "perf_event_open": 298, "open_by_handle_at": 304, "kexec_load": 246, "kexec_file_load": 320,
        "init_module": 175, "finit_module": 313, "delete_module": 176, "reboot": 169, "swapon": 167, "swapoff": 168, "acct": 163,
        "settimeofday": 164, "clock_settime": 227, "iopl": 172, "ioperm": 173, "quotactl": 179, "quotactl_fd": 443, "syslog": 103,
        "uselib": 134, "vhangup": 153,
    },
    "aarch64": {
        "socket": 198, "socketpair": 199, "ioctl": 29, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
        "keyctl": 219, "add_key": 217, "request_key": 218, "userfaultfd": 282, "lookup_dcookie": 18, "nfsservctl": 42, "bpf": 280,
        "perf_event_open": 241, "open_by_handle_at": 265, "kexec_load": 104, "kexec_file_load": 294, "init_module": 105,
        "finit_module": 273, "delete_module": 106, "reboot": 142, "swapon": 224, "swapoff": 225, "acct": 89, "settimeofday": 170,
        "clock_settime": 112, "quotactl": 60, "quotactl_fd": 443, "syslog": 116, "vhangup": 58,
    },
}[platform.machine()]  # fmt: skip

MISSING = {
    "io_uring_setup": (1, BAD), "io_uring_enter": (MINUS_ONE, 0, 0, 0, 0, 0), "io_uring_register": (MINUS_ONE, 0, 0, 0),
    "keyctl": (0, MINUS_ONE - 2, 0), "add_key": (BAD, BAD, 0, 0, 0), "request_key": (BAD, BAD, 0, 0), "userfaultfd": (MINUS_ONE,),
    "lookup_dcookie": (0, BAD, 1), "nfsservctl": (0, 0, 0),
}  # fmt: skip
FORBIDDEN = {
    "bpf": (9999, BAD, 8), "perf_event_open": (BAD, 0, 0, 0, 0), "open_by_handle_at": (MINUS_ONE, BAD, 0), "kexec_load": (0, 0, BAD, 0),
    "kexec_file_load": (MINUS_ONE, MINUS_ONE, 0, BAD, 0), "init_module": (BAD, 0, BAD), "finit_module": (MINUS_ONE, BAD, 0),
    "delete_module": (BAD, 0), "reboot": (0, 0, 0, 0), "swapon": (BAD, 0), "swapoff": (BAD,), "acct": (BAD,), "settimeofday": (BAD, 0),
    "clock_settime": (99, BAD), "iopl": (4,), "ioperm": (70000, 1, 0), "quotactl": (255, BAD, 0, BAD), "quotactl_fd": (MINUS_ONE, 255, 0, BAD),
    "syslog": (10, 0, 0), "uselib": (BAD,), "vhangup": (),
}  # fmt: skip
# TIOCSTI, TIOCLINUX and TIOCSETD, as ioctl(2) takes them: the upper half of the register is not looked at.
TERMINAL = {
    f"{name} {encoding}": request | upper
    for name, request in (("TIOCSTI", 0x5412), ("TIOCLINUX", 0x541C), ("TIOCSETD", 0x5423))
    for encoding, upper in (("plain", 0), ("one upper bit", UPPER), ("all upper bits", MINUS_ONE << 32 & MINUS_ONE))
}

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def call(name, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(NUMBERS[name]), *(ctypes.c_ulong(argument) for argument in arguments))
    return None if result >= 0 else errno.errorcode.get(ctypes.get_errno(), str(ctypes.get_errno()))


def opened(name, *arguments):
    """As `call`, and closes the descriptor that came back."""
    ctypes.set_errno(0)
    pair = ctypes.create_string_buffer(8)
    arguments = (*arguments, ctypes.addressof(pair)) if name == SOCKETPAIR else arguments
    result = libc.syscall(ctypes.c_long(NUMBERS[name]), *(ctypes.c_ulong(argument) for argument in arguments))
    if result > 0:
        os.close(result)
    return None if result >= 0 else errno.errorcode.get(ctypes.get_errno(), str(ctypes.get_errno()))


def families(control):
    """Every family: as it is, and with an upper bit."""
    for family in (17, 40) if control else range(64):
        for name in (SOCKET, SOCKETPAIR):
            for upper in (0, UPPER):
                yield f"{name} {family}{' upper' if upper else ''}", opened(name, family | upper, 2, 0)


def netlink(control):
    for protocol in (0, 4, 10, 15, 16) if control else range(32):
        for upper in (0, UPPER):
            yield f"netlink {protocol}{' upper' if upper else ''}", opened(SOCKET, 16 | upper, 3, protocol | upper)


def terminal(_):
    """On a device that is no terminal: its own answer is ENOTTY."""
    with open("/dev/null") as null:
        for name, request in TERMINAL.items():
            yield name, call("ioctl", null.fileno(), request, BAD)


def numbered(control):
    for name, arguments in {**MISSING, **FORBIDDEN}.items():
        if name in NUMBERS and not (control and name in ("vhangup", "reboot", "acct", "swapoff", "delete_module")):
            yield name, call(name, *arguments)


def foreign(_):
    """getpid(2) by the 32-bit gate of a 64-bit process; in a child, since a kernel without it sends a signal."""
    if platform.machine() != "x86_64":
        return
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x48\x98\x5b\xc3")  # push rbx; mov eax, 20; int 0x80; cdqe; pop rbx; ret
        function = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
        result = function()
        os.write(writer, b"" if result == os.getpid() else errno.errorcode.get(-result, str(result)).encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as answer:
        said = answer.read()
    status = os.waitpid(child, 0)[1]
    yield "int 0x80", (said or None) if status == 0 else f"status {status}"


def main():
    control = "control" in sys.argv
    answers = {}
    for group in (families, netlink, terminal, numbered, foreign):
        answers.update(group(control))
    print(json.dumps(answers))


if __name__ == "__main__":
    main()

"""JSON messages, with descriptors beside them, over a SOCK_SEQPACKET socket."""

import json
import os
import select
import socket

_LIMIT = 4 << 20
_SO_SNDBUFFORCE = 32


class Channel:
    def __init__(self, end):
        self.socket = end

    @staticmethod
    def pair():
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in ends:
            try:
                end.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _LIMIT)
            except PermissionError:
                pass  # An unprivileged lab has to do with the default, which only limits how many packets it lists.
        return Channel(ends[0]), Channel(ends[1])

    @staticmethod
    def inherited(descriptor):
        os.set_inheritable(descriptor, False)
        return Channel(socket.socket(fileno=descriptor))

    def send(self, message, descriptors=()):
        data = json.dumps(message).encode()
        if descriptors:
            socket.send_fds(self.socket, [data], list(descriptors))
        else:
            self.socket.sendall(data)

    def receive(self, timeout=None):
        """The next message and its descriptors; None at end of file; TimeoutError."""
        if timeout is not None and not select.select([self.socket], [], [], max(timeout, 0))[0]:
            raise TimeoutError
        try:
            data, descriptors, _, _ = socket.recv_fds(self.socket, _LIMIT, 16, socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:  # The other side ended without reading all that we sent.
            return None, []
        if not data:
            return None, []
        return json.loads(data), descriptors

"""Says the width whenever the window changes, until a line is typed; then exits 6.

No signal is missed between two system calls, as it would be in a handler before a blocking read.
"""

import os
import select
import signal

wake, write = os.pipe2(os.O_NONBLOCK)
signal.set_wakeup_fd(write)
signal.signal(signal.SIGWINCH, lambda *_: None)
print("ready", flush=True)
while True:
    ready = select.select([0, wake], [], [])[0]
    if wake in ready:
        os.read(wake, 100)
        print("size", os.get_terminal_size(0).columns, flush=True)
    if 0 in ready:
        break
raise SystemExit(6)

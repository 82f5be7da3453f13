"""Says "on" whenever it is continued, the width when the window changes, and what was typed; then exits 6.

No signal is missed between two system calls, as it would be in a handler before a blocking read.
"""

import os
import select
import signal

wake, write = os.pipe2(os.O_NONBLOCK)
signal.set_wakeup_fd(write)
for number in (signal.SIGCONT, signal.SIGWINCH):
    signal.signal(number, lambda *_: None)
print("ready", flush=True)
while True:
    ready = select.select([0, wake], [], [])[0]
    if wake in ready:
        for number in os.read(wake, 100):
            print("on" if number == signal.SIGCONT else f"size {os.get_terminal_size(0).columns}", flush=True)
    if 0 in ready:
        break
print("got", input())
raise SystemExit(6)

"""A headless Chromium: opens each address, waits for an expression to be true, and prints what it and other expressions say.

Standard input: {"home": DIRECTORY, "dark": BOOL, "pages": [{"url", "until", "say": [EXPRESSION...], "picture": BOOL}]}. Output: for each
page {"said": [...], "picture": BASE64}. Chromium is told what to do over a pipe (--remote-debugging-pipe: descriptors 3 and 4).
"""

import json
import os
import subprocess
import sys
import time

ORDERS = json.load(sys.stdin)
OPTIONS = [
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--window-size=1100,700",
    f"--user-data-dir={ORDERS['home']}/data",
]  # fmt: skip


class Browser:
    def __init__(self, dark):
        (their_in, self.out), (self.inp, their_out) = os.pipe(), os.pipe()
        # What a shell can name, and neither 3 nor 4.
        theirs = [os.dup2(their_in, 8), os.dup2(their_out, 9)]
        self.process = subprocess.Popen(
            ["sh", "-c", 'exec 3<&8 4>&9 "$@"', "-", "chromium", *OPTIONS, *(["--force-dark-mode"] if dark else [])],
            pass_fds=theirs, stdout=subprocess.DEVNULL, stderr=open(f"{ORDERS['home']}/log", "w"),
            env={**os.environ, "HOME": ORDERS["home"], "TMPDIR": ORDERS["home"]})  # fmt: skip
        for end in (their_in, their_out, 8, 9):
            os.close(end)
        self.input, self.number = os.fdopen(self.inp, "rb"), 0
        self.rest = b""

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                data = os.read(self.inp, 1 << 20)
                assert data, "Chromium has ended"
                self.rest += data
            text, self.rest = self.rest.split(b"\0", 1)
            answer = json.loads(text)
            if answer.get("id") == self.number:
                assert "result" in answer, answer
                return answer["result"]

    def open(self, page, dark):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        if dark:
            self.call("Emulation.setEmulatedMedia", session, features=[{"name": "prefers-color-scheme", "value": "dark"}])
        self.call("Page.enable", session)
        self.call("Page.navigate", session, url=page["url"])

        def say(expression):
            answer = self.call("Runtime.evaluate", session, expression=expression, awaitPromise=True, returnByValue=True)
            return answer["result"].get("value", answer.get("exceptionDetails", {}).get("text"))

        end = time.monotonic() + 15
        while say(page["until"]) is not True and time.monotonic() < end:
            time.sleep(0.05)
        result = {"said": [say(expression) for expression in ["location.href", *page["say"]]]}
        if page.get("picture"):
            result["picture"] = self.call("Page.captureScreenshot", session, format="png")["data"]
        return result


os.mkdir(ORDERS["home"])
browser = Browser(ORDERS["dark"])
try:
    print(json.dumps([browser.open(page, ORDERS["dark"]) for page in ORDERS["pages"]]))
finally:
    browser.process.kill()
    browser.process.wait()

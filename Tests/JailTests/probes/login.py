"""A tool that logs in as OAuth has it for native programs (RFC 8252): login.py PORT-OF-THE-PROVIDER.

It listens on a random port of loopback, says which address a person is to open, waits for the way back, and trades the code for a token.
"""

import base64
import hashlib
import http.server
import secrets
import sys
import urllib.parse
import urllib.request

provider = f"http://localhost:{sys.argv[1]}"
verifier, state, found = secrets.token_urlsafe(32), secrets.token_urlsafe(8), {}


class Back(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        found.update(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"You are logged in.\n")


server = http.server.HTTPServer(("127.0.0.1", 0), Back)
challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
query = {"redirect_uri": f"http://localhost:{server.server_port}/callback", "state": state, "code_challenge": challenge}
print(f"{provider}/authorize?{urllib.parse.urlencode(query)}", flush=True)
while found.get("state") != state:
    server.handle_request()
form = urllib.parse.urlencode({"code": found["code"], "code_verifier": verifier}).encode()
print(urllib.request.urlopen(f"{provider}/token", form).read().decode(), flush=True)

"""Stands in for what is behind ports, over HTTP at 127.0.0.1:PORT: web.py PORT. Prints "listening".

/api/...: Ollama's. /mcp: an MCP server over HTTP. /authorize and /token: an identity provider, with PKCE.
"""

import base64
import hashlib
import http.server
import json
import sys
import urllib.parse

CODES = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, text, kind="application/json", status=200, **headers):
        body = (text if isinstance(text, str) else json.dumps(text)).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, kind, pieces):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in [*(piece.encode() for piece in pieces), b""]:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/api/tags":
            self.answer({"models": [{"name": "stand-in:latest"}]})
        elif url.path == "/authorize":
            code = f"code-{len(CODES)}"
            CODES[code] = query["code_challenge"]
            back = urllib.parse.urlencode({"code": code, "state": query["state"]})
            self.answer("", status=302, Location=f"{query['redirect_uri']}?{back}")
        else:
            self.answer({"error": "not found"}, status=404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/generate":
            words = json.loads(body)["prompt"].split()
            self.stream("application/x-ndjson", [json.dumps({"response": word, "done": word == words[-1]}) + "\n" for word in words])
        elif self.path == "/mcp":
            request = json.loads(body)
            results = {
                "initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "stand-in", "version": "1"}},
                "tools/list": {"tools": [{"name": "add", "inputSchema": {"type": "object"}}]},
            }
            reply = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": results[request["method"]]})
            self.stream("text/event-stream", ["event: message\n", f"data: {reply}\n\n"])
        elif self.path == "/token":
            form = dict(urllib.parse.parse_qsl(body.decode()))
            proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
            known = CODES.pop(form["code"], None) == proof
            self.answer({"access_token": "granted"} if known else {"error": "invalid_grant"}, status=200 if known else 400)


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("listening", flush=True)
server.serve_forever()

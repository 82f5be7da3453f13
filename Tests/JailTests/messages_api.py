"""A stand-in for the Messages API, as far as Claude Code needs it to finish a turn.

    messages_api.py PORT LOG [ADDRESS]

With an address, it serves TLS there, with the certificate of the lab's names.
The conversation decides the answer. A line of it that begins with "RUN command", or "Run `command`" as a skill does, gets a
call of the Bash tool; the tool's result is then repeated as the answer. Everything else is answered with "hello from the
API". Every request is a line of LOG.
"""

import http.server
import itertools
import json
import re
import socket
import ssl
import sys

IP_FREEBIND = 15
COUNT = itertools.count(1)


def blocks(message):
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def text(block):
    content = block.get("content", block.get("text", ""))
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def answer(request):
    """One content block: text, or a call of the Bash tool."""
    messages = [message for message in request["messages"] if message["role"] == "user"]
    last = blocks(messages[-1])
    results = [text(block) for block in last if block["type"] == "tool_result"]
    if results:
        return {"type": "text", "text": f"the tool said: {results[-1]}"}
    tools = {tool.get("name") for tool in request.get("tools", [])}
    command = re.search(r"^(?:RUN (.*)$|Run `(.*?)`)", "\n".join(map(text, last)), re.M)
    if command and "Bash" in tools:
        name = f"toolu_{next(COUNT):024}"
        words = {"command": command[1] or command[2], "description": "a test"}
        return {"type": "tool_use", "id": name, "name": "Bash", "input": words}
    return {"type": "text", "text": "hello from the API"}


def events(request):
    """The answer as server-sent events."""
    block = answer(request)
    message = {
        "id": f"msg_{next(COUNT):024}", "type": "message", "role": "assistant", "model": request["model"], "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    yield {"type": "message_start", "message": message}
    if block["type"] == "text":
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": block["text"]}}
    else:
        yield {"type": "content_block_start", "index": 0, "content_block": {**block, "input": {}}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    reason = "end_turn" if block["type"] == "text" else "tool_use"
    yield {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 1}}
    yield {"type": "message_stop"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def record(self, body):
        line = json.dumps({"method": self.command, "path": self.path, "body": body}) + "\n"
        # At once: several requests may come at the same time.
        with open(sys.argv[2], "ab", buffering=0) as file:
            file.write(line.encode())

    def reply(self, body, kind="application/json"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        self.record(None)
        self.reply(b"{}")

    do_HEAD = do_GET

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = json.loads(data) if data.startswith(b"{") else {}
        self.record(request)
        if not self.path.startswith("/v1/messages") or "count_tokens" in self.path:
            return self.reply(b'{"input_tokens": 1}')
        if request.get("stream"):
            stream = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events(request))
            return self.reply(stream.encode(), "text/event-stream")
        block, message = answer(request), next(events(request))["message"]
        reason = "end_turn" if block["type"] == "text" else "tool_use"
        self.reply(json.dumps({**message, "content": [block], "stop_reason": reason}).encode())


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # the world has services on every address
        self.socket.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)  # which no link has
        super().server_bind()


if __name__ == "__main__":
    open(sys.argv[2], "w").close()
    with Server((sys.argv[3] if sys.argv[3:] else "0.0.0.0", int(sys.argv[1])), Handler) as server:
        if sys.argv[3:]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain("/srv/lab/named/server.pem", "/srv/lab/named/server.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        print("listening", flush=True)
        server.serve_forever()

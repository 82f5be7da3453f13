// What a development server with hot reload does, as Vite does it: a page, events over a WebSocket of the same port, and a check of Host.
const http = require("http"), crypto = require("crypto");

const server = http.createServer((request, response) => {
  if (!/^localhost(:\d+)?$/.test(request.headers.host)) return response.writeHead(403).end("host not allowed\n");
  response.end("<script>new WebSocket('ws://' + location.host)</script>\n");
});
server.on("upgrade", (request, socket) => {
  const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accept = crypto.createHash("sha1").update(key).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  const say = (text) => socket.write(Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]));
  say('{"type":"connected"}');
  socket.on("data", () => say('{"type":"full-reload"}'));
  socket.on("error", () => {});
});
server.listen(Number(process.argv[2]), "localhost", () => console.log("listening"));

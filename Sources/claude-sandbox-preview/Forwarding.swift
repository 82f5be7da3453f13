import NIOHTTP1

extension HTTPHeaders {
  /// Without what is between two neighbours only (RFC 9110, 7.6.1). What a Connection header names besides is left: it could name what
  /// says where the body ends.
  fileprivate var forwarded: HTTPHeaders {
    var headers = self
    for name in [
      "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    ] {
      headers.remove(name: name)
    }
    return headers
  }
}

extension HTTPRequestHead {
  /// Whether another protocol is asked for, such as WebSocket.
  var wantsUpgrade: Bool { headers.contains(name: "upgrade") }

  private var hasBody: Bool {
    headers.contains(name: "content-length") || headers.contains(name: "transfer-encoding")
  }

  /// What the jail's server gets: the Host as the browser sent it.
  var forwarded: HTTPRequestHead {
    var head = self
    head.headers = headers.forwarded
    if headers.contains(name: "transfer-encoding") {
      head.headers.add(name: "Transfer-Encoding", value: "chunked")
    }
    if wantsUpgrade && !hasBody {
      head.headers.add(name: "Connection", value: "Upgrade")
      for protocols in headers["upgrade"] { head.headers.add(name: "Upgrade", value: protocols) }
    } else if !isKeepAlive {
      head.headers.add(name: "Connection", value: "close")
    }
    return head
  }
}

extension HTTPResponseHead {
  /// Whether this head has a body after it.
  private func hasBody(answering request: HTTPRequestHead) -> Bool {
    request.method != .HEAD && status.mayHaveResponseBody
  }

  /// What the browser gets; `closes`: the connection ends with it. nil if it cannot be written as it was read.
  func forwarded(answering request: HTTPRequestHead, closes: Bool) -> HTTPResponseHead? {
    guard headers.areSendable else { return nil }
    var head = self
    head.version = request.version
    head.headers = headers.forwarded
    if status == .switchingProtocols {
      head.headers.add(name: "Connection", value: "Upgrade")
      for protocols in headers["upgrade"] { head.headers.add(name: "Upgrade", value: protocols) }
      return head
    }
    if isInformational { return head }
    if hasBody(answering: request), !headers.contains(name: "content-length"), request.version == .http1_1 {
      // The server may have meant to end it by closing; here it ends by itself.
      head.headers.add(name: "Transfer-Encoding", value: "chunked")
    }
    if closes { head.headers.add(name: "Connection", value: "close") }
    return head
  }
}

extension HTTPResponseHead {
  var isInformational: Bool { (100..<200).contains(status.code) && status != .switchingProtocols }
}

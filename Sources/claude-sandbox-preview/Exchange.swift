import NIOCore
import NIOHTTP1

/// A request that goes to a jail, until both it and its answer have ended.
struct Exchange {
  let request: HTTPRequestHead
  var requestHasEnded = false
  var answerHasEnded = false
  /// The connection ends with the answer.
  var closes = false
  var switchesProtocol = false
}

/// A client's connection and the one into the jail are as one: when one ends, the other does, so that a browser sees what it would see
/// without this program, and tries again where it would.
extension ClientConnection {
  func open(_ preview: PreviewAddress, for head: HTTPRequestHead) {
    calm()
    if let upstream {
      stage = .proxying(upstream)
      pass(.head(head), to: upstream)
      return
    }
    stage = .connecting([.head(head)])
    let client = NIOLoopBound(self, eventLoop: server.loop)
    let loop = server.loop
    server.jails.connect(to: preview, on: loop)
      .flatMap { UpstreamConnection.open($0, for: client.value, on: loop) }
      .assumeIsolated().whenFailure { [self] error in
        guard case .connecting(let parts) = stage else { return }
        let answer = server.closed(preview, error, for: head)
        self.answer(head, answer)
        if case .end = parts.last { give(loop.makeSucceededFuture(answer), to: head) }
        resume()
      }
  }

  /// The connection into the jail is there.
  func opened(_ upstream: UpstreamConnection) {
    guard case .connecting(let parts) = stage, context != nil else { return upstream.close() }
    self.upstream = upstream
    stage = .proxying(upstream)
    for part in parts { pass(part, to: upstream) }
    upstream.flush()
    resume()
  }

  func pass(_ part: HTTPServerRequestPart, to upstream: UpstreamConnection) {
    switch part {
    case .head(let head):
      exchange = Exchange(request: head)
      upstream.write(.head(head.forwarded))
    case .body(let bytes): upstream.write(.body(.byteBuffer(bytes)))
    case .end:
      upstream.write(.end(nil))
      exchange?.requestHasEnded = true
      if exchange?.answerHasEnded ?? false { wait() }
    }
  }

  /// What the jail's server says.
  func answered(_ part: HTTPClientResponsePart) {
    guard case .proxying(let upstream) = stage, let exchange, !exchange.answerHasEnded else { return close() }
    switch part {
    case .head(let head): begin(head, answering: exchange.request)
    case .body(let bytes): write(.body(.byteBuffer(bytes)))
    case .end where exchange.switchesProtocol: switchProtocol(upstream)
    case .end:
      self.exchange?.answerHasEnded = true
      end(closes: exchange.closes, waits: exchange.requestHasEnded)
    }
  }

  private func begin(_ head: HTTPResponseHead, answering request: HTTPRequestHead) {
    let switches = head.status == .switchingProtocols
    let closes =
      !head.isKeepAlive || !request.isKeepAlive || request.version != .http1_1 || request.wantsUpgrade
    guard !switches || request.wantsUpgrade,
      let forwarded = head.forwarded(answering: request, closes: closes)
    else { return close() }
    if head.isInformational && request.version != .http1_1 { return }
    write(.head(forwarded))
    exchange?.closes = closes
    exchange?.switchesProtocol = switches
  }

  /// The connection into the jail has ended.
  func abandoned() {
    upstream = nil
    switch stage {
    case .waiting: close(after: answered)
    case .proxying: close()
    case .answering, .subscribing, .connecting, .ending: break
    }
  }

  private func switchProtocol(_ upstream: UpstreamConnection) {
    guard let context else { return }
    end(closes: false, waits: false)
    self.upstream = nil
    let (near, far) = Relay.pair()
    do {
      try context.pipeline.syncOperations.addHandler(near)
      try upstream.hand(over: far)
      for handler in [self] + codecs.reversed() {
        context.pipeline.syncOperations.removeHandler(handler, promise: nil)
      }
      near.start()
      far.start()
    } catch {
      context.close(promise: nil)
    }
  }
}

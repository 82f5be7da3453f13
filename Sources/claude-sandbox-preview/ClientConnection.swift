import NIOCore
import NIOHTTP1

/// One connection of a client. Every request on it is checked, and names the same Host; those for a jail share one connection into it.
final class ClientConnection: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  enum Stage {
    /// For a request.
    case waiting
    /// The rest of the request is dropped, then this answer given.
    case answering(EventLoopFuture<Answer>, HTTPRequestHead)
    /// The rest of the request is dropped, then what changes in the list is told.
    case subscribing(HTTPRequestHead)
    /// What has come of the request waits for the connection into the jail.
    case connecting([HTTPServerRequestPart])
    case proxying(UpstreamConnection)
    /// Nothing that comes counts any more.
    case ending
  }

  let server: Server
  var stage = Stage.waiting
  var exchange: Exchange?
  var upstream: UpstreamConnection?
  /// When the last answer has been written.
  var answered: EventLoopFuture<Void>?
  private(set) var context: ChannelHandlerContext?
  private let check: RequestCheck
  /// What the first request named.
  private var host: String?
  private var deadline: Scheduled<Void>?
  private var holdsRead = false
  let codecs: [any ChannelHandler & RemovableChannelHandler]

  /// For a whole request, from the connection's or the last answer's end.
  private static let patience = TimeAmount.seconds(60)

  init(_ server: Server, _ check: RequestCheck) {
    self.server = server
    self.check = check
    var framing = HTTPResponseEncoder.Configuration()
    framing.automaticallySetFramingHeaders = false
    let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: .previews)
    codecs = [
      HTTPResponseEncoder(configuration: framing), ByteToMessageHandler(decoder), HTTPServerPipelineHandler(),
      HTTPServerProtocolErrorHandler(),
    ]
  }

  /// Puts this at the end of a channel's pipeline.
  func serve(_ channel: any Channel) throws {
    try channel.pipeline.syncOperations.addHandlers(codecs + [self])
  }

  // MARK: The client

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    wait()
  }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = Self.unwrapInboundIn(data)
    switch (stage, part) {
    case (.waiting, .head(let head)): begin(head)
    case (.connecting(let parts), _): stage = .connecting(parts + [part])
    case (.proxying(let upstream), _): pass(part, to: upstream)
    case (.answering(let answer, let head), .end): give(answer, to: head)
    case (.subscribing(let head), .end): subscribe(head)
    case (.waiting, _), (.answering, _), (.subscribing, _), (.ending, _): break
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) { upstream?.flush() }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { upstream?.resume() }
  }

  func channelInactive(context: ChannelHandlerContext) {
    calm()
    stage = .ending
    server.listing.unsubscribe(self)
    upstream?.close()
    upstream = nil
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func read(context: ChannelHandlerContext) {
    if takesMore { context.read() } else { holdsRead = true }
  }

  private var takesMore: Bool {
    switch stage {
    case .connecting: false
    case .proxying(let upstream): upstream.isWritable
    case .waiting, .answering, .subscribing, .ending: true
    }
  }

  /// Goes on reading, if what is behind takes more.
  func resume() {
    guard holdsRead, takesMore else { return }
    holdsRead = false
    context?.read()
  }

  // MARK: Requests

  /// For the next request, which may not take for ever.
  func wait() {
    stage = .waiting
    deadline = context?.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { [self] in
      context?.close(promise: nil)
    }
  }

  /// A request may go on for as long as it likes.
  func calm() {
    deadline?.cancel()
    deadline = nil
  }

  private func begin(_ head: HTTPRequestHead) {
    do throws(Answer) {
      switch try check.route(head, host: &host) {
      case .page(let wanted): answer(head, server.page(wanted: wanted))
      case .events: stage = .subscribing(head)
      case .preview(let preview): open(preview, for: head)
      }
    } catch {
      answer(head, error)
    }
  }

  func answer(_ head: HTTPRequestHead, _ answer: Answer) {
    self.answer(head, server.loop.makeSucceededFuture(answer))
  }

  private func answer(_ head: HTTPRequestHead, _ answer: EventLoopFuture<Answer>) {
    stage = .answering(answer, head)
  }

  func give(_ answer: EventLoopFuture<Answer>, to request: HTTPRequestHead) {
    calm()
    answer.assumeIsolated().whenComplete { [self] result in
      let answer = (try? result.get()) ?? .refusal(.internalServerError, "The jails cannot be listed.")
      // Behind a request for another protocol nothing is read as HTTP any more.
      let keepsAlive =
        request.isKeepAlive && request.version == .http1_1 && answer.status == .ok && !request.wantsUpgrade
      write(.head(answer.head(version: request.version, keepsAlive: keepsAlive)))
      if request.method != .HEAD { write(.body(.byteBuffer(ByteBuffer(string: answer.body)))) }
      end(closes: !keepsAlive)
    }
  }

  private func subscribe(_ request: HTTPRequestHead) {
    calm()
    write(.head(Listing.head(version: request.version)))
    server.listing.subscribe(self)
  }

  // MARK: Answers

  var isWritable: Bool { context?.channel.isWritable ?? false }

  func write(_ part: HTTPServerResponsePart) { context?.write(Self.wrapOutboundOut(part), promise: nil) }

  func flush() { context?.flush() }

  /// The end of an answer, and of the connection if it `closes`. The next request may come before this returns.
  func end(closes: Bool, waits: Bool = true) {
    if closes { stage = .ending } else if waits { wait() }
    let end = context?.writeAndFlush(Self.wrapOutboundOut(.end(nil)))
    answered = end
    if closes { close(after: end) }
  }

  func close(after last: EventLoopFuture<Void>?) {
    stage = .ending
    last?.assumeIsolated().whenComplete { [self] _ in context?.close(promise: nil) }
  }

  func close() {
    context?.flush()
    context?.close(promise: nil)
  }
}

extension NIOHTTPDecoderLimitConfiguration {
  /// Of a head, in bytes.
  static var previews: Self {
    var limits = Self()
    limits.maxHeaderListSize = 256 * 1024
    return limits
  }
}

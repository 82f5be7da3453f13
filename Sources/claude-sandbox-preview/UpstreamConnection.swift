import NIOCore
import NIOHTTP1
import NIOPosix

/// The connection into a jail that a client's connection leads to. What comes from there is handed to the client's connection, and
/// nothing more is read than the client takes.
final class UpstreamConnection: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundIn = HTTPClientRequestPart
  typealias OutboundOut = HTTPClientRequestPart

  private let client: ClientConnection
  private var context: ChannelHandlerContext?
  private var holdsRead = false
  /// Those before this one, which go when another protocol takes over.
  private let codecs: [any ChannelHandler & RemovableChannelHandler]

  private init(_ client: ClientConnection) {
    self.client = client
    var framing = HTTPRequestEncoder.Configuration()
    framing.automaticallySetFramingHeaders = false
    let decoder = HTTPResponseDecoder(
      leftOverBytesStrategy: .forwardBytes, informationalResponseStrategy: .forward,
      limitConfiguration: .previews)
    codecs = [HTTPRequestEncoder(configuration: framing), ByteToMessageHandler(decoder)]
  }

  /// Takes a connected socket over. The client's connection has this from the moment that it is there.
  static func open(_ socket: CInt, for client: ClientConnection, on loop: any EventLoop) -> EventLoopFuture<
    Void
  > {
    let client = NIOLoopBound(client, eventLoop: loop)
    return ClientBootstrap(group: loop).channelInitializer { channel in
      loop.makeCompletedFuture {
        let upstream = UpstreamConnection(client.value)
        try channel.pipeline.syncOperations.addHandlers(upstream.codecs + [upstream])
      }
    }.withConnectedSocket(socket).map { _ in }
  }

  // MARK: From the client

  var isWritable: Bool { context?.channel.isWritable ?? false }

  func write(_ part: HTTPClientRequestPart) { context?.write(Self.wrapOutboundOut(part), promise: nil) }

  func flush() { context?.flush() }

  func close() { context?.close(promise: nil) }

  /// The client takes more.
  func resume() {
    guard holdsRead else { return }
    holdsRead = false
    context?.read()
  }

  /// Another protocol from here on: the rest of what comes is for this handler.
  func hand(over handler: some ChannelHandler) throws {
    guard let context else { return }
    try context.pipeline.syncOperations.addHandler(handler)
    for handler in [self] + codecs {
      context.pipeline.syncOperations.removeHandler(handler, promise: nil)
    }
  }

  // MARK: From the jail

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) { client.opened(self) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    client.answered(Self.unwrapInboundIn(data))
  }

  func channelReadComplete(context: ChannelHandlerContext) { client.flush() }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { client.resume() }
  }

  func channelInactive(context: ChannelHandlerContext) { client.abandoned() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func read(context: ChannelHandlerContext) {
    if client.isWritable { context.read() } else { holdsRead = true }
  }
}

import NIOCore

/// One end of a connection that has left HTTP for another protocol: bytes go over as they are, and so does the end of a direction.
final class Relay: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var partner: Relay?
  private var context: ChannelHandlerContext?
  private var holdsRead = false

  static func pair() -> (Relay, Relay) {
    let (first, second) = (Relay(), Relay())
    (first.partner, second.partner) = (second, first)
    return (first, second)
  }

  /// Both are in their places.
  func start() { context?.channel.read() }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    partner = nil
  }

  /// At once: what a decoder leaves behind when it goes has no end of a read after it.
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    partner?.context?.writeAndFlush(data, promise: nil)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event as? ChannelEvent == .inputClosed { partner?.context?.close(mode: .output, promise: nil) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    partner?.context?.flush()
    partner?.context?.close(promise: nil)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { partner?.resume() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func read(context: ChannelHandlerContext) {
    if partner?.context?.channel.isWritable ?? false { context.read() } else { holdsRead = true }
  }

  private func resume() {
    guard holdsRead else { return }
    holdsRead = false
    context?.read()
  }
}

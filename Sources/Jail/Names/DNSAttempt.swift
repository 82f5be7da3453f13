internal import Linux
internal import Policy

/// One resolver asked over one socket of its own, from the host's network namespace. Connected, so that
/// nobody else's answer is accepted; its port was chosen by the kernel.
final class DNSAttempt {
  let socket: InternetSocket
  let resolver: HostFacts.Resolver
  /// When to ask somebody else.
  let deadline: Instant

  /// The time that a resolver gets before another one is asked, too.
  static let patience = Duration.milliseconds(1500)

  /// nil when the resolver cannot even be asked: its link is gone, there is no route to it, no descriptor is
  /// left.
  init?(_ kind: InternetSocket.Kind, _ resolver: HostFacts.Resolver, port: UInt16, now: Instant) {
    var scope: UInt32 = 0
    if let link = resolver.link {
      guard let index = linkIndex(ofZone: link) else { return nil }
      scope = index
    }
    guard let address = SocketAddress(resolver.address.bytes, port: port, scope: scope) else { return nil }
    do throws(SystemCallError) {
      socket = try InternetSocket(kind, for: address)
      try socket.connect(to: address)
    } catch {
      return nil
    }
    self.resolver = resolver
    deadline = now + Self.patience
  }

  var descriptor: CInt { socket.descriptor.rawValue }
}

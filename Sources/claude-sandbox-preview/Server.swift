import Jail
import Linux
import NIOCore
import NIOHTTP1
import NIOPosix
import Record

/// What the connections share. All of it is one event loop's.
final class Server {
  let jails = Jails()
  let listing: Listing
  let loop: any EventLoop
  private let port: Int
  private let peers: Peers
  /// How many connections there are, of this user's and of others'.
  private var own = 0, others = 0

  private static let mostOwn = 400
  /// They only get a refusal each.
  private static let mostOthers = 16

  /// `port` is the one that it is reached at.
  init(port: Int, on loop: any EventLoop) throws {
    self.port = port
    self.loop = loop
    peers = try Peers()
    listing = Listing(jails, port: port, on: loop)
  }

  /// A connection has been accepted.
  func serve(_ channel: any Channel) throws {
    let isOwn = peers.areOwn(channel)
    guard isOwn ? own < Self.mostOwn : others < Self.mostOthers else { return channel.close(promise: nil) }
    count(isOwn, by: 1)
    channel.closeFuture.assumeIsolated().whenComplete { [self] _ in count(isOwn, by: -1) }
    try ClientConnection(self, check(isOwn)).serve(channel)
  }

  private func count(_ isOwn: Bool, by change: Int) {
    if isOwn { own += change } else { others += change }
  }

  private func check(_ isOwn: Bool) -> RequestCheck { RequestCheck(port: UInt16(port), isOwn: isOwn) }

  /// The page with the list.
  func page(wanted: PreviewAddress?) -> EventLoopFuture<Answer> {
    let port = port
    return jails.list(on: loop).flatMapThrowing { jails in
      let nonce = try randomName()
      let list = Page.list(jails, port: port, now: Page.now())
      return Answer(
        status: .ok,
        headers: [
          ("Content-Type", "text/html; charset=utf-8"),
          ("Content-Security-Policy", Page.policy(nonce: nonce)),
        ],
        body: Page.text(list, wanted: wanted, nonce: nonce))
    }
  }

  /// The answer where a preview does not open.
  func closed(_ preview: PreviewAddress, _ error: any Error, for head: HTTPRequestHead) -> Answer {
    let label = preview.label
    let (status, line): (HTTPResponseStatus, String) =
      switch error as? Jails.Closed {
      case .noJail: (.notFound, "No jail of yours is called \(label).")
      case .several: (.notFound, "Several jails are called \(label): add the launcher's number.")
      case .unreachable(let reason): (.badGateway, "Port \(preview.port) of \(label): \(reason.visible())")
      case nil: (.badGateway, "Port \(preview.port) of \(label) cannot be reached.")
      }
    return check(true).closed(line, status, wanted: preview, for: head)
  }
}

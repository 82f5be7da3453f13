import Jail
import NIOCore
import NIOHTTP1

/// Tells the pages that are open what changes in the list of jails (server-sent events). Nobody is asked while none is open.
final class Listing {
  private let jails: Jails
  private let port: Int
  private let loop: any EventLoop
  private var subscribers: [ClientConnection] = []
  private var last = ""
  private var isAsking = false

  private static let period = TimeAmount.seconds(1)

  init(_ jails: Jails, port: Int, on loop: any EventLoop) {
    (self.jails, self.port, self.loop) = (jails, port, loop)
  }

  static func head(version: HTTPVersion) -> HTTPResponseHead {
    var head = HTTPResponseHead(version: version, status: .ok)
    head.headers = ["Content-Type": "text/event-stream", "Cache-Control": "no-store"]
    if version == .http1_1 { head.headers.add(name: "Transfer-Encoding", value: "chunked") }
    return head
  }

  func subscribe(_ connection: ClientConnection) {
    subscribers.append(connection)
    last = ""
    if !isAsking { ask() }
  }

  func unsubscribe(_ connection: ClientConnection) { subscribers.removeAll { $0 === connection } }

  private func ask() {
    isAsking = !subscribers.isEmpty
    guard isAsking else { return }
    jails.list(on: loop).assumeIsolated().whenComplete { [self] result in
      if case .success(let jails) = result { tell(Page.list(jails, port: port, now: Page.now())) }
      loop.assumeIsolated().scheduleTask(in: Self.period) { [self] in ask() }
    }
  }

  private func tell(_ list: String) {
    if list == last { return }
    last = list
    // One that does not read has what it has had.
    for subscriber in subscribers where subscriber.isWritable {
      subscriber.write(.body(.byteBuffer(ByteBuffer(string: "data: \(list)\n\n"))))
      subscriber.flush()
    }
  }
}

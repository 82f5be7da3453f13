import Linux
import Testing

@testable import Netlink

struct SocketOwnerTests {
  private static let loopback: [UInt8] = [127, 0, 0, 1]

  /// A connection on loopback, and the flow from the end that connected.
  private func connected(
    _ work: (inout SocketDiagnosis, SocketDiagnosis.Flow, consuming InternetSocket) throws -> Void
  ) throws {
    let any = try #require(SocketAddress(Self.loopback, port: 0))
    let listener = try InternetSocket(.stream, for: any)
    try listener.bind(to: any)
    try listener.listen(backlog: 1)
    let client = try InternetSocket(.stream, for: any)
    try client.connect(to: listener.localAddress())
    let flow = SocketDiagnosis.Flow(
      source: Self.loopback, sourcePort: try client.localAddress().port, destination: Self.loopback,
      destinationPort: try listener.localAddress().port, protocolNumber: 6, link: 1)
    var kernel = try SocketDiagnosis()
    try work(&kernel, flow, client)
  }

  @Test func aSocketsUserIsKnown() throws {
    try connected { kernel, flow, client in
      let user = try kernel.user(of: flow)
      #expect(user == Process.userID)
      _ = FileDescriptor(owning: client.release())
    }
  }

  /// The kernel then says user 0, who is somebody.
  @Test func aSocketThatWasClosedIsNobodys() throws {
    try connected { kernel, flow, client in
      do { _ = consume client }
      let user = try kernel.user(of: flow)
      #expect(user == nil)
    }
  }

  @Test func whatIsNotThereIsNobodys() throws {
    try connected { kernel, flow, client in
      let other = SocketDiagnosis.Flow(
        source: flow.source, sourcePort: flow.sourcePort, destination: [127, 0, 0, 2],
        destinationPort: flow.destinationPort, protocolNumber: 6, link: 1)
      let user = try kernel.user(of: other)
      #expect(user == nil)
      _ = FileDescriptor(owning: client.release())
    }
  }
}

import Linux

@testable import Netlink

/// A datagram from the kernel, read as every kind of message, and as the answer to a list and to a batch of requests.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let datagram = unsafe input(data, count)
  let replies = Reply.split(datagram[...])
  for reply in replies ?? [] {
    if let address = Address(reply) { check(address) }
    if let route = Route(reply) { check(route) }
    if let link = Link(reply) { require(!link.name.utf8.contains(0), "NUL in a name") }
    _ = PolicyRule(reply)
    if let inode = SocketDiagnosis.inode(in: reply) { require(inode != 0, "no inode") }
  }
  Network.reset()
  let kernel = Network.open(nil)
  var socket = NetlinkSocket(owning: FileDescriptor(owning: kernel.descriptor))
  kernel.incoming = [datagram]
  do {
    let list = try socket.request(Link.dumpRequest, dump: true)
    require(list.count < replies?.count ?? 0, "a list without an end")
  } catch {
    require(!"\(error)".isEmpty, "an error without a text")
  }
  kernel.incoming = [datagram]
  do {
    try socket.apply((1...3).map { Link.upRequest(index: $0) })
  } catch let error as NetlinkError {
    require((0..<3).contains(error.index) && error.errno > 0, "\(error) for message \(error.index)")
  } catch {
    require(error is SystemCallError, "\(error)")
  }
  return 0
}

private func check(_ address: Address) {
  let size = address.family == .ipv4 ? 4 : 16
  require(address.bytes.count == size && address.peer.count == size, "\(address)")
  require(Int(address.prefixLength) <= 8 * size, "\(address)")
}

private func check(_ route: Route) {
  let size = route.family == .ipv4 ? 4 : 16
  require(route.destination.count == size && Int(route.prefixLength) <= 8 * size, "\(route)")
  // Requests are made for the main table only.
  guard route.table == Route.mainTable else { return }
  let again = Reply.split(route.addRequest.bytes[...])?.first.flatMap(Route.init)
  require(again?.kind == route.kind && again?.prefixLength == route.prefixLength, "\(route)")
  require(again?.nextHops == Array(route.nextHops.prefix(1)), "\(route)")
  require(route.prefixLength == 0 || again?.destination == route.destination, "\(route)")
}

internal import Linux
internal import Netlink
internal import Policy
internal import Record

/// Finds out who sent a refused packet, before it is answered: its sender waits as long as it is not, if it waits at all. The kernel
/// is asked for the socket, and the jail's processes are searched for it.
///
/// What a program does about its sockets is its own affair: it can share them, pass them on, close them. The answer is the first
/// process that has it, and no proof. Time is limited, since a jail can have as many processes and descriptors as its user.
final class SenderSearch {
  private var sockets: SocketDiagnosis?
  private let echoes: [EchoSockets]
  private var processes: ProcessSearch
  /// Microseconds that may be spent.
  private var budget: TokenBucket

  /// A tenth of the time, on the average.
  private static let rate = 100_000
  private static let burst = 100_000
  /// For one search: others wait. Microseconds.
  private static let longest = 20_000

  /// `command` is the process that the jail is for. All processes below `root`, which is this one, are the jail's, but for `others`.
  init(
    _ sockets: consuming RefusalSockets, command: CInt, except others: Set<CInt>,
    below root: CInt = Process.id
  ) {
    echoes = sockets.echoes
    self.sockets = sockets.diagnosis
    processes = ProcessSearch(command: command, except: others, below: root)
    budget = TokenBucket(rate: Self.rate, burst: Self.burst, now: .now)
  }

  /// Who sent a packet that left by a link.
  func sender(
    of packet: [UInt8], _ header: RefusedHeader, link: UInt32
  ) -> RefusedPacket.Sender {
    let time = min(budget.whole(now: .now), Self.longest)
    guard time > 0 else { return .unknown }
    let start = monotonicMicroseconds()
    defer { budget.spend(monotonicMicroseconds() - start) }
    switch socket(of: packet, header, link: link) {
    case .inode(let inode): return processes.sender(inode, until: start + time)
    case .gone: return .gone
    case .unknown: return .unknown
    }
  }

  /// The jail's TCP sockets that listen; nil if the kernel does not tell.
  func listeners() -> [SocketDiagnosis.Listener]? {
    do {
      return try sockets?.listeners()
    } catch {
      sockets = nil
      return nil
    }
  }

  private enum Socket {
    case inode(UInt32)
    case gone
    case unknown
  }

  private func socket(of packet: [UInt8], _ header: RefusedHeader, link: UInt32) -> Socket {
    if header.isEcho {
      guard let identifier = header.identifier(packet),
        let echoes = echoes.first(where: { $0.family == header.source.family })
      else { return .unknown }
      return (try? echoes.inode(of: identifier)).map { $0.map(Socket.inode) ?? .gone } ?? .unknown
    }
    guard let ports = header.ports(packet),
      [RefusedHeader.tcp, RefusedHeader.udp, RefusedHeader.udpLite].contains(header.protocolNumber)
    else { return .unknown }
    let flow = SocketDiagnosis.Flow(
      source: header.source.bytes, sourcePort: ports.source, destination: header.destination.bytes,
      destinationPort: ports.destination, protocolNumber: header.protocolNumber, link: link)
    guard sockets != nil else { return .unknown }
    do {
      return try sockets?.inode(of: flow).map(Socket.inode) ?? .gone
    } catch {
      // What did not answer as it should is not asked again: the next answer might be that to this question.
      sockets = nil
      return .unknown
    }
  }
}

/// What the holder opened for refusals. What a kernel does not have is nil: then nobody can tell who sent what.
struct RefusalSockets: ~Copyable {
  /// nil also in a jail without an uplink, where there is no /dev/net/tun.
  var tun: FileDescriptor?
  fileprivate var diagnosis: SocketDiagnosis?
  /// What the jail's /proc/net/icmp and icmp6 say.
  fileprivate let echoes: [EchoSockets]

  init(
    tun: consuming FileDescriptor?, diagnosis: consuming FileDescriptor?, echoes4: consuming FileDescriptor?,
    echoes6: consuming FileDescriptor?
  ) {
    self.tun = tun
    if let diagnosis { self.diagnosis = SocketDiagnosis(owning: diagnosis) }
    var echoes: [EchoSockets] = []
    if let echoes4 { echoes.append(EchoSockets(.ipv4, echoes4)) }
    if let echoes6 { echoes.append(EchoSockets(.ipv6, echoes6)) }
    self.echoes = echoes
  }
}

/// The echo sockets of a network namespace, in one family (icmp(7)): a file as /proc/net/icmp is.
final class EchoSockets {
  let family: Family
  private let file: FileDescriptor
  /// More than this is not read: a jail may have as many sockets as its user. Bytes.
  private static let limit = 65_536

  init(_ family: Family, _ file: consuming FileDescriptor) {
    self.family = family
    self.file = file
  }

  /// The inode of the socket with an identifier; nil if there is none.
  func inode(of identifier: UInt16) throws(SystemCallError) -> UInt32? {
    Self.inode(of: identifier, in: try file.readFromStart(limit: Self.limit))
  }

  /// The local address is the second field, hexadecimal with the identifier as its port; the inode is the tenth.
  static func inode(of identifier: UInt16, in text: [UInt8]) -> UInt32? {
    for line in text.split(separator: UInt8(ascii: "\n")).dropFirst() {
      let fields = line.split(separator: UInt8(ascii: " "))
      guard fields.count > 9, let port = fields[1].split(separator: UInt8(ascii: ":")).last,
        UInt16(String(decoding: port, as: UTF8.self), radix: 16) == identifier
      else { continue }
      return UInt32(String(decoding: fields[9], as: UTF8.self)).flatMap { $0 == 0 ? nil : $0 }
    }
    return nil
  }
}

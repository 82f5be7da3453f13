internal import Linux
internal import Policy

/// Connects to the first of a name's addresses that answers, from the host's network (RFC 8305). Each address is looked up in the plan
/// of the moment, just before connect(2): what it was when the name was resolved says nothing.
final class Connector {
  private let port: UInt16
  private var race: AddressRace
  private var attempts: [ConnectAttempt] = []
  private var errors: [CInt] = []
  /// The first one that the plan closes.
  private var closed: (address: IPAddress, rule: Rule)?
  /// When it has taken too long.
  private let end: Instant
  private let socketAddress: (IPAddress, UInt16) -> SocketAddress?

  /// About as long as Linux tries (tcp_syn_retries, tcp(7)).
  static let patience = Duration.seconds(130)

  enum Outcome {
    case waiting
    case connected(ConnectAttempt)
    case failed(ConnectFailure)
  }

  /// `socketAddress` is where an address is, which differs in tests.
  init(
    _ addresses: [IPAddress], port: UInt16, now: Instant,
    socketAddress: @escaping (IPAddress, UInt16) -> SocketAddress? = { SocketAddress($0.bytes, port: $1) }
  ) {
    self.port = port
    race = AddressRace(addresses, now: now)
    end = now + Self.patience
    self.socketAddress = socketAddress
  }

  /// What it waits for.
  func interests<Event>(_ event: Event) -> [Interest<Event>] {
    attempts.map { .writable($0.socket.descriptor.rawValue, event) }
  }

  var deadline: Instant { min(race.deadline ?? end, end) }

  /// How many sockets it has.
  var count: Int { attempts.count }

  /// Goes as far as it can without waiting. While `hasRoom` is false no attempt is made beside another.
  func advance(
    now: Instant, hasRoom: Bool, decide: (IPAddress, UInt16) -> Decision
  ) -> Outcome {
    for attempt in attempts {
      switch attempt.result {
      case nil: continue
      case 0: return .connected(attempt)
      case .some(let error): fail(error, now: now)
      }
      attempts.removeAll { $0 === attempt }
    }
    if now >= end { return .failed(.timedOut) }
    while let deadline = race.deadline, deadline <= now {
      if !attempts.isEmpty, !hasRoom {
        race.postpone(now: now)
        break
      }
      if let address = race.next(now: now) { start(address, now: now, decide) }
    }
    guard attempts.isEmpty, race.isOver else { return .waiting }
    return .failed(ConnectFailure(errors, closed: closed))
  }

  /// Gives up what a plan does not allow any more.
  func keep(where decide: (IPAddress, UInt16) -> Decision) {
    attempts.removeAll { attempt in
      guard let rule = closingRule(attempt.address, decide) else { return false }
      close(attempt.address, rule)
      return true
    }
  }

  private func start(_ address: IPAddress, now: Instant, _ decide: (IPAddress, UInt16) -> Decision) {
    if let rule = closingRule(address, decide) {
      close(address, rule)
      race.hurry(now: now)
      return
    }
    do throws(SystemCallError) {
      guard let target = socketAddress(address, port) else {
        throw SystemCallError("connect", errno: Errno.EAFNOSUPPORT)
      }
      attempts.append(try ConnectAttempt(address, target))
    } catch {
      fail(error.errno, now: now)
    }
  }

  /// No rule opens an address that stands for another, or that means nothing without a link.
  private func closingRule(_ address: IPAddress, _ decide: (IPAddress, UInt16) -> Decision) -> Rule? {
    let decision = decide(address, port)
    return decision.allowed && !address.isAmbiguous ? nil : decision.rule
  }

  private func fail(_ error: CInt, now: Instant) {
    errors.append(error)
    race.hurry(now: now)
  }

  private func close(_ address: IPAddress, _ rule: Rule) { closed = closed ?? (address, rule) }
}

extension IPAddress {
  /// IPv4-mapped and -compatible addresses, and link-local ones (RFC 4291).
  fileprivate var isAmbiguous: Bool {
    guard family == .ipv6 else { return false }
    return value >> 48 == 0 || value >> 118 == 0x3fa
  }
}

/// One address, over a socket of its own.
final class ConnectAttempt {
  let address: IPAddress
  let socket: InternetSocket
  private let target: SocketAddress

  fileprivate init(_ address: IPAddress, _ target: SocketAddress) throws(SystemCallError) {
    self.address = address
    self.target = target
    socket = try InternetSocket(.stream, for: target)
    try socket.connect(to: target)
  }

  /// nil while it goes on; 0 when it is connected; otherwise what it failed with.
  fileprivate var result: CInt? {
    do throws(SystemCallError) { return try socket.connectResult(target) } catch { return error.errno }
  }
}

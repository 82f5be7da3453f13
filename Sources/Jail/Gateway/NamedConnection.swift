internal import Linux
internal import Policy

/// A connection of the jail to a name, from its first packet to its end.
final class NamedConnection {
  enum Phase {
    /// Held, until it is known where the name leads.
    case resolving
    /// Held, until somebody answers there.
    case connecting(Connector)
    /// The relay has the upstream socket, and waits for the jail's side.
    case announced
    case open
    /// The relay was told to reset it, and has to be done by then.
    case closing(by: Instant)
  }

  /// Never another's.
  let id: UInt64
  let syn: HeldSYN
  let name: DomainName
  var phase = Phase.resolving
  /// Where it leads, once it is connected.
  var address: IPAddress?
  private let begin: Instant
  /// When the jail has asked for it last.
  private var latest: Instant

  init(id: UInt64, _ syn: HeldSYN, _ name: DomainName, now: Instant) {
    self.id = id
    self.syn = syn
    self.name = name
    (begin, latest) = (now, now)
  }

  var isResolving: Bool { if case .resolving = phase { true } else { false } }

  /// Its first packet came again.
  func repeated(now: Instant) { latest = max(latest, now) }

  /// When whoever asked must have given up, if nothing comes: TCP asks again after one second, and then after at most twice as long
  /// each time (RFC 6298 section 5.5), so within the time that has passed and a second. Two more are for the way.
  var abandonment: Instant {
    latest + .milliseconds(latest.milliseconds(since: begin)) + .seconds(3)
  }

  var deadline: Instant {
    guard case .connecting(let connector) = phase else { return abandonment }
    return min(connector.deadline, abandonment)
  }
}

import Policy
import Record

/// A connection to a name that was refused, for the record.
struct RefusedConnection: Equatable {
  let name: DomainName
  let port: UInt16
  let reason: Reason
  /// Who asked, as far as it was found out.
  let sender: RefusedPacket.Sender

  enum Reason: Equatable {
    /// By this rule; nil if none is about it.
    case notAllowed(DomainRule?)
    /// The name leads to an address that a rule closes, and to no other.
    case closedAddress(IPAddress, Rule)
    /// As many are open as can be.
    case tooManyConnections
    /// As many ports are used as can be.
    case tooManyPorts
    /// What was spoken is not for this name. The name that was spoken, if there was one (hostile, at most 253 bytes).
    case spoken(SpokenRefusal, String)
    /// The gateway could not do its part.
    case failure(String)
  }
}

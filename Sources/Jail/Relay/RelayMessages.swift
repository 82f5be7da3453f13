import Inspection
import Policy

// What supervisor and relay say to each other, one message each, over a `DatagramPair`. Both can only break the other's trust in it: a
// message that makes no sense ends the relay.

/// A connection of the jail, by what tells it from the others that are open at the same time.
struct NameFlow: Hashable {
  /// The port in the jail.
  let source: UInt16
  /// The name's address.
  let address: IPAddress
  let port: UInt16
}

/// What the supervisor tells the relay.
enum RelayOrder: Equatable {
  /// Accept connections here; the listening socket comes with it, non-blocking.
  case listen(port: UInt16)
  /// This flow, which is about to be accepted, goes to the connected socket that comes with it. Who speaks TLS or HTTP in it has to
  /// name one of the names.
  case connect(id: UInt64, NameFlow, names: [String])
  /// These two connected sockets, which come with it, are one connection; whatever is spoken in it.
  case join(id: UInt64)
  /// Reset this connection. Nothing, if it is over.
  case close(id: UInt64)
}

/// What the relay tells the supervisor. Each connection that it was ordered ends with one `refused` or one `closed`.
enum RelayReport: Equatable {
  /// It serves from now on; at most so many connections at a time.
  case ready(capacity: Int)
  /// The jail's side is there.
  case accepted(id: UInt64)
  /// The connection was reset for what was spoken in it; the name that was (hostile, cut short), if there was one.
  case refused(id: UInt64, SpokenRefusal, name: String)
  /// The connection is over, or never came.
  case closed(id: UInt64)
}

/// Why the relay resets a connection. A number passes between the processes.
typealias SpokenRefusal = Inspector.Refusal

import Linux
import Policy
import Record

/// A source of events: what the supervisor serves. It waits for nothing itself.
protocol Service: ~Copyable {
  associatedtype Event
  /// What to wait for now.
  var interests: [Interest<Event>] { get }
  /// When there is something to do even if nothing has come; nil without such a time.
  var deadline: Instant? { get }
  /// Does what can be done without waiting. Without an event: what is due by now, if anything is.
  mutating func handle(_ event: Event?, now: Instant) throws -> [Effect]
}

/// What follows from an event for the rest of the jail. `Supervisor` applies it.
enum Effect {
  /// The host's network or its name servers have changed.
  case hostChanged
  /// The administrator's files have changed, or are to be taken over as they are.
  case configurationRead(ConfigurationReading)
  /// What became of such a change.
  case configuration(ConfigurationEvent)
  /// The user should know this.
  case tell(String)
  /// A packet was refused.
  case refused(RefusedPacket)
  /// The jail's name service was asked for this name, in its textual form (hostile).
  case nameAsked(String)
  /// It does not get this name (hostile text, as above), and nobody was asked for it.
  case nameRefused(String)
  /// What became of looking a name up.
  case nameFound(DomainName, NameResult)
  /// Somebody outside asks; the control socket knows whom to answer.
  case asked(ControlRequest, client: UInt64)
  /// It was told these addresses for a name.
  case nameAnswered(String, [IPAddress])
  /// A connection waits until it is known where this name leads.
  case nameWanted(DomainName)
  /// A connection to a name was refused.
  case connectionRefused(RefusedConnection)
  /// The jail cannot keep its names. Why.
  case namesCut(String)
  /// The jail cannot keep its network. Why.
  case cut(String)
  /// What becomes of a connection to a name.
  case relay(RelayReport)
  /// Nothing relays connections to names any more, and those that there were are over.
  case relayEnded
  /// What became of a port that leads into the jail, or out of it.
  case port(PortEvent)
  /// A client of the control socket gets this connection into the jail; or, without one, why not.
  case connected(UInt64, InternetSocketBox?, CInt)
  /// The command is to get this signal.
  case forward(CInt)
  /// A child that is not the command has ended.
  case reaped(CInt)
  /// The command has ended.
  case ended(WaitStatus)
}

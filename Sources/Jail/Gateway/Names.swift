import Linux
import Policy

/// All that a jail's names need: who knows their addresses, who connects, who passes the bytes on. It lives and dies together.
struct Names: ~Copyable {
  let directory: NameDirectory
  var gateway: NameGateway

  /// Joins what was made apart, when the relay has given up all that it does not need. `wait` returns when a descriptor is readable.
  init(
    _ directory: NameDirectory, _ sockets: consuming NamesSockets, _ relay: consuming RelayLink,
    senders: SenderSearch, searchDomains: [DomainName], _ wait: (CInt) throws -> Void
  ) throws {
    let ready = try relay.awaitReady(wait)
    self.directory = directory
    gateway = NameGateway(
      sockets, relay, directory, senders: senders, searchDomains: searchDomains, now: .now)
    _ = gateway.reported(ready)
  }

  /// Becomes what the plan says; connections that it does not allow any more end.
  mutating func follow(
    _ plan: NamePlan, searchDomains: [DomainName], hasChanged: Bool, now: Instant
  ) -> [Effect] {
    gateway.use(searchDomains: searchDomains)
    guard hasChanged else { return [] }
    directory.use(plan)
    return gateway.followPlan(now: now)
  }

  /// Nothing is reached by name any more.
  consuming func cut() {
    directory.isServing = false
    gateway.relay.kill()
    gateway.release()
  }
}

import Linux
import Policy

/// All that a jail's names need: who connects, who passes the bytes on. It lives and dies together.
struct Names: ~Copyable {
  let directory: NameDirectory
  var gateway: NameGateway
  let relay: RelayLink

  /// Joins what was made apart, when the relay has given up all that it does not need. `wait` returns when a descriptor is readable.
  init(
    _ directory: NameDirectory, _ sockets: consuming NamesSockets, _ relay: RelayLink, senders: SenderSearch,
    searchDomains: [DomainName], _ wait: (CInt) throws -> Void
  ) throws {
    let capacity = try relay.awaitReady(wait)
    self.directory = directory
    self.relay = relay
    gateway = NameGateway(
      sockets, directory, relay, senders: senders, searchDomains: searchDomains, capacity: capacity, now: .now
    )
  }

  /// Becomes what the directory's plan says; connections that it does not allow any more end.
  mutating func follow(searchDomains: [DomainName], hasChanged: Bool, now: Instant) -> [Effect] {
    gateway.use(searchDomains: searchDomains)
    return hasChanged ? gateway.followPlan(now: now) : []
  }

  /// Nothing is reached by name any more.
  consuming func cut() {
    directory.isServing = false
    relay.kill()
    gateway.release()
  }
}

import Linux
import Netlink
import Policy
import Record

// Which doors there are.

extension Ports {
  /// At a launch, before the command runs: opens what it asks for, and waits for what a child has to make first. What `--publish` asks for
  /// and cannot be had ends the launch; of the configuration's it is said. `wait` returns when a descriptor is readable.
  func open(_ blueprint: Blueprint, _ wait: (CInt) throws -> Void) throws -> [PortEvent] {
    var effects = use(blueprint.configuration, now: .now)
    for port in blueprint.publish { effects += try publish(port, .option, now: .now).effects }
    while !isSettled, let descriptor = supply.descriptor {
      try wait(descriptor)
      effects += handle(.supply(.made), now: .now)
    }
    for door in doors where door.rule.outside == 0 && door.isOpen {
      Process.complain("claude-sandbox: \(door.text)\n")
    }
    return effects.compactMap { effect in
      guard case .port(let event) = effect else { return nil }
      if !event.isAccepted { Process.complain("claude-sandbox: \(event.text)\n") }
      return event
    }
  }

  /// From now on the configuration opens these.
  func use(_ configuration: Configuration, now: Instant) -> [Effect] {
    configured = configuration.hostPorts.flatMap { line in
      DoorRule.all(line.value).map { Wish(rule: $0, origin: .line(line.location)) }
    }
    wantsAuto = false
    for line in configuration.publications {
      switch line.value {
      case .port(let port): configured.append(Wish(rule: DoorRule(port), origin: .line(line.location)))
      case .auto: wantsAuto = true
      }
    }
    if !wantsAuto {
      auto = nil
      extra.removeAll { $0.origin == .auto }
    }
    for door in doors { door.forgive() }
    return settle(now: now)
  }

  /// Opens a door that somebody asks for. Throws why it cannot be open, and forgets it then.
  func publish(
    _ port: PublishedPort, _ origin: DoorOrigin, now: Instant
  ) throws(SystemCallError) -> (door: Door?, effects: [Effect]) {
    let rule = DoorRule(port)
    let isNew = !extra.contains { $0.rule == rule && $0.origin != .auto }
    if isNew {
      extra.removeAll { $0.rule == rule }
      extra.append(Wish(rule: rule, origin: origin))
    }
    doors.first { $0.rule == rule }?.forgive()
    let effects = settle(now: now)
    let door = doors.first { $0.rule == rule }
    guard let problem = door?.problem else { return (door, effects) }
    if isNew {
      extra.removeAll { $0.rule == rule }
      _ = settle(now: now)
    }
    throw problem
  }

  /// Closes one that was asked for; nil if there is none.
  func unpublish(_ port: PublishedPort, now: Instant) -> [Effect]? {
    let index = extra.firstIndex { wish in
      wish.rule == DoorRule(port) && wish.origin != .auto
    }
    guard let index else { return nil }
    extra.remove(at: index)
    return settle(now: now)
  }

  /// Whether all doors are open that can be: some wait for sockets of the jail's.
  var isSettled: Bool { doors.allSatisfy { $0.isOpen || $0.problem != nil } }

  /// Opens what is to be open, and closes what is not.
  func settle(now: Instant) -> [Effect] {
    var wishes: [Wish] = []
    for wish in configured + extra
    where !wishes.contains(where: { $0.rule == wish.rule || $0.rule.isBehind(wish.rule) }) {
      wishes.append(wish)
    }
    var effects: [Effect] = []
    for door in doors where !wishes.contains(where: { $0.rule == door.rule }) {
      // Where only the listener went, what it has accepted goes on; and there is no end of those who come and go.
      let isAuto = door.origin == .auto && wantsAuto
      if door.isOpen && !isAuto { effects.append(.port(.closed(door.text))) }
      close(door, keepingConnections: isAuto, now: now)
    }
    doors = wishes.map { wish in
      let door = doors.first { $0.rule == wish.rule } ?? Door(wish.rule)
      door.origin = wish.origin
      return door
    }
    for door in doors where !door.isOpen && door.problem == nil { effects += open(door, now: now) }
    if wantsAuto, auto == nil { startAuto(now: now) }
    return effects
  }

  private func open(_ door: Door, now: Instant) -> [Effect] {
    do throws(SystemCallError) {
      try prepare(for: door.rule)
      try door.open(
        { (family) throws(SystemCallError) in
          try self.socket(of: door.rule, family, forServer: false)
        }, token: newToken)
      guard door.isOpen else { return [] }
      for listener in door.listeners {
        try add(
          listener.socket.descriptor.rawValue,
          door.rule.transport == .stream && !door.isAccepting ? [] : .readable,
          .listener(door, listener), token: listener.token)
      }
      if door.rule.kind != .hostPort { supply.prepare(door.rule.transport) }
      return door.origin == .auto ? [] : [.port(.opened(door.text))]
    } catch {
      close(door, now: now)
      door.fail(error)
      return door.origin == .auto ? [] : [.port(.failed(door.rule.name, error))]
    }
  }

  func close(_ door: Door, keepingConnections: Bool = false, now: Instant) {
    for listener in door.listeners { forget(listener.socket.descriptor.rawValue, token: listener.token) }
    door.close()
    if !keepingConnections { endAll(door, now: now) }
  }

  /// A socket for a listener, or for a connection to the server; nil while the jail's are out of stock.
  func socket(
    of rule: DoorRule, _ family: Family, forServer: Bool
  ) throws(SystemCallError) -> InternetSocket? {
    if (rule.kind == .hostPort) != forServer {
      return try supply.take(.init(transport: rule.transport, family: family))
    }
    guard let any = SocketAddress(IPAddress.any(family).bytes, port: 0) else { return nil }
    return try InternetSocket(rule.transport, for: any)
  }

  /// What `ps` says, of as many as fit into a message.
  var status: [JailStatus.Port] {
    let published = doors.filter { $0.rule.kind != .hostPort }
    let others = doors.filter { $0.rule.kind == .hostPort }
    return (published + others).prefix(Self.mostTold).map(\.status)
  }
  private static let mostTold = 128

  /// The TCP ports of the jail that somebody in it listens on; nil if the kernel does not tell.
  var listening: Set<UInt16>? {
    let own = doors.filter { $0.rule.kind == .hostPort }.map(\.rule.inside)
    return senders.listeners().map { listeners in
      Set(listeners.filter { $0.address.prefix(4) != [127, 0, 0, 53] }.map(\.port)).subtracting(own)
    }
  }
}

// MARK: - publish = auto

extension Ports {
  /// When the jail's listeners are looked at again; nil without `auto`.
  var nextLook: Instant? {
    switch auto {
    case .some(let auto): auto.next
    case nil: nil
    }
  }

  private func startAuto(now: Instant) {
    do throws(SystemCallError) {
      auto = try AutoPublisher(now: now)
    } catch {
      wantsAuto = false
    }
  }

  func look(now: Instant) -> [Effect] {
    let own = Set(
      doors.filter { $0.isOpen && $0.rule.kind != .hostPort && $0.rule.transport == .stream }.map(\.port))
    guard let found = auto?.look(listening, own: own, now: now) else { return [] }
    let published = extra.filter { $0.origin == .auto }
    extra.removeAll { $0.origin == .auto && !found.contains($0.rule.inside) }
    var effects = published.count == extra.count { $0.origin == .auto } ? [] : settle(now: now)
    var tries = Self.mostTries
    for port in found.sorted() where !isPublished(port) {
      // What listens on more has no need of a person who looks at it.
      if extra.count(where: { $0.origin == .auto }) >= Self.mostAuto || tries == 0 { break }
      effects += publish(automatically: port, &tries, now: now)
    }
    return effects
  }

  private func isPublished(_ port: UInt16) -> Bool {
    (configured + extra).contains {
      $0.rule.kind != .hostPort && $0.rule.transport == .stream && $0.rule.inside == port
    }
  }

  /// Under the same number, or the next that nobody has or had, and that nothing else is to have.
  private func publish(automatically port: UInt16, _ tries: inout Int, now: Instant) -> [Effect] {
    let reserved = Set(configured.map(\.rule.outside))
    for outside in port...max(port, port &+ Self.mostNumbers) {
      if tries == 0 { break }
      if auto?.usedOutside.contains(outside) == true || reserved.contains(outside) { continue }
      tries -= 1
      let wish = PublishedPort(nil, outside: outside, inside: port, .tcp)
      do throws(SystemCallError) {
        let (door, effects) = try publish(wish, .auto, now: now)
        guard let door, auto?.isNews(wish) == true else { return effects }
        let place = "http://127.0.0.1:\(door.port)/"
        return effects + [.port(.opened(door.text)), .tell("port \(port) of the jail is at \(place)")]
      } catch {
        if error.errno == Errno.EADDRINUSE { continue }
        // Another number would fare no better.
        tries = 0
      }
    }
    return []
  }

  private static let mostNumbers: UInt16 = 64
  /// In one look.
  private static let mostTries = 128
  private static let mostAuto = 64
}

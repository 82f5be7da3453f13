import Linux
import Policy

@testable import Jail

/// Clients and resolvers that do what the input says, and a network that fails when it says so.
///
/// Each step is one byte, `Step`, and its operands; with the top bit set the next step comes before the forwarder's turn.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  Network.reset()
  var scene = Scene(unsafe input(data, count)[...])
  for _ in 0..<60 {
    guard let step = scene.next() else { break }
    scene.perform(step & 0x7f)
    if step & 0x80 == 0 { scene.settle() }
  }
  scene.finish()
  _ = consume scene
  require(Network.endpoints.isEmpty, "left open: \(Network.endpoints.keys.sorted())")
  return 0
}

enum Step: UInt8 {
  /// Client, count, bytes: a datagram from a client.
  case datagram = 0x71  // q
  /// Count: the latest datagram again, as often, each with another ID.
  case flood = 0x66  // f
  /// A client connects.
  case connect = 0x63  // c
  /// Client, count, bytes: on its connection.
  case stream = 0x73  // s
  /// Client, how: its connection ends, breaks, or takes so many bytes more.
  case change = 0x78  // x
  /// Socket, count, bytes: a resolver sends them.
  case reply = 0x72  // r
  /// Socket, response code, count, bytes: a resolver answers the query, with the bytes behind it.
  case answer = 0x61  // a
  /// Socket, count: a resolver accepts a connection and that many bytes.
  case accept = 0x6f  // o
  /// Socket, how: a resolver's connection ends, or breaks.
  case hangUp = 0x68  // h
  /// Tenths of a second that pass.
  case time = 0x74  // t
  /// Errors of the next two calls that open, connect or accept.
  case fault = 0x65  // e
  /// The host's resolvers change.
  case resolvers = 0x6e  // n
  /// Number: somebody connects to a name.
  case find = 0x77  // w
  /// Whether connections are served from now on.
  case relay = 0x76  // v
}

private struct Scene: ~Copyable {
  private var input: ArraySlice<UInt8>
  private let udp = Network.open(.datagram)
  private let tcp = Network.open(.stream)
  private var forwarder: DNSForwarder
  private let directory: NameDirectory?
  /// Whether nothing may be asked outside but listed names.
  private let isExclusive: Bool
  private var now = Instant(milliseconds: 1_000_000)
  private var clients: [Network.Endpoint] = []
  private var latest: (client: UInt8, bytes: [UInt8]) = (0, [])
  /// How many datagrams the clients have sent.
  private var sent = 0
  /// What each client has asked over each connection.
  private var streamed: [[UInt8]] = []
  /// How often each client has asked with an ID and got no answer.
  private var asked: [SocketAddress: [UInt16: Int]] = [:]

  private static let errors: [CInt] = [0, Errno.EINVAL, Errno.EPROTO, Errno.EAGAIN]
  private static let all = ["192.0.2.1", "2001:db8::1", "192.0.2.3"].compactMap { IPAddress($0) }
  private static let permitted = all.map { SocketAddress($0.bytes, port: 53) }

  private static let restricted = namePlan(isExclusive: true)
  private static let internet = namePlan(isExclusive: false)

  private static func resolvers(_ choice: UInt8) -> [HostFacts.Resolver] {
    let resolvers = all.enumerated().filter { choice >> $0.offset & 1 == 1 }.map(\.element)
    let listed = resolvers.map { HostFacts.Resolver(address: $0) }
    // One that cannot be asked.
    return choice & 8 == 0 ? listed : [HostFacts.Resolver(address: all[1], link: "gone0")] + listed
  }

  init(_ input: ArraySlice<UInt8>) {
    self.input = input
    let choice = self.input.popFirst() ?? 0
    isExclusive = choice & 0x30 == 0x10
    directory = choice & 0x30 == 0 ? nil : NameDirectory(isExclusive ? Self.restricted : Self.internet)
    forwarder = DNSForwarder(
      udp: FileDescriptor(owning: udp.descriptor), tcp: FileDescriptor(owning: tcp.descriptor),
      resolvers: Self.resolvers(choice), directory: directory)
  }

  mutating func next() -> UInt8? { input.popFirst() }

  private mutating func byte() -> UInt8 { input.popFirst() ?? 0 }

  private mutating func bytes() -> [UInt8] {
    let count = Int(byte())
    defer { input = input.dropFirst(count) }
    return Array(input.prefix(count))
  }

  mutating func perform(_ number: UInt8) {
    switch Step(rawValue: number) {
    case .datagram:
      let client = byte()
      send(bytes(), from: client)
    case .flood: flood(byte())
    case .connect: connect()
    case .stream:
      guard let client = pick(clients) else { return }
      append(bytes(), to: clients[client])
      streamed[client] = streamed[client] + (clients[client].incoming.last ?? [])
    case .change:
      if let client = pick(clients) { change(clients[client], byte()) }
    case .reply:
      if let socket = upstream() { append(bytes(), to: socket) }
    case .answer:
      if let socket = upstream() { answer(on: socket, code: byte(), bytes()) }
    case .accept:
      guard let socket = upstream() else { return }
      let count = byte()
      socket.window = count == 0 ? .max : Int(count)
    case .hangUp:
      if let socket = upstream() { change(socket, byte() & 1) }
    case .time: now = now + .milliseconds(Int(byte()) * 100)
    case .fault: Network.inject([byte(), byte()].map { Self.errors[Int($0 & 3)] })
    case .resolvers: forwarder.use(Self.resolvers(byte()))
    case .find:
      if let name = DomainName("\(byte() & 0x7f).listed.example") { check(forwarder.find(name, now: now)) }
    case .relay: directory?.isServing = byte() & 1 == 1
    case nil: break
    }
  }

  private mutating func send(_ bytes: [UInt8], from client: UInt8) {
    // More than may be in flight, and not so many that an execution takes long.
    guard sent < DNSForwarder.mostExchanges + 20,
      let address = SocketAddress([127, 0, 0, 1], port: 1024 + UInt16(client & 3))
    else { return }
    sent += 1
    latest = (client, bytes)
    udp.incoming.append(bytes)
    udp.senders.append(address)
    if bytes.count >= 2 { asked[address, default: [:]][Self.id(bytes), default: 0] += 1 }
  }

  private mutating func flood(_ count: UInt8) {
    guard latest.bytes.count >= 2 else { return }
    for index in 0..<count {
      var bytes = latest.bytes
      bytes[0] = index
      send(bytes, from: latest.client)
    }
  }

  private mutating func connect() {
    guard clients.count < DNSForwarder.mostConnections + 8 else { return }
    let client = Network.open(.stream)
    tcp.backlog.append(client.descriptor)
    clients.append(client)
    streamed.append([])
  }

  private func append(_ bytes: [UInt8], to endpoint: Network.Endpoint) {
    // An empty segment is none; an empty datagram is one.
    if endpoint.isOpen, !endpoint.isAtEnd, !bytes.isEmpty || endpoint.kind == .datagram {
      endpoint.incoming.append(bytes)
    }
  }

  private func change(_ endpoint: Network.Endpoint, _ how: UInt8) {
    switch how {
    case 0: endpoint.isAtEnd = endpoint.kind == .stream
    case 1: endpoint.failure = Errno.EPROTO
    default: endpoint.window = Int(how) - 2
    }
  }

  private func answer(on socket: Network.Endpoint, code: UInt8, _ more: [UInt8]) {
    var query = Array(socket.outgoing.joined())
    let isStream = socket.kind == .stream
    if isStream { query = messages(of: query).first ?? [] }
    guard query.count >= 4 else { return }
    query[2] |= 0x80
    query[3] = code
    // The top bit makes it long.
    for _ in 0..<(code & 0x80 == 0 ? 1 : 200) { query += more }
    query = Array(query.prefix(65_535))
    append((isStream ? [UInt8(query.count >> 8), UInt8(query.count & 0xff)] : []) + query, to: socket)
  }

  private mutating func pick(_ endpoints: [Network.Endpoint]) -> Int? {
    endpoints.isEmpty ? nil : Int(byte()) % endpoints.count
  }

  /// A socket on which a resolver is being asked.
  private mutating func upstream() -> Network.Endpoint? {
    let open = Network.opened.filter(\.isOpen)
    return pick(open).map { open[$0] }
  }

  /// Takes turns until there is nothing to do but wait.
  mutating func settle() {
    var turns = 0
    var ready = poll(forwarder.interests)
    while !ready.isEmpty || isDue {
      for event in ready { check(forwarder.handle(event, now: now)) }
      if isDue { check(forwarder.handle(nil, now: now)) }
      check()
      ready = poll(forwarder.interests)
      turns += 1
      require(turns < 3000, "the forwarder does not come to rest")
    }
  }

  /// The supervisor is told names, as text that nothing acts on, and addresses.
  private func check(_ effects: [Effect]) {
    for effect in effects {
      switch effect {
      case .nameAsked(let name), .nameAnswered(let name, _), .nameRefused(let name):
        let isText = name.utf8.allSatisfy { (0x21..<0x7f).contains($0) }
        require(isText && name.utf8.count < 1020, "a name of \(name.utf8.count) bytes")
      case .nameFound, .tell: require(directory != nil, "\(effect)")
      default: fatalError("\(effect)")
      }
    }
  }

  private var isDue: Bool { forwarder.deadline.map { $0 <= now } ?? false }

  /// Lets all time pass, after which nothing must be left.
  mutating func finish() {
    settle()
    var rounds = 0
    while let deadline = forwarder.deadline {
      now = max(now, deadline)
      settle()
      rounds += 1
      require(rounds < 3000, "deadlines without end")
    }
    require(Network.endpoints.count == 2, "open in the end: \(Network.endpoints.keys.sorted())")
    for socket in Network.opened { check(socket) }
    for (client, stream) in zip(clients, streamed) {
      let answers = messages(of: client.outgoing.joined()).count
      require(answers <= messages(of: stream).count, "\(answers) answers over a connection")
    }
  }

  /// What holds after every turn.
  private mutating func check() {
    // At most three sockets for an exchange, two exchanges for a lookup, one for a connection and its client.
    let exchanges = DNSForwarder.mostExchanges + 2 * DNSForwarder.mostLookups
    let most = 3 * exchanges + 2 * DNSForwarder.mostConnections + 2
    require(Network.endpoints.count - tcp.backlog.count <= most, "\(Network.endpoints.count) sockets")
    for (response, client) in zip(udp.outgoing, udp.recipients) {
      require(response.count >= 12 && response[2] & 0x80 != 0, "no response: \(response)")
      let open = asked[client]?[Self.id(response)] ?? 0
      require(open > 0, "a response that was not asked for: \(response)")
      asked[client]?[Self.id(response)] = open - 1
    }
    udp.outgoing.removeAll(keepingCapacity: true)
    udp.recipients.removeAll(keepingCapacity: true)
  }

  /// A lookup, of a listed name where others do not exist.
  private func mayBeSent(_ message: [UInt8]) -> Bool {
    mayBeForwarded(message) && (!isExclusive || isListed(labels(of: message)))
  }

  /// A resolver gets nothing but lookups, and nobody else gets anything.
  private func check(_ socket: Network.Endpoint) {
    if let peer = socket.peer { require(Self.permitted.contains(peer), "asked \(peer)") }
    if socket.kind == .datagram {
      for message in socket.outgoing { require(mayBeSent(message), "sent \(message)") }
    } else {
      let sent = Array(socket.outgoing.joined())
      let messages = messages(of: sent)
      require(messages.count <= 1, "\(messages.count) queries over a connection")
      if let message = messages.first, sent.count >= 2, message.count == Int(sent[0]) << 8 | Int(sent[1]) {
        require(mayBeSent(message), "sent \(message)")
      }
    }
  }

  private static func id(_ message: [UInt8]) -> UInt16 { UInt16(message[0]) << 8 | UInt16(message[1]) }
}

import Linux
import Policy
import Record

/// The supervisor's answer to `claude-sandbox ps` and `reload`: a socket in the network namespace of the host, which no jail is in.
///
/// A convenience, no wall: a jail whose socket could not be made runs unlisted. Every process of the host can connect, so the kernel
/// says who did, and whoever is neither this process's user nor root is closed without a word.
struct ControlSocket: ~Copyable, Service {
  /// Connections have numbers that are never used again.
  enum Event: Equatable {
    /// Somebody wants to ask.
    case clients
    /// A client has asked.
    case client(UInt64)
  }

  private let socket: AbstractSocket?
  private var clients: [ControlClient] = []
  private var count: UInt64 = 0
  /// Until when nobody is accepted: so many strangers cost no more time.
  private var pausedUntil: Instant?
  /// The jail, as it began.
  let jail: JailStatus

  static let mostClients = 8
  /// More wait in the kernel, and who finds no room there is told so by it. So many strangers are sent away at once: a client finds
  /// room then, even if they come back.
  private static let backlog: CInt = 128
  /// A client that says nothing is gone after this time.
  static let patience = Duration.seconds(1)
  private static let pause = Duration.milliseconds(20)

  init(_ jail: JailStatus, named name: () throws(SystemCallError) -> String = ControlName.new) {
    self.jail = jail
    do throws(SystemCallError) {
      socket = try .listening(as: name(), backlog: Self.backlog)
    } catch {
      socket = nil
    }
  }

  var interests: [Interest<Event>] {
    var interests = clients.map { Interest.readable($0.socket.descriptor.rawValue, Event.client($0.id)) }
    switch socket {
    case .some(let socket):
      if pausedUntil == nil, clients.count < Self.mostClients {
        interests.append(.readable(socket.descriptor.rawValue, .clients))
      }
    case nil: break
    }
    return interests
  }

  var deadline: Instant? { (clients.map(\.deadline) + [pausedUntil].compactMap { $0 }).min() }

  mutating func handle(_ event: Event?, now: Instant) -> [Effect] {
    switch event {
    case .clients: accept(now)
    case .client(let id): return take(id)
    case nil:
      clients.removeAll { $0.deadline <= now }
      if let end = pausedUntil, end <= now { pausedUntil = nil }
    }
    return []
  }

  /// Answers a client, and is done with it. One that does not read has had its answer.
  mutating func answer(_ client: UInt64, _ status: JailStatus) {
    guard let index = clients.firstIndex(where: { $0.id == client }) else { return }
    try? clients.remove(at: index).socket.send(status.json)
  }

  /// Answers a client with a connection.
  mutating func answer(_ client: UInt64, passing connection: borrowing InternetSocket) {
    guard let index = clients.firstIndex(where: { $0.id == client }) else { return }
    try? clients.remove(at: index).socket.send(Array("connected".utf8), connection.descriptor)
  }

  /// Tells a client why not.
  mutating func refuse(_ client: UInt64, _ reason: String) {
    guard let index = clients.firstIndex(where: { $0.id == client }) else { return }
    try? clients.remove(at: index).socket.send(ControlRefusal(refusal: reason).json)
  }

  private mutating func accept(_ now: Instant) {
    do throws(SystemCallError) {
      for _ in 0..<Self.backlog where clients.count < Self.mostClients {
        guard let socket = try self.socket?.accept() else { return }
        guard try Self.isTrusted(socket.peer().user) else {
          pausedUntil = now + Self.pause
          continue
        }
        count += 1
        clients.append(ControlClient(id: count, socket: socket, deadline: now + Self.patience))
      }
    } catch {
      // No descriptor left (EMFILE), no memory.
      pausedUntil = now + Self.pause
    }
  }

  private static func isTrusted(_ user: UInt32) -> Bool { user == Process.userID || user == 0 }

  private mutating func take(_ id: UInt64) -> [Effect] {
    guard let index = clients.firstIndex(where: { $0.id == id }) else { return [] }
    do throws(SystemCallError) {
      guard let message = try clients[index].socket.receive(limit: ControlRequest.longest) else { return [] }
      if let request = ControlRequest(text: String(decoding: message, as: UTF8.self)) {
        return [.asked(request, client: id)]
      }
    } catch {
      // Longer than any request, or reset.
    }
    clients.remove(at: index)
    return []
  }
}

/// A connection that was accepted, and until when it may ask.
private final class ControlClient {
  let id: UInt64
  let socket: AbstractSocket
  let deadline: Instant

  init(id: UInt64, socket: consuming AbstractSocket, deadline: Instant) {
    self.id = id
    self.socket = socket
    self.deadline = deadline
  }
}

extension ControlName {
  /// One that nobody has.
  static func new() throws(SystemCallError) -> String { try prefix + randomName() }
}

extension JailStatus {
  /// Of a jail that begins now, in the directory of this process, which is its supervisor.
  init(_ blueprint: Blueprint, launcher: CInt) {
    let directory = try? FileStatus.target(ofLink: "/proc/self/cwd")
    self.init(
      supervisor: Process.id, launcher: launcher, command: blueprint.command.arguments,
      directory: directory, network: blueprint.plan.network.rawValue,
      project: blueprint.limits.project?.path, since: wallClock() / 1000,
      name: Self.name(of: directory ?? ""))
  }
}

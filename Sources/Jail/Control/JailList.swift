import Linux
package import Record

/// A running jail, as the kernel and its supervisor say.
package struct RunningJail: Sendable {
  /// Of the supervisor, as the kernel says it.
  package let user: UInt32
  /// The launcher, as this process counts; nil when it is in another PID namespace.
  package let launcher: CInt?
  /// What the supervisor says: of another user's, anything. nil when it does not answer.
  package let status: JailStatus?
  /// What all its processes take, in kB; nil when they are not to be seen, or were not looked at.
  package let memory: Int?
  /// Of its supervisor's socket.
  let name: String

  /// Whether both are one jail.
  package func isSame(as other: RunningJail) -> Bool { name == other.name }
}

/// The running jails of this network namespace.
///
/// Everybody can make sockets with such names. Only those whose user is this one, by the kernel's word, are asked; or all of them,
/// which is for root: what these say is hostile. None of them can keep this from ending in time.
package struct JailList {
  /// The oldest first.
  package private(set) var jails: [RunningJail] = []
  /// How many sockets were not asked, since there are too many, or too many wait there: whose they are is not known.
  package private(set) var unasked = 0
  private var admitted: [UInt32: Int] = [:]
  private var open: [Conversation] = []

  /// How long a supervisor may take.
  private static let patience = Duration.seconds(2)
  private static let retry = Duration.milliseconds(1)
  /// Of one user: how many are asked, and how many at once.
  private static let most = 256
  private static let mostAtOnce = 32

  /// Reads an answer; nil for what no supervisor would say. The launcher, which is in this module too, needs no parser of JSON.
  package typealias Decoder = ([UInt8]) -> JailStatus?

  private init() {}

  /// The names of sockets that supervisors may have.
  package static func sockets() throws -> Set<String> { try UnixSocketTable.controlNames().names }

  /// Asks every jail of this user, and with `all` those of the others too.
  package static func ask(
    _ request: ControlRequest, all: Bool = false, decoder: Decoder
  ) throws -> JailList {
    let (names, isComplete) = try UnixSocketTable.controlNames()
    var list = try ask(request, Array(names), all, decoder)
    if !isComplete { list.unasked += 1 }
    return list
  }

  /// Asks the jail of one launcher of this user; nil when there is none.
  package static func ask(
    _ request: ControlRequest, launcher: CInt, decoder: Decoder
  ) throws -> RunningJail? {
    let jails = try ask(.status, decoder: decoder).jails
    guard let jail = jails.first(where: { $0.launcher == launcher }) else { return nil }
    return try ask(request, [jail.name], false, decoder).jails.first
  }

  private static func ask(
    _ request: ControlRequest, _ names: [String], _ all: Bool, _ decoder: Decoder
  ) throws -> JailList {
    var list = JailList()
    var answers: [(Conversation, Answer)] = []
    var waiting = names
    let end = Instant.now + patience
    repeat {
      waiting = waiting.filter { !list.begin($0, request, all) }
      let turn = waiting.isEmpty ? end : min(end, .now + retry)
      let interests = list.open.indices.map {
        Interest.readable(list.open[$0].socket.descriptor.rawValue, $0)
      }
      if interests.isEmpty && waiting.isEmpty { break }
      for index in try wait(interests, until: turn).ready.reversed() {
        let conversation = list.open.remove(at: index)
        let answer = conversation.answer(decoder)
        if answer != .closed { answers.append((conversation, answer)) }
      }
    } while .now < end
    answers += list.open.map { ($0, .unintelligible) }
    list.open = []
    list.unasked += waiting.count
    // All of /proc is too much for who asks every second.
    let processes = request == .listening ? nil : ProcessTable()
    list.jails = answers.map { RunningJail($0, $1, processes) }.sorted {
      ($0.status?.since ?? 0, $0.launcher ?? 0) < ($1.status?.since ?? 0, $1.launcher ?? 0)
    }
    return list
  }

  /// Begins to ask a socket; false when it has to be tried again.
  private mutating func begin(_ name: String, _ request: ControlRequest, _ all: Bool) -> Bool {
    do throws(SystemCallError) {
      let socket = try AbstractSocket.connected(to: name)
      let peer = try socket.peer()
      guard peer.user == Process.userID || all else { return true }
      guard admitted[peer.user, default: 0] < Self.most else {
        unasked += 1
        return true
      }
      if open.count(where: { $0.user == peer.user }) >= Self.mostAtOnce { return false }
      try socket.send(Array(request.text.utf8))
      admitted[peer.user, default: 0] += 1
      open.append(Conversation(name, peer, socket))
      return true
    } catch {
      // Nobody listens there any more; or too many wait there, or there are no descriptors.
      return ![Errno.EAGAIN, Errno.EMFILE].contains(error.errno)
    }
  }
}

/// What a supervisor said.
private enum Answer: Equatable {
  case status(JailStatus)
  /// Nothing in time, or nothing that a supervisor would say.
  case unintelligible
  /// It closed without a word: it is another's, or ends.
  case closed
}

/// A supervisor that was asked.
private final class Conversation {
  let name: String
  let supervisor: CInt
  let user: UInt32
  let socket: AbstractSocket

  init(_ name: String, _ peer: (process: CInt, user: UInt32), _ socket: consuming AbstractSocket) {
    self.name = name
    supervisor = peer.process
    user = peer.user
    self.socket = socket
  }

  /// What has come.
  func answer(_ decoder: JailList.Decoder) -> Answer {
    do throws(SystemCallError) {
      guard let message = try socket.receive(limit: JailStatus.longest), !message.isEmpty else {
        return .closed
      }
      guard let status = decoder(message), status.isPlausible else { return .unintelligible }
      return .status(status)
    } catch {
      return error.errno == Errno.EMSGSIZE ? .unintelligible : .closed
    }
  }
}

extension RunningJail {
  fileprivate init(_ conversation: Conversation, _ answer: Answer, _ processes: ProcessTable?) {
    name = conversation.name
    user = conversation.user
    status = if case .status(let status) = answer { status } else { nil }
    // The kernel says who the supervisor is, and /proc who its launcher is. Where /proc is hidden (hidepid), one's own is believed, if
    // they count alike. What another user's says might be the number of any process.
    let supervisor = conversation.supervisor
    let isOwn = user == Process.userID
    let told = status.flatMap { isOwn && $0.supervisor == supervisor ? $0.launcher : nil }
    launcher = processes?.parent(of: supervisor) ?? told
    memory = launcher.flatMap { processes?.memory(of: $0, user: conversation.user, isOwn: isOwn) }
  }
}

internal import Linux
internal import Record

/// Searches the jail's processes for a socket.
struct ProcessSearch {
  private let command: CInt
  private let others: Set<CInt>
  private let root: CInt
  /// Where the last ones were found, the latest first.
  private var found: [(inode: UInt32, socket: OpenSocket)] = []

  private static let remembered = 16
  /// How many generations are named.
  private static let generations = 16
  /// How many processes are looked at.
  private static let crowd = 4096

  init(command: CInt, except others: Set<CInt>, below root: CInt) {
    self.command = command
    self.others = others
    self.root = root
  }

  /// The process that has a socket, as far as it can be found in time. Microseconds of `monotonicMicroseconds`.
  mutating func sender(_ inode: UInt32, until deadline: Int) -> RefusedPacket.Sender {
    if let known = found.firstIndex(where: { $0.inode == inode }) {
      if found[known].socket.isStill(inode) { return name(found[known].socket.process) }
      found.remove(at: known)
    }
    // First those that had the last ones, then all of them, generation by generation.
    var isComplete = true
    var looked: Set<CInt> = []
    for entry in found where looked.insert(entry.socket.process).inserted {
      if let sender = look(for: inode, in: entry.socket.process, deadline, &isComplete) { return sender }
    }
    var seen = others
    var generation = [root]
    while !generation.isEmpty {
      var next: [CInt] = []
      for parent in generation {
        for child in children(of: parent, deadline, &isComplete) where seen.insert(child).inserted {
          guard seen.count < Self.crowd, monotonicMicroseconds() < deadline else { return .unknown }
          next.append(child)
          if looked.insert(child).inserted,
            let sender = look(for: inode, in: child, deadline, &isComplete)
          {
            return sender
          }
        }
      }
      generation = next
    }
    return isComplete && monotonicMicroseconds() < deadline ? .gone : .unknown
  }

  private mutating func look(
    for inode: UInt32, in process: CInt, _ deadline: Int, _ isComplete: inout Bool
  ) -> RefusedPacket.Sender? {
    do throws(SystemCallError) {
      guard let socket = try OpenSocket.find(inode, in: process, until: deadline) else { return nil }
      found.insert((inode, socket), at: 0)
      if found.count > Self.remembered { found.removeLast() }
      return name(process)
    } catch {
      // One that has ended has no sockets any more; another may not be looked into.
      if !Self.hasEnded(error) { isComplete = false }
      return nil
    }
  }

  private func children(of process: CInt, _ deadline: Int, _ isComplete: inout Bool) -> [CInt] {
    do throws(SystemCallError) {
      return try Descendants.ofAllThreads(of: process, until: deadline)
    } catch {
      if process == root || !Self.hasEnded(error) { isComplete = false }
      return []
    }
  }

  private static func hasEnded(_ error: SystemCallError) -> Bool {
    error.errno == Errno.ENOENT || error.errno == Errno.ESRCH
  }

  /// A process and its parents, up to the command.
  private func name(_ process: CInt) -> RefusedPacket.Sender {
    guard let (program, parent) = Self.program(process) else { return .gone }
    var parents: [RefusedPacket.Program] = []
    var (child, next) = (process, parent)
    while child != command, next > 1, next != root, parents.count < Self.generations,
      let (program, parent) = Self.program(next)
    {
      parents.append(program)
      (child, next) = (next, parent)
    }
    return .process(program, parents: parents)
  }

  private static func program(_ process: CInt) -> (RefusedPacket.Program, parent: CInt)? {
    guard let stat = try? FileDescriptor.contents(of: "/proc/\(process)/stat", limit: 4096) else {
      return nil
    }
    return Self.program(process, stat: stat)
  }

  /// What /proc/PID/stat says. The name in parentheses may hold anything, so fields are counted from its end.
  static func program(_ process: CInt, stat: [UInt8]) -> (RefusedPacket.Program, parent: CInt)? {
    guard let start = stat.firstIndex(of: UInt8(ascii: "(")), let end = stat.lastIndex(of: UInt8(ascii: ")")),
      start < end
    else { return nil }
    let fields = stat[(end + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 1, let parent = CInt(String(decoding: fields[1], as: UTF8.self)) else { return nil }
    // TASK_COMM_LEN of the kernel.
    let name = String(decoding: stat[(start + 1)..<end].prefix(15), as: UTF8.self)
    return (RefusedPacket.Program(process: process, name: name), parent)
  }
}

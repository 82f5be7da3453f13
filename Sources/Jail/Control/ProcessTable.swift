import Linux

/// The processes that /proc shows.
struct ProcessTable {
  private var parents: [CInt: CInt] = [:]
  private var children: [CInt: [CInt]] = [:]
  private var users: [CInt: UInt32] = [:]

  init() {
    for process in ((try? FileStatus.names(in: "/proc")) ?? []).compactMap({ CInt($0) }) {
      // The effective user is the second of four.
      guard let status = try? ProcessStatus.read(process), let parent = status["PPid"].flatMap({ CInt($0) }),
        let users = status["Uid"]?.split(separator: "\t"), users.count == 4, let user = UInt32(users[1])
      else { continue }
      parents[process] = parent
      children[parent, default: []].append(process)
      self.users[process] = user
    }
  }

  func parent(of process: CInt) -> CInt? { parents[process] }

  /// What a process and its descendants take of memory, in kB; nil when there is no such process. Those of other users do not
  /// count: the root of the tree is what somebody claims. Proportional shares are for one's own only: to find them, the kernel waits
  /// for the process's memory map and walks it, for as long as its owner arranges.
  func memory(of process: CInt, user: UInt32, isOwn: Bool) -> Int? {
    guard users[process] == user else { return nil }
    var seen: Set<CInt> = []
    var next = [process]
    var sum = 0
    while let process = next.popLast() {
      guard users[process] == user, seen.insert(process).inserted else { continue }
      sum += ProcessStatus.memory(of: process, proportional: isOwn) ?? 0
      next += children[process] ?? []
    }
    return sum
  }
}

import Linux

/// The processes outside of the jail that hold it up, and outlive its seal.
struct OwnProcesses: Sendable {
  let launcher: CInt
  /// The launcher's process group; the command starts in it.
  let group: CInt
  let supervisor: CInt
  /// nil without an uplink.
  let pasta: CInt?
  /// Of names and of ports; one that is started while the command runs is not among them.
  let relays: [CInt]

  /// What a system call can name them by.
  var ids: Set<UInt32> {
    Set(([launcher, supervisor, pasta].compactMap { $0 } + relays).map { UInt32(bitPattern: $0) })
  }

  /// The process groups that they are in; 0, which is the caller's own, may be the launcher's. The others
  /// lead theirs.
  var groups: Set<UInt32> { ids.union([0, UInt32(bitPattern: group)]) }
}

extension OwnProcesses {
  /// Made by the supervisor, before it forks the holder.
  init(launcher: CInt, _ launching: borrowing Launching?, relays: [CInt]) {
    self.launcher = launcher
    self.relays = relays
    group = Process.group
    supervisor = Process.id
    switch launching {
    case .some(let launching): pasta = launching.process
    case nil: pasta = nil
    }
  }
}

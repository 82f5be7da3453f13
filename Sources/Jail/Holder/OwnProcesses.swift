import Linux

/// The processes outside of the jail that hold it up, and outlive its seal.
struct OwnProcesses: Sendable {
  let launcher: CInt
  /// The launcher's process group; the command starts in it.
  let group: CInt
  let supervisor: CInt
  /// nil without an uplink.
  let pasta: CInt?
  /// nil without names.
  let relay: CInt?

  /// What a system call can name them by.
  var ids: Set<UInt32> {
    Set([launcher, supervisor, pasta, relay].compactMap { $0 }.map { UInt32(bitPattern: $0) })
  }

  /// The process groups that they are in; 0, which is the caller's own, may be the launcher's. The others
  /// lead theirs.
  var groups: Set<UInt32> { ids.union([0, UInt32(bitPattern: group)]) }
}

extension OwnProcesses {
  /// Made by the supervisor, before it forks the holder.
  init(launcher: CInt, _ launching: borrowing Launching?, relay: CInt?) {
    self.launcher = launcher
    self.relay = relay
    group = Process.group
    supervisor = Process.id
    switch launching {
    case .some(let launching): pasta = launching.process
    case nil: pasta = nil
    }
  }
}

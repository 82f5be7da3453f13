import Linux

/// The processes below this one. As a subreaper it inherits every orphan, so its children are all that is
/// left.
package enum Descendants {
  /// Kills all of them, generation by generation, and returns when none is left.
  static func killAll() {
    while true {
      do throws(SystemCallError) {
        // What has ended already need not be looked for.
        while try Process.wait(-1, options: Process.noHang) != nil {}
        kill()
        _ = try Process.wait(-1)
      } catch {
        return
      }
    }
  }

  /// Kills the children that there are now.
  static func kill() {
    for child in children() { try? Process.kill(child, Signals.kill) }
  }

  /// The children of a process.
  package static func children(of process: CInt = Process.id) -> [CInt] {
    let path = "/proc/\(process)/task/\(process)/children"
    if let text = try? FileDescriptor.contents(of: path, limit: 16 << 20) {
      return String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { CInt($0) }
    }
    // Kernels without CONFIG_PROC_CHILDREN: whoever names this process as its parent.
    let names = (try? FileStatus.names(in: "/proc")) ?? []
    return names.compactMap { CInt($0) }.filter { parent(of: $0) == process }
  }

  /// The children that any thread of a process has started. ENOENT also where the kernel does not list them
  /// (CONFIG_PROC_CHILDREN). ETIME at `deadline`, in microseconds of `monotonicMicroseconds`, or where there are more threads
  /// than `mostThreads`: a process can have as many as its user.
  static func ofAllThreads(of process: CInt, until deadline: Int) throws(SystemCallError) -> [CInt] {
    let directory = try FileDescriptor.open("/proc/\(process)/task", FileDescriptor.readOnly)
    let tasks = try FileStatus.names(in: directory, of: nil, atMost: mostThreads)
    var children: [CInt] = []
    for task in tasks {
      guard tasks.count < mostThreads, monotonicMicroseconds() < deadline else {
        throw SystemCallError("read", "/proc/\(process)/task", errno: Errno.ETIME)
      }
      let task = String(decoding: task, as: UTF8.self)
      let path = "/proc/\(process)/task/\(task)/children"
      let text = try FileDescriptor.contents(of: path, limit: 1 << 16)
      children += String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { CInt($0) }
    }
    return children
  }

  private static let mostThreads = 4096

  private static func parent(of process: CInt) -> CInt? {
    guard let stat = try? FileDescriptor.contents(of: "/proc/\(process)/stat") else { return nil }
    // The name in parentheses may hold anything, so fields are counted from its end.
    let fields = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ")
    return fields.flatMap { $0.count > 1 ? CInt($0[1]) : nil }
  }
}

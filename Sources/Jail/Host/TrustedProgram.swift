import Linux

/// Runs a program that `TrustedFile` has found, with nothing of the caller's environment.
enum TrustedProgram {
  /// Its standard output, at most 1 MiB; nil unless it exits with 0. `arguments` begin with its name.
  static func output(of path: String, arguments: [String], environment: [String] = []) throws -> [UInt8]? {
    let output = try Pipe()
    let child = try Process.fork()
    if child == 0 {
      // An ignored SIGPIPE, as a launch has it, ends older versions of pasta.
      try? Signals.resetAll()
      try? output.writer.place(at: 1)
      // Only its status and its output count.
      try? FileDescriptor.open("/dev/null", FileDescriptor.readWrite).place(at: 2)
      try? Process.execute(
        Array(path.utf8), arguments: arguments.map { Array($0.utf8) },
        environment: environment.map { Array($0.utf8) })
      Process.exit(127)
    }
    let bytes = try output.keepReader().readAll(limit: 1 << 20)
    return try Process.wait(child)?.status.exitStatus == 0 ? bytes : nil
  }
}

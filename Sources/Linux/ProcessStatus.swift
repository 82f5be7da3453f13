/// The fields of /proc/PID/status (proc(5)).
public struct ProcessStatus {
  private let text: [UInt8]

  public static func read() throws(SystemCallError) -> ProcessStatus {
    ProcessStatus(try FileDescriptor.contents(of: "/proc/self/status"))
  }

  /// Of another process. ENOENT when there is none, or it is hidden.
  public static func read(_ process: CInt) throws(SystemCallError) -> ProcessStatus {
    ProcessStatus(try FileDescriptor.contents(of: "/proc/\(process)/status"))
  }

  /// As the file has it: lines of a name, a colon, white space and a value.
  init(_ text: [UInt8]) { self.text = text }

  /// A field's value without the white space before it; nil without such a field.
  public subscript(name: String) -> String? {
    let label = Array("\(name):".utf8)
    for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: label) {
      let value = line.dropFirst(label.count).drop { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
      return String(decoding: value, as: UTF8.self)
    }
    return nil
  }
}

extension ProcessStatus {
  /// What a process takes of memory, in kB: its proportional share, or, where that is not wanted or only its tracer may see it, what
  /// is its alone; nil when it has ended.
  public static func memory(of process: CInt, proportional: Bool) -> Int? {
    if proportional, let rollup = try? FileDescriptor.contents(of: "/proc/\(process)/smaps_rollup"),
      let share = kilobytes(ProcessStatus(rollup)["Pss"])
    {
      return share
    }
    guard let status = try? read(process) else { return nil }
    return kilobytes(status["RssAnon"])
  }

  /// `1234 kB`.
  private static func kilobytes(_ text: String?) -> Int? {
    text?.split(separator: " ").first.flatMap { Int($0) }
  }
}

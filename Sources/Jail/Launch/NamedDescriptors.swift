import Linux

/// Descriptors that the command line itself names, as `<(COMMAND)` and `>(COMMAND)` of a shell do: `/dev/fd/63`. The command gets them,
/// and no process of ours keeps them: a pipe ends when the command closes it.
///
/// Pipes and files only, and no more of these than could be standard input: what a socket, a directory or a device may lead to, see
/// `StandardStreams`. Whoever wrote the arguments need not be whoever opened the descriptors, so what looks like a file and is none
/// (a namespace, a process's memory, a setting of the kernel) is refused, too.
struct NamedDescriptors: Sendable {
  private static let prefixes = ["/dev/fd/", "/proc/self/fd/"].map { Array($0.utf8) }

  /// Ascending; all are open, and from 3 up.
  private let numbers: [CInt]

  /// Throws if one of them is neither a pipe nor a file. What is not open is no descriptor: the command will say so.
  init(in arguments: [[UInt8]]) throws(LaunchFailure) {
    var numbers: [CInt] = []
    for number in Set(arguments.compactMap(Self.number)).sorted() {
      let objection: String?
      do throws(SystemCallError) {
        objection = try Self.objection(to: number)
      } catch {
        if error.errno == Errno.ENOENT { continue }
        objection = "\(error)"
      }
      if let objection { throw .namedDescriptor(number, objection) }
      numbers.append(number)
    }
    self.numbers = numbers
  }

  /// The descriptor that an argument names, alone or as the value of an option: `--file=/dev/fd/63`.
  static func number(_ argument: [UInt8]) -> CInt? {
    var path = argument[...]
    if path.first == UInt8(ascii: "-") {
      guard let sign = path.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      path = path[(sign + 1)...]
    }
    guard let prefix = prefixes.first(where: path.starts) else { return nil }
    let digits = path.dropFirst(prefix.count)
    guard digits.first != UInt8(ascii: "0"),
      digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
      let number = CInt(String(decoding: digits, as: UTF8.self)), number > 2
    else { return nil }
    return number
  }

  private static func objection(to descriptor: CInt) throws(SystemCallError) -> String? {
    if let objection = try StandardStreams.objection(to: descriptor) { return objection }
    let path = "/proc/self/fd/\(descriptor)"
    guard [.pipe, .regular].contains(try FileStatus.of(path).kind) else {
      return "neither a pipe nor a file"
    }
    // It would be opened in the jail, past what is covered on the way.
    if try Process.isReference(descriptor) { return "a reference to a file that is not open (O_PATH)" }
    return try FileSystemKind.of(path).holdsFiles
      ? nil : "no file, but the kernel's: a namespace, a process, a setting"
  }

  /// Closes every other descriptor from 3 up. What remains is closed when a program is executed, too, until `passOn`.
  func closeOthers() throws(SystemCallError) {
    var next: CInt = 3
    for number in numbers {
      if next < number { try Process.closeDescriptors(from: next, through: number - 1) }
      next = number + 1
    }
    try Process.closeDescriptors(from: next)
    if !numbers.isEmpty { try Process.closeDescriptorsOnExecute(from: 3) }
  }

  /// In a process that does not become the command.
  func close() {
    for number in numbers { _ = FileDescriptor(owning: number) }
  }

  /// The program that this process executes gets them.
  func passOn() throws(SystemCallError) {
    for number in numbers { try Process.place(number, at: number) }
  }
}

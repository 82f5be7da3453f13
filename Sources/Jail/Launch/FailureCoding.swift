import Linux
import Netlink

/// A `JailFailure` as bytes, between processes of one executable: nothing of it is lost but the end of a text of many thousand
/// bytes.
enum FailureCoding {
  static func encode(_ failure: JailFailure) -> [UInt8] {
    var writer = Writer()
    switch failure {
    case .step(let step, let cause):
      writer.put([1, step.rawValue])
      writer.put(cause)
    case .pasta(let words):
      writer.put([2])
      writer.put(words)
    case .command(let name, let errno):
      writer.put([3])
      writer.put(name)
      writer.put(errno)
    case .interrupted(let status):
      writer.put([4])
      writer.put(status.rawValue)
    case .launcherDied: writer.put([5])
    case .supervisorFailed(let cause):
      writer.put([6])
      writer.put(cause)
    case .supervisorDied: writer.put([7])
    case .workingDirectory(let path, let errno):
      writer.put([8])
      writer.put(path)
      writer.put(errno)
    }
    return writer.bytes
  }

  /// nil for anything else than one whole failure.
  static func decode(_ bytes: ArraySlice<UInt8>) -> JailFailure? {
    var reader = Reader(rest: bytes)
    guard let failure = reader.failure(), reader.rest.isEmpty else { return nil }
    return failure
  }

  private struct Writer {
    var bytes: [UInt8] = []
    /// Two texts and their lengths fit into one message.
    private static let longest = DatagramSocket.longestMessage / 3

    mutating func put(_ more: [UInt8]) { bytes += more }

    mutating func put(_ number: CInt) {
      let number = UInt32(bitPattern: number)
      bytes += (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }

    mutating func put(_ text: String) {
      let text = text.utf8.prefix(Self.longest)
      put(CInt(text.count))
      bytes += text
    }

    mutating func put(_ cause: Cause) {
      switch cause {
      case .systemCall(let error):
        put([1])
        put(error.call)
        put(error.subject)
        put(error.errno)
      case .netlink(let error):
        put([error.text == nil ? 2 : 3])
        put(error.errno)
        put(CInt(truncatingIfNeeded: error.index))
        if let text = error.text { put(text) }
      case .routes(.missing(let route)):
        put([4])
        put(route)
      case .routes(.unplanned(let route)):
        put([5])
        put(route)
      case .routes(.twice): put([6])
      case .routes(.rules(let family)):
        put([8])
        put(family)
      case .other(let text):
        put([7])
        put(text)
      }
    }
  }

  private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func failure() -> JailFailure? {
      switch rest.popFirst() {
      case 1:
        guard let step = rest.popFirst().flatMap(LaunchStep.init), let cause = cause() else { return nil }
        return .step(step, cause)
      case 2: return text().map(JailFailure.pasta)
      case 3:
        guard let name = text(), let errno = number() else { return nil }
        return .command(name, errno: errno)
      case 4: return number().map { .interrupted(WaitStatus(rawValue: $0)) }
      case 5: return .launcherDied
      case 6: return cause().map(JailFailure.supervisorFailed)
      case 7: return .supervisorDied
      case 8:
        guard let path = text(), let errno = number() else { return nil }
        return .workingDirectory(path, errno: errno)
      default: return nil
      }
    }

    private mutating func cause() -> Cause? {
      switch rest.popFirst() {
      case 1:
        guard let call = text(), let subject = text(), let errno = number() else { return nil }
        return .systemCall(SystemCallError(call, subject, errno: errno))
      case 2: return netlinkError(hasText: false)
      case 3: return netlinkError(hasText: true)
      case 4: return text().map { .routes(.missing($0)) }
      case 5: return text().map { .routes(.unplanned($0)) }
      case 6: return .routes(.twice)
      case 7: return text().map(Cause.other)
      case 8: return text().map { .routes(.rules($0)) }
      default: return nil
      }
    }

    private mutating func netlinkError(hasText: Bool) -> Cause? {
      guard let errno = number(), let index = number() else { return nil }
      let text = hasText ? text() : nil
      if hasText && text == nil { return nil }
      return .netlink(NetlinkError(errno: errno, text: text, index: Int(index)))
    }

    private mutating func number() -> CInt? {
      guard rest.count >= 4 else { return nil }
      defer { rest = rest.dropFirst(4) }
      return CInt(bitPattern: rest.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }

    private mutating func text() -> String? {
      guard let count = number(), count >= 0, count <= rest.count else { return nil }
      defer { rest = rest.dropFirst(Int(count)) }
      return String(decoding: rest.prefix(Int(count)), as: UTF8.self)
    }
  }
}

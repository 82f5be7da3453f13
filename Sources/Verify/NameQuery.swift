import Linux
import Policy

/// A question to the jail's name server, as a program without a resolver asks it.
enum NameQuery {
  static let address: UInt16 = 1
  static let text: UInt16 = 16

  /// What was answered.
  enum Answer: Hashable, CustomStringConvertible {
    /// The name does not exist; the answer has nothing of the zone's own server.
    case doesNotExistHere
    /// It does not exist, as somebody else says.
    case doesNotExist
    case code(UInt8, records: UInt16)
    case nothing

    var description: String {
      switch self {
      case .doesNotExistHere: "does not exist"
      case .doesNotExist: "does not exist, by another server"
      case .code(let code, let records): "code \(code) with \(records) records"
      case .nothing: "no answer"
      }
    }
  }

  private static let patience = Duration.seconds(1)

  static func ask(_ name: DomainName, _ kind: UInt16, _ way: InternetSocket.Kind) -> Answer {
    guard let server = SocketAddress([127, 0, 0, 53], port: 53),
      let socket = try? InternetSocket(way, for: server),
      (try? socket.connect(to: server)) != nil
    else { return .nothing }
    let descriptor = socket.descriptor.rawValue
    let query = message(name, kind)
    let prefix = way == .stream ? [UInt8(query.count >> 8), UInt8(truncatingIfNeeded: query.count)] : []
    var buffer = [UInt8](repeating: 0, count: 512)
    guard (try? wait([.writable(descriptor, ())], until: .now + patience)) != nil,
      (try? socket.send((prefix + query)[...])) != nil,
      (try? wait([.readable(descriptor, ())], until: .now + patience)) != nil,
      let count = try? socket.receive(into: &buffer)
    else { return .nothing }
    return answer(buffer[prefix.count..<max(prefix.count, count)])
  }

  /// RFC 1035 section 4.1.1: counts of answers and of authority records, and the code.
  private static func answer(_ bytes: ArraySlice<UInt8>) -> Answer {
    guard bytes.count >= 12 else { return .nothing }
    let start = bytes.startIndex
    func number(_ offset: Int) -> UInt16 {
      UInt16(bytes[start + offset]) << 8 | UInt16(bytes[start + offset + 1])
    }
    let code = bytes[start + 3] & 0xf
    if code == 3 { return number(6) == 0 && number(8) == 0 ? .doesNotExistHere : .doesNotExist }
    return .code(code, records: number(6))
  }

  private static func message(_ name: DomainName, _ kind: UInt16) -> [UInt8] {
    let header: [UInt8] = [
      .random(in: .min ... .max), .random(in: .min ... .max), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0,
    ]
    let labels = name.labels.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    return header + labels + [0, UInt8(kind >> 8), UInt8(truncatingIfNeeded: kind), 0, 1]
  }
}

/// A value of JSON (RFC 8259) that is written, in printable ASCII only, so that a terminal can show the file as it is.
///
/// The supervisor writes it, which is to stay small: the first line costs 0.7 MB less than with JSONEncoder (decision 0015).
enum JSONValue {
  case string(String)
  case number(Int)
  case boolean(Bool)
  case array([JSONValue])
  /// What is nil is left out.
  case object([(key: String, value: JSONValue?)])

  /// On one line.
  var text: String {
    switch self {
    case .string(let string): return Self.quoted(string)
    case .number(let number): return "\(number)"
    case .boolean(let value): return "\(value)"
    case .array(let values): return "[" + values.map(\.text).joined(separator: ",") + "]"
    case .object(let members):
      let present = members.compactMap { key, value in value.map { "\(Self.quoted(key)):\($0.text)" } }
      return "{" + present.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ string: String) -> String {
    var result = "\""
    for unit in string.utf16 {
      switch unit {
      case 0x22: result += "\\\""
      case 0x5c: result += "\\\\"
      case 0x20..<0x7f: result.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
      default:
        let digits = String(unit, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return result + "\""
  }
}

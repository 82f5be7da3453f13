/// The name of a host: labels of letters, digits, hyphens and underscores (RFC 1035 section 2.3.4, RFC 8552), in lower case. There is
/// one form of each name, so names are compared byte by byte, wherever they come from.
public struct DomainName: Hashable, Sendable {
  /// The labels with dots between them and none at the end.
  public let text: String

  private init(checked text: String) { self.text = text }

  /// A name of these labels, the first one first; nil if one has a byte that no label has here, or is too long, or all together are.
  public init?(labels: some Sequence<some Collection<UInt8>>) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(64)
    for label in labels {
      guard (1...63).contains(label.count) else { return nil }
      if !bytes.isEmpty { bytes.append(UInt8(ascii: ".")) }
      for byte in label {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): bytes.append(byte | 0x20)
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
          UInt8(ascii: "_"):
          bytes.append(byte)
        default: return nil
        }
      }
    }
    guard (1...253).contains(bytes.count) else { return nil }
    text = String(decoding: bytes, as: UTF8.self)
  }

  /// A name as people write it; one dot may end it.
  public init?(_ text: some StringProtocol) {
    var bytes = Array(text.utf8)[...]
    if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
    self.init(labels: bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false))
  }

  /// The name without its first label; nil if it has only one.
  public var parent: DomainName? {
    text.utf8.firstIndex(of: UInt8(ascii: ".")).map {
      DomainName(checked: String(text[text.utf8.index(after: $0)...]))
    }
  }

  /// The labels, the first one first.
  public var labels: [Substring] { text.split(separator: ".") }
}

extension DomainName: CustomStringConvertible {
  /// As in `text`.
  public var description: String { text }
}

/// Where a preview leads: a port of a jail, as its address names it.
struct PreviewAddress: Hashable, Sendable {
  let port: UInt16
  /// Lowercase: the name of a jail, its name and its launcher's number, or that number.
  let label: String
}

/// What the Host of a request asks for. It is checked whole: a page elsewhere can have its own name lead to 127.0.0.1, but cannot
/// send another Host than that name (DNS rebinding).
enum RequestedHost: Equatable {
  /// The list of jails.
  case list
  case preview(PreviewAddress)
  /// Below localhost, and no address of a preview.
  case unknown
  /// Another's.
  case foreign

  /// `listeningPort` is this program's own.
  init(_ text: String, listeningPort: UInt16) {
    // Before it is in lowercase: there, the Kelvin sign is a k.
    let isASCII = text.utf8.allSatisfy { $0 < 0x80 }
    let text = text.lowercased()
    let suffix = listeningPort == 80 ? "" : ":\(listeningPort)"
    guard isASCII, text.hasSuffix(suffix) else {
      self = .foreign
      return
    }
    let host = text.dropLast(suffix.count)
    if ["localhost", "127.0.0.1", "[::1]"].contains(host) {
      self = .list
    } else if host.hasSuffix(".localhost") {
      self = PreviewAddress(host.dropLast(".localhost".count)).map { .preview($0) } ?? .unknown
    } else {
      self = .foreign
    }
  }
}

extension PreviewAddress {
  /// `5173.name`, in lowercase; nil for what is none.
  init?(_ text: Substring) {
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    guard labels.count == 2, let port = UInt16(labels[0]), port > 0, labels[0] == "\(port)",
      (1...63).contains(labels[1].utf8.count),
      labels[1].utf8.allSatisfy({ Self.characters.contains($0) })
    else { return nil }
    self.init(port: port, label: String(labels[1]))
  }

  private static let characters = Set("abcdefghijklmnopqrstuvwxyz0123456789-".utf8)
}

/// What a connection may be for.
struct ServedNames {
  let port: UInt16
  private let names: [[UInt8]]
  private let portSuffix: [UInt8]

  /// `names` in lower case.
  init(_ names: [String], port: UInt16) {
    self.port = port
    self.names = names.map { Array($0.utf8) }
    portSuffix = Array(":\(port)".utf8)
  }

  /// Whether this is one of the names. A dot at the end makes it another one: SNI has none (RFC 6066 section 3), and servers differ in
  /// whether they take it off a Host.
  func contains(_ name: ArraySlice<UInt8>) -> Bool {
    names.contains { name.isInLowerCase($0) }
  }

  /// Whether this is one of the names, with the connection's own port or none.
  func containsHost(_ host: ArraySlice<UInt8>) -> Bool {
    contains(host) || (host.ends(with: portSuffix) && contains(host.dropLast(portSuffix.count)))
  }
}

extension ArraySlice<UInt8> {
  fileprivate func ends(with suffix: [UInt8]) -> Bool { self.suffix(suffix.count).elementsEqual(suffix) }
}

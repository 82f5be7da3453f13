/// Ports by the names of their services and URL schemes, as people write them.
public enum WellKnownPort {
  private static let numbers: [(name: String, port: UInt16)] = [
    ("amqp", 5672), ("dns", 53), ("domain", 53), ("ftp", 21), ("git", 9418), ("http", 80), ("https", 443),
    ("imap", 143), ("imaps", 993), ("ldap", 389), ("ldaps", 636), ("mongodb", 27017), ("mqtt", 1883),
    ("mysql", 3306), ("ntp", 123), ("postgres", 5432), ("postgresql", 5432), ("rdp", 3389), ("redis", 6379),
    ("sftp", 22), ("smb", 445), ("smtp", 25), ("smtps", 465), ("ssh", 22), ("submission", 587), ("ws", 80),
    ("wss", 443),
  ]

  /// The port of a service; nil for a name that is not in the list above.
  public static func number(_ name: some StringProtocol) -> UInt16? {
    let name = name.hasPrefix("git+") ? String(name.dropFirst(4)) : String(name)
    return numbers.first { $0.name == name.lowercased() }?.port
  }
}

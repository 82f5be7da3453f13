import Linux

/// An environment (environ(7)) as the caller gave it: bytes, since it need not be text.
public struct Environment: Sendable {
  /// `NAME=value`, all of them.
  public let entries: [[UInt8]]

  public init(_ entries: [[UInt8]]) { self.entries = entries }

  /// That of this process.
  public static var own: Environment { Environment(Process.environment) }

  /// A variable as text; the first of that name, as getenv(3) takes it.
  public subscript(name: String) -> String? { bytes(name).map { String(decoding: $0, as: UTF8.self) } }

  /// The same with this variable in place of any of that name.
  func setting(_ name: String, to value: String) -> Environment {
    let prefix = Array("\(name)=".utf8)
    return Environment(entries.filter { !$0.starts(with: prefix) } + [prefix + value.utf8])
  }

  func bytes(_ name: String) -> [UInt8]? {
    let prefix = Array("\(name)=".utf8)
    return entries.first { $0.starts(with: prefix) }.map { Array($0.dropFirst(prefix.count)) }
  }
}

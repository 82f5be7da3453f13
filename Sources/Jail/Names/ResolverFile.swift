import Linux
import Policy

/// A file that the C library reads to look names up.
struct ResolverFile: Sendable, Hashable {
  let name: String

  /// resolv.conf(5): whom to ask.
  static let configuration = ResolverFile(name: "/etc/resolv.conf")
  /// hosts(5): what needs no asking.
  static let hosts = ResolverFile(name: HostsFile.path)

  /// What the host's resolv.conf says. Without one the C library's defaults hold.
  static func read() -> ResolverConfiguration {
    ResolverConfiguration(parsing: (try? FileDescriptor.contents(of: configuration.name)) ?? [])
  }

  /// Where the supervisor answers. Without a resolv.conf there is none to cover, and programs ask 127.0.0.1
  /// by themselves.
  static var serverAddress: [UInt8] {
    get throws(SystemCallError) { try configuration.path == nil ? [127, 0, 0, 1] : DNSListeners.address }
  }

  /// Where the file is, behind the links that lead to it; nil if there is none.
  var path: String? {
    get throws(SystemCallError) {
      try unlessAbsent { () throws(SystemCallError) in try FileStatus.resolve(name) }
    }
  }

  /// Differs when the host's file has been written or replaced; nil if there is none.
  var version: [Int]? { try? FileStatus.of(name).version }
}

import Linux

/// The kernel's settings (sysctl(8)).
enum Sysctl {
  /// A setting's value, by its path below /proc/sys; nil when this kernel does not have it.
  static func value(_ name: String) -> String? {
    guard let bytes = try? FileDescriptor.contents(of: "/proc/sys/\(name)") else { return nil }
    return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
  }
}

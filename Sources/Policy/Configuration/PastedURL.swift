/// The parts of a URL that somebody gave where an address or a name belongs.
struct PastedURL {
  let host: ArraySlice<UInt8>
  /// The port that it names, or that of its scheme.
  let port: String?

  /// Nil for a text that is no URL.
  init?(_ value: ArraySlice<UInt8>) {
    guard let colon = value.firstIndex(of: UInt8(ascii: ":")), value[colon...].starts(with: "://".utf8) else {
      return nil
    }
    let parts = value[(colon + 3)...].prefix { !"/?".utf8.contains($0) }
      .split(separator: UInt8(ascii: ":"), maxSplits: 1)
    host = parts.first ?? []
    port = parts.count > 1 ? text(parts[1]) : WellKnownPort.number(text(value[..<colon])).map { "\($0)" }
  }
}

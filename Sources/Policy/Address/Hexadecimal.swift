extension Sequence<UInt8> {
  /// Two hexadecimal digits for each byte, as link-layer addresses and packets are written.
  public func hexadecimal(separator: String = "") -> String {
    map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: separator)
  }
}

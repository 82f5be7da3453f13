/// The first line of a request as HTTP/1.0 and 1.1 have it (RFC 9112 section 3), and not otherwise: method, target and version with one space
/// between each.
struct RequestLine {
  let method: ArraySlice<UInt8>
  let target: ArraySlice<UInt8>
  let isVersion10: Bool

  /// A line without its end.
  init?(_ line: ArraySlice<UInt8>) {
    let words = line.split(separator: .space, maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count == 3, !words[0].isEmpty, words[0].allSatisfy(\.isToken) else { return nil }
    guard !words[1].isEmpty, words[1].allSatisfy({ $0 > .space && $0 != 0x7f }) else { return nil }
    isVersion10 = words[2].elementsEqual("HTTP/1.0".utf8)
    guard isVersion10 || words[2].elementsEqual("HTTP/1.1".utf8) else { return nil }
    method = words[0]
    target = words[1]
  }
}

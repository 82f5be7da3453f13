/// What DNS has in place of a name with other letters (RFC 3492, RFC 5891): only to be suggested, never to be believed.
enum Punycode {
  /// The name with A-labels; nil if that needs more than lower case and this encoding, such as a normal form.
  static func name(_ text: String) -> String? {
    var labels: [String] = []
    for label in text.lowercased().split(separator: ".", omittingEmptySubsequences: false) {
      let scalars = Array(label.unicodeScalars)
      if scalars.allSatisfy(\.isASCII) {
        labels.append(String(label))
      } else {
        // Without marks, a text is its own composed form.
        guard scalars.allSatisfy(\.isPlain), let encoded = encode(scalars.map(\.value)) else { return nil }
        labels.append("xn--" + encoded)
      }
    }
    return DomainName(labels.joined(separator: ".")).map(\.text)
  }

  // RFC 3492 section 6.3, with the parameters of section 5.
  private static func encode(_ input: [UInt32]) -> String? {
    let basic = input.filter { $0 < 0x80 }
    var output = basic.map { UInt8($0) }
    if !basic.isEmpty { output.append(UInt8(ascii: "-")) }
    var (n, delta, bias, handled) = (UInt32(128), 0, 72, basic.count)
    // Longer than any label, and short enough that no product overflows.
    guard input.count <= 63 else { return nil }
    while handled < input.count {
      guard let next = input.filter({ $0 >= n }).min() else { return nil }
      delta += Int(next - n) * (handled + 1)
      n = next
      for value in input {
        if value < n { delta += 1 }
        guard value == n else { continue }
        append(delta, bias, &output)
        bias = adapted(delta, count: handled + 1, isFirst: handled == basic.count)
        delta = 0
        handled += 1
      }
      delta += 1
      n += 1
    }
    return String(decoding: output, as: UTF8.self)
  }

  // A number of variable length (section 3.3).
  private static func append(_ delta: Int, _ bias: Int, _ output: inout [UInt8]) {
    var rest = delta
    var k = 36
    while true {
      let threshold = min(max(k - bias, 1), 26)
      guard rest >= threshold else { break }
      output.append(digit(threshold + (rest - threshold) % (36 - threshold)))
      rest = (rest - threshold) / (36 - threshold)
      k += 36
    }
    output.append(digit(rest))
  }

  // Section 6.1.
  private static func adapted(_ delta: Int, count: Int, isFirst: Bool) -> Int {
    var delta = isFirst ? delta / 700 : delta / 2
    delta += delta / count
    var k = 0
    while delta > 35 * 26 / 2 {
      delta /= 35
      k += 36
    }
    return k + 36 * delta / (delta + 38)
  }

  private static func digit(_ value: Int) -> UInt8 {
    value < 26 ? UInt8(ascii: "a") + UInt8(value) : UInt8(ascii: "0") + UInt8(value - 26)
  }
}

extension Unicode.Scalar {
  // A letter or a number that combines with nothing.
  fileprivate var isPlain: Bool {
    if value < 0x80 { return true }
    // Jamo compose into syllables.
    if (0x1100...0x11ff).contains(value) { return false }
    switch properties.generalCategory {
    case .lowercaseLetter, .otherLetter, .modifierLetter, .decimalNumber: return true
    default: return false
    }
  }
}

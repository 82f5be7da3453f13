import Testing

@testable import Policy

/// Arbitrary bytes: either a configuration or complaints, at once, and nothing else.
struct ConfigurationFuzzTests {
  static let words =
    ConfigurationKey.all.map(\.name) + ConfigurationKey.all.flatMap(\.words) + [
      "=", " = ", "\n", "\r\n", "\t", "#", ":", "/", "[", "]", ",", "-", ".", "::", "10.0.0.1", "010",
      "fd00::1",
      "/24", "/0", "443", "65536", "tcp", "udp", "%", "é", "\u{0}", "\u{feff}", "\u{a0}", "https://",
      "99999999999999999999", "*.example.com", "=", "*", "xn--", "github.com", "localhost",
    ]

  @Test(arguments: 0..<4 as Range<UInt64>)
  func arbitraryTextNeverCrashes(seed: UInt64) {
    var random = Random(seed: 100 + seed)
    for _ in 0..<800 {
      var text: [UInt8] = []
      for _ in 0..<random.below(40) {
        text += random.one(in: 6) ? random.bytes(random.below(4)) : Array(random.pick(Self.words).utf8)
      }
      check(text)
    }
  }

  @Test func damagedConfigurationsNeverCrash() {
    let sample = Array(
      """
      egress-jail = 1 # on
      network = internet
      allow-ip = 172.23.1.3:5064,5065/udp
      allow-ip = [fd00::3]:443
      allow-net = 10.0.0.0/24:443
      block-net = [2600::/32]:25-26/tcp
      allow-host-port = 8000-8009:9000-9009/udp
      publish = [::1]:8080:5173

      """.utf8)
    var random = Random(seed: 200)
    for _ in 0..<1500 {
      var text = sample
      for _ in 0...random.below(3) {
        switch random.below(3) {
        case 0: text[random.below(text.count)] = random.byte()
        case 1: text.remove(at: random.below(text.count))
        default: text.insert(random.pick(sample), at: random.below(text.count))
        }
      }
      check(text)
    }
  }

  // Forty thousand characters on one line, of each kind that a scanner could trip over.
  @Test(arguments: [
    "a", "=", "#", "1", ".", ":", "[", "]", "/", ",", "-", "\t", "\u{301}", "é", "::", "1.", "1,", "0:",
  ])
  func longLinesTakeNoLongerThanTheirLength(piece: String) {
    let long = String(repeating: piece, count: 40_000 / piece.utf8.count)
    let clock = ContinuousClock()
    let time = clock.measure {
      for start in [
        "", "allow-domain = ", "preset = ", "allow-internal-domain = a:", "allow-ip = ",
        "allow-host-port = ", "publish = [::1]:", "allow-ip = 1.2.3.4:", "allow-net = [fd00::",
        "network = ", "allow-ip = h://",
      ] {
        check(Array((start + long).utf8))
      }
    }
    #expect(time < .seconds(10))
  }

  private func check(_ text: [UInt8]) {
    let lines = text.count { $0 == UInt8(ascii: "\n") } + 1
    do {
      let configuration = try ConfigurationParser.parse([(name: "fuzz", text: text)])
      #expect(configuration.rules.count + configuration.ignored.count <= lines)
    } catch {
      #expect(!error.diagnostics.isEmpty && error.diagnostics.count <= lines)
      for diagnostic in error.diagnostics {
        #expect((1...lines).contains(diagnostic.line) && diagnostic.column >= 1)
        // One behind the end is where something is missing.
        #expect(diagnostic.column <= diagnostic.text.count + 1)
        #expect(!diagnostic.description.isEmpty)
      }
    }
  }
}

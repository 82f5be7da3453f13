import Policy
import Testing

/// Random rules about few names, so that they meet.
enum RandomNames {
  static let ports: [UInt16] = [22, 80, 443, 8080]

  static func name(_ random: inout Random) -> String {
    (0...random.below(3)).map { _ in random.pick(["a", "b"]) }.joined(separator: ".")
  }

  /// A line of any of the keys about names.
  static func line(_ random: inout Random) -> String {
    let name = name(&random)
    let sign = random.pick(["", "", "*.", "="])
    switch random.below(5) {
    case 0, 1: return "allow-domain = \(sign)\(name)\(random.pick(["", ":22", ":*", ":80-8080"]))"
    case 2: return "allow-internal-domain = \(name):\(random.pick(["22", "22,443", "*"]))"
    default: return "block-domain = \(sign)\(name)"
    }
  }

  static func lines(_ count: Int, _ random: inout Random) -> [String] {
    (0..<count).map { _ in line(&random) }
  }
}

func name(_ text: String) throws -> DomainName { try #require(DomainName(text), "\(text)") }

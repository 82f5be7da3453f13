import Policy

/// What `config --prove` prints.
struct ProofReport: Encodable {
  let version = JSON.version
  let verdict: String
  let instructions: Int
  let rules: Int
  private var paths: Int?
  /// Why the filter is not proven.
  private var reason: String?
  /// The frame about which filter and rules disagree, in hexadecimal digits, Ethernet header included.
  private var packet: String?
  private var expected: UInt32?
  private var actual: UInt32?

  private static let proven = "proven"

  var isProven: Bool { verdict == Self.proven }

  init(_ plan: Plan) {
    instructions = plan.filter.instructions.count
    rules = plan.rules.count
    switch FilterProof.check(plan) {
    case .proven(let paths):
      verdict = Self.proven
      self.paths = paths
    case .counterexample(let found):
      verdict = "unproven"
      reason = found.description
      packet = found.packet.hexadecimal()
      (expected, actual) = (found.expected, found.actual)
    case .malformed(let instruction, let why):
      verdict = "unproven"
      reason = "instruction \(instruction): \(why)"
    case .inverseDiffers:
      verdict = "unproven"
      reason = "the packet socket does not receive exactly what the filter drops"
    }
  }

  var text: String {
    if let paths {
      return
        "proven: \(paths) paths of \(instructions) instructions agree with \(rules) rules for every packet"
    }
    var lines = ["not proven: \(reason ?? "")"]
    if let packet, let expected, let actual {
      lines.append("the filter returns \(actual) and must return \(expected) (0 drops) for the frame")
      lines.append(packet)
    }
    return lines.joined(separator: "\n")
  }
}

/// Proves that a plan's filter decides as its rules do, for every frame there is.
///
/// A program only loads fields at fixed offsets, masks, compares and jumps forward. So each of its paths
/// belongs to a box of frames (`FilterWalk`), and all boxes together are all frames. Each box is compared
/// with the definition:
///
/// 1. A frame that carries no flow (`CarriedFrames`) has to be dropped.
/// 2. The others are asked about at the rules: the box is cut where another rule begins to match
///    (`RuleMap`), and the open ports there have to be all of the box's, or none.
///
/// The compiler's code is not used. A path costs a binary search for each stretch of addresses that its box
/// meets, not a look at every rule.
public enum FilterProof {
  /// What came out.
  public enum Result: Sendable, Hashable {
    /// The filter and the rules agree about every frame; so many paths were compared.
    case proven(paths: Int)
    /// They disagree about this frame, or the program gives a result that is neither of the two.
    case counterexample(Counterexample)
    /// The program does not have the form of a filter: where, and why.
    case malformed(instruction: Int, reason: String)
    /// The packet socket's program is not the complement of the filter.
    case inverseDiffers
  }

  /// A frame about which filter and rules disagree.
  public struct Counterexample: Sendable, Hashable {
    /// The frame, Ethernet header included.
    public let packet: [UInt8]
    /// The result that the rules ask for.
    public let expected: UInt32
    /// The result that the program gives.
    public let actual: UInt32
    /// What the frame is, and why it would have to be admitted or dropped.
    public let description: String
  }

  /// Compares the plan's filter with the plan's rules.
  public static func check(_ plan: Plan) -> Result {
    guard plan.filter.inverse.isComplement(of: plan.filter) else { return .inverseDiffers }
    return check(plan.filter, against: plan)
  }

  /// Compares any program with the plan's rules.
  static func check(_ program: FilterProgram, against plan: Plan) -> Result {
    let ipv4 = RuleMap(plan.rules, .ipv4)
    let ipv6 = RuleMap(plan.rules, .ipv6)
    var paths = 0
    do throws(MalformedFilter) {
      var walk = try FilterWalk(program)
      while let (box, result) = try walk.next() {
        paths += 1
        if result != FilterProgram.drop, let stray = CarriedFrames.outside(box) {
          return .counterexample(Counterexample(stray: stray, actual: result))
        }
        for frames in CarriedFrames.all {
          guard let part = frames.part(of: box) else { continue }
          let map = frames.family == .ipv4 ? ipv4 : ipv6
          if let (frame, flow) = disagreement(part, result, frames, map) {
            return .counterexample(
              Counterexample(frame, decision: plan.decide(flow), flow: flow, actual: result))
          }
        }
      }
    } catch {
      return .malformed(instruction: error.instruction, reason: error.reason)
    }
    return .proven(paths: paths)
  }

  // A frame of the box, and its flow, for which the result is not what the rules say.
  private static func disagreement(
    _ box: FrameBox, _ result: UInt32, _ frames: CarriedFrames, _ map: RuleMap
  ) -> (frame: FrameBox, flow: Flow)? {
    let ports = box[frames.port]
    var address = box.number(from: 0, in: frames.destination)
    while let number = address {
      let stretch = map.stretch(at: number)
      let open = stretch.open(frames.transport)
      // A result that is neither of the two is wrong for every frame.
      var wrong = ports
      if result == FilterProgram.accept { wrong = ports.subtracting(open) }
      if result == FilterProgram.drop { wrong = ports.intersection(open) }
      if let port = wrong.first {
        var frame = box.fixing(number, in: frames.destination)
        frame[frames.port] = ValueSet(port)
        let flow = Flow(
          destination: IPAddress(family: frames.family, value: number), transport: frames.transport,
          port: UInt16(truncatingIfNeeded: port))
        return (frame, flow)
      }
      address =
        stretch.last < frames.family.maximum
        ? box.number(from: stretch.last + 1, in: frames.destination) : nil
    }
    return nil
  }
}

extension FilterProof.Counterexample {
  fileprivate init(stray box: FrameBox, actual: UInt32) {
    packet = box.frame
    expected = FilterProgram.drop
    self.actual = actual
    description = "a frame that carries no TCP, UDP or echo request has to be dropped"
  }

  fileprivate init(_ box: FrameBox, decision: Decision, flow: Flow, actual: UInt32) {
    packet = box.frame
    expected = decision.allowed ? FilterProgram.accept : FilterProgram.drop
    self.actual = actual
    let service = flow.transport == .icmp ? "echo" : "\(flow.transport) port \(flow.port)"
    let verdict = decision.allowed ? "open" : "closed"
    description =
      "\(flow.destination) \(service) is \(verdict) (\(decision.rule.prefix), \(decision.rule.origin))"
  }
}

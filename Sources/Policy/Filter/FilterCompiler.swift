extension FilterProgram {
  /// The program for what is open in each family; it may exceed `maximum`.
  static func compile(ipv4: EffectivePolicy, ipv6: EffectivePolicy) -> FilterProgram {
    var assembler = Assembler()
    let drop = assembler.result(Self.drop)
    let accept = assembler.result(Self.accept)
    var compiler = FamilyCompiler(policy: ipv6, layout: .ipv6, accept: accept, drop: drop)
    let six = compiler.emit(into: &assembler)
    compiler = FamilyCompiler(policy: ipv4, layout: .ipv4, accept: accept, drop: drop)
    let four = compiler.emit(into: &assembler)
    let other = assembler.branch(Opcode.jumpEqual, Layout.ipv6.etherType, yes: six, no: drop)
    let family = assembler.branch(Opcode.jumpEqual, Layout.ipv4.etherType, yes: four, no: other)
    let start = assembler.step(Opcode.loadHalf, Layout.etherTypeOffset, then: family)
    if start == drop { return .dropEverything }
    return FilterProgram(instructions: assembler.instructions)
  }
}

/// Where a family's headers lie in a frame, Ethernet header included.
private struct Layout {
  static let etherTypeOffset: UInt32 = 12

  let etherType: UInt32
  let protocolOffset: UInt32
  let destinationOffset: UInt32
  let portOffset: UInt32
  let echoTypeOffset: UInt32
  let icmp: UInt32
  let echoRequest: UInt32

  static let tcp: UInt32 = 6
  static let udp: UInt32 = 17

  /// RFC 791 without options.
  static let ipv4 = Layout(
    etherType: 0x0800, protocolOffset: 23, destinationOffset: 30, portOffset: 36, echoTypeOffset: 34,
    icmp: 1, echoRequest: 8)
  /// RFC 8200 without extension headers.
  static let ipv6 = Layout(
    etherType: 0x86dd, protocolOffset: 20, destinationOffset: 38, portOffset: 56, echoTypeOffset: 54,
    icmp: 58, echoRequest: 128)
}

/// The code for one family: the header's shape, then the destination, then the services there.
private struct FamilyCompiler {
  let policy: EffectivePolicy
  let layout: Layout
  let accept: Assembler.Label
  let drop: Assembler.Label
  // One block for each services value, however many addresses share it.
  var blocks: [Assembler.Label?]

  init(policy: EffectivePolicy, layout: Layout, accept: Assembler.Label, drop: Assembler.Label) {
    self.policy = policy
    self.layout = layout
    self.accept = accept
    self.drop = drop
    blocks = Array(repeating: nil, count: policy.services.count)
    blocks[EffectivePolicy.closed] = drop
    blocks[EffectivePolicy.open] = accept
  }

  mutating func emit(into code: inout Assembler) -> Assembler.Label {
    let search = emit(0..<policy.intervals.count, base: 0, shift: policy.family.bits - 32, &code)
    if search == drop { return drop }
    var next = code.branch(Opcode.jumpEqual, layout.echoRequest, yes: search, no: drop)
    next = code.step(Opcode.loadByte, layout.echoTypeOffset, then: next)
    next = code.branch(Opcode.jumpEqual, layout.icmp, yes: next, no: drop)
    next = code.branch(Opcode.jumpEqual, Layout.udp, yes: search, no: next)
    next = code.branch(Opcode.jumpEqual, Layout.tcp, yes: search, no: next)
    next = code.step(Opcode.loadByte, layout.protocolOffset, then: next)
    switch policy.family {
    case .ipv4:
      // Of flags and offset only "don't fragment" may be set: a later fragment has no ports to look at.
      next = code.branch(Opcode.jumpAnySet, 0xbfff, yes: drop, no: next)
      next = code.step(Opcode.loadHalf, 20, then: next)
      // Version 4 and a header of five words, or the ports would lie elsewhere.
      next = code.branch(Opcode.jumpEqual, 0x45, yes: next, no: drop)
      return code.step(Opcode.loadByte, 14, then: next)
    case .ipv6:
      next = code.branch(Opcode.jumpEqual, 0x60, yes: next, no: drop)
      next = code.step(Opcode.and, 0xf0, then: next)
      return code.step(Opcode.loadByte, 14, then: next)
    }
  }

  // The search over one word of the destination, for the addresses that share the words before it with
  // `base`. Of the intervals in the range the first may begin before them.
  private mutating func emit(
    _ range: Range<Int>, base: UInt128, shift: Int, _ code: inout Assembler
  ) -> Assembler.Label {
    let intervals = policy.intervals
    let below = (UInt128(1) << UInt128(shift)) - 1
    // A target up to the number of services is a policy; from there on, a descent into the next word.
    var segments = [Segment(start: 0, target: intervals[range.lowerBound].policy)]
    var descents: [(range: Range<Int>, base: UInt128)] = []
    var index = range.lowerBound + 1
    while index < range.upperBound {
      let start = intervals[index].start
      let word = UInt32(truncatingIfNeeded: start >> UInt128(shift))
      var end = index
      while end < range.upperBound, intervals[end].start & ~below == start & ~below { end += 1 }
      if segments[segments.count - 1].start == word { segments.removeLast() }
      if end == index + 1, start & below == 0 {
        segments.append(Segment(start: word, target: intervals[index].policy))
      } else {
        segments.append(Segment(start: word, target: policy.services.count + descents.count))
        descents.append(((start & below == 0 ? index : index - 1)..<end, start & ~below))
        if word < UInt32.max {
          segments.append(Segment(start: word + 1, target: intervals[end - 1].policy))
        }
      }
      index = end
    }
    let search = SearchTree(segments: segments).emit(into: &code) { target, code in
      if target < policy.services.count { return block(target, &code) }
      let descent = descents[target - policy.services.count]
      return emit(descent.range, base: descent.base, shift: shift - 32, &code)
    }
    let offset = layout.destinationOffset + UInt32(policy.family.bits - 32 - shift) / 8
    return code.step(Opcode.loadWord, offset, then: search)
  }

  private mutating func block(_ index: Int, _ code: inout Assembler) -> Assembler.Label {
    if let known = blocks[index] { return known }
    let services = policy.services[index]
    let echo = services.echo ? accept : drop
    let udp = ports(services.udp, &code)
    let tcp = services.tcp == services.udp ? udp : ports(services.tcp, &code)
    var next: Assembler.Label
    if tcp == udp {
      next = code.branch(Opcode.jumpEqual, layout.icmp, yes: echo, no: tcp)
    } else {
      next = code.branch(Opcode.jumpEqual, Layout.udp, yes: udp, no: echo)
      next = code.branch(Opcode.jumpEqual, Layout.tcp, yes: tcp, no: next)
    }
    next = code.step(Opcode.loadByte, layout.protocolOffset, then: next)
    blocks[index] = next
    return next
  }

  private func ports(_ ports: PortSet, _ code: inout Assembler) -> Assembler.Label {
    var segments: [Segment] = [Segment(start: 0, target: drop)]
    for range in ports.ranges {
      if range.lowerBound == 0 { segments.removeLast() }
      segments.append(Segment(start: UInt32(range.lowerBound), target: accept))
      if range.upperBound < UInt16.max {
        segments.append(Segment(start: UInt32(range.upperBound) + 1, target: drop))
      }
    }
    let search = SearchTree(segments: segments).emit(into: &code) { label, _ in label }
    return code.step(Opcode.loadHalf, layout.portOffset, then: search)
  }
}

/// A classic BPF program over `struct seccomp_data` (seccomp(2)): a list of what is refused, or one of what is allowed.
///
/// It is a binary search over the numbers, so an ordinary call takes about a dozen instructions; since Linux 5.11 the
/// kernel remembers which numbers are allowed whatever their arguments are, and does not run the program at all.
public struct SystemCallProgram: Sendable, Hashable {
  /// What becomes of a call. Of several rules for one call, the first whose conditions all hold decides.
  public struct Rule: Sendable, Hashable {
    let call: UInt32
    let result: UInt32
    let conditions: [Condition]

    /// It fails with this error number.
    public init(_ call: UInt32, errno: UInt32, when conditions: [Condition] = []) {
      self.call = call
      result = SystemCallProgram.refusal(errno)
      self.conditions = conditions
    }

    /// It is allowed.
    public init(allowing call: UInt32, when conditions: [Condition] = []) {
      self.call = call
      result = SystemCallProgram.allow
      self.conditions = conditions
    }
  }

  /// What is asked of one argument, 0 to 5.
  ///
  /// Values are compared with the low 32 bits: that is all that the kernel looks at where it takes an int,
  /// whatever the upper half says.
  public struct Condition: Sendable, Hashable {
    fileprivate enum Question: Hashable { case isOne, isNone, isNotZero }
    fileprivate let argument: UInt32
    fileprivate let question: Question
    fileprivate var values: Set<UInt32> = []

    public static func argument(_ index: UInt32, isOneOf values: Set<UInt32>) -> Condition {
      Condition(argument: index, question: .isOne, values: values)
    }
    public static func argument(_ index: UInt32, isNoneOf values: Set<UInt32>) -> Condition {
      Condition(argument: index, question: .isNone, values: values)
    }
    /// All 64 bits are compared, as for a pointer.
    public static func argumentIsNotZero(_ index: UInt32) -> Condition {
      Condition(argument: index, question: .isNotZero)
    }
  }

  /// The program.
  public let instructions: [Instruction]

  /// SECCOMP_RET_ALLOW.
  public static let allow: UInt32 = 0x7fff_0000
  /// SECCOMP_RET_ERRNO, with the number that the call fails with.
  public static func refusal(_ errno: UInt32) -> UInt32 { 0x0005_0000 | errno }

  /// SECCOMP_RET_KILL_PROCESS.
  public static let kill: UInt32 = 0x8000_0000

  /// Allows every system call except those that the rules refuse. Calls of another architecture fail with `missing`, which is
  /// ENOSYS: the numbers of one say nothing about the others.
  ///
  /// `architecture` is an AUDIT_ARCH_* number. `foreignBit`, if not 0, marks numbers of another architecture that shares it.
  public init(architecture: UInt32, foreignBit: UInt32, missing: UInt32, rules: [Rule]) {
    self.init(
      architecture, rules, otherwise: Self.allow, foreign: Self.refusal(missing), foreignBit: foreignBit)
  }

  /// Ends the process at any system call that no rule allows.
  public init(architecture: UInt32, allowing rules: [Rule]) {
    self.init(architecture, rules, otherwise: Self.kill, foreign: Self.kill, foreignBit: 0)
  }

  private init(
    _ architecture: UInt32, _ rules: [Rule], otherwise: UInt32, foreign: UInt32, foreignBit: UInt32
  ) {
    var assembler = Assembler()
    var results = Results()
    let ordinary = results.label(otherwise, &assembler)
    let absent = results.label(foreign, &assembler)
    // What a segment's target stands for: the calls that have rules, then the two results.
    let calls = Set(rules.map(\.call)).sorted()
    let (ordinaryTarget, absentTarget) = (calls.count, calls.count + 1)
    var segments = [Segment(start: 0, target: ordinaryTarget)]
    func add(_ start: UInt32, _ target: Int) {
      if segments.last?.start == start { segments.removeLast() }
      segments.append(Segment(start: start, target: target))
    }
    for (index, call) in calls.enumerated() {
      add(call, index)
      add(call + 1, ordinaryTarget)
    }
    if foreignBit != 0 {
      add(foreignBit, absentTarget)
      // A tracer that skips a call gives it the number -1.
      add(.max, ordinaryTarget)
    }
    var emitted: [Int: Assembler.Label] = [ordinaryTarget: ordinary, absentTarget: absent]
    let search = SearchTree(segments: segments).emit(into: &assembler) { target, assembler in
      if let label = emitted[target] { return label }
      let label = Self.emit(
        rules.filter { $0.call == calls[target] }, otherwise: ordinary, &results, &assembler)
      emitted[target] = label
      return label
    }
    let native = assembler.step(Opcode.loadWord, Offset.call, then: search)
    let check = assembler.branch(Opcode.jumpEqual, architecture, yes: native, no: absent)
    _ = assembler.step(Opcode.loadWord, Offset.architecture, then: check)
    instructions = assembler.instructions
  }

  /// The ends of the program, each made when it is needed first.
  private struct Results {
    private var labels: [UInt32: Assembler.Label] = [:]

    mutating func label(_ result: UInt32, _ assembler: inout Assembler) -> Assembler.Label {
      if let label = labels[result] { return label }
      let label = assembler.result(result)
      labels[result] = label
      return label
    }
  }

  private static func emit(
    _ rules: [Rule], otherwise: Assembler.Label, _ results: inout Results, _ assembler: inout Assembler
  ) -> Assembler.Label {
    var next = otherwise
    for rule in rules.reversed() {
      var target = results.label(rule.result, &assembler)
      for condition in rule.conditions.reversed() {
        target = emit(condition, yes: target, no: next, &assembler)
      }
      next = target
    }
    return next
  }

  private static func emit(
    _ condition: Condition, yes: Assembler.Label, no: Assembler.Label, _ assembler: inout Assembler
  ) -> Assembler.Label {
    let low = Offset.arguments + 8 * condition.argument
    switch condition.question {
    case .isOne: return emit(condition.values, at: low, hit: yes, miss: no, &assembler)
    case .isNone: return emit(condition.values, at: low, hit: no, miss: yes, &assembler)
    case .isNotZero:
      let high = emit([0], at: low + 4, hit: no, miss: yes, &assembler)
      return emit([0], at: low, hit: high, miss: yes, &assembler)
    }
  }

  private static func emit(
    _ values: Set<UInt32>, at offset: UInt32, hit: Assembler.Label, miss: Assembler.Label,
    _ assembler: inout Assembler
  ) -> Assembler.Label {
    let compare = values.sorted().reversed().reduce(miss) {
      assembler.branch(Opcode.jumpEqual, $1, yes: hit, no: $0)
    }
    return assembler.step(Opcode.loadWord, offset, then: compare)
  }

  /// Where the fields of `struct seccomp_data` are. Of the 64 bits of an argument the low half comes first: both
  /// architectures are little-endian.
  private enum Offset {
    static let call: UInt32 = 0
    static let architecture: UInt32 = 4
    static let arguments: UInt32 = 16
  }
}

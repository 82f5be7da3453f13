import Linux
import Policy

/// The tap that the holder passed out, closed for all that the plan does not allow. Nobody reads another.
struct FilteredTap: ~Copyable {
  private let tap: Tap

  init(_ descriptor: consuming FileDescriptor, by plan: Plan) throws(SystemCallError) {
    let tap = Tap(owning: descriptor)
    try tap.attach(FilterInstruction.list(plan.filter))
    self.tap = tap
  }

  /// Borrowed, for sending it.
  var descriptor: CInt { tap.descriptor.rawValue }

  /// Replaces the filter in one step.
  func follow(_ plan: Plan) throws(SystemCallError) { try tap.attach(FilterInstruction.list(plan.filter)) }

  /// A second descriptor, for answers.
  func duplicate() throws(SystemCallError) -> FileDescriptor { try tap.descriptor.duplicate() }
}

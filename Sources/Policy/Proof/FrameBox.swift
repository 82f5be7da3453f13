/// A box of frames: for each field the values that it may have, independent of all other fields.
///
/// What lies outside the fields may be anything.
struct FrameBox: Equatable {
  private var values: [ValueSet]

  /// Every frame that has all fields.
  static let everything = FrameBox(values: FrameField.allCases.map { ValueSet(0, $0.maximum) })

  subscript(field: FrameField) -> ValueSet {
    get { values[field.rawValue] }
    set { values[field.rawValue] = newValue }
  }

  /// One frame of the box: its smallest.
  var frame: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: FrameField.frameLength)
    for field in FrameField.allCases {
      guard let value = self[field].first else { continue }
      for index in 0..<field.size {
        bytes[field.offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * (field.size - 1 - index)))
      }
    }
    return bytes
  }

  /// The smallest number, not below the given one, whose 32-bit words lie in these fields, most significant
  /// first; nil when there is none.
  func number(from target: UInt128, in fields: [FrameField]) -> UInt128? {
    func word(_ index: Int) -> UInt32 {
      UInt32(truncatingIfNeeded: target >> UInt128(32 * (fields.count - 1 - index)))
    }
    var same = 0
    while same < fields.count, self[fields[same]].contains(word(same)) { same += 1 }
    if same == fields.count { return target }
    // The last word that can be raised, behind unchanged ones; the smallest ones follow.
    for raised in (0...same).reversed() where word(raised) < .max {
      guard let next = self[fields[raised]].next(from: word(raised) + 1) else { continue }
      var number: UInt128 = 0
      for (index, field) in fields.enumerated() {
        let smallest = self[field].first ?? 0
        number = number << 32 | UInt128(index < raised ? word(index) : index == raised ? next : smallest)
      }
      return number
    }
    return nil
  }

  /// This box with a number in these fields.
  func fixing(_ number: UInt128, in fields: [FrameField]) -> FrameBox {
    var box = self
    for (index, field) in fields.reversed().enumerated() {
      box[field] = ValueSet(UInt32(truncatingIfNeeded: number >> UInt128(32 * index)))
    }
    return box
  }
}

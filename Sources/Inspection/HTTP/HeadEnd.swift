/// Finds where lines end, in bytes that are shown again with more behind them; each byte is looked at once.
struct HeadEnd {
  private var scanned = 0
  private var line = 0

  /// How long the lines are up to the first one, or with the empty one behind it; nil if there has to be more.
  mutating func find(_ bytes: ArraySlice<UInt8>, wantsEmptyLine: Bool = true) throws(Refused) -> Int? {
    while scanned < bytes.count {
      let byte = bytes[bytes.startIndex + scanned]
      scanned += 1
      guard byte == .lineFeed else { continue }
      guard scanned - line >= 2, bytes[bytes.startIndex + scanned - 2] == .carriageReturn else {
        throw Refused(.ambiguous)
      }
      if scanned > Inspector.limit { break }
      if !wantsEmptyLine || scanned - line == 2 { return scanned }
      line = scanned
    }
    guard scanned < Inspector.limit else { throw Refused(.incomplete) }
    return nil
  }
}

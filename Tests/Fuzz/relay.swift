import Inspection

@testable import Jail

/// What a relay that somebody has taken over may report, and what it is ordered: anything is one message or none, and one message is
/// written in one way.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe input(data, count)
  if let report = RelayReport(bytes) {
    if case .refused(_, _, let name) = report {
      require(name.utf8.count <= 3 * 255, name)
    } else {
      require(report.bytes == bytes, "\(report)")
    }
  }
  if let order = RelayOrder(bytes) { require(order.bytes == bytes, "\(order)") }
  return 0
}

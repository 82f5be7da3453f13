/// The input of one execution.
func input(_ data: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
  // SAFETY: libFuzzer passes the start and the count of a buffer that outlives the call.
  unsafe [UInt8](UnsafeBufferPointer(start: data, count: count))
}

/// What must hold for every input. The execution crashes otherwise, with the reason.
func require(_ condition: Bool, _ reason: @autoclosure () -> String) {
  if !condition { fatalError(reason()) }
}

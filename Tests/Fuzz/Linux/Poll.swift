/// Stands in for the real one.
public struct Interest: Sendable {
  public enum Events: Sendable { case read, write }

  public let descriptor: CInt
  public let events: Events

  public static func readable(_ descriptor: CInt) -> Interest {
    Interest(descriptor: descriptor, events: .read)
  }
  public static func writable(_ descriptor: CInt) -> Interest {
    Interest(descriptor: descriptor, events: .write)
  }
}

/// The descriptors that are ready now.
public func poll(_ interests: [Interest]) -> Set<CInt> {
  Set(interests.filter { Network[$0.descriptor].isReady($0.events) }.map(\.descriptor))
}

public enum PollEvents: Sendable { case read, write }

/// Stands in for the real one.
public struct Interest<Event> {
  public let descriptor: CInt
  public let events: PollEvents
  public let event: Event

  public static func readable(_ descriptor: CInt, _ event: Event) -> Interest {
    Interest(descriptor: descriptor, events: .read, event: event)
  }
  public static func writable(_ descriptor: CInt, _ event: Event) -> Interest {
    Interest(descriptor: descriptor, events: .write, event: event)
  }
}

/// What has come by now.
public func poll<Event>(_ interests: [Interest<Event>]) -> [Event] {
  interests.filter { Network[$0.descriptor].isReady($0.events) }.map(\.event)
}

/// How a child ended or stopped (wait(2)).
public struct WaitStatus: Sendable, Equatable {
  public let rawValue: CInt
  public init(rawValue: CInt) { self.rawValue = rawValue }

  /// The exit status, 0 to 255, if it exited.
  public var exitStatus: CInt? { rawValue & 0x7f == 0 ? (rawValue >> 8) & 0xff : nil }
  /// The signal that stopped it, if it is stopped.
  public var stopSignal: CInt? { rawValue & 0xff == 0x7f ? (rawValue >> 8) & 0xff : nil }
  /// Whether it was continued.
  public var isContinued: Bool { rawValue == 0xffff }
  /// The signal that killed it, if one did.
  public var terminationSignal: CInt? {
    exitStatus == nil && stopSignal == nil && !isContinued ? rawValue & 0x7f : nil
  }
}

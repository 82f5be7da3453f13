/// Stands in for the real one: closing shows in `Network`.
public struct FileDescriptor: ~Copyable {
  public let rawValue: CInt

  public init(owning rawValue: CInt) { self.rawValue = rawValue }

  deinit { Network.close(rawValue) }
}

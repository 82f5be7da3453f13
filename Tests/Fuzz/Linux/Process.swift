/// Stands in for the real one.
public enum Process {
  public static var descriptorLimit: Int { 1024 }
}

/// Stands in for the real one.
public func hostName() -> String { "host.example" }

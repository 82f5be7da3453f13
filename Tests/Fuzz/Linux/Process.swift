/// Stands in for the real one.
public enum Process {
  public static var descriptorLimit: Int { 1024 }
}

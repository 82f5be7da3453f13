/// A host without a domain.
public func hostName() -> String { "fuzz" }

extension NetworkMode {
  /// Whether this gives more than the other.
  public func isWider(than other: NetworkMode) -> Bool { rank > other.rank }

  private var rank: Int {
    switch self {
    case .none: 0
    case .restricted: 1
    case .internet: 2
    }
  }
}

extension Configuration {
  /// This configuration with what a project's file says: a narrower mode and rules that block; what opens only with `mayWiden`. Whatever
  /// else is in it is an error.
  public func tightened(
    by file: (name: String, text: [UInt8]), mayWiden: Bool
  ) throws(ConfigurationError) -> Configuration {
    let closing: Set<String> = ["network", "block-ip", "block-net", "block-domain"]
    let opening: Set<String> = ["allow-ip", "allow-net", "allow-domain", "preset"]
    let project = try ConfigurationParser.parse(
      file, only: mayWiden ? closing.union(opening) : closing, reading: "a project's file")
    var result = self
    if let place = project.network.location, mayWiden || !project.network.value.isWider(than: network.value) {
      result.network = Sourced(project.network.value, at: place)
    }
    result.rules += project.rules
    result.domains += project.domains
    result.presets += project.presets
    return result
  }
}

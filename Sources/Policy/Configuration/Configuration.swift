/// What the jail's network can be.
public enum NetworkMode: String, Sendable, Hashable, CaseIterable {
  /// Everything but what is internal.
  case internet
  /// Nothing but what is listed, by name or by address.
  case restricted
  /// Loopback only.
  case none
}

/// Whether the jail has IPv6.
public enum IPv6Mode: String, Sendable, Hashable, CaseIterable {
  /// When the host has a way out over IPv6, or an IPv6 destination is allowed.
  case auto
  /// Never.
  case off
}

/// Which Unix sockets of outside a jail closes.
public enum UnixSockets: String, Sendable, Hashable, CaseIterable {
  /// Those on the list of well-known ones.
  case listed
  /// All: the command connects to sockets that were made in its jail, and to exposed ones.
  case own
}

/// What `/etc/claude-sandbox.conf` and its drop-ins say. The initial value is what holds without any file.
public struct Configuration: Sendable, Equatable {
  /// A key of the file-system sandbox that shares the file; recorded, not acted upon.
  public struct Ignored: Sendable, Hashable {
    /// The key.
    public let key: String
    /// The value; nil for a bare key.
    public let value: String?
    /// Where it stands.
    public let location: SourceLocation
  }

  /// `egress-jail`: whether commands run in a jail at all.
  public var egressJail = Sourced(true)
  /// `network`.
  public var network = Sourced(NetworkMode.internet)
  /// `ipv6`.
  public var ipv6 = Sourced(IPv6Mode.auto)
  /// `allow-override`: whether the environment may switch the jail off.
  public var allowOverride = Sourced(true)
  /// `allow-ip`, `allow-net`, `block-ip`, `block-net`, in the order of the files.
  public var rules: [Rule] = []
  /// `allow-domain`, `allow-internal-domain`, `block-domain`, those of presets too.
  public var domains: [DomainRule] = []
  /// `preset`: the presets that are used, whose rules are among the others.
  public var presets: [Sourced<String>] = []
  /// The project's file, if it may only close: the names that it lists yield to every line that blocks.
  public var yieldingFile: String?
  /// `trust-project`: the directories whose project files may open something.
  public var trustedProjects: [Sourced<String>] = []
  /// `allow-host-port`, in the order of the files.
  public var hostPorts: [Sourced<HostPorts>] = []
  /// `publish`, in the order of the files.
  public var publications: [Sourced<Publication>] = []
  /// `unix-sockets`.
  public var unixSockets = Sourced(UnixSockets.listed)
  /// `expose-socket`: the Unix sockets that stay visible.
  public var exposedSockets: [Sourced<String>] = []
  /// `claude-binary`: the real Claude Code; nil to look for it.
  public var claudeBinary = Sourced<String?>(nil)
  /// The keys that are accepted and not acted upon.
  public var ignored: [Ignored] = []

  /// The defaults: the strictest that still reach the internet.
  public init() {}
}

extension Configuration {
  /// Whether the jail is to have a gateway to names.
  public var hasGateway: Bool {
    network.value == .restricted || network.value == .internet && domains.contains(where: \.isInternal)
  }

  /// Whether a jail is to have an uplink: in `restricted` only for what is allowed by address.
  public var hasUplink: Bool {
    switch network.value {
    case .internet: true
    case .restricted: rules.contains { $0.action == .allow }
    case .none: false
    }
  }
}

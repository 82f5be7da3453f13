/// A key of the configuration.
enum Key: String, CaseIterable {
  case egressJail = "egress-jail"
  case network
  case allowIP = "allow-ip"
  case allowNet = "allow-net"
  case allowDomain = "allow-domain"
  case blockIP = "block-ip"
  case blockNet = "block-net"
  case blockDomain = "block-domain"
  case preset
  case allowHostPort = "allow-host-port"
  case publish
  case allowOverride = "allow-override"
  case exposeSocket = "expose-socket"
  case ipv6
  case claudeBinary = "claude-binary"
  case workspaceRoot = "workspace-root"
  case noForge = "no-forge"
  case allowWrite = "allow-write"
  case passEnv = "pass-env"

  /// `init(rawValue:)` makes a dictionary of all keys first.
  static func named(_ name: String) -> Key? { allCases.first { $0.rawValue == name } }

  /// How a key is read.
  enum Form {
    /// One value; it may be given once.
    case setting(Setting)
    /// An address, or a prefix, with optional ports; repeatable.
    case rule(Action, isPrefix: Bool)
    /// The absolute path of a Unix socket; repeatable.
    case socket
    /// Known, and refused so that nobody relies on it.
    case notYetAvailable
    /// Of the file-system sandbox that shares the file.
    case foreign
  }

  /// A key with one value.
  enum Setting {
    case egressJail
    case allowOverride
    case network
    case ipv6
    case claudeBinary
  }

  var form: Form {
    switch self {
    case .egressJail: .setting(.egressJail)
    case .allowOverride: .setting(.allowOverride)
    case .network: .setting(.network)
    case .ipv6: .setting(.ipv6)
    case .claudeBinary: .setting(.claudeBinary)
    case .allowIP: .rule(.allow, isPrefix: false)
    case .allowNet: .rule(.allow, isPrefix: true)
    case .blockIP: .rule(.block, isPrefix: false)
    case .blockNet: .rule(.block, isPrefix: true)
    case .allowDomain, .blockDomain, .preset, .allowHostPort, .publish: .notYetAvailable
    case .exposeSocket: .socket
    case .workspaceRoot, .noForge, .allowWrite, .passEnv: .foreign
    }
  }
}

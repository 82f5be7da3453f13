import Jail
import Linux
import Policy

/// Whether the network that should be there is: a dead one closes everything.
enum NetworkControls {
  /// A host of the internet that a machine with Claude Code reaches anyway. It is connected to, and sent nothing.
  private static let name = "api.anthropic.com"
  /// How long the internet may take to answer.
  private static let patience = Duration.seconds(1)

  static func checks(offline: Bool, network: NetworkMode) -> [Check] {
    if offline || network != .internet {
      let reason = offline ? "--offline" : "network = \(network.rawValue)"
      return [
        loopback(),
        Check("name service works", .skipped, tried: "look \(name) up", expected: "an address", saw: reason),
        Check(
          "the internet works", .skipped, tried: "connect to \(name):443", expected: "connected", saw: reason),
      ]
    }
    var addresses: [IPAddress] = []
    var absence = "none (without internet: --offline)"
    do { addresses = try HostNames.addresses(of: name) } catch { absence = "\(error)" }
    let names = Check(
      "name service works", addresses.isEmpty ? .unreachable : .ok, tried: "look \(name) up",
      expected: "an address", saw: addresses.first.map { "\($0)" } ?? absence)
    let reached = Attempt.atOnce(
      addresses.map { Attempt(kind: .stream, choice: .routes, address: $0, port: 443) }, patience: patience)
    let internet = Check(
      "the internet works", reached.contains(.connected) ? .ok : .unreachable,
      tried: "connect to \(name):443",
      expected: "connected",
      saw: reached.contains(.connected)
        ? "connected" : reached.first.map { "\($0)" } ?? "no address (without internet: --offline)")
    return [loopback(), names, internet]
  }

  private static func loopback() -> Check {
    var connected = false
    if let any = SocketAddress([127, 0, 0, 1], port: 0),
      let listener = try? InternetSocket(.stream, for: any),
      (try? listener.bind(to: any)) != nil, (try? listener.listen(backlog: 1)) != nil,
      let address = try? listener.localAddress()
    {
      connected = Attempt.connect(to: address)
    }
    return Check(
      "loopback works", tried: "connect to a service of this process", expected: "connected",
      saw: connected ? "connected" : "no connection")
  }
}

import Jail
import Linux
import Policy

/// Attacks on the names of the jail that this process is in: questions that are not to be asked, and what is spoken for another name.
struct NameAttack {
  let names: NamePlan

  /// How long the internet may take to answer.
  private static let patience = Duration.seconds(2)

  func checks(offline: Bool) -> [Check] {
    [sibling, tunnel].compactMap(\.self) + (listed.map { listedName($0, offline) } ?? [])
  }

  /// A name that can be connected to, and where: the host that a machine with Claude Code reaches anyway, or the first that is listed.
  private var listed: (name: DomainName, port: UInt16)? {
    let usual = ["api.anthropic.com"].compactMap { DomainName($0) }
    let own = names.policy.rules.filter { $0.action == .allow && $0.pattern.extent != .below }.map(
      \.pattern.name)
    for name in usual + own {
      let ports = names.policy.rules.filter { $0.pattern.name == name }.flatMap(\.ports.ranges)
      for port in [443] + ports.map({ max(1, $0.lowerBound) })
      where names.rule(name, port: port)?.action == .allow {
        return (name, port)
      }
    }
    return nil
  }

  // MARK: - What is not to be asked

  /// A name beside a listed one, which ends in the same letters, or is below or above it.
  private var sibling: Check? {
    let listed = names.policy.rules.filter { $0.action == .allow }.map(\.pattern.name)
    let candidates = listed.flatMap { name in
      ["verify-sandbox.\(name)", "verify-sandbox-\(name)", "\(name).verify-sandbox.test"].compactMap {
        DomainName($0)
      }
    }
    return question(
      "names beside listed ones", candidates.filter { isUnlisted($0) }.prefix(3), NameQuery.address,
      byStream: false)
  }

  /// What carries data to whoever serves a zone.
  private var tunnel: Check? {
    let label = String(UInt64.random(in: .min ... .max), radix: 36)
    let names = ["\(label).verify-sandbox.test", "\(label).example.com"].compactMap { DomainName($0) }
    return question(
      "a tunnel through name service", names.filter { isUnlisted($0) }[...], NameQuery.text, byStream: true)
  }

  private func isUnlisted(_ name: DomainName) -> Bool {
    if case .doesNotExist = names.answer(name) { true } else { false }
  }

  /// The jail's server answers by itself, and then has no word of a zone's own server (RFC 2308).
  private func question(
    _ title: String, _ names: ArraySlice<DomainName>, _ kind: UInt16, byStream: Bool
  ) -> Check? {
    guard !names.isEmpty else { return nil }
    let expected = "does not exist, and nobody was asked"
    let saw = Set(
      names.flatMap { name in
        [NameQuery.ask(name, kind, .datagram)] + (byStream ? [NameQuery.ask(name, kind, .stream)] : [])
      })
    return Check(
      title, tried: "ask for " + names.map { "\($0)" }.joined(separator: ", "), expected: expected,
      saw: saw == [.doesNotExistHere] ? expected : saw.map { "\($0)" }.sorted().joined(separator: ", "))
  }

  // MARK: - What is spoken

  private func listedName(_ listed: (name: DomainName, port: UInt16), _ offline: Bool) -> [Check] {
    let place = "\(listed.name):\(listed.port)"
    func check(_ name: String, _ state: Check.State, _ tried: String, _ expected: String, _ saw: String)
      -> Check
    {
      Check(name, state, tried: tried, expected: expected, saw: saw)
    }
    let tried = (reach: "connect to \(place)", front: "connect to \(place), and speak TLS for another name")
    guard !offline else {
      return [
        check("a listed name works", .skipped, tried.reach, "connected", "--offline"),
        check("another name in TLS", .skipped, tried.front, "ECONNRESET", "--offline"),
      ]
    }
    let addresses = (try? HostNames.addresses(of: listed.name.text)) ?? []
    let connection = addresses.first.flatMap { Connection($0, listed.port, until: .now + Self.patience) }
    guard let connection else {
      let saw = addresses.first.map { "no connection to \($0)" } ?? "no address (without internet: --offline)"
      return [
        check("a listed name works", .unreachable, tried.reach, "connected", saw),
        check("another name in TLS", .skipped, tried.front, "ECONNRESET", saw),
      ]
    }
    let spoken = connection.speak(ClientHello.bytes(for: "verify-sandbox.test"), until: .now + Self.patience)
    return [
      check("a listed name works", .ok, tried.reach, "connected", "connected"),
      Check("another name in TLS", tried: tried.front, expected: "ECONNRESET", saw: spoken),
    ]
  }
}

/// A connection that was established.
private final class Connection {
  private let socket: InternetSocket

  init?(_ address: IPAddress, _ port: UInt16, until deadline: Instant) {
    guard let peer = SocketAddress(address.bytes, port: port),
      let made = try? InternetSocket(.stream, for: peer),
      (try? made.connect(to: peer)) != nil,
      let (ready, _) = try? wait([.writable(made.descriptor.rawValue, ())], until: deadline), !ready.isEmpty,
      (try? made.pendingError()) == 0
    else { return nil }
    socket = made
  }

  /// What comes of it.
  func speak(_ bytes: [UInt8], until deadline: Instant) -> String {
    do throws(SystemCallError) {
      _ = try socket.send(bytes[...])
      _ = try wait([.readable(socket.descriptor.rawValue, ())], until: deadline)
      var buffer = [UInt8](repeating: 0, count: 16)
      return switch try socket.receive(into: &buffer) {
      case nil: "nothing"
      case 0: "the end of the connection"
      default: "an answer"
      }
    } catch {
      return errnoName(error.errno)
    }
  }
}

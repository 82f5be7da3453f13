import Jail
import Linux
import Policy

/// Proves a jail by attacking it: `claude-sandbox verify`.
public enum Verification {
  /// Attacks the jail that this process is in. Outside of one nothing is sent anywhere: the only check fails.
  public static func inside(targets: [Target], offline: Bool) -> [Check] {
    let configuration: Configuration
    let plan: Plan
    do {
      configuration = try ConfigurationFiles.read()
      plan = try Plan.make(configuration: configuration, facts: HostFacts())
    } catch {
      let saw = (error as? LaunchFailure)?.text ?? "\(error)"
      return [Check("configuration", tried: "read it", expected: "a configuration", saw: saw)]
    }
    let isJail = Confinement.isJail(configuration)
    let jail = Check(
      "this is a jail", tried: "look at this process and its network", expected: "a jail",
      saw: isJail ? "a jail" : "no jail: nothing keeps this process from internal networks")
    guard isJail else { return [jail] }
    // The command line, or a project's file, may have taken more away than the configuration says.
    let hasUplink = linkIndex(ofZone: Uplink.linkName) != nil
    let network = hasUplink || Confinement.hasNames ? plan.network : NetworkMode.none
    let names = Confinement.hasNames ? plan.names : nil
    return [jail] + NetworkControls.checks(offline: offline, network: network)
      + (names.map { NameAttack(names: $0).checks(offline: offline) } ?? [])
      + NetworkAttack(plan: plan).checks(targets)
      + PortAttack(ports: configuration.hostPorts.map(\.value)).checks()
      + KernelAttack.checks(targets, configuration.exposedSockets.map(\.value))
  }

  /// Starts canaries, has `attack` launch a jail that attacks them, and checks them afterwards.
  public static func outside(attack: ([Target]) throws -> [Check]) throws -> [Check] {
    let (_, facts, plan) = try Launch.plan()
    let canaries: Canaries
    do {
      canaries = try Canaries(plan, facts)
    } catch {
      guard Environment.own.isMarked else { throw error }
      return [
        Check(
          "a jail is launched", tried: "start services to attack", expected: "services",
          saw: "\(error): started in a jail, this command is in another sandbox, such as Claude Code's own; "
            + "verify-sandbox must run outside of that one (sandbox.excludedCommands)")
      ]
    }
    let control = canaries.control()
    let checks = try attack(canaries.targets)
    return [control] + checks + [canaries.witness()] + shim() + user()
  }

  /// Whether `claude` is what a shell would start.
  private static func shim() -> [Check] {
    guard let found = Shim.precedence(.own) else { return [] }
    return [
      Check(
        "claude on PATH", found.state == .ok ? .ok : .warning, tried: "look which claude a shell would start",
        expected: "the jailed one", saw: found.finding + (found.fix.map { "; \($0)" } ?? ""))
    ]
  }

  /// What uid 0 means when the system is its own.
  private static func user() -> [Check] {
    guard Prerequisites.user().state == .limited else { return [] }
    let map = (try? FileDescriptor.contents(of: "/proc/self/uid_map")) ?? []
    let isReal =
      String(decoding: map, as: UTF8.self).split(whereSeparator: \.isWhitespace) == ["0", "0", "4294967295"]
    return [
      Check(
        "the user", .limited, tried: "look who it is", expected: "an ordinary user",
        saw: isReal
          ? "real root: no capabilities in the jail, but root's files control the machine (SECURITY.md)"
          : "root of a container: the command can change the files that later launches use (SECURITY.md)")
    ]
  }
}

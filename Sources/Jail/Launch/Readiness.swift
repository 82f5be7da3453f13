import Linux
import Policy

/// Whether what the administrator wrote, and what is installed, lets launches be made here: what `doctor` asks beside the machine.
public enum Readiness {
  public static func check() -> [Prerequisite] {
    do throws(LaunchFailure) {
      let configuration = try ConfigurationFiles.read()
      return [jail(configuration), rules()] + [names()].compactMap(\.self) + [claude(configuration)]
    } catch {
      return [finding("configuration", error)]
    }
  }

  private static func jail(_ configuration: Configuration) -> Prerequisite {
    let egressJail = configuration.egressJail
    guard !egressJail.value else { return .ok("configuration", "has no errors") }
    return .limited(
      "configuration", "egress-jail = 0\(at(egressJail.location)): commands run without a jail",
      fix: "remove that line, or set \(Override.variable)=1 where a jail is wanted")
  }

  private static func rules() -> Prerequisite {
    do throws(LaunchFailure) {
      let plan = try Launch.plan().2
      return .ok(
        "rules", "\(plan.rules.count); the filter has \(plan.filter.instructions.count) instructions")
    } catch {
      return finding("rules", error)
    }
  }

  /// A host of the internet that a machine with Claude Code reaches anyway. It is looked up, and sent nothing.
  private static let wellKnown = "api.anthropic.com"

  /// Some proxies answer every name with an address of a prefix that is closed by default (RFC 2544), which they route to themselves. nil where
  /// nothing answers, or not soon.
  private static func names() -> Prerequisite? {
    let name = "names"
    let options = "timeout:1 attempts:1"
    guard let found = try? HostNames.addresses(of: "\(wellKnown).", options: options),
      let proxied = SubstituteAddress.proxy.prefix, let plan = try? Launch.plan().2,
      let address = found.first(where: proxied.contains) ?? found.first
    else { return nil }
    let isOpen = plan.decide(Flow(destination: address, transport: .tcp, port: 443)).allowed
    guard proxied.contains(address), !isOpen else { return .ok(name, "\(wellKnown) is \(address)") }
    return .limited(
      name,
      "\(wellKnown) is \(address): \(SubstituteAddress.proxy.reason)",
      fix:
        "write allow-net = \(proxied) in \(ConfigurationFiles.main); that proxy then decides what a jail reaches"
    )
  }

  /// Limited: every other command has its jail.
  private static func claude(_ configuration: Configuration) -> Prerequisite {
    let name = "Claude Code"
    do throws(LaunchFailure) {
      let path = try Shim.program(.own, configuration)
      if isExecutable(path) { return .ok(name, path) }
      return .limited(
        name,
        "claude-binary = \(path)\(at(configuration.claudeBinary.location)) is no program that can be executed",
        fix: "name the real Claude Code, or remove the line and it is searched for")
    } catch {
      let found = finding(name, error)
      return .limited(name, found.finding, fix: found.fix ?? "")
    }
  }

  private static func at(_ place: SourceLocation?) -> String { place.map { " (\($0))" } ?? "" }

  /// What a launch would be refused with, in a row.
  private static func finding(_ name: String, _ failure: LaunchFailure) -> Prerequisite {
    let lines = failure.text.split(separator: "\n").map(String.init)
    let fixes = lines.filter { $0.hasPrefix("  fix: ") }.map { String($0.dropFirst(7)) }
    let what = lines.filter { !$0.hasPrefix(" ") }.map { line in
      ["claude-sandbox: refused: ", "claude-sandbox: "].first(where: line.hasPrefix).map {
        String(line.dropFirst($0.count))
      } ?? line
    }
    // Of many errors the first, and how many there are.
    let shown = what.count > 2 ? [what[0], what[what.count - 1]] : what
    return .missing(name, shown.joined(separator: "; "), fix: fixes.joined(separator: "; "))
  }
}

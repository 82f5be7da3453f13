import ArgumentParser
import FoundationEssentials
import Jail
import Linux
import Policy
import Record

struct Publish: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a port of a running jail reachable from this machine.",
    discussion: """
      The port is reachable on this machine's loopback until the jail ends. 8080:5173 is the jail's port 5173 under the number 8080, \
      0:5173 under any that is free, and 5173/udp is UDP. A line with 'publish' in the configuration does the same for every jail.
      """)

  @Argument(help: ArgumentHelp("The launcher of the jail, as 'ps' shows it.", valueName: "pid"))
  var process: Int32

  @Argument(help: "The port, as 'publish' in the configuration has it.")
  var port: String

  @Flag(help: "Take back what 'publish' or 'run --publish' has made reachable.")
  var remove = false

  func run() throws {
    Invocation.refuseInJail()
    let port: PublishedPort
    do throws(PortSyntaxError) {
      port = try PublishedPort(parsing: self.port)
    } catch {
      throw ValidationError("\(error.message)\n  fix: \(error.hint)")
    }
    var refusal: ControlRefusal?
    let jail = try JailList.ask(remove ? .unpublish(port) : .publish(port), launcher: process) { message in
      refusal = try? JSONDecoder().decode(ControlRefusal.self, from: Data(message))
      return JailStatus.decoded(message)
    }
    if let refusal {
      Process.complain("claude-sandbox: \(process): \(refusal.refusal.visible(limit: 1000))\n")
      throw ExitCode.failure
    }
    guard let status = jail?.status else {
      Process.complain("claude-sandbox: \(process) is not the launcher of a jail of yours\n")
      throw ExitCode.failure
    }
    if remove { return }
    for door in status.ports where door.isFor(port) { Output.print(door.places.joined(separator: "\n")) }
  }
}

extension JailStatus.Port {
  fileprivate func isFor(_ port: PublishedPort) -> Bool {
    key == "publish" && inside == Int(port.inside) && `protocol` == (port.transport == .udp ? "udp" : "tcp")
      && (port.outside == 0 || outside == Int(port.outside))
  }

  /// Where the host listens, as clients write it.
  var places: [String] {
    addresses.map { address in
      let address = address.visible(limit: 45)
      return address.contains(":") ? "[\(address)]:\(outside)" : "\(address):\(outside)"
    }
  }

  /// A line for people.
  var note: String {
    let ports =
      "\(outside == inside ? "\(inside)" : "\(outside):\(inside)")\(`protocol` == "udp" ? "/udp" : "")"
    let what =
      problem.map { "not open: \($0.visible(limit: 200))" }
      ?? (key == "publish" ? "at \(places.joined(separator: ", "))" : "is the host's")
    return "\(key.visible(limit: 20)) \(ports) \(what) (\(origin.visible(limit: 200)))"
  }
}

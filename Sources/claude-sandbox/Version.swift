import ArgumentParser
import Jail

struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Print the version.")
  static let number = "0.1.0"

  @Flag(help: "Print JSON.")
  var json = false

  private struct Report: Encodable {
    let version = JSON.version
    let verdict = "ok"
    let name = "claude-sandbox"
    let release = Version.number
  }

  func run() throws {
    if json {
      try JSON.print(Report())
    } else {
      Output.print("claude-sandbox \(Self.number)")
    }
  }
}

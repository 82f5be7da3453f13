import ArgumentParser
import Jail

struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Print the version.")
  static let number = "0.1.0"

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    if json {
      try JSON.print(["name": "claude-sandbox", "version": Self.number])
    } else {
      print("claude-sandbox \(Self.number)")
    }
  }
}

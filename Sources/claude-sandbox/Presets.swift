import ArgumentParser
import Jail
import Linux
import Policy
import Record

struct Presets: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the presets: names that services and tools need, for 'preset' in the configuration.",
    discussion: """
      A preset is a file of allow-domain lines, each with the page that it was taken from. One in \(PresetFiles.directory) goes before \
      one of the same name that was installed with this program.
      """)

  @Argument(help: ArgumentHelp("Print the lines of this preset.", valueName: "name"))
  var name: String?

  @Flag(help: "Print JSON.")
  var json = false

  private struct Report: Encodable {
    let version = JSON.version
    let verdict = "listed"
    let presets: [Row]
  }

  private struct Row: Encodable {
    let name: String
    let file: String
    let names: [DomainReport]

    init(_ preset: PresetFiles.Preset) {
      (name, file) = (preset.name, preset.path)
      names = preset.rules.map(DomainReport.init)
    }
  }

  func run() throws {
    let all = Invocation.orExit(json: json) { () throws(LaunchFailure) in try PresetFiles.all() }
    let presets = all.filter { name == nil || $0.name == name }
    if let name, presets.isEmpty {
      let known = all.map(\.name).joined(separator: ", ")
      Invocation.exitUnavailable("there is no preset '\(name.visible())'; there are: \(known)", json: json)
    }
    if json {
      try JSON.print(Report(presets: presets.map(Row.init)))
    } else if let preset = presets.first, name != nil {
      Output.print((["# \(preset.path)"] + preset.rules.map(\.line)).joined(separator: "\n"))
    } else {
      Output.print(Table.text(presets.map { [$0.name, Self.count($0.rules.count), $0.path] }))
    }
  }

  private static func count(_ number: Int) -> String { number == 1 ? "1 name" : "\(number) names" }
}

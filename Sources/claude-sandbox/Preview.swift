import ArgumentParser
import Jail
import Linux

struct Preview: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what your jails serve in a browser, each port by a name of its own.",
    discussion: """
      http://5173.NAME.localhost:8090/ is port 5173 of the jail whose directory is called NAME, for as long as this command runs; \
      http://localhost:8090/ lists them. Only programs of your own user are answered, and nothing has to be published.
      """)

  @Option(help: "The port of this machine's loopback.")
  var port: UInt16 = 8090

  func validate() throws {
    if port == 0 { throw ValidationError("--port: 0 is no port that an address can name") }
  }

  /// Another program does it, beside this one: what it needs would make every launch larger.
  func run() throws {
    Invocation.refuseInJail()
    do throws(SystemCallError) {
      let own = try FileStatus.target(ofLink: "/proc/self/exe")
      let program = own + "-preview"
      try Process.execute(
        Array(program.utf8), arguments: [Array(program.utf8), Array("--port".utf8), Array("\(port)".utf8)],
        environment: Environment.own.entries)
    } catch {
      Process.complain(
        "claude-sandbox: previews cannot be served: \(error)\n  fix: install all of claude-sandbox: ./install.sh\n"
      )
      throw ExitCode.failure
    }
  }
}

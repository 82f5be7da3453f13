import ArgumentParser

/// Where the program starts.
@main
enum Main {
  static func main() {
    let arguments = Invocation.arguments
    // The usual form leaves nothing to parse, and parsing would take longer than raising the walls.
    if arguments.count > 3, arguments[1] == Array("run".utf8), arguments[2] == Array("--".utf8) {
      Invocation.finish(launching: Array(arguments[3...]), network: nil)
    }
    ClaudeSandbox.main()
  }
}

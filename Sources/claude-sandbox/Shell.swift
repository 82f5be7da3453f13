import ArgumentParser
import Jail

struct Shell: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Start an interactive shell in a jail, to try things.",
    discussion: "The shell is $SHELL, or /bin/sh. It ends, and the jail with it, at 'exit'.")

  @OptionGroup var options: JailOptions

  func run() {
    let shell = Environment.own["SHELL"] ?? ""
    let path = shell.hasPrefix("/") ? shell : "/bin/sh"
    Invocation.finish(launching: Environment.own.markedShell(path), network: options.network?.mode)
  }
}

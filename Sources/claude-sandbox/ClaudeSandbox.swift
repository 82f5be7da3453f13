import ArgumentParser

/// The program: one file per command.
@main
struct ClaudeSandbox: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "claude-sandbox",
    abstract: "Run a command in a network of its own: the internet works, internal networks are not there.",
    discussion: """
      A jail needs no privilege: only unprivileged user namespaces, /dev/net/tun and pasta. If anything is missing the command is not run. What \
      it may reach beside the internet is listed in /etc/claude-sandbox.conf.
      """,
    subcommands: [Run.self, Version.self])
}

import ArgumentParser

/// The program's words: one file per command.
struct ClaudeSandbox: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "claude-sandbox",
    abstract: "Run a command in a network of its own: the internet works, internal networks are closed.",
    discussion: """
      A jail needs no privilege: only unprivileged user namespaces, /dev/net/tun and pasta. If anything is missing, the command is not \
      run. What it may reach besides the internet is listed in /etc/claude-sandbox.conf.

      Start with:
        claude-sandbox doctor                  what this machine lacks, and how to fix it
        claude-sandbox shell                   a shell in a jail, to try things
        claude-sandbox verify                  attack a jail, and see that it holds
        claude-sandbox explain 10.0.0.5:443    would this be reachable, and why (not)
        claude-sandbox run -- COMMAND          the real thing
        claude-sandbox log --follow            what is refused, by whom, and what to write to allow it
      """,
    version: Version.number,
    subcommands: [
      Run.self, Shell.self, Ps.self, Log.self, Learn.self, Reload.self, Publish.self, Doctor.self,
      Explain.self,
      Config.self, Presets.self, Preview.self, Verify.self,
      Version.self,
    ])
}

/// What tells people and scripts that they are in a jail. Nothing of this program believes it (see `Confinement`); a message may
/// mention it.
extension Environment {
  private static let mark = "CLAUDE_SANDBOX"
  private static let prompt = "(jail) "

  /// With the variable that every command in a jail has.
  var marked: Environment { setting(Self.mark, to: "1") }

  /// Whether it has that variable, which anyone may set.
  package var isMarked: Bool { self[Self.mark] == "1" }

  /// The words that start an interactive shell whose prompt says where it is, and its environment. What a user's own files set comes
  /// later, and wins: zsh leaves no way behind them.
  public func markedShell(_ path: String) -> Command {
    let words: [String]
    var environment = self
    switch path.split(separator: "/").last {
    case "bash":
      // Before each prompt, so after ~/.bashrc.
      let code = "case $PS1 in '\(Self.prompt)'*) ;; *) PS1='\(Self.prompt)'$PS1 ;; esac"
      let before = self["PROMPT_COMMAND"].map { "\($0)\n" } ?? ""
      environment = setting("PROMPT_COMMAND", to: before + code)
      words = [path]
    case "fish":
      words = [
        path, "-C",
        "functions -q fish_prompt; and functions -c fish_prompt unjailed_prompt; function fish_prompt; echo -n '\(Self.prompt)'; "
          + "functions -q unjailed_prompt; and unjailed_prompt; end",
      ]
    case "zsh":
      environment = setting("PS1", to: "\(Self.prompt)%m%# ")
      words = [path]
    default:
      environment = setting("PS1", to: Self.prompt + (self["PS1"] ?? "$ "))
      words = [path]
    }
    return Command(arguments: words.map { Array($0.utf8) }, environment: environment)
  }
}

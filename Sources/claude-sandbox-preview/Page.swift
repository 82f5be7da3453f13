import Jail
import Linux
import Record

/// The page with the running jails. All texts in it come from jails and their directories: they are escaped here, and nowhere else.
enum Page {
  /// Seconds since 1970.
  static func now() -> Int { wallClock() / 1000 }

  /// The whole page. `nonce` is what its own script and style have, and nothing else can (Content-Security-Policy).
  static func text(_ list: String, wanted: PreviewAddress?, nonce: String) -> String {
    """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Previews - claude-sandbox</title>
    <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' \
    height='16' rx='4' fill='%23c15f3c'/%3E%3Cpath d='M5 5l3 3-3 3M9 11h3' stroke='%23fff' stroke-width='1.6' fill='none'/%3E%3C/svg%3E">
    <style nonce="\(nonce)">\(style)</style>
    <header><h1>Previews</h1><p id="state">as of now</p></header>
    \(wanted.map(notice) ?? "")
    <main id="jails">\(list)</main>
    <footer>Only programs of your own user are answered here. Each port of a jail has an address of its own; what runs there is the \
    jail's, and may be anything.</footer>
    <script nonce="\(nonce)">\(script)</script>
    </html>

    """
  }

  static func policy(nonce: String) -> String {
    "default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; connect-src 'self'; img-src data:; "
      + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  }

  private static func notice(_ wanted: PreviewAddress) -> String {
    """
    <p class="notice">Nothing answers at port <b>\(wanted.port)</b> of <b>\(escaped(wanted.label))</b>. If the server is about to \
    start, it will appear below.</p>
    """
  }

  /// The jails, on one line.
  static func list(_ jails: [RunningJail], port: Int, now: Int) -> String {
    if jails.isEmpty {
      return "<section class=\"empty\"><h2>No jail is running</h2><p>Start one: <code>claude</code>, or "
        + "<code>claude-sandbox run -- COMMAND</code></p></section>"
    }
    return jails.compactMap { jail in
      jail.status.map { article(jail, $0, label: jails.label(of: jail), port: port, now: now) }
    }.joined()
  }

  private static func article(
    _ jail: RunningJail, _ status: JailStatus, label: String?, port: Int, now: Int
  ) -> String {
    let ports = (status.listening ?? []).filter { (1...65535).contains($0) }
    let previews = label.map { label in
      ports.map { inside in
        let host = escaped("\(inside).\(label).localhost:\(port)")
        return "<li><a href=\"http://\(host)/\"><b>\(inside)</b><span>\(host)</span></a></li>"
      }.joined()
    }
    let facts = [jail.launcher.map { "pid \($0)" }, status.network, age(now - status.since)].compactMap { $0 }
    return "<article><h2>\(escaped(status.name))</h2><p class=\"facts\">"
      + facts.map { "<span>\(escaped($0))</span>" }.joined() + "</p>"
      + (status.directory.map { "<p class=\"directory\">\(escaped($0))</p>" } ?? "")
      + "<p class=\"command\"><code>\(escaped(status.command.joined(separator: " ")))</code></p>"
      + (previews.flatMap { $0.isEmpty ? nil : "<ul>\($0)</ul>" }
        ?? "<p class=\"none\">Nothing listens yet.</p>")
      + "</article>"
  }

  private static func age(_ seconds: Int) -> String {
    switch seconds {
    case ..<60: "just started"
    case ..<3600: "for \(seconds / 60) min"
    case ..<86_400: "for \(seconds / 3600) h"
    default: "for \(seconds / 86_400) d"
    }
  }

  /// A text as HTML, in an element or in a quoted attribute: control and invisible characters too are shown (`visible`).
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.visible(limit: 300).unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

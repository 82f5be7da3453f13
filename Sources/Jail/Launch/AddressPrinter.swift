import Linux

/// What stands in for a browser: a program that prints the address for somebody who has one. In a jail there is no display, and a
/// browser would have the jail's network.
enum AddressPrinter {
  /// That of the installation, beside the presets.
  static func installed(by program: String) -> String {
    "\(program.parentDirectory.parentDirectory)/share/claude-sandbox/open-url"
  }
}

extension Environment {
  /// By these a program finds a desktop to open an address with. Without one it asks BROWSER, xdg-open(1) too.
  static let desktops: Set<String> = [
    "XDG_CURRENT_DESKTOP", "XDG_SESSION_DESKTOP", "DESKTOP_SESSION", "KDE_FULL_SESSION",
    "KDE_SESSION_VERSION",
    "GNOME_DESKTOP_SESSION_ID", "MATE_DESKTOP_SESSION_ID", "LXQT_SESSION_CONFIG",
  ]

  /// With this program in the place of a browser, if there is one at this path.
  func opening(with program: String) -> Environment {
    (try? FileStatus.of(program)) == nil ? self : setting("BROWSER", to: program)
  }
}

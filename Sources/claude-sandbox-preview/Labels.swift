import Jail
import Record

/// What an address's label leads to.
enum Labelled {
  case jail(RunningJail)
  case nothing
  case several
}

extension [RunningJail] {
  /// The jail that a label means: a launcher's number before all, then a name, or a name and the number. An ambiguous name leads
  /// nowhere.
  func labelled(_ label: String) -> Labelled {
    if let jail = first(where: { $0.launcherLabel == label }) { return .jail(jail) }
    let named = filter { jail in jail.nameLabels.contains(label) }
    return switch named.count {
    case 0: .nothing
    case 1: .jail(named[0])
    default: .several
    }
  }

  /// The shortest label that leads to this jail; nil if there is none.
  func label(of jail: RunningJail) -> String? {
    (jail.nameLabels + [jail.launcherLabel].compactMap { $0 }).first { label in
      if case .jail(let found) = labelled(label) { found.isSame(as: jail) } else { false }
    }
  }
}

extension RunningJail {
  fileprivate var launcherLabel: String? { launcher.map { "\($0)" } }

  /// Its name, and its name with the launcher's number, where these can be labels.
  fileprivate var nameLabels: [String] {
    guard let name = status?.name.lowercased() else { return [] }
    return [name, launcherLabel.map { "\(name)-\($0)" }].compactMap { label in
      label.flatMap { PreviewAddress("1.\($0)")?.label }
    }
  }
}

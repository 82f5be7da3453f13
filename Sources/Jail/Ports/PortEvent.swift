import Linux

/// What became of a door, for the record.
enum PortEvent {
  case opened(String)
  case closed(String)
  /// It cannot be opened.
  case failed(String, SystemCallError)
  /// Somebody came, and nobody was behind it, so many times.
  case refused(String, CInt, count: Int)

  var isAccepted: Bool {
    switch self {
    case .opened, .closed: true
    case .failed, .refused: false
    }
  }

  var text: String {
    switch self {
    case .opened(let text): "open: \(text)"
    case .closed(let text): "closed: \(text)"
    case .failed(let name, let error): "\(name): \(error)"
    case .refused(let name, let error, let count):
      "\(name): \(errnoText(error))" + (count > 1 ? " (\(count) times)" : "")
    }
  }
}

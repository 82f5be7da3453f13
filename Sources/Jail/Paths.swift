extension String {
  /// The directory that a path's last component is in.
  var parentDirectory: String {
    guard let slash = lastIndex(of: "/"), slash != startIndex else { return "/" }
    return String(self[..<slash])
  }
}

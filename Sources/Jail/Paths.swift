extension String {
  /// The directory that a path's last component is in.
  var parentDirectory: String {
    guard let slash = lastIndex(of: "/"), slash != startIndex else { return "/" }
    return String(self[..<slash])
  }

  /// The directories above an absolute path, the root not among them.
  var ancestors: [String] {
    let parent = parentDirectory
    return parent == "/" ? [] : [parent] + parent.ancestors
  }
}

import Linux
import Policy

/// The host's hosts(5), read again whenever it has changed. Of a long one, as blockers of advertisements make them, only the names that are
/// wanted are kept.
struct HostsFile {
  static let path = "/etc/hosts"

  private let path: String
  private var version: [Int]?
  private var table: [DomainName: [IPAddress]] = [:]

  private static let longest = 16 << 20
  /// Of one name.
  private static let mostAddresses = 16

  init(_ path: String = Self.path) { self.path = path }

  /// What a file says; nothing if there is none.
  static func read(_ path: String = Self.path) -> [UInt8] {
    (try? FileDescriptor.contents(of: path, limit: longest)) ?? []
  }

  /// Other names are wanted from now on.
  mutating func forget() { version = nil }

  /// The addresses in all lines that have this very name; nil if there is none.
  mutating func addresses(of name: DomainName, where isWanted: (DomainName) -> Bool) -> [IPAddress]? {
    let current = try? FileStatus.of(path).version
    if current == nil || current != version {
      version = current
      let bytes = current == nil ? [] : Self.read(path)
      table = [:]
      for line in HostsLine.all(in: bytes) {
        guard let address = line.address else { continue }
        for name in line.names {
          guard let name = DomainName(labels: HostsLine.labels(name)), isWanted(name),
            table[name]?.contains(address) != true, table[name, default: []].count < Self.mostAddresses
          else { continue }
          table[name, default: []].append(address)
        }
      }
    }
    return table[name]
  }
}

/// A line of hosts(5): an address, and names that have it.
struct HostsLine {
  let bytes: ArraySlice<UInt8>
  /// As it is written; nil of a line that says nothing.
  private let addressWord: ArraySlice<UInt8>?
  let names: ArraySlice<ArraySlice<UInt8>>

  static func all(in bytes: [UInt8]) -> [HostsLine] {
    bytes.split(separator: UInt8(ascii: "\n")).map(HostsLine.init)
  }

  private init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    let words = bytes.prefix { $0 != UInt8(ascii: "#") }.split { $0 == 0x20 || (0x09...0x0d).contains($0) }
    addressWord = words.first
    names = words.dropFirst()
  }

  /// nil of one with a zone, which leads to a link.
  var address: IPAddress? { addressWord.flatMap { IPAddress(String(decoding: $0, as: UTF8.self)) } }

  /// A name's labels, which `DomainName` checks; one dot may end it.
  static func labels(_ name: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    let name = name.last == UInt8(ascii: ".") ? name.dropLast() : name
    return name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
  }

  /// The line with these names only; nil if there are none.
  func keeping(_ names: [ArraySlice<UInt8>]) -> [UInt8]? {
    guard let addressWord, !names.isEmpty else { return nil }
    return Array(([addressWord] + names).joined(separator: [0x20]))
  }
}

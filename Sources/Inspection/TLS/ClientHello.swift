/// The first message of a client (RFC 8446 section 4.1.2): which server it is for. Every length must be right, so that no other reader
/// finds another name in it.
enum ClientHello {
  /// The name in the body of a ClientHello; nil if there is none. Encrypted ClientHello changes nothing: the name outside counts.
  static func serverName(_ body: ArraySlice<UInt8>) throws(Refused) -> ArraySlice<UInt8>? {
    var reader = ByteReader(body)
    _ = try reader.bytes(2 + 32)
    let session = try reader.vector(1)
    let suites = try reader.vector(2)
    let compressions = try reader.vector(1)
    guard session.count <= 32, !suites.isEmpty, suites.count.isMultiple(of: 2), !compressions.isEmpty else {
      throw Refused(.ambiguous)
    }
    if reader.rest.isEmpty { return nil }
    var extensions = ByteReader(try reader.vector(2))
    guard reader.rest.isEmpty else { throw Refused(.ambiguous) }
    var name: ArraySlice<UInt8>?
    while !extensions.rest.isEmpty {
      let type = try extensions.number(2)
      let data = try extensions.vector(2)
      guard type == 0 else { continue }
      guard name == nil else { throw Refused(.ambiguous) }
      name = try hostName(data)
    }
    return name
  }

  /// The one name of a server_name extension (RFC 6066 section 3).
  private static func hostName(_ data: ArraySlice<UInt8>) throws(Refused) -> ArraySlice<UInt8> {
    var reader = ByteReader(data)
    var list = ByteReader(try reader.vector(2))
    let type = try list.number(1)
    let name = try list.vector(2)
    guard reader.rest.isEmpty, list.rest.isEmpty, type == 0 else { throw Refused(.ambiguous) }
    return name
  }
}

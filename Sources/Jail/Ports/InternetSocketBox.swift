import Linux

/// A socket in collections, which is closed with its last owner.
final class InternetSocketBox {
  let socket: InternetSocket

  init(_ socket: consuming InternetSocket) { self.socket = socket }
}

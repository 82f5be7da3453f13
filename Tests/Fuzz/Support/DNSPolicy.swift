/// Whether a message may reach a resolver: one question, nothing that changes or copies a server's data. Written without a look at how
/// the forwarder does it.
func mayBeForwarded(_ message: [UInt8]) -> Bool {
  guard message.count > 16, message.count <= 4096 else { return false }
  let isResponse = message[2] >= 0x80
  let opcode = message[2] / 8 % 16
  let questions = Int(message[4]) * 256 + Int(message[5])
  guard !isResponse, opcode == 0, questions == 1 else { return false }
  var labels = message[12...]
  while let length = labels.popFirst(), length > 0 {
    if length > 63 || Int(length) > labels.count { return false }
    labels = labels.dropFirst(Int(length))
  }
  guard labels.count >= 4, labels.startIndex <= 12 + 255 else { return false }
  let type = labels.prefix(2).reduce(0) { $0 * 256 + Int($1) }
  return ![249, 250, 251, 252].contains(type)
}

/// The messages of a stream, each behind its length; the last one may be cut.
func messages(of stream: some Collection<UInt8>) -> [[UInt8]] {
  var rest = Array(stream)[...]
  var messages: [[UInt8]] = []
  while rest.count >= 2 {
    let length = rest.prefix(2).reduce(0) { $0 * 256 + Int($1) }
    messages.append(Array(rest.dropFirst(2).prefix(length)))
    rest = rest.dropFirst(2 + length)
  }
  return messages
}

import Policy
import Record

/// A packet that was refused, as the record keeps it.
struct PacketRefusal {
  let packet: RefusedPacket
  let decision: Decision
  /// The name that the jail was told the destination for.
  let name: String?

  /// What is the same in repetitions.
  struct Key: Hashable {
    let program: String?
    let attempt: Attempt

    init(_ packet: RefusedPacket) {
      program = packet.sender.name
      attempt = Attempt(packet)
    }
  }
}

/// A name that was refused, as the record keeps it.
struct NameRefusal {
  let refusal: NamedRefusal
  let sender: RefusedPacket.Sender

  /// What is the same in repetitions.
  struct Key: Hashable {
    let program: String?
    let refusal: NamedRefusal
  }

  var key: Key { Key(program: sender.name, refusal: refusal) }
}

extension RefusedPacket.Sender {
  /// The program's name, if it is known.
  fileprivate var name: String? {
    if case .process(let own, _) = self { own.name } else { nil }
  }
}

import FoundationEssentials
import Jail
import Linux
import NIOCore
import NIOPosix
import Record
import Synchronization

/// The running jails of this user, and connections into them. Supervisors are waited for by other threads than the event loop's.
final class Jails: Sendable {
  /// Why a preview does not open.
  enum Closed: Error {
    case noJail
    /// The name is that of more than one.
    case several
    /// Why not.
    case unreachable(String)
  }

  private let threads = NIOThreadPool(numberOfThreads: 8)
  /// The sockets that there were, and the jails behind them. A jail's names and numbers stay what they are.
  private let known = Mutex<(sockets: Set<String>, jails: [RunningJail])>(([], []))

  init() { threads.start() }

  /// All that run, with the ports that they listen on.
  func list(on loop: any EventLoop) -> EventLoopFuture<[RunningJail]> {
    threads.runIfActive(eventLoop: loop) {
      try JailList.ask(.listening, decoder: Self.status).jails.filter { $0.status != nil }
    }
  }

  /// A socket that is connected to a port of a jail.
  func connect(to preview: PreviewAddress, on loop: any EventLoop) -> EventLoopFuture<CInt> {
    threads.runIfActive(eventLoop: loop) { [self] in
      var found = try current().labelled(preview.label)
      // One that did not answer in time may do so now.
      if case .nothing = found { found = try ask().labelled(preview.label) }
      switch found {
      case .nothing: throw Closed.noJail
      case .several: throw Closed.several
      case .jail(let jail):
        do throws(JailConnectionFailure) {
          return try jail.connect(port: preview.port, decoder: Self.refusal).release()
        } catch {
          switch error {
          case .gone: throw Closed.noJail
          case .unintelligible: throw Closed.unreachable("The jail's supervisor does not answer.")
          case .refused(let reason): throw Closed.unreachable(reason)
          }
        }
      }
    }
  }

  /// Asked anew when there are other sockets than before. A jail that ends in between refuses by itself.
  private func current() throws -> [RunningJail] {
    let sockets = try JailList.sockets()
    return try known.withLock { $0.sockets == sockets ? $0.jails : nil } ?? ask()
  }

  private func ask() throws -> [RunningJail] {
    let sockets = try JailList.sockets()
    let jails = try JailList.ask(.status, decoder: Self.status).jails.filter { $0.status != nil }
    known.withLock { $0 = (sockets, jails) }
    return jails
  }

  private static func status(_ message: [UInt8]) -> JailStatus? {
    try? JSONDecoder().decode(JailStatus.self, from: Data(message))
  }

  private static func refusal(_ message: [UInt8]) -> ControlRefusal? {
    try? JSONDecoder().decode(ControlRefusal.self, from: Data(message))
  }
}

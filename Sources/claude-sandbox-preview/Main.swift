import Linux
import NIOCore
import NIOPosix

/// `claude-sandbox preview`: serves the ports of running jails by name, on loopback, until it is ended.
@main
enum Main {
  private static let usage = "usage: claude-sandbox-preview [--port PORT]\n"
  private static let defaultPort = 8090

  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    if words == ["--help"] { return say(usage) }
    var port = defaultPort
    if !words.isEmpty {
      guard words.count == 2, words[0] == "--port", let number = UInt16(words[1]), number > 0 else {
        fail(64, usage)
      }
      port = Int(number)
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
      let listeners = try listen(at: port, on: group.next())
      say("claude-sandbox: previews at http://localhost:\(port)/\n")
      try listeners[0].closeFuture.wait()
    } catch let error as IOError where error.errnoCode == Errno.EADDRINUSE {
      fail(1, "claude-sandbox: port \(port) is in use\n  fix: choose another one: --port PORT\n")
    } catch {
      fail(1, "claude-sandbox: previews cannot be served: \(error)\n")
    }
  }

  /// Both loopback addresses, or the only one that there is.
  private static func listen(at port: Int, on loop: any EventLoop) throws -> [any Channel] {
    let server = try loop.submit {
      NIOLoopBound(try Server(port: port, on: loop), eventLoop: loop)
    }.wait()
    let bootstrap = ServerBootstrap(group: loop)
      .serverChannelOption(.backlog, value: 128)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        loop.makeCompletedFuture { try server.value.serve(channel) }
      }
    var listeners = [try bootstrap.bind(host: "127.0.0.1", port: port).wait()]
    do {
      listeners.append(try bootstrap.bind(host: "::1", port: port).wait())
    } catch let error as IOError where [Errno.EADDRNOTAVAIL, Errno.EAFNOSUPPORT].contains(error.errnoCode) {
      // No IPv6 here.
    }
    return listeners
  }

  /// At once, and also where nobody reads it.
  private static func say(_ text: String) {
    let output = FileDescriptor(owning: 1)
    try? output.write(text.utf8)
    _ = output.release()
  }

  private static func fail(_ status: CInt, _ text: String) -> Never {
    Process.complain(text)
    Process.exit(status)
  }
}

import Linux
import Policy

/// pasta (passt.top): translates between the jail's tap and ordinary sockets of the host, without any
/// privilege. Found only where the administrator installs programs, started with an empty environment, and
/// locked: it forwards no port in any direction, maps no address to the host and copies none of the host's
/// addresses and routes.
enum Pasta {
  static let paths = ["/usr/bin/pasta", "/usr/local/bin/pasta"]
  /// The link-layer address of the gateway; locally administered, never on a wire.
  static let linkAddress: [UInt8] = [0x9a, 0x55, 0x9a, 0x55, 0x9a, 0x55]
  private static let tapDescriptor: CInt = 3

  /// The first of the paths that exists, without symbolic links.
  static func find() throws(TrustedFile.Distrust) -> String {
    var distrust: TrustedFile.Distrust?
    for path in paths {
      do throws(TrustedFile.Distrust) {
        return try TrustedFile.resolve(path)
      } catch {
        if !error.isMissing { throw error }
        distrust = distrust ?? error
      }
    }
    throw distrust ?? .init("pasta", errno: Errno.ENOENT)
  }

  /// What it says of its version, for people, never to be decided by; nil if it cannot be run, or does not
  /// know `--fd`.
  static func version(of path: String) -> String? {
    let output = try? TrustedProgram.output(
      of: path, arguments: ["pasta", "--fd", "\(tapDescriptor)", "--version"])
    guard let output else { return nil }
    let line = String(decoding: output.prefix { $0 != 10 }, as: UTF8.self)
    // Debian 12's says "pasta unknown version", Debian 13's nothing into a pipe.
    if !line.isEmpty && line != "pasta unknown version" { return line }
    return packageVersion ?? "version unknown"
  }

  /// The version of the package, as the system's package manager has it.
  private static var packageVersion: String? {
    let questions = [
      ["/usr/bin/dpkg-query", "--show", "--showformat=${Version}", "passt"],
      ["/usr/bin/rpm", "--query", "--queryformat=%{VERSION}-%{RELEASE}", "passt"],
    ]
    for question in questions {
      guard let program = try? TrustedFile.resolve(question[0]),
        let output = try? TrustedProgram.output(of: program, arguments: question), !output.isEmpty
      else { continue }
      return "passt \(String(decoding: output.prefix { $0 != 10 }, as: UTF8.self))"
    }
    return nil
  }

  /// Whether it refuses what its peer refuses, as it does since 2024-08: the flag is as old.
  static func refusesClosedPorts(_ path: String) -> Bool {
    let output = try? TrustedProgram.output(
      of: path, arguments: ["pasta", "--map-host-loopback", "none", "--version"])
    return output != nil
  }

  /// A process that becomes pasta when it is given its tap.
  struct Waiting: ~Copyable {
    let process: CInt
    fileprivate let readiness: FileDescriptor
    fileprivate let complaints: FileDescriptor
    fileprivate let end: FileDescriptor
    fileprivate let socket: DatagramSocket

    /// Gives it the tap of a holder's jail, and returns when it has begun. Everything else is done before pasta is ready; where the
    /// processors are few, it must not keep pasta from beginning. `wait` returns when a descriptor is readable.
    consuming func connect(
      _ tap: borrowing FilteredTap, of holder: CInt, _ wait: (CInt) throws -> Void
    ) throws -> Starting {
      try socket.send(Array("\(holder)".utf8), descriptors: [tap.descriptor])
      // Its end of the socket is closed then.
      try wait(socket.descriptor.rawValue)
      return Starting(process: process, readiness: readiness, complaints: complaints, end: end)
    }
  }

  /// A pasta that has its tap.
  struct Starting: ~Copyable {
    fileprivate let process: CInt
    /// Closes, without a byte, when pasta failed; a line comes when it is ready.
    let readiness: FileDescriptor
    fileprivate let complaints: FileDescriptor
    fileprivate let end: FileDescriptor

    /// Once `readiness` is readable: throws what it said if it is not ready.
    consuming func checked() throws -> Running {
      var line = [UInt8](repeating: 0, count: 64)
      if try readiness.read(into: &line) == 0 {
        throw JailFailure.pasta(Pasta.lastLine(try complaints.readAll(limit: 65536)))
      }
      return Running(process: process, readiness: readiness, complaints: complaints, end: end)
    }
  }

  /// A pasta that serves the tap.
  struct Running: ~Copyable, Service {
    enum Event {
      /// It has something to say.
      case complaint
      case end
    }

    private let process: CInt
    /// Held, although it says no more: a pipe without a reader would be an error of pasta's.
    private let readiness: FileDescriptor
    private let complaints: FileDescriptor
    /// Readable when it has ended.
    private let end: FileDescriptor
    /// Its number may be another's from then on.
    private var hasEnded = false
    /// What it said last, while it lived.
    private var lastWords: [UInt8] = []
    private var isSilent = false

    fileprivate init(
      process: CInt, readiness: consuming FileDescriptor, complaints: consuming FileDescriptor,
      end: consuming FileDescriptor
    ) {
      self.process = process
      self.readiness = readiness
      self.complaints = complaints
      self.end = end
    }

    var interests: [Interest<Event>] {
      (isSilent ? [] : [.readable(complaints.rawValue, .complaint)]) + [.readable(end.rawValue, .end)]
    }
    var deadline: Instant? { nil }

    mutating func handle(_ event: Event?, now: Instant) -> [Effect] {
      switch event {
      case .complaint: listen()
      case .end:
        hasEnded = true
        return [.cut("pasta ended (\(Pasta.lastLine(lastWords)))")]
      case nil: break
      }
      return []
    }

    /// Reads what it has to say: a full pipe would stop it.
    private mutating func listen() {
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = (try? complaints.read(into: &buffer)) ?? 0
      if count == 0 { isSilent = true } else { lastWords = Array(buffer[..<count]) }
    }

    func kill() {
      if !hasEnded { try? Process.kill(process, Signals.kill) }
    }
  }

  /// Its last words.
  static func lastLine(_ output: [UInt8]) -> String {
    String(decoding: output, as: UTF8.self).split(separator: "\n").last.map(String.init)
      ?? "it gave no reason"
  }

  /// Starts a process that becomes pasta when it is given the tap, and learns whose it is. All that takes time
  /// without the tap is done by then.
  static func start(_ path: String, plan: Plan, templateLink: String?) throws -> Waiting {
    let readiness = try Pipe()
    let complaints = try Pipe()
    let pair = try DatagramPair()
    let supervisor = Process.id
    let child = try Process.fork()
    if child == 0 {
      do {
        try Process.hide()
        try Process.newSession()
        try Process.dieWithParent(supervisor)
        try Process.leaveStandardStreams()
        // An ignored SIGPIPE, and descriptors that it did not expect, end older versions.
        try Signals.resetAll()
        try readiness.writer.place(at: 1)
        try complaints.writer.place(at: 2)
        try pair.second.descriptor.place(at: tapDescriptor)
        try Process.closeDescriptors(from: tapDescriptor + 1)
        // It decides by its name whether it serves a namespace or a virtual machine.
        let words = ["pasta"] + arguments(plan, templateLink: templateLink)
        let program = (path: Array(path.utf8), arguments: words.map { Array($0.utf8) })
        let waiting = DatagramSocket(FileDescriptor(owning: tapDescriptor))
        guard let message = try waiting.receive(), let tap = message.descriptors.first else {
          Process.exit(127)
        }
        // The tap takes this number, and nobody may close it again.
        _ = waiting.release()
        try Process.place(tap, at: tapDescriptor)
        try Process.closeDescriptors(from: tapDescriptor + 1)
        try Process.execute(
          program.path, arguments: program.arguments + [message.bytes], environment: [])
      } catch {
        Process.complain("\(error)\n")
        Process.exit(127)
      }
    }
    return Waiting(
      process: child, readiness: readiness.keepReader(), complaints: complaints.keepReader(),
      end: try Process.descriptor(of: child), socket: pair.keepFirst())
  }

  /// All but the last, which is the holder's number. See docs/decisions for each flag's reason; every version
  /// since 2023-03 knows them all.
  static func arguments(_ plan: Plan, templateLink: String?) -> [String] {
    var arguments = ["-f", "-q", "-l", "/dev/null", "-P", "/proc/self/fd/1"]
    if plan.ipv6 == nil { arguments.append("-4") }
    // The link whose properties it would copy. Addresses and gateways are given, so any will do that has what
    // it asks for: for IPv6 a link-local address.
    arguments += ["-i", plan.ipv6 == nil ? "lo" : templateLink ?? "lo"]
    arguments += ["-M", linkAddress.hexadecimal(separator: ":")]
    if let guest = plan.ipv4 { arguments += ["-a", "\(guest.guest)", "-n", "29", "-g", "\(guest.gateway)"] }
    if let guest = plan.ipv6 { arguments += ["-a", "\(guest.guest)", "-g", "\(guest.gateway)"] }
    arguments += ["-I", Uplink.linkName]
    arguments += ["-t", "none", "-u", "none", "-T", "none", "-U", "none", "--no-map-gw"]
    arguments += ["--no-dhcp", "--no-dhcpv6", "--no-ndp", "--no-ra", "-D", "none", "-S", "none"]
    // It ends with this process (PR_SET_PDEATHSIG), and need not watch for the namespace's end: giving up an inotify instance takes tens of
    // milliseconds.
    arguments.append("--no-netns-quit")
    if Process.userID == 0 { arguments += ["--runas", "0"] }
    return arguments + ["--fd", "\(tapDescriptor)"]
  }

  /// A link with an IPv6 link-local address, the internet's way if it has one.
  static func templateLink(_ facts: HostFacts) -> String? {
    let linkLocal = IPAddress("fe80::").map { Prefix(containing: $0, length: 10) }
    let links = facts.addresses.filter { linkLocal?.contains($0.address) == true }.map(\.link)
    let internet = facts.ipv6InternetPaths.map(\.link)
    return links.first(where: internet.contains) ?? links.first
  }
}

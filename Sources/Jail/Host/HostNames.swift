import Linux
public import Policy

/// Names as this host resolves them. The program is linked statically, so the C library's name service is
/// asked through getent(1).
public enum HostNames {
  private static let program = "/usr/bin/getent"

  /// The addresses of a host, given as an address or a name; empty when there is none. Throws when names cannot be
  /// looked up: small images have no getent. `options` are those of resolv.conf(5).
  public static func addresses(
    of host: String, options: String = ""
  ) throws(TrustedFile.Distrust) -> [IPAddress] {
    if let address = IPAddress(host) { return [address] }
    let path = try TrustedFile.resolve(program)
    let words = [program, "ahosts", "--", host]
    let environment = options.isEmpty ? [] : ["RES_OPTIONS=\(options)"]
    let output = (try? TrustedProgram.output(of: path, arguments: words, environment: environment)) ?? []
    var found: [IPAddress] = []
    for line in String(decoding: output, as: UTF8.self).split(separator: "\n") {
      guard let address = line.split(separator: " ").first.flatMap({ IPAddress($0) }),
        !found.contains(address)
      else { continue }
      found.append(address)
    }
    return found
  }
}

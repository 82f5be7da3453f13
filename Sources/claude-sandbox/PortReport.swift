import Policy

/// A line that opens ports, for programs.
struct PortReport: Encodable {
  let key: String
  /// As the configuration spells it.
  let value: String
  let `protocol`: String
  /// The jail's.
  let inside: ServicesReport.Ports
  /// The host's; nil of `auto`, and for any that is free.
  let outside: ServicesReport.Ports?
  /// Where the host listens; nil for loopback.
  let address: String?
  let origin: OriginReport

  init(_ line: Sourced<PortLine>) {
    self.init(
      line.value, OriginReport(line.location.map { .configuration($0, key: line.value.key) }))
  }

  /// `--publish`.
  init(option port: PublishedPort) {
    self.init(.published(port), OriginReport(option: "--publish"))
  }

  private init(_ line: PortLine, _ origin: OriginReport) {
    (key, value, self.origin) = (line.key, line.value, origin)
    `protocol` = line.transport == .udp ? "udp" : "tcp"
    inside = ServicesReport.Ports(line.inside)
    switch line {
    case .hostPorts(let ports): (outside, address) = (ServicesReport.Ports(ports.outside), nil)
    case .published(let port):
      outside = port.outside == 0 ? nil : ServicesReport.Ports(port.outside...port.outside)
      address = port.address.map { "\($0)" }
    case .auto: (outside, address) = (nil, nil)
    }
  }
}

import Policy
import Testing

/// Short ways to say what tests say often.
func ip(_ text: String) throws -> IPAddress { try #require(IPAddress(text), "\(text)") }

func net(_ text: String) throws -> Prefix { try #require(Prefix(text), "\(text)") }

func flow(_ destination: String, _ transport: TransportProtocol = .tcp, _ port: UInt16 = 443) throws -> Flow {
  Flow(destination: try ip(destination), transport: transport, port: port)
}

func hop(_ link: String, _ gateway: String? = nil) throws -> HostFacts.NextHop {
  HostFacts.NextHop(link: link, gateway: try gateway.map(ip))
}

/// A configuration from the text of one file.
func configuration(_ text: String) throws -> Configuration {
  try ConfigurationParser.parse([(name: "test.conf", text: Array(text.utf8))])
}

/// A host with one uplink, in both families, and nothing else.
func plainHost() throws -> HostFacts {
  HostFacts(
    ipv4InternetPaths: [try hop("eth0", "192.168.1.1")], ipv6InternetPaths: [try hop("eth0", "fe80::1")])
}

/// The plan for the text of a configuration file.
func plan(_ text: String = "", on facts: HostFacts? = nil) throws -> Plan {
  try Plan.make(configuration: configuration(text), facts: facts ?? plainHost())
}

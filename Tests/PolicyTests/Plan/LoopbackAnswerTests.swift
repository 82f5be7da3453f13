import Testing

@testable import Policy

/// What `explain` says of a jail's own loopback.
struct LoopbackAnswerTests {
  private static let lines = """
    allow-host-port = 5432
    allow-host-port = 8000-8009:9000-9009/udp
    publish = 8080:5173
    publish = 0:53/udp
    publish = 5000
    """

  private func answers(_ query: String, _ text: String = lines) throws -> [LoopbackAnswer] {
    try DestinationQuery(query).loopbackAnswers(configuration(text))
  }

  @Test(arguments: [
    ("localhost:5432", ":5432/tcp", true, "test.conf:1:1: allow-host-port = 5432: this host's port 5432"),
    ("127.0.0.1:5432/tcp", ":5432/tcp", true, "test.conf:1:1: allow-host-port = 5432: this host's port 5432"),
    ("[::1]:5432", ":5432/tcp", true, "test.conf:1:1: allow-host-port = 5432: this host's port 5432"),
    (
      "host.docker.internal:9003", ":9003/udp", true,
      "test.conf:2:1: allow-host-port = 8000-8009:9000-9009/udp: this host's port 8003"
    ),
    (
      "http://localhost:5173/x", ":5173/tcp", false,
      "test.conf:3:1: publish = 8080:5173: the jail's own, which this host finds at port 8080"
    ),
    (
      "localhost:8080", ":8080/tcp", false,
      "test.conf:3:1: publish = 8080:5173: the jail's own; this host's is the jail's port 5173"
    ),
    (
      "localhost:53", ":53/udp", false,
      "test.conf:4:1: publish = 0:53/udp: the jail's own, which this host finds at a free port"
    ),
    (
      "localhost:8003", ":8003", false,
      "in a jail this is the jail's own; for this host's write allow-host-port = 8003"
    ),
    (
      "localhost:5432/udp", ":5432/udp", false,
      "in a jail this is the jail's own; for this host's write allow-host-port = 5432/udp"
    ),
    (
      "localhost:5433/tcp", ":5433/tcp", false,
      "in a jail this is the jail's own; for this host's write allow-host-port = 5433"
    ),
    ("127.0.0.2:5432", ":5432", false, "in a jail this is the jail's own; the host's is not there"),
    ("localhost/icmp", " echo", false, "in a jail this is the jail's own; the host's is not there"),
  ])
  func aPort(query: String, service: String, isOfHost: Bool, because: String) throws {
    let answers = try answers(query)
    #expect(answers.map(\.service) == [service] && answers.map(\.isOfHost) == [isOfHost])
    #expect(answers.map(\.because) == [because])
    #expect(try DestinationQuery(query).isLoopback || DestinationQuery(query).isHostByName)
  }

  @Test func auto() throws {
    let because =
      "test.conf:1:1: publish = auto: the jail's own, which this host finds at the same port or the next free one"
    #expect(try answers("localhost:5173", "publish = auto").map(\.because) == [because])
    #expect(try answers("localhost:1023", "publish = auto").map(\.line) == [nil])
    #expect(try answers("localhost:5173/udp", "publish = auto").map(\.line) == [nil])
    // A line about the port says more, and a port that leads out is not published.
    let lines = "publish = auto\nallow-host-port = 5173\npublish = 8080:80"
    #expect(try answers("localhost:5173", lines).map(\.isOfHost) == [true])
    #expect(try answers("localhost:80", lines).map(\.line?.location?.line) == [3])
  }

  @Test func allOfIt() throws {
    let all = try answers("localhost")
    #expect(
      all.map(\.service) == [":5432/tcp", ":9000-9009/udp", ":5173/tcp", ":53/udp", ":5000/tcp", ""])
    #expect(all[1].because.hasSuffix(": this host's ports 8000-8009"))
    #expect(all.last?.because.hasSuffix("for this host's write allow-host-port = PORT") == true)
    #expect(try answers("localhost/udp").map(\.service) == [":9000-9009/udp", ":53/udp", "/udp"])
    #expect(try answers("::1", "").map(\.service) == [""])
    // A port with both protocols.
    #expect(
      try answers("localhost:53", "allow-host-port = 53\nallow-host-port = 53/udp").map(\.service) == [
        ":53/tcp", ":53/udp",
      ])
  }

  @Test(arguments: [
    ("localhost", true, false), ("LOCALHOST.:80", true, false), ("a.localhost:80", true, false),
    ("127.1.2.3", true, false), ("::1", true, false), ("10.0.0.1", false, false),
    ("localhost.example.org", false, false), ("Host.Docker.Internal", false, true),
    ("host.containers.internal:80", false, true), ("docker.internal", false, false),
    ("[::ffff:127.0.0.1]:80", false, false),
  ])
  func whatIsMeant(query: String, isLoopback: Bool, isHostByName: Bool) throws {
    let query = try DestinationQuery(query)
    #expect(query.isLoopback == isLoopback && query.isHostByName == isHostByName)
  }
}

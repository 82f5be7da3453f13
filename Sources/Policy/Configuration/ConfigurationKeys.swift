extension ConfigurationKey {
  /// Every key, in the order of the manual page and of `config`.
  public static let all: [ConfigurationKey] = [
    .single(
      "egress-jail", \.egressJail, .boolean(true: "1", false: "0"), example: "0",
      .atLaunch("a running command cannot be moved into a jail, or out of one"),
      manual: """
        Whether commands run in a jail.
        The default is
        .Cm 1 .
        The environment variable
        .Ev CLAUDE_SANDBOX_EGRESS_JAIL
        overrides this key.
        """),
    .single(
      "network", \.network, .choice(), example: "internet",
      .atLaunch("a jail starts with an uplink or without one, and can only lose it"),
      manual: """
        .Cm internet ,
        the default: everything except internal networks.
        .Cm none :
        the jail has only its own loopback, and the keys that open and close
        destinations have no effect.
        """),
    .rule(RuleForm(.allow, isPrefix: false), manual: "Open an address."),
    .rule(RuleForm(.allow, isPrefix: true), manual: "Open a prefix."),
    .rule(RuleForm(.block, isPrefix: false), manual: "Close an address."),
    .rule(RuleForm(.block, isPrefix: true), manual: "Close a prefix."),
    .list(
      "expose-socket", \.exposedSockets, .path("a socket"), example: "/run/example.sock",
      .atLaunch("its mounts are made before the jail is sealed"),
      manual: """
        Keep a Unix socket visible that the jail would hide; an absolute path.
        Whatever answers there acts outside the jail.
        It is the socket that exists at the launch: if its service recreates it, running
        jails lose it.
        A path that contains a symbolic link, other than
        .Pa /var/run ,
        exposes nothing: in a home directory, the command could change where it leads.
        """),
    .single(
      "unix-sockets", \.unixSockets, .choice(), example: "listed",
      .atLaunch("Landlock restricts the command before it runs, and for good"),
      manual: """
        Which Unix sockets of the host are closed, besides those below
        .Pa /run .
        .Cm listed ,
        the default: well-known ones that are there when the jail starts.
        .Cm own :
        all that were not made in the jail, wherever they are, except those that
        .Ic expose-socket
        names.
        This needs Landlock ABI 9 (Linux 7.1), or the launch is refused.
        Nothing in the jail can then mount a file system, so nested sandboxes such as
        .Xr bwrap 1
        fail.
        """),
    .single(
      "ipv6", \.ipv6, .choice(), example: "auto",
      .atLaunch("the uplink keeps the address families that it started with"),
      manual: """
        .Cm auto ,
        the default: the jail has IPv6 if the host reaches the internet over it, or if
        an IPv6 address or prefix is allowed.
        .Cm off :
        it has none.
        """),
    .single(
      "allow-override", \.allowOverride, .boolean(true: "yes", false: "no"), example: "no",
      .atLaunch("only a launch reads the environment variable"),
      manual: """
        Whether
        .Ev CLAUDE_SANDBOX_EGRESS_JAIL
        in the environment may switch the jail off.
        The default is
        .Cm yes .
        """),
    .single(
      "claude-binary", \.claudeBinary, .optionalPath("a program"), example: "/opt/claude/bin/claude",
      .atLaunch("only a launch looks for the program"),
      manual: """
        The real Claude Code that the name
        .Nm claude
        starts in a jail; an absolute path.
        If unset, it is searched for: see
        .Xr claude-sandbox 1 .
        """),
    .unavailable(
      "allow-domain",
      instead: "public hosts are reachable without it; for an internal one write allow-ip = ADDRESS"),
    .unavailable("allow-internal-domain", instead: "write allow-ip = ADDRESS:PORTS"),
    .unavailable("block-domain", instead: "write block-ip = ADDRESS or block-net = PREFIX"),
    .unavailable("preset", instead: "public hosts are reachable without it; remove the line"),
    .unavailable(
      "allow-host-port", instead: "remove the line; in this version a jail cannot reach the host's loopback"),
    .unavailable(
      "publish", instead: "remove the line; in this version no port of a jail is reachable from outside"),
    .unavailable("trust-project", instead: "remove the line; in this version project files are never read"),
    .foreign("workspace-root"),
    .foreign("no-forge"),
    .foreign("allow-write"),
    .foreign("pass-env"),
  ]

  /// What people write for a key that has another name, and what to write.
  static let misnomers = [
    "allow-port": "ports follow the address: allow-ip = 172.23.1.3:443",
    "block-port": "ports follow the address or prefix: block-net = 0.0.0.0/0:25/tcp",
    "allow-host": "write its address: allow-ip = 172.23.1.3:443",
    "block-host": "write its address: block-ip = 203.0.113.7",
    "deny-ip": "write block-ip",
    "deny-net": "write block-net",
  ]
}

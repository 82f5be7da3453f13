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
        .Cm restricted :
        nothing but what
        .Ic allow-domain , preset , allow-internal-domain , allow-ip
        and
        .Ic allow-net
        open.
        A name that none of them opens does not exist in the jail, and nobody outside is
        asked for it.
        .Cm none :
        the jail has only its own loopback, and the keys that open and close
        destinations have no effect.
        """),
    .rule(RuleForm(.allow, isPrefix: false), manual: "Open an address."),
    .rule(RuleForm(.allow, isPrefix: true), manual: "Open a prefix."),
    .rule(RuleForm(.block, isPrefix: false), manual: "Close an address."),
    .rule(RuleForm(.block, isPrefix: true), manual: "Close a prefix."),
    .domain(
      .allow,
      manual: """
        Open a name, in
        .Ic network No = Cm restricted .
        .Ar name
        is the name and all names below it,
        .Cm *. Ns Ar name
        all below it and not itself,
        .Cm = Ns Ar name
        itself alone.
        The
        .Ar ports
        are TCP ports, or
        .Cm *
        for all; without them, 443 and 80.
        The name is followed wherever it moves, but never into an internal network.
        In
        .Ic network No = Cm internet ,
        where every public name is open, the line opens nothing, and a warning says so.
        """),
    .presets(
      manual: """
        Open the names that a service or a tool needs, in
        .Ic network No = Cm restricted :
        the lines of the file
        .Ar name Ns Pa .conf ,
        which is part of the installation unless
        .Pa /etc/claude-sandbox.presets.d
        has one of that name.
        .Ql claude-sandbox presets
        lists them.
        """),
    .domain(
      .allowInternal,
      manual: """
        Open the TCP ports of one name that leads into an internal network, and follow it
        as it moves.
        Unlike an address in
        .Ic allow-ip ,
        it does not have to be changed when the service gets another one.
        The name is exact.
        It never leads to loopback, link-local or multicast addresses, to cloud metadata,
        or to this host itself; nor to what
        .Ic block-ip
        and
        .Ic block-net
        close.
        It works in
        .Ic network No = Cm internet ,
        too; a jail that was started without such a line takes the first one at its next
        launch.
        """),
    .domain(
      .block,
      manual: """
        Close a name, in the same forms as
        .Ic allow-domain ,
        at all ports.
        The line about the longest name wins; between two lines about one name, this one.
        In
        .Ic network No = Cm internet
        the name does not exist in the jail, but the addresses that it leads to stay open:
        to close these, write
        .Ic block-ip .
        """),
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
    .list(
      "trust-project", \.trustedProjects, .path("a directory"), example: "/srv/team",
      .atLaunch("only a launch reads a project's file"),
      manual: """
        A directory below which a project's own
        .Pa .claude-sandbox.conf
        may open something, if it and everything on the way to it can be written only by
        root; an absolute path.
        Elsewhere such a file can only close.
        """),
    .hostPorts(
      manual: """
        Let the jail reach a service on this host's loopback.
        Inside, it is at
        .Li 127.0.0.1 ,
        .Li ::1 ,
        .Li host.docker.internal
        and
        .Li host.containers.internal ,
        on the same port, or on
        .Ar inside ;
        outside, it may be on
        .Li 127.0.0.1
        or
        .Li ::1 .
        Both may be ranges of the same length.
        Nothing else of the host's loopback is reached, and in
        .Ic network No = Cm none
        nothing else at all.
        A service that trusts whoever connects from loopback trusts the jail.
        At most 256 ports.
        """),
    .publish(
      manual: """
        Let this host reach a
        .Ar port
        of the jail: a server in there, at
        .Li 127.0.0.1
        or any other address, is found on this host's
        .Li 127.0.0.1
        and
        .Li ::1 ,
        on the same port or on
        .Ar outside .
        .Ar outside
        .Cm 0
        is any port that is free:
        .Ql claude-sandbox ps
        prints it.
        With an
        .Ar address
        it is found there instead; an IPv6 address needs brackets.
        Unless that is one of loopback, other hosts reach what runs in the jail, and a
        warning says so.
        A port that the host uses is published to nobody, which
        .Ql claude-sandbox ps
        says.
        At most 64 ports.
        .Pp
        .Cm auto :
        whatever the jail listens on over TCP, from port 1024 on, is found on loopback a
        moment later, on the same port or the next one that is free, and is announced
        once.
        """),
    .foreign("workspace-root"),
    .foreign("no-forge"),
    .foreign("allow-write"),
    .foreign("pass-env"),
  ]

  /// What people write for a key that has another name, and what to write.
  static let misnomers = [
    "allow-port": "ports follow the address: allow-ip = 172.23.1.3:443; of this host: allow-host-port = 5432",
    "block-port": "ports follow the address or prefix: block-net = 0.0.0.0/0:25/tcp",
    "allow-host": "write allow-domain = github.com, or allow-ip = 172.23.1.3:443",
    "block-host": "write block-domain = telemetry.example.org, or block-ip = 203.0.113.7",
    "deny-domain": "write block-domain",
    "deny-ip": "write block-ip",
    "deny-net": "write block-net",
    "allow-local-port": "write allow-host-port = 5432",
    "host-port": "write allow-host-port = 5432",
    "forward-port": toPublish,
    "forward-ports": toPublish,
    "forwardPorts": toPublish,
    "expose-port": toPublish,
    "expose": toPublish,
    "ports": toPublish,
    "port": toPublish,
  ]

  private static let toPublish =
    "for a port of the jail write publish = 5173, for one of this host allow-host-port = 5432"
}

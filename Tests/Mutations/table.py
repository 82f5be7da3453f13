"""The mutations: each defence, how it is switched off, and where a test has to notice.

`edits` are (file, old text, new text); each old text occurs exactly once. `tests` are (files of Tests/JailTests, -k expression).
`redundant` names the other defence that still stands where no test can notice; such a row comes with one that switches off both.
"""

import dataclasses

JAIL = "Sources/Jail"


@dataclasses.dataclass
class Mutation:
    name: str
    change: str
    edits: list
    tests: list
    redundant: str = ""


MUTATIONS = []


def mutate(name, change, file, old, new, *tests, redundant=""):
    MUTATIONS.append(Mutation(name, change, [(file, old, new)], list(tests), redundant))


def mutate_both(name, change, edits, *tests, redundant=""):
    MUTATIONS.append(Mutation(name, change, edits, list(tests), redundant))


def escapes(keywords):
    return "test_escapes", keywords


# The uplink.

SEALED = f"{JAIL}/Holder/SealedJail.swift"
FILTERED, CONNECTED, PASTA, ROUTING = (f"{JAIL}/Uplink/{name}.swift" for name in ("FilteredTap", "Connected", "Pasta", "JailRouting"))
REFUSALS, REFUSALLINK, RESET = (f"{JAIL}/Refusals/{name}.swift" for name in ("RefusalResponder", "RefusalLink", "TCPReset"))
LAUNCH, LAUNCHER = (f"{JAIL}/Launch/{name}.swift" for name in ("Launch", "Launcher"))
SUPERVISOR, PROCESS, SOCKET = (f"{JAIL}/Supervisor/{name}.swift" for name in ("Supervisor", "SupervisorProcess", "LauncherSocket"))

ATTACH = "    try tap.attach(FilterInstruction.list(plan.filter))\n    self.tap = tap\n"
mutate("tap filter", "not attached", FILTERED, ATTACH, "    self.tap = tap\n", ("test_reach_bound", "(walked_past or test_udp or fast_open) and user"))
mutate_both("tap filter's time", "attached after pasta has the tap", [
    (FILTERED, ATTACH, "    self.tap = tap\n"),
    (CONNECTED, "    return Filtered(blueprint: blueprint, pasta: try pasta.connect(tap, of: holder, wait), tap: tap)\n",
     "    let starting = try pasta.connect(tap, of: holder, wait)\n    try tap.follow(blueprint.plan)\n"
     "    return Filtered(blueprint: blueprint, pasta: starting, tap: tap)\n"),
], ("test_faults", "filter_is_attached"))
mutate("blackholes", "none", f"{JAIL}/PolicyBridge.swift", "$0.kind == .blackhole }", "$0.kind == .blackhole && $0.prefix.length > 128 }",
       ("test_walls", "blackholes_are_listed"))
mutate("built-in walls, metadata", "168.63.129.16 left out", "Sources/Policy/Rules/BuiltinRules.swift", "0xa83f_8110, 32", "0xa83f_8111, 32",
       ("test_reach", "internal_addresses_are_not and 168"))
mutate("built-in walls, wrapped IPv4", "6to4 left out", "Sources/Policy/Rules/BuiltinRules.swift", "0x2002 << 112, 16", "0x2002 << 112, 128",
       ("test_reach", "internal_addresses_are_not and 2002"))
mutate("refusals", "no answer", REFUSALS, "guard let event, pausedUntil == nil else", "guard let event, pausedUntil != nil else",
       ("test_reach_bound", "walked_past and user"))
mutate("refusals' source", "another address", REFUSALS, "    gateways.first { $0.family == destination.family }\n", "    gateways.first { $0.family != destination.family }\n",
       escapes("who_refuses"))
mutate("the refusal link's source", "the gateway's neighbour, always", REFUSALS, "    destination.mayBeSource\n", "    destination.family == .ipv6\n",
       ("test_tools", "ping_is_refused and user"))
mutate("the refusal link's other source", "the destination, always", REFUSALS, "    destination.mayBeSource\n", "    destination.family == .ipv4\n",
       ("test_refused", "reverse_paths and user"))
mutate("the refusal link", "no rule leads to it", ROUTING, "rules = refusals?.rules ?? []", "rules = []", ("test_refused", "at_once and user"))
mutate("what is open in the refusal link's table", "not left out", REFUSALLINK, "$0.kind == .blackhole ? refused($0.prefix) : open($0.prefix)", "refused($0.prefix)",
       ("test_reach", "what_is_allowed_is_reachable and user"))
mutate("groups", "share their next hop", REFUSALLINK, "kind: isGroup ? .multicast : .unicast", "kind: isGroup ? .unicast : .unicast", ("test_refused", "groups and user"))
mutate("the refusal link's end", "it stays", "Sources/Linux/Tap.swift", "      unsafe clinux_tunsetiff(descriptor.rawValue, name, 0)\n    }\n",
       "      unsafe clinux_tunsetiff(descriptor.rawValue, name, 0)\n    }\n    try check(\"ioctl\", \"TUNSETPERSIST\") { clinux_tunsetpersist(descriptor.rawValue) }\n",
       ("test_refused", "nobody_holds and user"))
mutate("connections that were open", "no reset", RESET, "    let segment = packet[header.payload...]\n    guard segment.count >= 20 else { return .icmp }",
       "    let segment = packet[header.payload...]\n    guard segment.count >= 20_000 else { return .icmp }", ("test_follow", "open_is_cut"))
mutate("refusals' limit", "none", REFUSALS, "rate = 1000\n", "rate = 10_000_000\n", escapes("refusals_are_limited"))

for letter, test in (("T", ("test_reach", "loopback_is and user")), ("U", ("test_reach", "loopback_is and user")),
                     ("t", ("test_reach", "published and user")), ("u", escapes("pasta_is_locked"))):
    mutate(f"pasta -{letter} none", "auto", PASTA, f'"-{letter}", "none"', f'"-{letter}", "auto"', test, escapes("pasta_is_locked"))
mutate("pasta --no-map-gw", "left out", PASTA, '"none", "--no-map-gw"]', '"none"]', escapes("pasta_is_locked"))
mutate("pasta's environment", "not empty", PASTA, "[message.bytes], environment: [])",
       '[message.bytes], environment: [Array("A=b".utf8)])', ("test_preflight", "helpers_have_no"))
mutate("pasta's path", "a directory of the workspace first", PASTA, '["/usr/bin/pasta",', '["/tmp/venv/bin/pasta", "/usr/bin/pasta",',
       ("test_preflight", "planted"))
mutate("the uplink's queue", "as long as the kernel makes it", f"{JAIL}/Uplink/Uplink.swift", "queueLength: UInt32 = 120", "queueLength: UInt32 = 1000",
       ("test_relay", "burst"))
mutate("a stopped pasta", "not noticed", f"{JAIL}/Uplink/Uplink.swift", "if event == nil { return watchRelay(now) }", "if event == nil { return [] }", ("test_relay", "stopped"))
mutate("a reading pasta", "taken for a stopped one", f"{JAIL}/Uplink/RelayWatch.swift", "case .waiting(count):", "case .waiting(.some):",
       ("test_relay", "reads"))
mutate("pasta's readiness", "by way of /dev/fd", PASTA, "/proc/self/fd/1", "/dev/fd/1", ("test_relay", "dev_fd"))
mutate("pasta's death", "nothing is cut", SUPERVISOR, "case .cut(let reason): cut(reason)", "case .cut: _ = network.take()", ("test_supervise", "killed_pasta"))
mutate("pasta's own end", "no PR_SET_PDEATHSIG", PASTA, "        try Process.dieWithParent(supervisor)\n", "        _ = supervisor\n",
       ("test_supervise", "both"))

# The host's network.

RULES = "Sources/Policy/Rules/HostRules.swift"
ADDRESS = "      block(Prefix(fact.address), .hostAddress(link: fact.link))\n"
LOCAL = "        block(\n          route.destination, .localRoute(link: route.nextHops.first?.link ?? \"lo\", table: route.table))\n"
UNUSED = "      _ = fact.link\n"
OWN = ("test_reach", "host_in_an_allowed or internal_addresses_are_not and 45.33.99.9")
mutate("host addresses", "not derived", RULES, ADDRESS, UNUSED, OWN, redundant="local routes")
mutate("local routes", "not derived", RULES, LOCAL, "        break\n", OWN, redundant="host addresses")
mutate_both("host addresses and local routes", "neither derived", [
    (RULES, ADDRESS, UNUSED), (RULES, LOCAL, "        break\n"),
], OWN)
mutate("connected prefixes", "not derived", RULES,
       "      block(\n        Prefix(containing: fact.address, length: fact.prefixLength), .connectedPrefix(link: fact.link))\n", UNUSED,
       ("test_reach", "internal_addresses_are_not and 203.0.114"))
mutate("internal routes", "not derived", RULES, "!internet.contains($0) }) {", "!internet.contains($0) && $0.link.isEmpty }) {",
       ("test_reach", "internal_addresses_are_not and 203.0.113"))
mutate("refused routes", "not derived", RULES, "        block(route.destination, .rejectRoute(table: route.table))\n", "        break\n",
       ("test_reach", "internal_addresses_are_not and 45.45.48"))
mutate("resolvers", "not closed", RULES, "      block(Prefix(resolver.address), .resolver)\n", "      _ = resolver\n",
       ("test_dns", "public_resolver"))
mutate("every default route", "one only", RULES, "return answered + defaults.filter { tables.contains($0.table) }.flatMap",
       "return answered + defaults.filter { tables.contains($0.table) && $0.nextHops.isEmpty }.flatMap",
       ("test_shapes", "both_default"))
mutate("following the host", "not followed", SUPERVISOR, "case .hostChanged: _ = try apply(follow(), now: now)", "case .hostChanged: break",
       ("test_follow", "becomes_internal and user"))
mutate("failure to follow", "the uplink stays", SUPERVISOR,
       'cut("the walls could not follow the host\'s network (\\(error))")', 'Process.complain("\\(error)")',
       ("test_follow", "cannot_be_followed and user"))

# The configuration, while a jail runs.

WATCH, LIVE = f"{JAIL}/Host/ConfigurationWatch.swift", "test_live"
FILE_EVENTS, CHANGE = "Sources/Linux/FileEvents.swift", "Sources/Policy/Configuration/ConfigurationChange.swift"
mutate("following the configuration", "not followed", SUPERVISOR, "case .configurationRead(let reading): _ = try apply(follow(reading), now: now)", "case .configurationRead: break",
       (LIVE, "is_closed_is_followed and user and edited"))
mutate("widening by who could have written the files", "followed", SUPERVISOR, "mayWiden: reading.isAsked || !TrustedFile.isWrittenByCaller", "mayWiden: reading.isAsked || true",
       (LIVE, "could_have_written"))
mutate("narrowing", "a rule that blocks goes", CHANGE, "current.filter { $0.action == .block && !after", "current.filter { $0.action == .block && $0.prefix.length > 128 && !after", (LIVE, "could_have_written"))
mutate("no network, live", "not followed", CHANGE, "if new.network.value == .none, current", "if new.network.value == .none, new.ignored.count > 9, current", (LIVE, "is_a_cut"))
mutate("a plan of another mode", "followed", SUPERVISOR, '        cut("\\(mode.location.map { "\\($0): " } ?? "")network = none")\n', "        break\n", (LIVE, "is_a_cut"))
mutate("plans, measured first", "not measured", SUPERVISOR, "        return become(try Plan.measured(change.configuration, facts, keeping: plan), resolver)\n",
       "        _ = plan\n        do { return try (network?.follow(facts, resolver, change.configuration, &refusals) ?? []) + live.accept(change) } catch { cut(\"\\(error)\") }\n        return []\n",
       (LIVE, "wrong and too-large and user"))
mutate("directories on the way", "not watched", WATCH, "ConfigurationFiles.texts { watch($0) }", "ConfigurationFiles.texts { if $0.hasPrefix(\"/etc\") { watch($0) } }",
       (LIVE, "is_closed_is_followed and user and linked"))
mutate("files", "not watched", WATCH, "ConfigurationFiles.texts { watch($0) }", 'ConfigurationFiles.texts { if !$0.hasSuffix(".conf") { watch($0) } }',
       (LIVE, "is_closed_is_followed and user and bound"))
mutate("mounts over files", "not noticed", WATCH, "interests.append(.exceptional(mounts.rawValue, .mounts))", "_ = mounts.rawValue", (LIVE, "by_a_mount and user"))
mutate("modes", "not noticed", FILE_EVENTS, "| IN_ATTRIB\n", "\n", (LIVE, "mode_that_is_mended"))
mutate("the first look", "none", WATCH, "private(set) var deadline: Instant? = .now + ConfigurationWatch.settling", "private(set) var deadline: Instant?", (LIVE, "is_closed_is_followed and user and edited"))
mutate("a file that is being written", "read at once", WATCH, "    if isBeingWritten, !isLast {", "    if isBeingWritten, isLast {", (LIVE, "half_there"))
mutate("what cannot be watched", "never looked at", WATCH, ": isWatched && isRead(result) ? nil : now + Self.patience", ": nil", (LIVE, "are_used_up"))

# Names.

REQUEST = f"{JAIL}/Names/DNSRequest.swift"
mutate("DNS: queries only", "UPDATE and others forwarded", REQUEST, "guard bytes[2] & 0x78 == 0 else {", "guard bytes[2] & 0x78 < 0x79 else {",
       ("test_dns", "other_operations"))
mutate("DNS: no transfers", "AXFR and IXFR forwarded", REQUEST, "(249...252)", "(249...250)", ("test_dns", "zone_transfers"))
mutate("DNS: answers belong to queries", "any identifier", REQUEST, "message[0] == bytes[0], message[1] == bytes[1],\n", "\n",
       ("test_dns", "forged"))
mutate("resolv.conf", "the host's", SEALED, "    for covered in blueprint.coveredFiles { try covered.install() }\n", "",
       ("test_dns", "search_and_options or linked_resolv"))
mutate("resolv.conf, replaced meanwhile", "not covered again", f"{JAIL}/Names/ResolverCover.swift",
       "path = paths[covered.file], !covered.isRead(at: path)",
       "path = paths[covered.file], covered.isRead(at: path)", ("test_dns", "replaced_meanwhile"))

# The seal.

POLICY = f"{JAIL}/Holder/SystemCallPolicy.swift"
mutate("seccomp", "not installed", SEALED, "    try SystemCallPolicy.install(protecting: own)\n", "", escapes("not_there or families"))
mutate("seccomp: socket families", "all", POLICY, "for call in [\"socket\", \"socketpair\"] {", "for call in [\"socket\", \"socketpair\"].prefix(0) {",
       escapes("families"))
mutate("seccomp: netlink protocols", "all", POLICY, "[.argument(0, isOneOf: [netlink]),", "[.argument(0, isOneOf: []),", escapes("netlink"))
mutate("seccomp: TIOCSTI", "allowed", POLICY, "[0x5412, 0x541c, 0x5423]", "[0x541c, 0x5423]", escapes("terminal_requests or typing"))
mutate("seccomp: TIOCLINUX", "allowed", POLICY, "[0x5412, 0x541c, 0x5423]", "[0x5412, 0x5423]", escapes("terminal_requests"))
mutate("seccomp: TIOCSETD", "allowed", POLICY, "[0x5412, 0x541c, 0x5423]", "[0x5412, 0x541c]", escapes("terminal_requests"))
PROGRAM = "Sources/Policy/Filter/SystemCallProgram.swift"
mutate("seccomp: upper bits", "compared", PROGRAM, "    return assembler.step(Opcode.loadWord, offset, then: compare)\n",
       "    let low = assembler.step(Opcode.loadWord, offset, then: compare)\n"
       "    return assembler.step(Opcode.loadWord, offset + 4, then: assembler.branch(Opcode.jumpEqual, 0, yes: low, no: miss))\n",
       escapes("terminal_requests or families"))
mutate("seccomp: io_uring", "allowed", POLICY, '"io_uring_setup", "io_uring_enter", "io_uring_register", ', "", escapes("not_there"))
mutate("seccomp: key rings", "allowed", POLICY, '"keyctl", "add_key", "request_key",', "", escapes("not_there"))
mutate("seccomp: userfaultfd", "allowed", POLICY, '    "userfaultfd",\n', "", escapes("not_there"))
mutate("seccomp: administrators' calls", "allowed", POLICY, "for call in forbidden {", "for call in forbidden.prefix(0) {",
       escapes("administrators"))
mutate("seccomp: other architectures", "allowed", PROGRAM, "architecture, yes: native, no: absent)", "architecture, yes: native, no: ordinary)",
       escapes("another_architecture"))
mutate("seccomp: scheduling of ours", "allowed", POLICY, "for call in scheduling {", "for call in scheduling.prefix(0) {",
       ("test_ours", "scheduling_of_ours"))
mutate("seccomp: priorities of ours", "allowed", POLICY, ") in priorities {", ") in priorities.prefix(0) {", ("test_ours", "scheduling_of_ours"))
mutate("seccomp: groups of ours", "the caller's own allowed", f"{JAIL}/Holder/OwnProcesses.swift", "ids.union([0, UInt32(bitPattern: group)])", "ids",
       ("test_ours", "scheduling_of"))
mutate("a hangup", "not passed on by a session's leader", LAUNCHER, " || delivery.signal == Signals.hangup && Process.isSessionLeader", "",
       ("test_terminal", "hangup_of_a_session_leader and user"))
mutate("the launcher's files", "its user's", LAUNCHER, "    try Process.hide()\n", "", ("test_ours", "files_of_ours"))
mutate("the supervisor's files", "its user's", PROCESS, "    try Process.hide()\n", "", ("test_ours", "files_of_ours"))
mutate("files of ours, for uid 0", "writable", f"{JAIL}/Holder/TrustAnchors.swift",
       '    for process in own.ids { try Mounts.freeze("/proc/\\(process)") }\n', "", ("test_ours", "files_of_ours"))
mutate("standard streams: unconnected sockets", "accepted", f"{JAIL}/Launch/StandardStreams.swift",
       'Process.isConnected(descriptor) ? nil : "a Unix socket that is not connected"', "nil", escapes("streams_that_lead_out"))
mutate("unix-sockets = own", "not asked of the kernel", LAUNCH, "      try Prerequisites.check(configuration)\n", "",
       ("test_own_sockets", "cannot"), redundant="the kernel refuses the ruleset")
mutate_both("unix-sockets = own, in both places", "taken for listed where the kernel cannot", [
    (LAUNCH, "      try Prerequisites.check(configuration)\n", ""),
    (f"{JAIL}/Holder/LandlockPolicy.swift", "Landlock.Ruleset(ownSockets: true)", "Landlock.Ruleset(ownSockets: Landlock.hasUnixSockets)"),
], ("test_own_sockets", "cannot"))

CAPABILITIES = "Sources/Linux/Capabilities.swift"
CAPSET = '    try check("capset") { unsafe cap_set_proc(none) }\n'
BOUND = '        try check("prctl", "PR_CAPBSET_DROP \\(capability)") { cap_drop_bound(capability) }\n'
UNBOUND = BOUND.replace("cap_drop_bound", "cap_get_bound")
VERIFY = "    try Capabilities.verifyDropped()\n"
KEPT = "    _ = unsafe none\n"
mutate("capability sets", "kept", CAPABILITIES, CAPSET, KEPT, ("test_walls", "capabilities_are_gone"))
mutate_both("capability sets, and reading them back", "kept", [(CAPABILITIES, CAPSET, KEPT), (SEALED, VERIFY, "")],
            ("test_walls", "capabilities or changed"), redundant="securebits, bounding and ambient set: execve(2) leaves none")
mutate_both("capability sets, bounding set, securebits, and reading them back", "kept", [
    (CAPABILITIES, CAPSET, KEPT), (CAPABILITIES, BOUND, UNBOUND), (CAPABILITIES, "cap_set_secbits(0xCF)", "cap_set_secbits(0)"),
    (SEALED, VERIFY, ""),
], ("test_walls", "capabilities_are_gone"))
mutate("bounding set", "kept", CAPABILITIES, BOUND, UNBOUND, ("test_walls", "capabilities_are_gone"))
mutate_both("bounding set, and reading it back", "kept", [(CAPABILITIES, BOUND, UNBOUND), (SEALED, VERIFY, "")],
            ("test_walls", "capabilities_are_gone"))
mutate_both("securebits, and reading them back", "not locked", [
    (CAPABILITIES, "cap_set_secbits(0xCF)", "cap_set_secbits(0)"), (SEALED, VERIFY, ""),
], escapes("securebits"))
mutate("no_new_privs", "not set", SEALED, "    try Capabilities.setNoNewPrivileges()\n", "", ("test_walls", "capabilities_are_gone"))
LANDLOCK = "    try LandlockPolicy.install(blueprint.configuration, exposed)\n"
mutate("Landlock scopes", "none", SEALED, LANDLOCK, "    _ = exposed\n", escapes("signals_to"))
CLOSE = "      try LaunchStep.read.launch { try descriptors.closeOthers() }\n"
CLOSE_AGAIN = "    try Process.closeDescriptorsOnExecute(from: 3)\n"
DESCRIPTORS = ("test_walls", "inherited_descriptors or inherited_sockets")
mutate("descriptors", "stay open in the launcher", LAUNCH, CLOSE, "", escapes("inherited_pipe"))
mutate("descriptors at execve", "not closed", SEALED, CLOSE_AGAIN, "", DESCRIPTORS, redundant="descriptors; O_CLOEXEC of all of ours")
mutate_both("descriptors, in both places", "not closed", [(LAUNCH, CLOSE, ""), (SEALED, CLOSE_AGAIN, "")], DESCRIPTORS)
NAMED = f"{JAIL}/Launch/NamedDescriptors.swift"
mutate("named descriptors", "sockets, too", NAMED, "    if let objection = try StandardStreams.objection(to: descriptor) { return objection }\n", "",
       ("test_descriptors", "leads_out"), redundant="what is no pipe and no file is refused")
mutate("named descriptors: kinds", "any", NAMED, "[.pipe, .regular].contains(", "[.pipe, .regular, .characterDevice, .other].contains(",
       ("test_descriptors", "leads_out"))
mutate("named descriptors: references", "kept", NAMED, "if try Process.isReference(descriptor)", "if try Process.isReference(descriptor), descriptor < 0",
       ("test_descriptors", "leads_out"))
mutate("named descriptors: the kernel's files", "kept", "Sources/Linux/FileSystemKind.swift", "Self.holdingFiles.contains(magic)",
       "magic != 0 || Self.holdingFiles.contains(magic)", ("test_descriptors", "leads_out"))
mutate("named descriptors in the supervisor", "stay open", LAUNCH, "      blueprint.descriptors.close()\n", "", ("test_descriptors", "nobody_else"))
mutate("named descriptors in the launcher", "stay open", LAUNCHER, "    blueprint.descriptors.close()\n", "", ("test_descriptors", "nobody_else"))
mutate("frozen files by a descriptor", "taken", f"{JAIL}/Launch/StandardStreams.swift", "try TrustAnchors.holds(descriptor)", "descriptor < 0",
       ("test_descriptors", "frozen"))
mutate("standard streams", "not looked at", LAUNCH, "      try StandardStreams.check()\n", "",
       escapes("that_lead_out"), ("test_walls", "as_standard"))
mutate("signals", "not reset", SEALED, "    try Signals.resetAll(keepIgnoring: blueprint.ignoresHangup ? [Signals.hangup] : [])\n", "",
       ("test_walls", "signal_mask or signal_disp"))
ENVIRONMENT = f"{JAIL}/Launch/CommandEnvironment.swift"
mutate("variables", "kept", ENVIRONMENT, "      if Self.removed.contains(name) || name == \"GIT_ASKPASS\" && hasEditor { return false }\n",
       "      if name.isEmpty && hasEditor { return false }\n", escapes("variables"))
mutate("variables that name a socket", "kept", ENVIRONMENT, "if exposed.contains(path) { return true }", "if !path.isEmpty || exposed.contains(path) { return true }",
       escapes("variables"))

# Mounts.

RUN, LIST, SEARCH, COVERS, EXPOSED = (
    f"{JAIL}/Sockets/{name}.swift" for name in ("RunDirectory", "SocketList", "SocketSearch", "Covers", "ExposedSocket"))
ROWS = ("test_sockets", "every_row")
ATTACKED = "test_sockets_attacked"
mutate("/run", "the host's", SEALED, "    try RunDirectory.replace(mounts, files: blueprint.coveredFiles.compactMap { try $0.file.path }, &covers)\n", "",
       ROWS, (ATTACKED, "taken_before"), ("test_dns", "other_resolvers"))
mutate("/run by another name", "visible", RUN, "    for mount in mounts where devices.contains(mount.device)", "    for mount in mounts where mount.path.isEmpty && devices.contains(mount.device)",
       ("test_sockets", "another_name"))
mutate("mounts in /run", "any directory", RUN, "      case .directory where mount.isRoot && isWhole:", "      case .directory where isWhole || mount.isOnDisk:", ("test_sockets", "shared_directory"))
mutate("directories on the list", "visible", COVERS, "      if try !isOver(place) { try put", "      if try !isOver(place), path.isEmpty { try put", ROWS)
mutate("sockets on the list", "visible", COVERS, "    try Mounts.attach(null, over: place)\n", "", ROWS)
mutate_both("rows: Claude's daemon", "removed", [
    (LIST, '"/tmp/cc-daemon-', '"/tmp/off-daemon-'), (LIST, '"/tmp/cc-socks-', '"/tmp/off-socks-'),
    (LIST, '"/tmp/cc-socks"', '"/tmp/off-socks"'), (LIST, '"/tmp/claude-mcp-', '"/tmp/off-mcp-'),
], ROWS)
mutate("sessions of Claude in TMPDIR", "not looked at", LIST, '"\\(directory)/cc-socks"', '"\\(directory)/off"', ("test_sockets", "another_directory"))
mutate("directories of the jail's own", "not made", SEALED, "    list.makeDirectories()\n", "", ("test_sockets", "come_later"))
mutate("runtime directory", "not looked at", LIST, "      + (try Self.runtimeDirectory(environment[\"XDG_RUNTIME_DIR\"], user, homes))\n",
       "      + (try Self.runtimeDirectory(nil, user, homes))\n", ("test_sockets", "runtime_directory"))
mutate("home without HOME", "none", LIST, "account?.home]", "nil]", ("test_sockets", "home_that_is_not_set"))
mutate("working directory", "not entered anew", SEALED, "    try directory.enterAnew(covers)\n", "    _ = directory\n", ("test_sockets", "below_a_cover"))
mutate("working directory that is gone", "kept", f"{JAIL}/Holder/WorkingDirectory.swift", "!covers.hide(path) else {", "path.count > 0 else {",
       ("test_sockets", "below_a_cover"))
mutate("each thing once", "each time", COVERS, "      if try !isOver(place) { try put", "      if try !isOver(place) || true { try put", (ATTACKED, "covered_once"))
mutate("exposed sockets", "by a path with links", EXPOSED, "try FileDescriptor.refer(toWithoutLinks: self.path.utf8)", "try FileDescriptor.refer(to: self.path, follow: true)",
       (ATTACKED, "exposed_path"))
mutate("exposed sockets in a cover", "not put back", SEALED, "    for socket in exposed { try socket.restore(covers) }\n", "", ("test_sockets", "exposed_socket"))
mutate("what is looked at", "by name again", SEALED, "      try covers.cover(place, kind, named: path)\n",
       "      try covers.cover(FileDescriptor.refer(toPath: path, follow: true), kind, named: path)\n", (ATTACKED, "exchanged_for"))
mutate("an error at one path", "ends the rest", SEARCH, "      if (error as? SystemCallError)?.isAbsence != true { failure = failure ?? error }\n", "      failure = failure ?? error\n",
       (ATTACKED, "link"))
mutate("links in a home", "followed", SEARCH, "      return try directory.refer(toWithoutLinks: name, crossing: false)\n",
       "      return try FileDescriptor.refer(toPath: path, follow: true)\n", (ATTACKED, "link_to"))
mutate("links in /tmp", "followed", SEARCH, 'row.path.hasPrefix("/tmp/") || list.user == 0', "list.user == 0", ("test_sockets", "link_with"))
mutate("what a server elsewhere has", "entered", SEARCH, "    guard remote.contains(path) else { return place }\n", "    if !path.isEmpty { return place }\n",
       (ATTACKED, "does_not_answer"))
mutate("too many entries", "all looked at", SEARCH, "    if names.count > Self.most { return try show(directory, path) }\n", "", (ATTACKED, "very_many"))
mutate("sockets in a home", "visible", SEARCH, "    case .socket: try show(place, below)\n", "    case .socket: break\n", ROWS)
mutate("sockets in a home's directories", "visible", SEARCH, "    case .directory: if levels > 0 {", "    case .directory: if levels > 7 {", ROWS)
mutate("automounters", "visible", SEALED, "    try Automounts.cover(mounts, &covers)\n", "", (ATTACKED, "automounters"))
mutate("shared memory and queues", "the host's", SEALED, ".union(.mount).union(.ipc)", ".union(.mount)", escapes("share_by_name"))
DEVICES = f"{JAIL}/Holder/DeviceFileSystems.swift"
mutate("/dev/shm", "the host's", DEVICES, "    if try isDirectory(memory) {\n", '    if try isDirectory(memory + "/off") {\n', escapes("share_by_name"))
mutate("another mount of the host's terminals or queues", "visible", DEVICES,
       "      if try FileStatus.of(place).kind == .directory {\n", "      if try FileStatus.of(place).kind == .socket {\n",
       escapes("another_mount"))
mutate("seccomp: limits of others", "allowed", f"{JAIL}/Holder/SystemCallPolicy.swift", "    try refuse(\"prlimit64\", with: Errno.EPERM, when: [.argument(0, isNoneOf: [0]), .argumentIsNotZero(2)])\n", "",
       escapes("limits_of"))
mutate("terminals", "the host's devpts", f"{JAIL}/Holder/DeviceFileSystems.swift", "    try Mounts.newTerminals()\n", "", escapes("terminals_have_no_name"))
mutate("trust anchors", "writable", SEALED, "    try TrustAnchors.freeze(own)\n", "", escapes("later_launches"))
mutate("sysctls of uid 0", "writable", f"{JAIL}/Holder/TrustAnchors.swift", '    try Mounts.freeze("/proc/sys")\n', "",
       ("test_walls", "proc_is_left"))
mutate("user namespaces of uid 0", "allowed", f"{JAIL}/Holder/TrustAnchors.swift", "    try denyNamespaces()\n", "", (ATTACKED, "uid_0_gets_no"))
mutate("nosuid", "not set", SEALED, "    try Mounts.makeNosuid()\n", "", escapes("nosuid"))
mutate("private mounts", "shared", SEALED, "    try Mounts.makePrivate()\n", "", escapes("come_later_on"))

# Running jails.

CONTROL, JAILS = f"{JAIL}/Control/ControlSocket.swift", f"{JAIL}/Control/JailList.swift"
mutate("who asks a supervisor", "anyone", CONTROL, "user == Process.userID || user == 0", "user == Process.userID || user != UInt32.max",
       ("test_ps", "another_user_s"))
mutate("who is asked by ps", "anyone", JAILS, "guard peer.user == Process.userID || all else", "guard peer.user != UInt32.max || all else",
       ("test_ps", "not_asked"))
mutate("clients at once", "any number", CONTROL, "mostClients = 8", "mostClients = 800", ("test_ps", "say_nothing"))
mutate("clients that say nothing", "stay", CONTROL, "patience = Duration.seconds(1)", "patience = Duration.seconds(1000)", ("test_ps", "holds_nothing"))
mutate("strangers", "at once, without end", CONTROL, "          pausedUntil = now + Self.pause\n          continue\n", "          continue\n",
       ("test_ps", "strangers"))
mutate("what jails say", "as it is", "Sources/Record/Visible.swift", 'default: return isPrintable ? String(Character(self)) :', 'default: return value > 0 ? String(Character(self)) :',
       ("test_ps", "lies"))

# What is trusted.

PROJECT, LIMITS, PRESETFILES, TEXT = (
    f"{JAIL}/{name}.swift" for name in ("Host/ProjectFile", "Launch/LaunchLimits", "Host/PresetFiles", "Host/TrustedText"))  # fmt: skip
mutate("links as a project's file", "followed", PROJECT, "FileDescriptor.readOnlyUntrusted", "FileDescriptor.readOnlyNonBlocking", ("test_project", "link"))
mutate("other users' project files", "read", PROJECT, "guard isOwn(found.status) else", "guard isOwn(found.status) || !path.isEmpty else",
       ("test_project", "another_user"))  # fmt: skip
mutate("other users' repositories", "counted", PROJECT, "/.git\"), isOwn(git) {", "/.git\") {", ("test_project", "another_user"))
mutate("trusted projects of uid 0", "trusted", PROJECT, "Process.userID != 0, !TrustedFile.isWrittenByCaller,", "", ("test_project", "trusted_projects"))
mutate("the way to a trusted project", "not checked", PROJECT, "let file = try? TrustedFile.resolve(path), file == path", "let file = Optional(path)",
       ("test_project", "trusted_projects"))  # fmt: skip
mutate("projects beside a trusted directory", "trusted", PROJECT, 'file.hasPrefix($0 + "/")', "file.hasPrefix($0)", ("test_project", "trusted_projects"))
mutate("a project's file while the jail runs", "forgotten", "Sources/Jail/Supervisor/Supervisor.swift",
       "try blueprint.limits.applied(to: reading.result.get(), isRunning: true)", "try reading.result.get()",
       ("test_project", "stays_when"))  # fmt: skip
mutate("a wider --network", "accepted", LIMITS, "if let network, network.isWider(than: asked.value) { throw", "if let network, network == .restricted, network.isWider(than: asked.value) { throw",
       ("test_project", "option_takes_away"))  # fmt: skip
mutate("what a preset can say", "anything", "Sources/Policy/Configuration/ConfigurationParser.swift", "if let only, !only.keys.contains(key.name) {",
       "if let only, key.name.isEmpty, !only.keys.contains(key.name) {", ("test_presets", "cannot_say"))  # fmt: skip
mutate("presets that somebody else could write", "used", TEXT, "if error.isMissing { return nil }\n      throw", "if error.isMissing { return nil }\n      if !path.isEmpty { return path }\n      throw",
       ("test_presets", "somebody_else"))  # fmt: skip
mutate("presets", "not watched", PRESETFILES, "guard let text = try PresetFiles.text(preset.value, visit) else", "guard let text = try PresetFiles.text(preset.value) else",
       ("test_presets", "running_jail"))  # fmt: skip

TRUSTED = f"{JAIL}/Host/TrustedFile.swift"
mutate("trusted files: owner", "anyone", TRUSTED, "if status.owner != administrator {", "if status.owner != administrator && path.isEmpty {",
       ("test_config", "others_can_change"), ("test_preflight", "somebody_else"))
mutate("trusted files: mode", "any", TRUSTED, "status.permissions & 0o022 != 0", "status.permissions & 0o022 == 0o777",
       ("test_config", "others_can_change"))
mutate("trusted files: links", "followed unseen", TRUSTED, "try status(next, FileStatus.ofLink)", "try status(next, FileStatus.of)",
       ("test_config", "link_into"), ("test_preflight", "links_into"))
mutate("allow-override = no", "not honoured", f"{JAIL}/Launch/Override.swift", "if !wanted && !configuration.allowOverride.value {",
       "if !wanted && !configuration.allowOverride.value && value.isEmpty {", ("test_config", "administrator_can_forbid"))
mutate("launches inside a jail", "begin anew", LAUNCH, "if network == nil && Confinement.isJail(administrator) {",
       "if network == nil && command.arguments.isEmpty && Confinement.isJail(administrator) {", escapes("nested_launch"))
mutate("the guard", "content without a jail", "Sources/Verify/Guard.swift", 'else { return refused("this process is in no jail") }', "else { return nil }",
       ("test_guard", ""))
mutate("the executed path", "argv[0] decides", "Sources/claude-sandbox/Invocation.swift", "let executed = Process.executedPath ?? []",
       "let executed: [UInt8] = []", ("test_guard", "executed_path"))

# The end.

mutate_both("teardown", "descendants stay", [
    (PROCESS, "    Descendants.killAll()\n", ""), (SUPERVISOR, "          Descendants.killAll()\n", ""),
], ("test_supervise", "descendants"))
mutate("teardown after the supervisor's death", "descendants stay", LAUNCHER, "      Descendants.killAll()\n", "",
       ("test_supervise", "outlives and user"))
AGAIN = (SEALED, "    try Process.dieWithParent(own.supervisor)\n", "")
mutate("the command's own end", "PR_SET_PDEATHSIG not set again", *AGAIN, ("test_supervise", "both"),
       redundant="set when the holder begins; the kernel keeps it here")
mutate_both("the command's own end, in both places", "no PR_SET_PDEATHSIG", [
    AGAIN, (LAUNCH, "      try Process.dieWithParent(holder.own.supervisor)\n", ""),
], ("test_supervise", "both"))
mutate("the launcher's death", "not noticed", SOCKET,
       "    guard let message = try socket.receive() else { throw JailFailure.launcherDied }\n",
       "    guard let message = try socket.receive() else { return nil }\n", ("test_supervise", "outlives and user"))

# The record.

RECORDS, RECORDER = f"{JAIL}/Record/RecordDirectory.swift", f"{JAIL}/Record/Recorder.swift"
LIST = f"{JAIL}/Sockets/SocketList.swift"
mutate("the record's cover", "none", LIST, '      Row(home: home, path: ".local/state/claude-sandbox", reason: "the record of what jails were refused"),\n', "",
       ("test_record", "not_there_for_the_command and user"))
mutate("the record's cover elsewhere", "none", LIST, "      + Self.record(environment)\n", "", ("test_record", "state_directory_of_its_own and user"))
mutate("the record's way", "links followed", RECORDS,
       'return try start.refer(toWithoutLinks: Array(names.joined(separator: [UInt8(ascii: "/")])))',
       "return try FileDescriptor.refer(to: place.path, follow: true)", ("test_record", "links_are_not_followed"))
mutate("the record's owner", "anyone", RECORDS,
       "let directory = try Self.directory(place, in: start, making: making)\n      let status = try FileStatus.of(directory)\n      guard status.kind == .directory, status.owner == Process.userID else {",
       "let directory = try Self.directory(place, in: start, making: making)\n      let status = try FileStatus.of(directory)\n      guard status.kind == .directory else {",
       ("test_record", "not_the_user_s_own_directory"))
mutate("the record's limit for files", "the signal is not blocked", PROCESS, "[Signals.child, Signals.fileSize]", "[Signals.child]", ("test_record", "limit_for_files"))
mutate("the record's being whole", "not looked at", RECORDER, "    if file?.isIntact != false { return }\n", "    if file?.isIntact != nil { return }\n",
       ("test_record", "told_of or gets_at_it"))
mutate("the record's characters", "as they come", "Sources/Record/JSONValue.swift", "      case 0x20..<0x7f: result.unicodeScalars", "      case 0x20..<0x7f, 0x1b: result.unicodeScalars",
       ("test_record", "acts_on_a_terminal and user"))
mutate("what is shown of the record", "as it comes", "Sources/Record/Visible.swift", "result += scalar.visible\n", "result.unicodeScalars.append(scalar)\n",
       ("test_record", "acts_on_a_terminal and user"))
mutate("the record's rate", "no limit", RECORDER, "packets.count(key) { return }\n    guard bucket.take(now: now) else { return suppress(now) }", "packets.count(key) { return }\n    _ = bucket.take(now: now)", ("test_record", "a_scan"))

# Names.

SERVICE, GATEWAY, CONNECTOR = f"{JAIL}/Names/NameService.swift", f"{JAIL}/Gateway/NameGateway.swift", f"{JAIL}/Gateway/Connector.swift"
INSPECTION, NAMESLINK = f"{JAIL}/Relay/RelayInspection.swift", f"{JAIL}/Refusals/RefusalLink.swift"
NAMEPLAN = "Sources/Policy/Plan/NamePlan.swift"
mutate("names that no line opens", "asked of the host's resolvers", SERVICE, "    case .unlisted where plan.isExclusive: return refuse(request)\n", "",
       ("test_names", "any_other_name or no_question_gets_out"))
mutate("names of bytes that no host has", "asked of the host's resolvers", SERVICE, "    if plan.isExclusive { return refuse(request) }\n", "",
       ("test_names", "labels_that_no_name_has"))
mutate("the ports of names", "any", GATEWAY, "directory.plan.rule(connection.name, port: connection.syn.flow.port).flatMap {\n      $0.action == .allow ? $0 : nil\n    }",
       "directory.plan.policy.rules.first", ("test_names_live", "a_port_goes"))
mutate("addresses of names", "not looked up in the plan", CONNECTOR, "return decision.allowed && !address.isAmbiguous ? nil : decision.rule", "return decision.allowed || !address.isAmbiguous ? nil : decision.rule", ("test_names_addresses", "leads_inside_opens_nothing"))
mutate("what is spoken for a name", "not looked at", INSPECTION, "switch inspector.isDone ? .pass(shown.count) : inspector.sent(shown) {",
       "switch Inspector.Outcome.pass(shown.count) {", ("test_names_spoken", "another_name or other_hosts"))
mutate("connections to names that went", "go on", GATEWAY, "        if isAllowed != true { close(connection, now: now) }\n", "        _ = isAllowed\n",
       ("test_names_live", "an_address_that_a_name_leads_to_is_blocked"))
mutate("internal names' limits", "none", NAMEPLAN, "    if let limit = InternalNameLimit.rule(address, port: port, by: rules) {\n", "    if let limit = InternalNameLimit.rule(address, port: port, by: rules), port == 0 {\n",
       ("test_names_addresses", "never_leads_to"))
mutate("the jail's hosts file", "the host's", f"{JAIL}/Names/CoveredFile.swift", "    guard let names else { return [configuration] }\n", "    guard let names, names.policy.rules.count > 1 << 20 else { return [configuration] }\n",
       ("test_names_addresses", "calls_itself"))

# Ports.

PORTS, DOORS, FLOWS = (f"{JAIL}/Ports/{name}.swift" for name in ("Ports", "PortsDoors", "DatagramFlow"))
SUPPLY, CONNECTION, AUTO = (f"{JAIL}/Ports/{name}.swift" for name in ("SocketSupply", "DoorConnection", "AutoPublisher"))
mutate("connections of ports that went", "go on", PORTS, "      relay?.close(id)\n", "", ("test_ports", "what_comes_and_goes and user"))
mutate("ports that went", "listen on", DOORS, "    for listener in door.listeners { forget(listener.socket.descriptor.rawValue, token: listener.token) }\n    door.close()\n", "",
       ("test_ports", "what_comes_and_goes and user"))
mutate("a relay of ports that has ended", "started again", PORTS, "    if relayFailed { throw", "    if relayFailed && relay != nil { throw", ("test_ports", "without_the_relay"))
mutate("the host's numbers under publish = auto", "taken", AUTO, "    usedOutside.formUnion(", "    _ = usedOutside.union(", ("test_ports", "numbers_of_the_host"))
mutate("publish = auto", "no bound", DOORS, ">= Self.mostAuto { break }", ">= 1 << 20 { break }", ("test_ports", "auto_is_bounded"))
mutate("sockets made for ports", "of each kind at least one", SUPPLY, "max(0, min(count, Self.most))", "max(1, min(count, Self.most))", ("test_ports", "after_each_other"))
mutate("a port connected to itself", "passed on", CONNECTION, "guard try box.socket.localAddress() == target else", "guard try box.socket.localAddress() == target, target.port == 0 else",
       ("test_ports", "connected_to_itself"))
mutate("--publish at other addresses than loopback", "taken", f"{JAIL}/Launch/PublishOption.swift", "guard port.isOnLoopback else", "guard port.isOnLoopback || port.inside > 0 else",
       ("test_ports", "to_others"))
mutate("claude-sandbox publish at other addresses than loopback", "taken", SUPERVISOR, "guard port.isOnLoopback else", "guard port.isOnLoopback || port.inside > 0 else",
       ("test_ports", "a_running_jail and user"))

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
FILTERED, CONNECTED, PASTA, REFUSALS = (f"{JAIL}/Uplink/{name}.swift" for name in ("FilteredTap", "Connected", "Pasta", "Refusals"))
LAUNCH, LAUNCHER = (f"{JAIL}/Launch/{name}.swift" for name in ("Launch", "Launcher"))
SUPERVISOR, PROCESS, SOCKET = (f"{JAIL}/Supervisor/{name}.swift" for name in ("Supervisor", "SupervisorProcess", "LauncherSocket"))

ATTACH = "    try tap.attach(FilterInstruction.list(plan.filter))\n    self.tap = tap\n"
mutate("tap filter", "not attached", FILTERED, ATTACH, "    self.tap = tap\n", ("test_reach_bound", "(walked_past or test_udp or fast_open) and user"))
mutate_both("tap filter's time", "attached after pasta has the tap", [
    (FILTERED, ATTACH, "    self.tap = tap\n"),
    (CONNECTED, "    return Filtered(blueprint: blueprint, pasta: try pasta.connect(tap), tap: tap)\n",
     "    let starting = try pasta.connect(tap)\n    try tap.follow(blueprint.plan)\n"
     "    return Filtered(blueprint: blueprint, pasta: starting, tap: tap)\n"),
], ("test_faults", "filter_is_attached"))
mutate("blackholes", "none", f"{JAIL}/PolicyBridge.swift", "$0.kind == .blackhole }", "$0.kind == .blackhole && $0.prefix.length > 128 }",
       ("test_walls", "blackholes_are_listed"))
mutate("built-in walls, metadata", "168.63.129.16 left out", "Sources/Policy/BuiltinRules.swift", "0xa83f_8110, 32", "0xa83f_8111, 32",
       ("test_reach", "internal_addresses_are_not and 168"))
mutate("built-in walls, wrapped IPv4", "6to4 left out", "Sources/Policy/BuiltinRules.swift", "0x2002 << 112, 16", "0x2002 << 112, 128",
       ("test_reach", "internal_addresses_are_not and 2002"))
mutate("refusals", "no answer", REFUSALS, "if event != nil, pausedUntil == nil {", "if event != nil, pausedUntil != nil {",
       ("test_reach_bound", "walked_past and user"))
mutate("refusals' source", "another address", f"{JAIL}/Uplink/ICMPRefusal.swift", "64, 1, 0, 0] + source\n", "64, 1, 0, 0] + source.map { $0 ^ 1 }\n",
       escapes("who_refuses"))
mutate("refusals' limit", "none", REFUSALS, "rate = 1000\n", "rate = 10_000_000\n", escapes("refusals_are_limited"))

for letter, test in (("T", ("test_reach", "loopback_is and user")), ("U", ("test_reach", "loopback_is and user")),
                     ("t", ("test_reach", "published and user")), ("u", escapes("pasta_is_locked"))):
    mutate(f"pasta -{letter} none", "auto", PASTA, f'"-{letter}", "none"', f'"-{letter}", "auto"', test, escapes("pasta_is_locked"))
mutate("pasta --no-map-gw", "left out", PASTA, '"none", "--no-map-gw"]', '"none"]', escapes("pasta_is_locked"))
mutate("pasta's environment", "not empty", PASTA, "arguments: program.arguments, environment: [])",
       'arguments: program.arguments, environment: [Array("A=b".utf8)])', ("test_preflight", "helpers_have_no"))
mutate("pasta's path", "a directory of the workspace first", PASTA, '["/usr/bin/pasta",', '["/tmp/venv/bin/pasta", "/usr/bin/pasta",',
       ("test_preflight", "planted"))
mutate("pasta's death", "nothing is cut", SUPERVISOR, "case .cut(let reason): cut(reason)", "case .cut: network.take()?.release()", ("test_supervise", "killed_pasta"))
mutate("pasta's own end", "no PR_SET_PDEATHSIG", PASTA, "        try Process.dieWithParent(supervisor)\n", "        _ = supervisor\n",
       ("test_supervise", "both"))

# The host's network.

RULES = "Sources/Policy/HostRules.swift"
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
mutate("internal routes", "not derived", RULES, "!ways.contains($0) }) {", "!ways.contains($0) && $0.link.isEmpty }) {",
       ("test_reach", "internal_addresses_are_not and 203.0.113"))
mutate("refused routes", "not derived", RULES, "        block(route.destination, .rejectRoute(table: route.table))\n", "        break\n",
       ("test_reach", "internal_addresses_are_not and 45.45.48"))
mutate("resolvers", "not closed", RULES, "      block(Prefix(resolver.address), .resolver)\n", "      _ = resolver\n",
       ("test_dns", "public_resolver"))
mutate("every default route", "one only", RULES, "return defaults.filter { tables.contains($0.table) }.reduce",
       "return defaults.filter { tables.contains($0.table) && $0.nextHops.isEmpty }.reduce",
       ("test_shapes", "both_default"))
mutate("following the host", "not followed", SUPERVISOR, "case .hostChanged: follow()", "case .hostChanged: break",
       ("test_follow", "becomes_internal and user"))
mutate("failure to follow", "the uplink stays", SUPERVISOR,
       'cut("the walls could not follow the host\'s network (\\(error))")', 'Process.complain("\\(error)")',
       ("test_follow", "cannot_be_followed and user"))

# Names.

REQUEST = f"{JAIL}/Names/DNSRequest.swift"
mutate("DNS: queries only", "UPDATE and others forwarded", REQUEST, "guard bytes[2] & 0x78 == 0 else {", "guard bytes[2] & 0x78 < 0x79 else {",
       ("test_dns", "other_operations"))
mutate("DNS: no transfers", "AXFR and IXFR forwarded", REQUEST, "(249...252)", "(249...250)", ("test_dns", "zone_transfers"))
mutate("DNS: answers belong to queries", "any identifier", REQUEST, "message[0] == bytes[0], message[1] == bytes[1],\n", "\n",
       ("test_dns", "forged"))
mutate("resolv.conf", "the host's", SEALED, "    try ResolverFile.install(blueprint.resolver.jailText)\n", "",
       ("test_dns", "search_and_options or linked_resolv"))
mutate("resolv.conf, replaced meanwhile", "not covered again", f"{JAIL}/MountRepair.swift",
       "      if !ResolverFile.says(resolverText) { try renew(resolverText) }\n", "", ("test_dns", "replaced_meanwhile"))

# The seal.

POLICY = f"{JAIL}/Holder/SystemCallPolicy.swift"
mutate("seccomp", "not installed", SEALED, "    try SystemCallPolicy.install()\n", "", escapes("not_there or families"))
mutate("seccomp: socket families", "all", POLICY, "for family in 0..<64", "for family in 0..<0", escapes("families"))
mutate("seccomp: netlink protocols", "all", POLICY, "in 0..<32", "in 0..<0", escapes("netlink"))
mutate("seccomp: TIOCSTI", "allowed", POLICY, "[0x5412, 0x541c]", "[0x541c]", escapes("terminal_requests or typing"))
mutate("seccomp: TIOCLINUX", "allowed", POLICY, "[0x5412, 0x541c]", "[0x5412]", escapes("terminal_requests"))
mutate("seccomp: upper bits", "compared", "Sources/Linux/SystemCallFilter.swift", "datum_a: 0xffff_ffff,", "datum_a: 0xffff_ffff_ffff_ffff,",
       escapes("terminal_requests or families"))
mutate("seccomp: io_uring", "allowed", POLICY, '"io_uring_setup", "io_uring_enter", "io_uring_register", ', "", escapes("not_there"))
mutate("seccomp: key rings", "allowed", POLICY, '"keyctl", "add_key", "request_key",', "", escapes("not_there"))
mutate("seccomp: userfaultfd", "allowed", POLICY, '    "userfaultfd",\n', "", escapes("not_there"))
mutate("seccomp: administrators' calls", "allowed", POLICY, "for call in forbidden {", "for call in forbidden.prefix(0) {",
       escapes("administrators"))
mutate("seccomp: other architectures", "allowed", "Sources/Linux/SystemCallFilter.swift", "SCMP_FLTATR_ACT_BADARCH, fail(ENOSYS)",
       "SCMP_FLTATR_ACT_BADARCH, allow", escapes("another_architecture"))

CAPABILITIES = "Sources/Linux/Capabilities.swift"
CAPSET = '    try check("capset") { unsafe cap_set_proc(none) }\n'
BOUND = '      try check("prctl", "PR_CAPBSET_DROP \\(capability)") { cap_drop_bound(capability) }\n'
VERIFY = "    try Capabilities.verifyDropped()\n"
KEPT = "    _ = unsafe none\n"
mutate("capability sets", "kept", CAPABILITIES, CAPSET, KEPT, ("test_walls", "capabilities_are_gone"))
mutate_both("capability sets, and reading them back", "kept", [(CAPABILITIES, CAPSET, KEPT), (SEALED, VERIFY, "")],
            ("test_walls", "capabilities or changed"), redundant="securebits, bounding and ambient set: execve(2) leaves none")
mutate_both("capability sets, bounding set, securebits, and reading them back", "kept", [
    (CAPABILITIES, CAPSET, KEPT), (CAPABILITIES, BOUND, ""), (CAPABILITIES, "cap_set_secbits(0xCF)", "cap_set_secbits(0)"),
    (SEALED, VERIFY, ""),
], ("test_walls", "capabilities_are_gone"))
mutate("bounding set", "kept", CAPABILITIES, BOUND, "", ("test_walls", "capabilities_are_gone"))
mutate_both("bounding set, and reading it back", "kept", [(CAPABILITIES, BOUND, ""), (SEALED, VERIFY, "")],
            ("test_walls", "capabilities_are_gone"))
mutate_both("securebits, and reading them back", "not locked", [
    (CAPABILITIES, "cap_set_secbits(0xCF)", "cap_set_secbits(0)"), (SEALED, VERIFY, ""),
], escapes("securebits"))
mutate("no_new_privs", "not set", SEALED, "    try Capabilities.setNoNewPrivileges()\n", "", ("test_walls", "capabilities_are_gone"))
LANDLOCK = "    if Landlock.hasScopes { try Landlock.scopeSignalsAndAbstractSockets() }\n"
mutate("Landlock scopes", "none", SEALED, LANDLOCK, "", escapes("signals_to"))
CLOSE = "      try LaunchStep.read.launch { try Process.closeDescriptors(from: 3) }\n"
CLOSE_AGAIN = "    try Process.closeDescriptorsOnExecute(from: 3)\n"
DESCRIPTORS = ("test_walls", "inherited_descriptors or inherited_sockets")
mutate("descriptors", "stay open in the launcher", LAUNCH, CLOSE, "", escapes("inherited_pipe"))
mutate("descriptors at execve", "not closed", SEALED, CLOSE_AGAIN, "", DESCRIPTORS, redundant="descriptors; O_CLOEXEC of all of ours")
mutate_both("descriptors, in both places", "not closed", [(LAUNCH, CLOSE, ""), (SEALED, CLOSE_AGAIN, "")], DESCRIPTORS)
mutate("standard streams", "not looked at", LAUNCH, "      try StandardStreams.check()\n", "",
       escapes("that_lead_out"), ("test_walls", "as_standard"))
mutate("signals", "not reset", SEALED, "    try Signals.resetAll(keepIgnoring: blueprint.ignoresHangup ? [Signals.hangup] : [])\n", "",
       ("test_walls", "signal_mask or signal_disp"))
ENVIRONMENT = f"{JAIL}/Launch/CommandEnvironment.swift"
mutate("variables", "kept", ENVIRONMENT, "      if Self.removed.contains(name) { return false }\n", "", escapes("variables"))
mutate("variables that name a socket", "kept", ENVIRONMENT, "if exposed.contains(path) { return true }", "if !path.isEmpty || exposed.contains(path) { return true }",
       escapes("variables"))

# Mounts.

MASKS = f"{JAIL}/Masks.swift"
COVERS = f"{JAIL}/MaskInstallation.swift"
ROWS = ("test_masks", "every_row")
mutate("masked directories", "visible", COVERS, "      try Mounts.attach(empty, over: place)\n", "", ROWS)
mutate("masked sockets", "visible", COVERS, "    try Mounts.attach(null, over: place)\n", "", ROWS)
mutate_both("masks: resolver daemons", "rows removed", [
    (MASKS, f'path: "{path}"', f'path: "{path}-off"') for path in ("/run/nscd", "/var/run/nscd", "/run/avahi-daemon")
], ("test_dns", "other_resolvers"), ROWS)
mutate_both("masks: systemd-resolved", "row removed", [
    (MASKS, 'path: "/run/systemd/resolve/io.systemd.Resolve",', 'path: "/run/systemd/resolve/off",'),
], ("test_dns", "other_resolvers"), ROWS)
mutate_both("masks: Claude's daemon", "rows removed", [
    (MASKS, '"/tmp/cc-daemon-', '"/tmp/off-daemon-'), (MASKS, '"/tmp/cc-socks-', '"/tmp/off-socks-'),
], ("test_masks", "every_row_that"))
WATCH = f"{JAIL}/HostWatch.swift"
ATTACKED = "test_masks_attacked"
mutate("masks, renewed", "not renewed", WATCH, "      if paths.contains(where: { masks.concern($0, targets) }) { change.files = true }\n", "",
       ("test_masks", "later or anew"))
mutate("masks, watched", "after they are installed", f"{JAIL}/Session.swift", "      host = try HostWatch.begin(masks)\n      try link?.send([Holder.watching])\n",
       "      try link?.send([Holder.watching])\n      host = try HostWatch.begin(masks)\n", (ATTACKED, "watched_before"))
mutate("links to what is masked", "their targets not followed", WATCH, "    targets = pass.targets\n", "", (ATTACKED, "leads_to"))
mutate("directories that cannot be followed", "passed over", "Sources/Linux/FileEvents.swift", "      if error.errno == EACCES, let found", "      if error.errno == ENOSYS, let found",
       (ATTACKED, "not_readable"))
mutate("directories that cannot be followed, covered", "left alone", COVERS, "    if whole.contains(path) { return", "    if whole.contains(path), path.isEmpty { return",
       (ATTACKED, "not_readable or used_up"))
mutate("directories to follow", "any number", f"{JAIL}/MaskWatch.swift", "most = 4096", "most = 1 << 30", (ATTACKED, "too_many"))
mutate("directories of other users", "followed", f"{JAIL}/MaskWatch.swift", "(owner ?? status.owner) == status.owner", "status.owner != UInt32.max",
       (ATTACKED, "another_user"))
mutate("masks that cannot be renewed", "the command goes on", f"{JAIL}/MountRepair.swift", "    if let limit, limit <= now {", "    if let limit, limit <= now, limit < 0 {",
       (ATTACKED, "covered_again"))
mutate("masks that cannot be renewed for a moment", "the jail ends", f"{JAIL}/MountRepair.swift", "patience = 3000", "patience = 200", (ATTACKED, "burst"))
mutate_both("masks that are renewed", "by many at once", [
    (f"{JAIL}/MountRepair.swift", "      if child == nil { retry = retry ?? now } else { hasChanged = true }\n", "      retry = now\n"),
    (f"{JAIL}/MountRepair.swift", "return child == nil && retry", "return retry"),
], (ATTACKED, "at_a_time"))
mutate("masks, put over once", "each time", COVERS, "    if try isOver(place, kind) { return }\n", "", (ATTACKED, "covered_once"))
mutate("exposed sockets", "by a path with links", COVERS, "try FileDescriptor.refer(toWithoutLinks: self.path)", "try FileDescriptor.refer(to: self.path, follow: true)",
       (ATTACKED, "exposed_path"))
mutate("what is covered", "anything", COVERS, "guard status.kind == .socket || status.kind == .directory, !kept", "guard !kept", ("test_masks", "left_alone or link"),
       redundant="only these kinds are asked for")
mutate_both("what is covered, and asked for", "anything", [
    (COVERS, "guard status.kind == .socket || status.kind == .directory, !kept", "guard !kept"),
    (COVERS, "of: [.socket, .directory])", "of: nil)"), (COVERS, "        if status.kind == .socket {\n", "        if status.kind != .directory {\n"),
], ("test_masks", "left_alone or link"))
mutate("what is looked at", "by name again", COVERS, "    try visit(kept, whole) { place, kind, path in\n      try cover.put(over: place, kind)\n",
       "    try visit(kept, whole) { _, kind, path in\n      try cover.put(over: FileDescriptor.refer(toPath: path, follow: true), kind)\n", (ATTACKED, "exchanged_for"))
mutate("an error at one path", "ends the rest", COVERS, "    if (error as? SystemCallError)?.isAbsence != true { failure = failure ?? error }\n", "    failure = failure ?? error\n",
       (ATTACKED, "link or come_and_go"))
mutate("servers that are away", "an error", "Sources/Linux/SystemCallError.swift", "EACCES, ENOTCONN, ESTALE", "EACCES, ESTALE", (ATTACKED, "server_is_away"))
mutate("sockets in a home", "visible", COVERS, "          try show(place, below)\n", "          if path.isEmpty { try show(place, below) }\n", ROWS)
mutate("sockets in a home's directories", "visible", COVERS, "levels > 0, !ownOnly", "levels > 7, !ownOnly", ROWS)
mutate("names of sockets", "as text", COVERS, "        let place = try directory.refer(toEntry: name)\n        let status",
       "        let place = try directory.refer(toEntry: Array(String(decoding: name, as: UTF8.self).utf8))\n        let status", (ATTACKED, "any_name"))
mutate_both("links to directories in /tmp", "followed", [
    (COVERS, "        let place = try directory.refer(toEntry: name)\n        let status", "        let place = try FileDescriptor.refer(toPath: below, follow: true)\n        let status"),
    (COVERS, "of: [.socket, .directory])", "of: nil)"),
], ("test_masks", "linked_directory"))
mutate("links in /tmp", "followed", COVERS, "      guard try FileStatus.of(path.parentDirectory).permissions & 0o002 == 0 else { return }\n", "",
       ("test_masks", "link_with"))
mutate("seccomp: limits of others", "allowed", f"{JAIL}/Holder/SystemCallPolicy.swift", "    try filter.refuse(\"prlimit64\", with: Errno.EPERM, when: [.argumentIsNotZero(0), .argumentIsNotZero(2)])\n", "",
       escapes("limits_of"))
mutate("terminals", "the host's devpts", SEALED, "    try Mounts.newTerminals()\n", "", escapes("terminals_have_no_name"))
mutate("trust anchors", "writable", SEALED, "    try TrustAnchors.freeze()\n", "", escapes("later_launches"))
mutate("sysctls of uid 0", "writable", f"{JAIL}/Holder/TrustAnchors.swift", '    if Process.userID == 0 { try Mounts.freeze("/proc/sys") }\n', "",
       ("test_walls", "proc_is_left"))
mutate("nosuid", "not set", SEALED, "    try Mounts.makeNosuid()\n", "", escapes("nosuid"))
mutate("private mounts", "shared", SEALED, "    try Mounts.makePrivate()\n", "", escapes("come_later_on"))

# What is trusted.

TRUSTED = f"{JAIL}/Host/TrustedFile.swift"
mutate("trusted files: owner", "anyone", TRUSTED, "if status.owner != administrator {", "if status.owner != administrator && path.isEmpty {",
       ("test_config", "others_can_change"), ("test_preflight", "somebody_else"))
mutate("trusted files: mode", "any", TRUSTED, "status.permissions & 0o022 != 0", "status.permissions & 0o022 == 0o777",
       ("test_config", "others_can_change"))
mutate("trusted files: links", "followed unseen", TRUSTED, "try status(next, FileStatus.ofLink)", "try status(next, FileStatus.of)",
       ("test_config", "link_into"), ("test_preflight", "links_into"))
mutate("allow-override = no", "not honoured", f"{JAIL}/Launch/Override.swift", "if !wanted && !configuration.allowOverride.value {",
       "if !wanted && !configuration.allowOverride.value && value.isEmpty {", ("test_config", "administrator_can_forbid"))
mutate("launches inside a jail", "begin anew", LAUNCH, "if network == nil && Confinement.isJail(configuration) {",
       "if network == nil && command.arguments.isEmpty && Confinement.isJail(configuration) {", escapes("nested_launch"))
mutate("the guard", "content without a jail", "Sources/Verify/Guard.swift", 'else { return refused("this process is in no jail") }', "else { return nil }",
       ("test_guard", ""))

# The end.

mutate("teardown", "descendants stay", PROCESS, "    Descendants.killAll()\n", "", ("test_supervise", "descendants"))
mutate("teardown after the supervisor's death", "descendants stay", LAUNCHER, "      Descendants.killAll()\n", "",
       ("test_supervise", "outlives and user"))
AGAIN = (SEALED, "    try Process.dieWithParent(parent)\n", "")
mutate("the command's own end", "PR_SET_PDEATHSIG not set again", *AGAIN, ("test_supervise", "both"),
       redundant="set when the holder begins; the kernel keeps it here")
mutate_both("the command's own end, in both places", "no PR_SET_PDEATHSIG", [
    AGAIN, (LAUNCH, "      try Process.dieWithParent(holder.supervisor)\n", ""),
], ("test_supervise", "both"))
mutate("the launcher's death", "not noticed", SOCKET,
       "    guard let message = try socket.receive() else { throw JailFailure.launcherDied }\n",
       "    guard let message = try socket.receive() else { return nil }\n", ("test_supervise", "outlives and user"))

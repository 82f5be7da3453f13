// swift-tools-version: 6.3
import PackageDescription

let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "claude-sandbox",
  products: [
    .executable(name: "claude-sandbox", targets: ["claude-sandbox"]),
    .executable(name: "claude-sandbox-preview", targets: ["claude-sandbox-preview"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
  ],
  targets: [
    .target(name: "CLinux"),
    .systemLibrary(name: "CLibcap", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
    .target(name: "Linux", dependencies: ["CLinux", "CLibcap"], swiftSettings: strict),
    .target(name: "Netlink", dependencies: ["Linux", "CLinux"], swiftSettings: strict),
    .target(name: "Policy", swiftSettings: strict),
    .target(name: "Record", dependencies: ["Policy"], swiftSettings: strict),
    .target(name: "Inspection", swiftSettings: strict),
    .target(
      name: "Jail", dependencies: ["Inspection", "Linux", "Netlink", "Policy", "Record"],
      swiftSettings: strict),
    .target(
      name: "Verify", dependencies: ["Jail", "Linux", "Netlink", "Policy"], swiftSettings: strict),
    .executableTarget(
      name: "claude-sandbox",
      dependencies: [
        "Jail", "Linux", "Policy", "Record", "Verify",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "claude-sandbox-preview",
      dependencies: [
        "Jail", "Linux", "Netlink", "Record",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: strict),
    .testTarget(name: "LinuxTests", dependencies: ["Linux"], swiftSettings: strict),
    .testTarget(name: "NetlinkTests", dependencies: ["Netlink"], swiftSettings: strict),
    .testTarget(name: "PolicyTests", dependencies: ["Policy"], swiftSettings: strict),
    .testTarget(
      name: "JailUnitTests", dependencies: ["Inspection", "Jail", "Linux", "Netlink", "Policy", "Record"],
      swiftSettings: strict),
    .testTarget(name: "InspectionTests", dependencies: ["Inspection"], swiftSettings: strict),
    .testTarget(
      name: "PreviewTests",
      dependencies: [
        "Jail", "Linux", "Netlink", "Record", "claude-sandbox-preview",
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: strict),
    .testTarget(name: "RecordTests", dependencies: ["Policy", "Record"], swiftSettings: strict),
    .testTarget(name: "VerifyTests", dependencies: ["Verify"], swiftSettings: strict),
  ]
)

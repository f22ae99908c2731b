// swift-tools-version: 6.2
//
// The house: one target a room. Arrows (imports between rooms) go one way; the Tidy test holds them,
// because the package manager does not. See docs/ARCHITECTURE.md.

import PackageDescription

let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  // Tests look into the rooms (@testable) and run against the release build, the one that ships.
  .unsafeFlags(["-enable-testing"], .when(configuration: .release)),
]

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
  .product(name: "NIOHTTP1", package: "swift-nio"),
  .product(name: "NIOWebSocket", package: "swift-nio"),
]

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(_ name: String, _ folder: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: "Sources/\(folder)", swiftSettings: strict)
}

func tests(_ room: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(room)Tests", dependencies: dependencies, exclude: fixtures[room] ?? [],
    swiftSettings: strict)
}

/// Files in a test folder that tests read by path, and the build must leave alone.
let fixtures: [String: [String]] = ["Engine": ["Scenarios"], "Raft": ["Scenarios"]]

let package = Package(
  name: "castle",
  products: [
    .executable(name: "exnode", targets: ["exnode"]),
    .executable(name: "exctl", targets: ["exctl"]),
    .executable(name: "exbench", targets: ["exbench"]),
    .library(name: "castle-match", type: .dynamic, targets: ["Match"]),
    .executable(name: "exsim", targets: ["exsim"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .systemLibrary(name: "CRocksDB", pkgConfig: "rocksdb", providers: [.apt(["librocksdb-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .target(name: "CLinux"),
    .target(name: "CMatch"),
    .target(name: "CMemory"),
    .target(name: "CWire"),

    room("Wire", ["CMemory", "CWire"]),
    room("Raft", ["Wire"]),
    room("Engine", ["Wire"]),
    room("Market", ["Engine", "Wire"]),
    room("Match", ["Engine", "CMatch"]),
    room("Replica", ["Raft", "Engine", "Wire"]),
    room("Storage", ["Raft", "Wire", "CRocksDB", "CLinux"]),
    room("Gateway", ["Market", "Engine", "Wire", "COpenSSL"]),
    room("Simulator", ["Replica", "Market", "Storage", "Raft", "Engine", "Wire"]),
    program("exsim", "exsim", ["Simulator"]),
    program(
      "exnode", "Node",
      ["Replica", "Raft", "Engine", "Market", "Storage", "Gateway", "Wire", "CLinux"]
        + nio + [arguments, logging]),
    program(
      "exctl", "ctl",
      ["Storage", "Gateway", "Replica", "Raft", "Engine", "Wire"] + nio + [arguments]),
    program(
      "exbench", "Bench",
      ["Replica", "Raft", "Storage", "Gateway", "Engine", "Wire", "CMatch"] + nio
        + [arguments, histogram]),

    .target(
      name: "TestSupport", dependencies: ["Wire", "Storage"], path: "Tests/Support",
      swiftSettings: strict),
    tests("Wire", ["Wire", "TestSupport"]),
    tests("Raft", ["Raft", "Wire", "TestSupport"]),
    tests("Engine", ["Engine", "Wire", "TestSupport"]),
    tests("Market", ["Market", "Engine", "Wire", "TestSupport"]),
    tests(
      "Replica", ["Replica", "Simulator", "Raft", "Engine", "Storage", "Wire", "TestSupport"]),
    tests("Storage", ["Storage", "Raft", "Wire", "TestSupport"]),
    tests("Gateway", ["Gateway", "Market", "Engine", "Wire", "TestSupport"]),
    tests(
      "Simulator", ["Simulator", "Replica", "Storage", "Raft", "Engine", "Wire", "TestSupport"]),
    tests("Tidy", []),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)

// SpawnedCluster: three default nodes on loopback, started by exbench itself in a folder of its own.
//
// The nodes get raised request-weight limits, because the checks afterwards read a lot; the report says so.
// Not here: talking to the nodes (Cluster, API).

import Glibc

/// A cluster whose processes exbench owns, so that it can kill and restart them.
final class SpawnedCluster {
  let folder: String
  private(set) var nodes: [NodeProcess] = []
  private let executable: String
  private let peers: [String]
  private let addedSyncMicroseconds: Int
  let clients: [Address]
  let admins: [Address]
  let token: String
  /// What was raised above the defaults, for the report.
  static let raised =
    "request weight 1000000000/min, raw requests 1000000000/5 min, stream messages 100000/s, kept outcomes 4000000"

  /// Writes secrets and starts the nodes. `addedSyncMicroseconds` is added to each sync of the log.
  init(executable: String, folder: String, nodeCount: Int, addedSyncMicroseconds: Int) throws {
    try refuseMemoryFileSystem(folder)
    let token = Self.randomHex()
    try writeText(folder + "/admin.token", token)
    try writeText(folder + "/cluster.secret", Self.randomHex())
    let ports = try freePorts(3 * nodeCount)
    clients = (0..<nodeCount).map { Address(host: "127.0.0.1", port: ports[$0]) }
    admins = (0..<nodeCount).map { Address(host: "127.0.0.1", port: ports[nodeCount + $0]) }
    peers = (0..<nodeCount).map { "\($0 + 1)=127.0.0.1:\(ports[2 * nodeCount + $0])" }
    self.executable = executable
    self.addedSyncMicroseconds = addedSyncMicroseconds
    self.folder = folder
    self.token = token
    for i in 0..<nodeCount {
      nodes.append(
        node(i + 1, [ports[i], ports[nodeCount + i], ports[2 * nodeCount + i]], peers))
    }
    for node in nodes { try node.start() }
  }

  /// One node more, with an empty directory, which the others know nothing of; started, and stopped with them.
  func addNode() throws -> (process: NodeProcess, client: Address, admin: Address) {
    let ports = try freePorts(3)
    let id = nodes.count + 1
    let added = node(id, ports, peers + ["\(id)=127.0.0.1:\(ports[2])"])
    nodes.append(added)
    try added.start()
    return (
      added, Address(host: "127.0.0.1", port: ports[0]), Address(host: "127.0.0.1", port: ports[1])
    )
  }

  /// - Parameter ports: for clients, administration and peers.
  private func node(_ id: Int, _ ports: [Int], _ peers: [String]) -> NodeProcess {
    var arguments = [
      "--id", "\(id)", "--data-dir", "\(folder)/node\(id)",
      "--client-listen", "127.0.0.1:\(ports[0])",
      "--admin-listen", "127.0.0.1:\(ports[1])",
      "--peer-listen", "127.0.0.1:\(ports[2])",
      "--peers", peers.joined(separator: ","),
      "--admin-token-file", folder + "/admin.token",
      "--cluster-secret-file", folder + "/cluster.secret",
      "--request-weight-per-minute", "1000000000",
      "--raw-requests-per-5-minutes", "1000000000",
      "--stream-messages-per-second", "100000",
      "--outcomes-max", "4000000",
    ]
    if addedSyncMicroseconds > 0 {
      arguments += ["--added-sync-delay-us", "\(addedSyncMicroseconds)"]
    }
    return NodeProcess(
      executable: executable, arguments: arguments, logPath: "\(folder)/node\(id).log")
  }

  /// Stops all nodes.
  func stop() {
    for node in nodes { node.kill(SIGTERM) }
  }

  private static func randomHex() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<4).map { _ in
      let word = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - word.count) + word
    }.joined()
  }
}

/// The type of the file system that holds `path`: the mount with the longest matching path in /proc/mounts.
func fileSystem(of path: String) -> String {
  guard let resolved = realpath(path, nil) else { return "unknown" }
  defer { free(resolved) }
  let full = String(cString: resolved) + "/"
  var best = (length: 0, type: "unknown")
  for line in (readText("/proc/mounts") ?? "").split(separator: "\n") {
    let fields = line.split(separator: " ")
    guard fields.count > 2 else { continue }
    let mount = fields[1] == "/" ? "/" : String(fields[1]) + "/"
    if full.hasPrefix(mount), mount.utf8.count >= best.length {
      best = (mount.utf8.count, String(fields[2]))
    }
  }
  return best.type
}

/// Throws if the folder is in memory: a sync there proves and costs nothing.
func refuseMemoryFileSystem(_ folder: String) throws(BenchError) {
  guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
    throw BenchError("cannot create \(folder): \(String(cString: strerror(errno)))")
  }
  let name = fileSystem(of: folder)
  guard name != "tmpfs", name != "ramfs" else {
    throw BenchError("\(folder) is on \(name): syncs there cost nothing; choose a folder on a disk")
  }
}

/// Distinct free TCP ports on loopback, below those that Linux gives to outgoing connections: of those, one that is
/// free now can be taken before a node listens on it.
func freePorts(_ count: Int) throws(BenchError) -> [Int] {
  var sockets: [Int32] = []
  var ports: [Int] = []
  defer { for descriptor in sockets { close(descriptor) } }
  for _ in 0..<1_000 where ports.count < count {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    sockets.append(descriptor)
    let port = UInt16.random(in: 12_000..<32_768)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    if bound { ports.append(Int(port)) }
  }
  guard ports.count == count else {
    throw BenchError("no free port: \(String(cString: strerror(errno)))")
  }
  return ports
}

/// The folder in which this executable lies.
func ownFolder() -> String {
  var buffer = [CChar](repeating: 0, count: 4096)
  let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
  guard count > 0 else { return "." }
  let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  return path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    .joined(separator: "/")
}

/// Seconds of the monotonic clock.
func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Milliseconds since 1970.
func wallMilliseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}

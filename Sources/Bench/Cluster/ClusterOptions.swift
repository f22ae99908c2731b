// ClusterOptions: the flags by which every exbench command finds or starts its nodes.

import ArgumentParser
import Glibc
import NIOPosix

/// Where the nodes are. Without `--spawn` they come from the flags or from CASTLE_... in the environment.
struct ClusterOptions: ParsableArguments {
  @Flag(help: "Start three nodes of its own, in a new folder, and stop them at the end.")
  var spawn = false

  @Option(help: "Folder for spawned nodes; must be on a disk.")
  var dataDir: String = "data/bench"

  @Option(help: "The exnode to spawn. Default: beside this program.")
  var exnode: String?

  @Option(help: "Spawned nodes add this many microseconds to each sync of the log.")
  var addedSyncUs = 0

  @Option(help: "Client URLs of the nodes, comma separated. Default: $CASTLE_URLS.")
  var urls: String?

  @Option(help: "Admin URLs of the nodes, comma separated. Default: $CASTLE_ADMIN_URLS.")
  var adminUrls: String?

  @Option(help: "File with the admin token. Default: $CASTLE_ADMIN_TOKEN_FILE.")
  var adminTokenFile: String?

  /// Finds or starts the cluster and waits until it is ready.
  func open() throws -> Cluster {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    if spawn { return try spawnCluster(group) }
    guard let clients = (urls ?? environment("CASTLE_URLS")).flatMap({ Address.list($0) }) else {
      throw BenchError("no nodes: give --urls, set CASTLE_URLS, or use --spawn")
    }
    guard let admins = (adminUrls ?? environment("CASTLE_ADMIN_URLS")).flatMap({ Address.list($0) })
    else { throw BenchError("no admin URLs: give --admin-urls or set CASTLE_ADMIN_URLS") }
    guard let file = adminTokenFile ?? environment("CASTLE_ADMIN_TOKEN_FILE"),
      let token = readText(file)
    else { throw BenchError("no admin token: give --admin-token-file") }
    let trimmed = String(token.filter { !$0.isWhitespace })
    let cluster = Cluster(
      clients: clients, admins: admins, token: trimmed, spawned: nil, group: group)
    try cluster.waitUntilLevel(seconds: 30)
    return cluster
  }

  private func spawnCluster(_ group: MultiThreadedEventLoopGroup) throws -> Cluster {
    var path = ""
    for part in dataDir.split(separator: "/", omittingEmptySubsequences: false) {
      path += path.isEmpty && !dataDir.hasPrefix("/") ? String(part) : "/" + part
      _ = mkdir(path, 0o700)
    }
    let folder = "\(dataDir)/\(wallMilliseconds())"
    let spawned = try SpawnedCluster(
      executable: exnode ?? ownFolder() + "/exnode", folder: folder, nodeCount: 3,
      addedSyncMicroseconds: addedSyncUs)
    let cluster = Cluster(
      clients: spawned.clients, admins: spawned.admins, token: spawned.token, spawned: spawned,
      group: group)
    do {
      try cluster.waitUntilLevel(seconds: 30)
    } catch {
      spawned.stop()
      throw BenchError("\(error); see \(folder)/node1.log")
    }
    return cluster
  }

  private func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

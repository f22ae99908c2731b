// NodeSettings: everything a node was told, checked.
//
// Invariants: the node is one of its peers; the admin port always needs a token; without a cluster secret no peer is on
// another machine.
// Not here: where the texts come from (SettingSources).

import Logging
import Raft

/// The checked settings of a node.
struct NodeSettings {
  var id: NodeID
  var dataDirectory: String
  var clientListen: NodeAddress
  var peerListen: NodeAddress
  var adminListen: NodeAddress
  /// All voters, this node included, sorted by id.
  var peers: [PeerAddress]
  /// What a request to the admin port must carry.
  var adminToken: [UInt8]
  var clusterSecret: [UInt8]?
  /// The genesis file's bytes; `nil`: the standard one.
  var genesis: [UInt8]?
  var logLevel: Logger.Level
  /// Request weight that one address may use in a minute.
  var requestWeightPerMinute: Int?
  /// Requests that one address may send in five minutes.
  var rawRequestsPer5Minutes: Int?
  /// WebSocket connections that one address may open in five minutes.
  var connectionAttemptsPer5Minutes: Int
  /// HTTP connections that one address may have open.
  var connectionsPerAddress: Int
  /// WebSocket connections that one address may have open.
  var streamConnectionsPerAddress: Int
  /// Messages that a WebSocket client may send in a second.
  var streamMessagesPerSecond: Int
  /// Outcomes of writes kept for repetitions, until 60 s after their deadline. The same on all nodes.
  var outcomesMax: Int
  /// Waited after each log sync, to imitate a slower disk in benchmarks.
  var addedSyncMicroseconds: Int
  /// Who leads if all is well: the node with the highest.
  var priority: UInt8
  /// Free disk space, in MiB, below which writes are refused; 0: never.
  var lowSpaceMiB: Int
  /// How fast this node sends snapshots, in MiB a second in all. Its customers go first: half as fast costs a newcomer
  /// twice the time, and them less.
  var snapshotMiBPerSecond: Int
  /// Whether the node, if its directory is empty, may found the cluster with the other peers.
  var mayFound: Bool

  init(_ sources: SettingSources) throws(SettingError) {
    id = try Self.nodeID(sources)
    dataDirectory = try Self.required(.dataDirectory, sources).text
    guard !dataDirectory.isEmpty else { throw SettingError("--data-dir is empty") }
    clientListen = try Self.address(.clientListen, "127.0.0.1:8081", sources)
    peerListen = try Self.address(.peerListen, "127.0.0.1:9081", sources)
    adminListen = try Self.address(.adminListen, "127.0.0.1:7081", sources)
    peers = try Self.peers(sources, id: id, own: peerListen)
    let tokenFile = try Self.required(.adminTokenFile, sources)
    adminToken = try SmallFile.readSecret(tokenFile.text, what: "admin token file")
    clusterSecret = try Self.secret(.clusterSecretFile, "cluster secret file", sources)
    genesis = nil
    if let file = sources[.genesis] {
      genesis = try SmallFile.read(file.text, what: "genesis file")
    }
    logLevel = .info
    if let level = sources[.logLevel] {
      guard let known = Logger.Level(rawValue: level.text) else {
        throw SettingError(
          "\(level.origin): '\(level.text)' is not a log level (trace, debug, info, notice, warning, error)"
        )
      }
      logLevel = known
    }
    requestWeightPerMinute = try Self.number(.requestWeight, 1...1_000_000_000, sources)
    rawRequestsPer5Minutes = try Self.number(.rawRequests, 1...1_000_000_000, sources)
    connectionAttemptsPer5Minutes =
      try Self.number(.connectionAttempts, 1...1_000_000_000, sources) ?? 300
    connectionsPerAddress = try Self.number(.connections, 1...1_000_000, sources) ?? 1024
    streamConnectionsPerAddress =
      try Self.number(.streamConnections, 1...1_000_000, sources) ?? 300
    streamMessagesPerSecond = try Self.number(.streamMessages, 1...1_000_000, sources) ?? 5
    outcomesMax = try Self.number(.outcomes, 10_000...20_000_000, sources) ?? 400_000
    addedSyncMicroseconds = try Self.number(.addedSyncDelay, 0...10_000_000, sources) ?? 0
    priority = UInt8(try Self.number(.priority, 0...255, sources) ?? 100)
    lowSpaceMiB = try Self.number(.lowSpace, 0...1_048_576, sources) ?? 256
    snapshotMiBPerSecond = try Self.number(.snapshotSpeed, 1...16_384, sources) ?? 64
    mayFound = try Self.mayFound(sources)
    try checkExposure()
  }

  /// The other voters.
  var others: [PeerAddress] { peers.filter { $0.id != id } }

  /// Where the others reach this node.
  var ownPeerAddress: NodeAddress { peers.first { $0.id == id }?.address ?? peerListen }

  private func checkExposure() throws(SettingError) {
    guard clusterSecret == nil else { return }
    if !peerListen.isLoopback {
      throw SettingError(
        "--peer-listen \(peerListen) is reachable from other machines: give --cluster-secret-file")
    }
    if let far = peers.first(where: { !$0.address.isLoopback }) {
      throw SettingError(
        "peer \(far.id) at \(far.address) is on another machine: give --cluster-secret-file")
    }
  }

  private static func required(
    _ name: SettingName, _ sources: SettingSources
  ) throws(SettingError) -> SettingValue {
    guard let value = sources[name] else {
      throw SettingError("--\(name.rawValue) is missing (or \(name.variable))")
    }
    return value
  }

  private static func nodeID(_ sources: SettingSources) throws(SettingError) -> NodeID {
    let value = try required(.id, sources)
    guard let number = UInt64(value.text), number > 0 else {
      throw SettingError("\(value.origin): '\(value.text)' is not a node id (a number above 0)")
    }
    return NodeID(number)
  }

  private static func address(
    _ name: SettingName, _ standard: String, _ sources: SettingSources
  ) throws(SettingError) -> NodeAddress {
    let value = sources[name] ?? SettingValue(text: standard, origin: "default")
    guard let address = NodeAddress(value.text) else {
      throw SettingError("\(value.origin): '\(value.text)' is not host:port")
    }
    return address
  }

  /// `1=127.0.0.1:9081,2=...`. Without it the node is alone.
  private static func peers(
    _ sources: SettingSources, id: NodeID, own: NodeAddress
  ) throws(SettingError) -> [PeerAddress] {
    guard let value = sources[.peers] else { return [PeerAddress(id: id, address: own)] }
    var found: [PeerAddress] = []
    for item in value.text.split(separator: ",", omittingEmptySubsequences: false) {
      let halves = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard halves.count == 2, let number = UInt64(halves[0]), number > 0,
        let address = NodeAddress(String(halves[1])), address.port > 0
      else { throw SettingError("\(value.origin): '\(item)' is not id=host:port") }
      found.append(PeerAddress(id: NodeID(number), address: address))
    }
    guard Set(found.map(\.id)).count == found.count else {
      throw SettingError("\(value.origin): a node id is given twice")
    }
    guard Set(found.map(\.address)).count == found.count else {
      throw SettingError("\(value.origin): an address is given twice")
    }
    guard found.count <= Configuration.votersMax else {
      throw SettingError("\(value.origin): at most \(Configuration.votersMax) nodes")
    }
    guard found.contains(where: { $0.id == id }) else {
      throw SettingError("\(value.origin): node \(id) (--id) is not among the peers")
    }
    return found.sorted { $0.id < $1.id }
  }

  private static func secret(
    _ name: SettingName, _ what: String, _ sources: SettingSources
  ) throws(SettingError) -> [UInt8]? {
    guard let file = sources[name] else { return nil }
    return try SmallFile.readSecret(file.text, what: what)
  }

  private static func mayFound(_ sources: SettingSources) throws(SettingError) -> Bool {
    guard let value = sources[.clusterState] else { return true }
    switch value.text {
    case "new": return true
    case "existing": return false
    default:
      throw SettingError("\(value.origin): '\(value.text)' is not a cluster state (new, existing)")
    }
  }

  private static func number(
    _ name: SettingName, _ range: ClosedRange<Int>, _ sources: SettingSources
  ) throws(SettingError) -> Int? {
    guard let value = sources[name] else { return nil }
    guard let number = Int(value.text), range.contains(number) else {
      throw SettingError(
        "\(value.origin): '\(value.text)' is not a number from \(range.lowerBound) to \(range.upperBound)"
      )
    }
    return number
  }
}

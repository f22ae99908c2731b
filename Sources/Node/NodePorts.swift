// NodePorts: the three listeners of a node, and the services behind them.
//
// Not here: what services do with requests, threads (NodeProcess).

import Gateway
import Glibc
import NIOCore
import NIOPosix
import Raft
import Replica
import Synchronization
import Wire

/// The open ports.
struct NodePorts {
  let clientServer: HTTPServer
  let adminServer: HTTPServer
  let admin: AdminService
  let peers: PeerNetwork

  /// Binds client, admin and peer port.
  ///
  /// - Parameter connections: how many connections of clients the system has files for.
  /// - Throws: one clear line that names the port.
  static func open(
    _ settings: NodeSettings, genesis: GenesisContents, group: any EventLoopGroup,
    loops: [LoopState], shared: NodeShared, queues: NodeQueues, connections: Int
  ) throws -> NodePorts {
    guard let api = AdminAPI(token: settings.adminToken) else {
      throw SettingError("the admin token must be at least 16 printable ASCII characters")
    }
    let peers = PeerNetwork(
      loop: loops[0].loop,
      context: PeerContext(
        id: settings.id, secret: PeerSecret(settings.clusterSecret),
        hooks: hooks(queues, shared), metrics: shared.metrics, log: shared.log),
      own: settings.ownPeerAddress, others: settings.others)
    let secrets = SecretBox(clusterKey: clusterKey(settings, genesis.hash))
    let client = ClientService(
      settings: edge(settings), secrets: secrets, shared: shared, queues: queues)
    let attempts = AttemptLimiter(limit: settings.connectionAttemptsPer5Minutes)
    let metrics = shared.metrics
    let messagesPerSecond = settings.streamMessagesPerSecond
    let open = HTTPServer.Public(
      connections: AddressConnections(
        httpMax: settings.connectionsPerAddress,
        streamsMax: settings.streamConnectionsPerAddress)
    ) { loop, permit in
      StreamConnection.upgrader(
        loop, permit, attempts: attempts, messagesPerSecond: messagesPerSecond, metrics: metrics)
    }
    let clientServer = try bind("client", settings.clientListen) {
      try HTTPServer.bind(
        $0, group: group, loops: loops, connectionsMax: connections, service: client, open: open)
    }
    let admin = AdminService(
      api: api, secrets: secrets, shared: shared, queues: queues,
      facts: NodeFacts(
        settings: settings, clusterID: genesis.clusterID, genesisHash: genesis.hash,
        clientAddress: settings.clientListen.description), loops: loops, peers: peers)
    let adminServer = try bind("admin", settings.adminListen) {
      try HTTPServer.bind(
        $0, group: group, loops: loops, connectionsMax: connections, service: admin)
    }
    try bind("peer", settings.peerListen) { try peers.listen($0) }
    return NodePorts(
      clientServer: clientServer, adminServer: adminServer, admin: admin, peers: peers)
  }

  private static func bind<Bound>(
    _ what: String, _ address: NodeAddress, _ body: (NodeAddress) throws -> Bound
  ) throws -> Bound {
    do {
      return try body(address)
    } catch let error as IOError {
      let reason = String(cString: strerror(error.errnoCode))
      throw SettingError("cannot listen for \(what)s on \(address): \(reason)")
    } catch {
      throw SettingError("cannot listen for \(what)s on \(address): \(error)")
    }
  }

  private static func hooks(_ queues: NodeQueues, _ shared: NodeShared) -> PeerHooks {
    let deafness = Drills.deafness()
    return PeerHooks(
      hello: { shared.hello.withLock { $0 } },
      greet: { peer, bytes, connection, verdict in
        guard let hello = try? PeerHello(decoding: bytes) else {
          return verdict("its hello cannot be read")
        }
        queues.core.post(.greet(hello, from: peer, connection: connection, verdict: verdict))
      },
      receive: { node, connection, payload in
        if let deafness, deafness.drops(node) { return }
        var reader = ByteReader(payload)
        guard let message = try? PeerCodec.decode(&reader) else {
          shared.metrics.peerMessagesRefused.add()
          return
        }
        shared.metrics.peerMessagesIn.add()
        if !queues.core.offer(.message(message, from: node, connection: connection)) {
          shared.metrics.peerMessagesRefused.add()
        }
      },
      lost: { node, connection in queues.core.post(.lost(node, connection: connection)) })
  }

  /// What API secrets are sealed under: the same on every node, and in no snapshot. Without a cluster secret (loopback
  /// only) the key is derived from the genesis and protects nothing.
  private static func clusterKey(_ settings: NodeSettings, _ genesisHash: [UInt8]) -> [UInt8] {
    HMACKey(secret: settings.clusterSecret ?? Array("castle: no cluster secret".utf8))
      .sign(Array("api secrets".utf8)[...], genesisHash[...])
  }

  private static func edge(_ settings: NodeSettings) -> EdgeSettings {
    var edge = EdgeSettings()
    if let weight = settings.requestWeightPerMinute { edge.weightPerMinute = weight }
    if let raw = settings.rawRequestsPer5Minutes { edge.rawRequestsPer5Minutes = raw }
    return edge
  }
}

// HTTPServer: a listening port and the pipelines of its connections.
//
//   bytes -> ArrivalGate -> HTTPRequestDecoder -> HTTPConnection
//
// A request that asks for a WebSocket gets an HTTPServerUpgradeHandler before the HTTPConnection,
// which then makes room.
//
// Not here: requests (services), WebSocket frames (StreamConnection).

import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// A port that speaks HTTP/1.1.
struct HTTPServer {
  private let channel: any Channel

  /// What a port for everybody has beside HTTP.
  struct Public: Sendable {
    var connections: AddressConnections
    /// Makes the WebSocket upgrader of a connection.
    var upgrade: @Sendable (LoopState, ConnectionPermit) -> NIOWebSocketServerUpgrader
  }

  /// Binds the port. Blocking.
  ///
  /// - Parameters:
  ///   - connectionsMax: how many connections of clients the system has files for, WebSockets included.
  ///   - open: `nil` for a port that only operators reach.
  static func bind(
    _ address: NodeAddress, group: any EventLoopGroup, loops: [LoopState], connectionsMax: Int,
    service: any HTTPService, open: Public? = nil
  ) throws -> HTTPServer {
    let byLoop = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.loop), $0) })
    // Operators have some of their own: who fills the port for everybody does not lock them out.
    let reserved = open == nil ? HTTPLimits.operatorConnections : 0
    let httpMax = (min(HTTPLimits.connections, connectionsMax) + reserved) / loops.count
    let allMax = (connectionsMax + reserved) / loops.count
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 4)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard let loop = byLoop[ObjectIdentifier(channel.eventLoop)],
            loop.openConnections < httpMax,
            loop.openConnections + loop.streams.count < allMax
          else { throw ChannelError.eof }
          try configure(channel, loop, service, try open.map { try upgrader($0, channel, loop) })
        }
      }
    return HTTPServer(channel: try bootstrap.bind(host: address.host, port: address.port).wait())
  }

  /// Counts the connection for its address, and makes its upgrader.
  ///
  /// - Throws: if the address has too many connections.
  private static func upgrader(
    _ open: Public, _ channel: any Channel, _ loop: LoopState
  ) throws -> NIOWebSocketServerUpgrader {
    guard let permit = open.connections.admit(channel.remoteAddress?.ipAddress ?? "") else {
      loop.metrics.connectionsRefused.add()
      throw ChannelError.eof
    }
    channel.closeFuture.whenComplete { _ in permit.release() }
    return open.upgrade(loop, permit)
  }

  private static func configure(
    _ channel: any Channel, _ loop: LoopState, _ service: any HTTPService,
    _ upgrader: NIOWebSocketServerUpgrader?
  ) throws {
    let connection = HTTPConnection(service: service, loop: loop)
    let gate = ArrivalGate(connection)
    connection.gate = gate
    let encoder = HTTPResponseEncoder()
    let decoder = ByteToMessageHandler(
      HTTPRequestDecoder(
        leftOverBytesStrategy: .forwardBytes, limitConfiguration: HTTPLimits.decoder))
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandlers([gate, encoder, decoder])
    if let upgrader {
      connection.makeUpgrade = { connection in
        HTTPServerUpgradeHandler(
          upgraders: [upgrader], httpEncoder: encoder,
          extraHTTPHandlers: [gate, decoder, connection], upgradeCompletionHandler: { _ in })
      }
    }
    try pipeline.addHandler(connection)
  }

  /// The bound address; its port is the chosen one if 0 was asked for.
  var localAddress: String { channel.localAddress?.description ?? "" }

  /// Stops accepting. Open connections go on. Blocking: once it returns, clients that look for another connection
  /// are refused at once, where one that was accepted too late would be reset.
  func stop() { try? channel.close().wait() }
}

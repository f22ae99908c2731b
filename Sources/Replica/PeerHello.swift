// PeerHello: the first thing that two nodes tell each other on a new connection.
// Not here: what is concluded from it (Coordinator.greet), and authentication (Node).

import Engine
import Raft
import Wire

/// Who a node is, and what it knows about the cluster.
public struct PeerHello: Hashable, Sendable {
  /// SHA-256 of the genesis file: 32 bytes.
  public var genesisHash: [UInt8]
  public var node: NodeID
  public var incarnation: UInt64
  /// The log holds no entry at all, and the node knows of no cluster: it may found one with others like it.
  public var isNew: Bool
  /// The configuration that the node acts on, if it knows one.
  public var configuration: Configuration?
  /// The levels of behaviour that the node can apply (`Behaviour`).
  public var levels: ClosedRange<UInt16>
  /// Who leads if all is well: the node with the highest.
  public var priority: UInt8

  public init(
    genesisHash: [UInt8], node: NodeID, incarnation: UInt64, isNew: Bool,
    configuration: Configuration?, levels: ClosedRange<UInt16> = PeerHello.ownLevels,
    priority: UInt8 = 100
  ) {
    self.genesisHash = genesisHash
    self.node = node
    self.incarnation = incarnation
    self.isNew = isNew
    self.configuration = configuration
    self.levels = levels
    self.priority = priority
  }

  /// The levels that this program can apply.
  public static let ownLevels = UInt16(Behaviour.first)...UInt16(Behaviour.newest)

  /// The longest encoded hello.
  public static let bytesMax = 48 << 10

  /// Version u16 (2), genesis hash, node, incarnation, flags, levels, priority u8, configuration.
  public var encoded: [UInt8] {
    var writer = ByteWriter(capacity: 128)
    writer.u16(2)
    writer.blob16(genesisHash)
    writer.u64(node.value)
    writer.u64(incarnation)
    writer.bool(isNew)
    writer.u16(levels.lowerBound)
    writer.u16(levels.upperBound)
    writer.u8(priority)
    writer.bool(configuration != nil)
    if let configuration { writer.blob16(configuration.encoded) }
    return writer.bytes
  }

  /// Reads what `encoded` wrote; bytes behind it are refused.
  public init(decoding bytes: [UInt8]) throws(WireError) {
    var reader = ByteReader(bytes)
    guard try reader.u16() == 2 else { throw .invalid("hello version") }
    genesisHash = try reader.blob16(limit: 64)
    node = NodeID(try reader.u64())
    incarnation = try reader.u64()
    isNew = try reader.bool()
    let low = try reader.u16()
    let high = try reader.u16()
    guard low <= high else { throw .invalid("hello levels") }
    levels = low...high
    priority = try reader.u8()
    configuration = nil
    if try reader.bool() {
      configuration = try Configuration(decoding: try reader.blob16(limit: Self.bytesMax))
    }
    try reader.finish()
  }
}

/// What a node concludes from a peer's hello.
public enum Greeting: Hashable, Sendable {
  case accept
  /// Close the connection. The reason names both sides' values, for the log of both.
  case refuse(String)
}

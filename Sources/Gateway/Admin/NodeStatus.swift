// NodeStatus: what one node knows of itself at one moment, as plain values.
//
// Invariant: filled in by the node in one go, so the fields fit together.
// Not here: how the values come about (Replica, Node), and metrics (Node).

import Engine

/// The state of one node. Served at `GET /admin/v1/status`, with these names in camel case.
public struct NodeStatus: Hashable, Sendable {
  /// Another node of the cluster, seen from this one.
  public struct Peer: Hashable, Sendable {
    public var id: UInt64
    /// Host and port of its peer listener.
    public var address: String
    /// True if a connection to it is up and greeted.
    public var connected: Bool
    /// The last log index that it is known to hold. Only the leader knows; else 0.
    public var matchIndex: UInt64

    public init(id: UInt64, address: String, connected: Bool, matchIndex: UInt64 = 0) {
      self.id = id
      self.address = address
      self.connected = connected
      self.matchIndex = matchIndex
    }
  }

  /// A member of the cluster, as this node sees it.
  public struct Member: Hashable, Sendable {
    public var id: UInt64
    public var incarnation: UInt64
    public var address: String
    /// "voter", "outgoing" or "learner".
    public var standing: String
    /// A learner that becomes a voter when it has caught up.
    public var isPromoted = false
    /// The voter whose place it takes then; 0 for none.
    public var replacing: UInt64 = 0
    public var priority = 100
    /// "probe", "replicate" or "snapshot"; empty where this node does not know.
    public var replication = ""
    /// Only the leader knows; else 0.
    public var matchIndex: UInt64 = 0
    /// Its log is damaged, and is being repaired from the others.
    public var isSuspect = false

    public init(id: UInt64, incarnation: UInt64, address: String, standing: String) {
      self.id = id
      self.incarnation = incarnation
      self.address = address
      self.standing = standing
    }
  }

  /// A state hash at a log index.
  public struct HashAt: Hashable, Sendable {
    public var index: UInt64
    public var hash: UInt128

    public init(index: UInt64, hash: UInt128) {
      self.index = index
      self.hash = hash
    }
  }

  /// The state hash on which the members agreed last.
  public struct Agreement: Hashable, Sendable {
    public var index: UInt64
    public var hash: UInt128
    /// Members that reported this hash.
    public var equal: [UInt64]
    /// Members that reported another one.
    public var different: [UInt64]

    public init(index: UInt64, hash: UInt128, equal: [UInt64], different: [UInt64]) {
      self.index = index
      self.hash = hash
      self.equal = equal
      self.different = different
    }
  }

  /// The node's id within the cluster.
  public var id: UInt64
  /// From the genesis.
  public var clusterID: String
  /// SHA-256 of the genesis: 32 bytes, printed as 64 hexadecimal digits.
  public var genesisHash: [UInt8]
  /// The program's version, for example "0.1.0".
  public var version: String
  /// "leader", "follower", "candidate", ... in Raft's words.
  public var role: String
  public var term: UInt64
  /// The leader of `term` if known, else 0 (printed as null).
  public var leader: UInt64
  public var lastIndex: UInt64
  public var durableIndex: UInt64
  public var commitIndex: UInt64
  public var appliedIndex: UInt64
  public var storedIndex: UInt64
  /// The state hash after `stateHashIndex`; printed as 32 hexadecimal digits.
  public var stateHash: UInt128
  /// The log index that `stateHash` belongs to.
  public var stateHashIndex: UInt64
  /// True if the node serves clients: it knows a leader and has caught up.
  public var ready: Bool
  /// Why the node is not ready, in a few words; empty if it is.
  public var reason: String
  /// The cluster's time in microseconds since 1970.
  public var clusterTime: Int64
  /// Seconds since the process started.
  public var uptimeSeconds: Int64
  /// Resident memory of the process.
  public var residentBytes: UInt64
  public var processID: Int32
  /// Where clients are served: host and port.
  public var clientAddress: String
  public var peers: [Peer]
  public var members: [Member] = []
  /// The highest level of behaviour that the node applies.
  public var newestLevel = Behaviour.newest
  /// Who leads if all is well: the member with the highest.
  public var priority = 100
  /// Free space of the data directory's disk.
  public var freeBytes: UInt64 = 0
  /// Writes are refused for want of space.
  public var spaceIsLow = false
  /// `nil` before the first.
  public var agreement: Agreement?
  /// The node's own hashes at the newest points where the members compare them.
  public var hashes: [HashAt] = []
  /// The node's state must not be used, and is being replaced by a peer's.
  public var isFenced = false

  public init(
    id: UInt64, clusterID: String = "", genesisHash: [UInt8] = [], version: String = "",
    role: String = "follower", term: UInt64 = 0, leader: UInt64 = 0, lastIndex: UInt64 = 0,
    durableIndex: UInt64 = 0, commitIndex: UInt64 = 0, appliedIndex: UInt64 = 0,
    storedIndex: UInt64 = 0, stateHash: UInt128 = 0, stateHashIndex: UInt64 = 0,
    ready: Bool = false, reason: String = "", clusterTime: Int64 = 0, uptimeSeconds: Int64 = 0,
    residentBytes: UInt64 = 0, processID: Int32 = 0, clientAddress: String = "",
    peers: [Peer] = []
  ) {
    self.id = id
    self.clusterID = clusterID
    self.genesisHash = genesisHash
    self.version = version
    self.role = role
    self.term = term
    self.leader = leader
    self.lastIndex = lastIndex
    self.durableIndex = durableIndex
    self.commitIndex = commitIndex
    self.appliedIndex = appliedIndex
    self.storedIndex = storedIndex
    self.stateHash = stateHash
    self.stateHashIndex = stateHashIndex
    self.ready = ready
    self.reason = reason
    self.clusterTime = clusterTime
    self.uptimeSeconds = uptimeSeconds
    self.residentBytes = residentBytes
    self.processID = processID
    self.clientAddress = clientAddress
    self.peers = peers
  }

  /// The status as a JSON object.
  public func json() -> [UInt8] {
    var writer = JSONWriter(capacity: 1024)
    writer.object { w in
      w.field("id", id)
      w.field("clusterId", clusterID)
      w.field("genesisHash", Hex.encode(genesisHash))
      w.field("version", version)
      w.field("newestLevel", newestLevel)
      w.field("role", role)
      w.field("term", term)
      w.key("leader")
      if leader == 0 { w.null() } else { w.int(leader) }
      w.field("lastIndex", lastIndex)
      w.field("durableIndex", durableIndex)
      w.field("commitIndex", commitIndex)
      w.field("appliedIndex", appliedIndex)
      w.field("storedIndex", storedIndex)
      w.field("stateHash", Self.hexadecimal(stateHash))
      w.field("stateHashIndex", stateHashIndex)
      w.field("ready", ready)
      w.field("reason", reason)
      w.field("clusterTime", clusterTime)
      w.field("uptimeSeconds", uptimeSeconds)
      w.field("residentBytes", residentBytes)
      w.field("pid", processID)
      w.field("clientAddress", clientAddress)
      w.key("peers")
      w.array { w in for peer in peers { writePeer(peer, to: &w) } }
      w.field("priority", priority)
      w.field("freeBytes", freeBytes)
      w.field("spaceIsLow", spaceIsLow)
      w.key("agreement")
      if let agreement { Self.write(agreement, to: &w) } else { w.null() }
      w.key("hashes")
      w.array { w in
        for at in hashes {
          w.object {
            $0.field("index", at.index)
            $0.field("stateHash", Self.hexadecimal(at.hash))
          }
        }
      }
      w.field("fenced", isFenced)
      w.key("members")
      w.array { w in for member in members { Self.write(member, to: &w) } }
    }
    return writer.bytes
  }

  /// The members as a JSON array.
  public func membersJSON() -> [UInt8] {
    var writer = JSONWriter(capacity: 1024)
    writer.array { w in for member in members { Self.write(member, to: &w) } }
    return writer.bytes
  }

  private static func write(_ agreement: Agreement, to writer: inout JSONWriter) {
    writer.object { w in
      w.field("index", agreement.index)
      w.field("stateHash", hexadecimal(agreement.hash))
      w.key("equal")
      w.array { w in for id in agreement.equal { w.int(id) } }
      w.key("different")
      w.array { w in for id in agreement.different { w.int(id) } }
    }
  }

  private static func write(_ member: Member, to writer: inout JSONWriter) {
    writer.object { w in
      w.field("id", member.id)
      w.field("standing", member.standing)
      w.field("address", member.address)
      w.field("incarnation", String(member.incarnation, radix: 16))
      w.field("priority", member.priority)
      w.field("promoting", member.isPromoted)
      w.key("replacing")
      if member.replacing == 0 { w.null() } else { w.int(member.replacing) }
      w.field("replication", member.replication)
      w.field("matchIndex", member.matchIndex)
      w.field("suspect", member.isSuspect)
    }
  }

  private func writePeer(_ peer: Peer, to writer: inout JSONWriter) {
    writer.object { w in
      w.field("id", peer.id)
      w.field("address", peer.address)
      w.field("connected", peer.connected)
      w.field("matchIndex", peer.matchIndex)
    }
  }

  /// 32 lower-case hexadecimal digits, with leading zeros.
  public static func hexadecimal(_ value: UInt128) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 32 - text.count) + text
  }
}

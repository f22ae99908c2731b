// Coordinator+Boot: who belongs to the cluster, and what its first leader writes.
//
// Invariants:
//   * without a configuration this node neither votes nor acknowledges. It gets one only if every
//     configured peer is new too (then all agree on the same members), or from a peer whose
//     configuration lists this incarnation
//   * a node that was told that its cluster exists, by its settings or by any node of the same
//     genesis that has a configuration, is not new: it founds nothing, and nobody founds with it
//   * the configuration entry and the genesis entry are proposed only by a leader that has applied
//     everything before its own term, and only if they are not among it: each stands in the log
//     exactly once
// Not here: authentication of peers (Node), changing members later.

import Engine
import Raft
import Wire

extension Coordinator {
  /// What this node says first on every new connection.
  public var hello: PeerHello {
    PeerHello(
      genesisHash: genesisHash, node: identity.id, incarnation: identity.incarnation,
      isNew: isNew, configuration: consensus.configuration, levels: ownLevels,
      priority: settings.consensus.priority)
  }

  /// Whether this node may found a cluster, with others that may too.
  private var isNew: Bool {
    consensus.lastIndex == .zero && !consensus.isDamaged && settings.mayFound && founded == nil
  }

  /// A peer introduced itself on a new connection. Refused: close it.
  public mutating func greet(
    _ hello: PeerHello, _ now: Moment, _ effects: inout Effects
  ) -> Greeting {
    learnOfCluster(from: hello, now, &effects)
    if let reason = objection(to: hello) {
      if consensus.configuration?.member(hello.node) == nil, hello.genesisHash == genesisHash,
        hello.node != identity.id
      {
        remember(stranger: hello)
      }
      return .refuse(reason)
    }
    consensus.learnPriority(of: hello.node, hello.priority)
    strangers.removeAll { $0.node == hello.node }
    forwardStreams.removeAll { $0.peer == hello.node }
    saidHealth = []
    hellos.removeAll { $0.node == hello.node }
    hellos.append(hello)
    if !connected.contains(hello.node) { connected.append(hello.node) }
    if consensus.configuration == nil {
      seekConfiguration(now, &effects)
    } else if hello.configuration == nil {
      // What this node said last may be older than its own activation, and the peer may hear from
      // nobody else.
      sendHello(to: hello.node, now, &effects)
    }
    if hello.node == consensus.leader {
      // What was on its way over the old connection may be lost.
      pending.rewind()
      restartForward = true
    }
    return .accept
  }

  /// Remembers that the cluster exists already, also from a node that this one does not talk to: a
  /// node that lost its disk, and dials the first members only, may hear it from nobody else.
  mutating func learnOfCluster(
    from hello: PeerHello, _ now: Moment, _ effects: inout Effects
  ) {
    guard consensus.configuration == nil, founded == nil, hello.genesisHash == genesisHash,
      let configuration = hello.configuration,
      configuration.incarnation(of: identity.id) != identity.incarnation
    else { return }
    let wasNew = isNew
    founded = (hello.node, configuration.member(identity.id) != nil)
    if wasNew { for peer in connected { sendHello(to: peer, now, &effects) } }
    seekConfiguration(now, &effects)
  }

  /// The connection over which the peer sends to this node was closed by the peer.
  public mutating func peerLost(_ peer: NodeID, _ now: Moment, _ effects: inout Effects) {
    connected.removeAll { $0 == peer }
    note([], of: peer)
    consensus.peerLost(peer, &output)
    collect(now, &effects)
  }

  /// Why a peer is refused; `nil` if it is welcome.
  private func objection(to hello: PeerHello) -> String? {
    guard hello.genesisHash == genesisHash else {
      return "node \(hello.node) has genesis \(hexadecimal(hello.genesisHash)), node"
        + " \(identity.id) has genesis \(hexadecimal(genesisHash)): they are different clusters"
    }
    guard hello.node != identity.id else {
      return "the peer calls itself node \(hello.node), and so does this node: two nodes share"
        + " an id, or a node dials itself"
    }
    guard hello.levels.overlaps(ownLevels) else {
      return "node \(hello.node) applies levels \(hello.levels), node \(identity.id) applies"
        + " \(ownLevels): one of them is too old"
    }
    guard let configuration = consensus.configuration else {
      let isListed = hello.configuration?.incarnation(of: identity.id) == identity.incarnation
      return isListed || voters.contains(hello.node)
        ? nil : "node \(hello.node) is not among the peers \(voters) of node \(identity.id)"
    }
    guard let known = configuration.incarnation(of: hello.node) else {
      if isAhead(hello, configuration) { return nil }
      return "node \(hello.node) with incarnation \(hexadecimal(hello.incarnation)) is in no"
        + " configuration: it was removed, or was never added; add it under an id above"
        + " \(configuration.highestID) with `exctl member add`, or let it take a node's place with"
        + " `exctl member replace`"
    }
    guard known == hello.incarnation else {
      return "node \(hello.node) has incarnation \(hexadecimal(hello.incarnation)), but the cluster"
        + " knows \(hexadecimal(known)): its data directory is new; start it under a new id and use `exctl member replace`"
    }
    return nil
  }

  /// Whether the peer was added later than what this node knows: ids only grow, and its
  /// configuration names both. Perhaps it leads, and nobody else can tell this node so.
  private func isAhead(_ hello: PeerHello, _ configuration: Configuration) -> Bool {
    guard hello.node > configuration.highestID, let newer = hello.configuration else {
      return false
    }
    return newer.incarnation(of: hello.node) == hello.incarnation
      && newer.incarnation(of: identity.id) == identity.incarnation
  }

  /// Looks for a configuration to start with, in what the peers said last.
  private mutating func seekConfiguration(_ now: Moment, _ effects: inout Effects) {
    outside = nil
    // A peer that lags, or said its hello before this node was added, does not name it yet: whoever
    // does counts.
    let naming = hellos.last {
      $0.configuration?.incarnation(of: identity.id) == identity.incarnation
    }
    if let configuration = naming?.configuration {
      return activate(configuration, now, &effects)
    }
    if let founded {
      let name = "node \(identity.id) with incarnation \(hexadecimal(identity.incarnation))"
      outside =
        founded.knowsID
        ? "\(name) is in no configuration, but node \(founded.by) knows a node \(identity.id): this"
          + " data directory is new; start it under a new id and use `exctl member replace`"
        : "\(name) is in no configuration: add it with `exctl member add`, or let it take a node's"
          + " place with `exctl member replace`"
      return
    }
    guard settings.mayFound else {
      outside =
        "node \(identity.id) is to join a cluster that exists, and has heard from none of its members"
        + " yet: check --peers, and add it with `exctl member add` or `exctl member replace`"
      return
    }
    let peers = voters.filter { $0 != identity.id }
    let heard = peers.compactMap { peer in hellos.first { $0.node == peer } }
    guard heard.count == peers.count else { return }
    if let member = heard.first(where: { !$0.isNew }) {
      outside =
        "node \(identity.id) has an empty log and no configuration, but node \(member.node) has a"
        + " log or knows of a cluster: use `exctl member replace`"
      return
    }
    let members = [identity] + heard.map { Member(id: $0.node, incarnation: $0.incarnation) }
    guard let configuration = Configuration(voters: members) else {
      preconditionFailure("the voters were checked at start")
    }
    activate(configuration, now, &effects)
  }

  /// Starts consensus, and tells the peers, of whom some may not reach each other yet.
  private mutating func activate(
    _ configuration: Configuration, _ now: Moment, _ effects: inout Effects
  ) {
    consensus.activate(configuration)
    judgeOwnConfiguration()
    for peer in connected { sendHello(to: peer, now, &effects) }
  }

  private func sendHello(to peer: NodeID, _ now: Moment, _ effects: inout Effects) {
    effects.messages.append(
      Outgoing(to: peer, message: PeerMessage(wall: now.wall, .hello(hello))))
  }

  /// A node that is alone needs nobody's hello; one that may only join says so from the beginning.
  mutating func seekAtStart(_ now: Moment, _ effects: inout Effects) {
    guard consensus.configuration == nil, outside == nil else { return }
    guard voters.count == 1 || !settings.mayFound else { return }
    seekConfiguration(now, &effects)
  }

  /// Notes whether the configuration in force lists this incarnation, and how many clocks make a
  /// majority.
  mutating func judgeOwnConfiguration() {
    guard let configuration = consensus.configuration else { return }
    clock.resize(voters: configuration.voters.count)
    guard configuration.incarnation(of: identity.id) != identity.incarnation else {
      wasMember = wasMember || machine.marker.configuration != nil
      outside = nil
      return
    }
    let name = "node \(identity.id) with incarnation \(hexadecimal(identity.incarnation))"
    outside =
      wasMember
      ? "\(name) was removed from the cluster: stop it; it can come back with an empty data"
        + " directory and a new id, by `exctl member add`"
      : "\(name) is not in the configuration of its own log: it catches up, or it has to be added"
        + " with `exctl member add` or `exctl member replace`"
  }

  // MARK: The first entries

  /// Proposes the configuration and the genesis where they are missing. Returns whether clients may
  /// be served.
  mutating func propose(foundations now: Moment, _ effects: inout Effects) -> Bool {
    if machine.marker.configuration == nil {
      guard proposedConfigurationIn != consensus.term,
        let configuration = consensus.configuration
      else { return false }
      if consensus.propose(configuration.encoded, .configuration, &output) != nil {
        proposedConfigurationIn = consensus.term
      }
      collect(now, &effects)
      return false
    }
    guard machine.marker.genesisHash.isEmpty else { return true }
    guard proposedGenesisIn != consensus.term else { return false }
    let stamp = nextStamp(now)
    let payload = EntryPayload.encode(stamp: stamp, requests: genesisForAll)
    if consensus.propose(payload, .command, &output) != nil {
      lastStamp = stamp
      proposedGenesisIn = consensus.term
    }
    collect(now, &effects)
    return false
  }

  /// Encodes the genesis with headers that are the same on every node: no deadline, and ids made of
  /// the hash.
  static func encode(
    _ genesis: [Request], _ hash: [UInt8]
  ) throws(ReplicaError) -> [[UInt8]] {
    guard hash.count == 32 else { throw ReplicaError("a genesis hash has 32 bytes") }
    guard case .genesis(let mark)? = genesis.first?.command, mark.hash == hash else {
      throw ReplicaError("the genesis does not begin with a genesis mark of its own hash")
    }
    let words = RequestID(bytes: hash).words
    var encoded: [[UInt8]] = []
    for (ordinal, request) in genesis.enumerated() {
      let id = RequestID(words.0, words.1, words.2, UInt64(ordinal))
      let header = CommandHeader(
        requestID: id, key: request.header.key, timestamp: 0, deadline: Int64.max)
      let framed = Request(header: header, command: request.command)
      guard CommandCodec.reads(framed) else {
        throw ReplicaError("command \(ordinal) of the genesis could not be read back from the log")
      }
      encoded.append(encode(framed))
    }
    let bytes = encoded.reduce(EntryPayload.headerBytes) { $0 + $1.count }
    guard encoded.count <= EntryPayload.commandsMax, bytes <= Entry.payloadBytesMax else {
      throw ReplicaError(
        "the genesis has \(encoded.count) commands and \(bytes) bytes; at most"
          + " \(EntryPayload.commandsMax) and \(Entry.payloadBytesMax) fit into one entry")
    }
    return encoded
  }
}

/// A 64-bit number as 16 hexadecimal digits.
func hexadecimal(_ value: UInt64) -> String {
  hexadecimal((0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) })
}

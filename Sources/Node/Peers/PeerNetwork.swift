// PeerNetwork: every connection to and from the other nodes, on one event loop.
//
// Invariants: one dialled connection per other node, redialled 20 to 200 ms after it ends, and one
// for bulk while there is some; once there is a configuration, its members are dialled, and peers
// that were let in because theirs is newer, and nobody else.
// Not here: the bytes (PeerFrames, PeerHandshake), and what messages mean (Replica).

import Gateway
import Glibc
import Logging
import NIOCore
import NIOPosix
import Raft
import Replica
import Synchronization

/// The peers' transport. Its members are touched on its event loop only, except where said.
final class PeerNetwork: @unchecked Sendable {  // loop-bound, see above
  /// Connections that may be without a proof at a time.
  private static let pendingMax = 256

  let loop: any EventLoop
  private let context: PeerContext
  private let own: PeerAddress
  private var links: [NodeID: PeerLink] = [:]
  private var bulkLinks: [NodeID: PeerLink] = [:]
  /// Addresses from the settings, the configuration and what nodes said of themselves.
  private var known: [NodeID: NodeAddress] = [:]
  /// The other members; `nil` before there is a configuration.
  private var members: Set<NodeID>?
  /// Peers that were let in though the configuration does not name them: it lags behind theirs. One
  /// of them may lead, and has to be answered.
  private var guests: Set<NodeID> = []
  private var started = false
  private var inbound: [NodeID: (channel: any Channel, connection: UInt64)] = [:]
  private var inboundBulk: [NodeID: any Channel] = [:]
  /// Accepted connections that have proven nothing yet, oldest first.
  private var pending: [any Channel] = []
  private var nextConnection: UInt64 = 1
  private var server: (any Channel)?
  private var lastRefusal: [NodeID: String] = [:]
  /// Which nodes this one can send to; readable from any thread.
  let connected = Mutex<Set<NodeID>>([])
  /// Where nodes are believed to be; readable from any thread.
  let addresses = Mutex<[NodeID: NodeAddress]>([:])

  init(loop: any EventLoop, context: PeerContext, own: NodeAddress, others: [PeerAddress]) {
    self.loop = loop
    self.context = context
    self.own = PeerAddress(id: context.id, address: own)
    for peer in others {
      known[peer.id] = peer.address
      addLink(peer)
    }
    showAddresses()
  }

  /// Binds the listener. Blocking; before the loop is busy.
  func listen(_ address: NodeAddress) throws {
    let bootstrap = ServerBootstrap(group: loop)
      .serverChannelOption(.backlog, value: 64)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture { try self.accept(channel) }
      }
    server = try bootstrap.bind(host: address.host, port: address.port).wait()
  }

  /// The oldest of too many makes room: a member proves itself at once, and strangers who say nothing would otherwise
  /// keep all members out.
  private func accept(_ channel: any Channel) throws {
    if pending.count >= Self.pendingMax { pending.removeFirst().close(promise: nil) }
    pending.append(channel)
    let decoder = PeerFrameDecoder()
    let handler = AcceptedPeer(
      context, decoder: decoder, connection: nextConnection, network: self)
    nextConnection += 1
    try channel.pipeline.syncOperations.addHandlers([ByteToMessageHandler(decoder), handler])
  }

  /// Starts dialling. Any thread.
  func start() {
    loop.execute { [self] in
      self.started = true
      for link in self.links.values { link.dial() }
    }
  }

  // MARK: Who and where

  /// What this node says of itself on a new connection.
  func introduction(_ lane: PeerLane) -> PeerIntroduction {
    let book = links.values.map(\.peer).sorted { $0.id < $1.id }
    return PeerIntroduction(
      lane: lane, address: own.address, book: book, hello: context.hooks.hello())
  }

  /// A proven node says where it listens, and where it believes others to be. It knows best about itself; about others
  /// it is believed only where nothing else is known.
  func learn(_ speaker: PeerAddress, book: [PeerAddress]) {
    guard speaker.id != own.id else { return }
    let before = known
    let isNew = members?.contains(speaker.id) == false && guests.insert(speaker.id).inserted
    known[speaker.id] = speaker.address
    for peer in book where peer.id != own.id && known[peer.id] == nil {
      known[peer.id] = peer.address
    }
    links[speaker.id]?.move(to: speaker.address)
    bulkLinks[speaker.id]?.move(to: speaker.address)
    if known != before || isNew {
      follow()
      showAddresses()
    }
  }

  /// The members of the configuration in force, with the addresses that it holds. Any thread.
  func setMembers(_ all: [Member]) {
    loop.execute { [self] in
      let members = Set(all.map(\.id)).subtracting([self.own.id])
      self.guests.subtract(members)
      self.members = members
      for member in all where member.id != self.own.id && self.known[member.id] == nil {
        if let address = NodeAddress(member.address) { self.known[member.id] = address }
      }
      self.follow()
      self.showAddresses()
    }
  }

  /// Dials every member and guest whose address is known, and nobody else.
  private func follow() {
    guard let members = members?.union(guests) else { return }
    for (id, link) in links where !members.contains(id) {
      link.stop()
      links[id] = nil
      bulkLinks.removeValue(forKey: id)?.stop()
      connected.withLock { _ = $0.remove(id) }
    }
    for id in members.sorted() where links[id] == nil {
      if let address = known[id] { addLink(PeerAddress(id: id, address: address)) }
    }
  }

  private func addLink(_ peer: PeerAddress) {
    let link = PeerLink(peer, lane: .consensus, context: context, network: self)
    links[peer.id] = link
    bulkLinks[peer.id] = PeerLink(peer, lane: .bulk, context: context, network: self)
    if started { link.dial() }
  }

  /// Where nodes are believed to be, this one included. Any thread.
  var everyone: [NodeID: NodeAddress] {
    addresses.withLock { $0 }.merging([own.id: own.address]) { _, own in own }
  }

  private func showAddresses() {
    let all = known
    addresses.withLock { $0 = all }
  }

  // MARK: Sending

  /// Sends messages, in order per node; drops those for nodes that cannot be reached now. Any thread.
  func send(_ messages: [Outgoing]) {
    guard !messages.isEmpty else { return }
    loop.execute { [self] in
      for link in self.links.values { link.send(messages) }
      for link in self.bulkLinks.values { link.send(messages) }
    }
  }

  /// Closes everything. Any thread.
  func stop() {
    loop.execute { [self] in
      self.server?.close(promise: nil)
      for link in self.links.values { link.stop() }
      for link in self.bulkLinks.values { link.stop() }
      for (channel, _) in self.inbound.values { channel.close(promise: nil) }
      for channel in self.inboundBulk.values { channel.close(promise: nil) }
      for channel in self.pending { channel.close(promise: nil) }
    }
  }

  // MARK: Accepted connections

  /// The connection over which a node's consensus messages come.
  func connection(of node: NodeID) -> UInt64? { inbound[node]?.connection }

  func accepted(_ node: NodeID, _ channel: any Channel, _ connection: UInt64) {
    lastRefusal[node] = nil
    if let old = inbound.updateValue((channel, connection), forKey: node) {
      old.channel.close(promise: nil)
    }
  }

  func acceptedBulk(_ node: NodeID, _ channel: any Channel) {
    if let old = inboundBulk.updateValue(channel, forKey: node) { old.close(promise: nil) }
  }

  func closed(_ node: NodeID, _ channel: any Channel) {
    if let current = inbound[node], current.channel === channel { inbound[node] = nil }
    if let current = inboundBulk[node], current === channel { inboundBulk[node] = nil }
  }

  /// It has proven that it knows the cluster secret, or is closed.
  func forgetPending(_ channel: any Channel) { pending.removeAll { $0 === channel } }

  /// One line per reason, not one per attempt.
  func logRefusal(of node: NodeID, _ reason: String) {
    guard lastRefusal.updateValue(reason, forKey: node) != reason else { return }
    context.log.warning("refused node \(node): \(reason)")
  }
}

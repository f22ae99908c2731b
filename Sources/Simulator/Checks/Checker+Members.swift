// Checker+Members: configurations: one change at a time, overlapping quorums, and who may be
// refused; and snapshots.
//
// Written naively: quorums are counted over all subsets of the voters.
// Not here: what operators do (World+Members).

import Raft
import Replica

extension Checker {
  /// A node is about to store entries; configurations among them that nobody made before are
  /// judged.
  func see(configurations write: LogWrite, _ node: SimNode, _ life: Life) {
    for entry in write.entries where entry.kind == .configuration {
      guard configurations[entry.id] == nil else { continue }
      do {
        let made = try Configuration(decoding: entry.payload)
        configurations[entry.id] = made
        judge(made, entry, node, life)
      } catch {
        fail("members", "the configuration \(entry.id) cannot be read: \(error)")
      }
    }
  }

  private func judge(_ made: Configuration, _ entry: Entry, _ node: SimNode, _ life: Life) {
    let voters = Set((made.voters + made.outgoing).map(\.id))
    if made.voters.isEmpty || made.learners.contains(where: { voters.contains($0.id) }) {
      fail("members", "the configuration \(entry.id) has no voter, or one that is a learner too")
    }
    // Its maker's last one before it.
    let before = configurations.keys.filter { id in
      id.index < entry.index
        && (life.coordinator.term(at: id.index.value) ?? node.shadow.item(id.index.value)?.term)
          == id.term.value
    }
    guard let last = before.max(by: { $0.index < $1.index }), let previous = configurations[last]
    else { return }
    if last.index.value > canonical.count || canonical[Int(last.index.value) - 1] != last.term.value
    {
      fail(
        "members",
        "node \(node.id) makes the configuration \(entry.id), but \(last) is not committed")
    }
    if !Self.overlap(previous, made) {
      fail("members", "the configurations \(last) and \(entry.id) have quorums without overlap")
    }
  }

  /// Whether each quorum of one meets each quorum of the other.
  private static func overlap(_ a: Configuration, _ b: Configuration) -> Bool {
    let all = Array(Set((a.voters + a.outgoing + b.voters + b.outgoing).map(\.id))).sorted()
    func isQuorum(_ bits: Int, _ configuration: Configuration) -> Bool {
      [configuration.voters, configuration.outgoing].allSatisfy { half in
        let count = half.count { member in
          all.firstIndex(of: member.id).map { bits >> $0 & 1 == 1 } ?? false
        }
        return half.isEmpty || count * 2 > half.count
      }
    }
    let full = (1 << all.count) - 1
    return (0...full).allSatisfy { !(isQuorum($0, a) && isQuorum(full & ~$0, b)) }
  }

  /// A node is refused only by one whose configuration does not name it.
  func refused(_ a: SimNode, _ first: Greeting, _ b: SimNode, _ second: Greeting) {
    refused(by: a, b, first)
    refused(by: b, a, second)
  }

  private func refused(by a: SimNode, _ b: SimNode, _ greeting: Greeting) {
    guard case .refuse(let reason) = greeting else { return }
    world.mark(.strangerRefused)
    guard let configuration = a.life?.coordinator.configuration else { return }
    if configuration.incarnation(of: b.id) == b.incarnation {
      fail("greeting", "node \(a.id) refuses node \(b.id), which it knows: \(reason)")
    }
    // One that was added since may be the only one who can bring it up.
    if let newer = b.life?.coordinator.configuration, b.id > configuration.highestID,
      newer.incarnation(of: b.id) == b.incarnation, newer.incarnation(of: a.id) == a.incarnation
    {
      fail("greeting", "node \(a.id) lags, and refuses node \(b.id), which joined: \(reason)")
    }
  }

  // MARK: Snapshots

  func made(_ snapshot: BlobSnapshot, _ node: SimNode) {
    let index = snapshot.id.index.value
    if index > canonical.count || canonical[Int(index) - 1] != snapshot.id.term.value {
      fail("snapshot", "node \(node.id) makes a snapshot of \(snapshot.id), not committed")
    }
    if index > node.store.flushedIndex || index < node.snapshot?.id.index.value ?? 0 {
      fail("snapshot", "node \(node.id) makes a snapshot of \(snapshot.id) out of order")
    }
    if let truth = hashes[index], truth != snapshot.stateHash, !snapshot.isWrong {
      fail("state-hash", "the snapshot \(snapshot.id) of node \(node.id) has another hash")
    }
  }

  /// A log begins after what an installed or stored state covers: all of that is committed, and
  /// what stood there goes unless the log held that very entry.
  func rebased(_ node: SimNode, to id: EntryID) {
    guard !node.shadow.holds(id) else { return }
    world.mark(.logReset)
    guard let items = committedItems(upTo: id) else {
      return fail("snapshot", "node \(node.id) begins its log after \(id), which is not committed")
    }
    node.shadow.items = items
    if id.term > node.shadow.hardState.term {
      node.shadow.hardState.term = id.term
      node.shadow.hardState.vote = nil
      node.highestTerm = max(node.highestTerm, id.term.value)
    }
  }

  /// The committed log up to an entry; `nil` if that is not committed.
  func committedItems(upTo id: EntryID) -> [ShadowLog.Item]? {
    guard id.index.value <= canonical.count else { return nil }
    var items: [ShadowLog.Item] = []
    for (place, term) in canonical.prefix(Int(id.index.value)).enumerated() {
      let entry = EntryID(term: Term(term), index: LogIndex(UInt64(place + 1)))
      guard let made = known[entry] else { return nil }
      items.append(ShadowLog.Item(term: term, sum: made.sum))
    }
    return items.last.map({ $0.term == id.term.value }) ?? true ? items : nil
  }
}

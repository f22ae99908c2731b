// Checker+Fence: the voters' agreement on states, and what a replica with a wrong one may still do.
//
// Counted anew from the reports in the committed log.
// Not here: equal hashes of sound replicas (Checker+Answers).

import Raft
import Replica

extension Checker {
  /// What a voter told of its state.
  struct Report {
    var hash: UInt128
    /// The entry that says so.
    var entry: UInt64
    /// It came after many later points: the replicas may not count it any more.
    var isLate: Bool
  }

  /// A replica whose state was changed hands out rows. From the entry on by which a majority has
  /// called it wrong, it must not.
  func judge(_ run: Run, _ node: SimNode) {
    node.wrongHashes[run.lastIndex] = run.stateHash
    countReports(upTo: run.lastIndex)
    for agreed in agreements where run.lastIndex > agreed.decided {
      guard let own = node.wrongHashes[agreed.point], own != agreed.hash else { continue }
      return fail(
        "fence",
        "node \(node.id) hands out rows of \(run.lastIndex), its state at \(agreed.point) was"
          + " called wrong at \(agreed.decided)")
    }
  }

  /// Whether the state that a fence speaks of differed from that of the sound replicas at its index.
  /// It may be right again since: what changed it can have passed by itself.
  func wasWrong(_ node: SimNode) -> Bool {
    guard let fence = node.life?.coordinator.fence, let truth = hashes[fence.index] else {
      return node.isWrong
    }
    return fence.own != truth
  }

  /// Who contradicts a node's state by what that node has applied, and where: a voter whose state is still the one that
  /// it spoke of told another hash at the newest point at which both told one, no majority has agreed since, and no
  /// more voices are for the node than against it. Such a state must not be sent.
  func contradiction(of node: SimNode) -> (by: NodeID, at: UInt64)? {
    guard let life = node.life else { return nil }
    let applied = life.coordinator.appliedIndex
    countReports(upTo: applied)
    let speaking = world.nodes.filter { $0 !== node && isSpeaking($0, applied) }
    for other in speaking {
      let common = reports.filter { point, told in
        told[node.id].map { $0.entry <= applied } ?? false
          && told[other.id].map { $0.entry <= applied } ?? false
          && point > max(life.coordinator.agreedIndex, node.installed.index.value)
      }
      guard let (point, told) = common.max(by: { $0.key < $1.key }), let own = told[node.id],
        let theirs = told[other.id], own.hash != theirs.hash, !own.isLate,
        theirs.hash == hashes[point]
      else { continue }
      let against = speaking.count { speaker in
        guard let told = told[speaker.id], told.entry <= applied else { return false }
        return told.hash == theirs.hash && !told.isLate
      }
      if against > 0, against >= told.values.count(where: { $0.hash == own.hash }) {
        return (other.id, point)
      }
    }
    return nil
  }

  /// Whether what a node told of its state counts: it votes, and no damage or snapshot came between.
  private func isSpeaking(_ node: SimNode, _ applied: UInt64) -> Bool {
    guard committedConfiguration?.isVoter(node.id) ?? false, node.storeDamage == nil, !node.isWrong,
      !node.isLost, node.refusal == nil, node.life?.coordinator.fence == nil
    else { return false }
    return !reports.contains { point, told in
      point <= node.installed.index.value && told[node.id].map { $0.entry <= applied } ?? false
        && !agreements.contains { $0.point == point }
    }
  }

  /// Reads the reports in committed entries up to `index` that nobody has read yet.
  private func countReports(upTo index: UInt64) {
    while reportsRead < min(index, UInt64(canonical.count)) {
      reportsRead += 1
      let id = EntryID(
        term: Term(canonical[Int(reportsRead) - 1]), index: LogIndex(reportsRead))
      guard let entry = known[id]?.entry, entry.kind == .command,
        let payload = try? EntryPayload(decoding: entry.payload)
      else { continue }
      for case .hash(let report) in payload.notes { count(report, at: reportsRead) }
    }
  }

  private func count(_ report: HashReport, at index: UInt64) {
    guard report.node.value <= world.nodes.count,
      !agreements.contains(where: { $0.point == report.index }),
      reports[report.index]?[report.node] == nil
    else { return }
    let later = reports.keys.count { $0 > report.index }
    reports[report.index, default: [:]][report.node] = Report(
      hash: report.hash, entry: index, isLate: later >= HashAgreement.pointsMax)
    let equal = reports[report.index]?.values.count { $0.hash == report.hash } ?? 0
    // Where members change nobody counts fewer than a majority of the most voters there can be.
    if equal * 2 > (world.swarm.spares > 0 ? Configuration.votersMax : world.nodes.count) {
      agreements.append((point: report.index, hash: report.hash, decided: index))
    }
  }
}

// Checker+Fence: the voters' agreement on states, and what a replica with a wrong one may still do.
//
// Counted anew from the reports in the committed log.
// Not here: equal hashes of sound replicas (Checker+Answers).

import Raft
import Replica

extension Checker {
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
    reports[report.index, default: [:]][report.node] = report.hash
    let equal = reports[report.index]?.values.count { $0 == report.hash } ?? 0
    // Where members change nobody counts fewer than a majority of the most voters there can be.
    if equal * 2 > (world.swarm.spares > 0 ? Configuration.votersMax : world.nodes.count) {
      agreements.append((point: report.index, hash: report.hash, decided: index))
    }
  }
}

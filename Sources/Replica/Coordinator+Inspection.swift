// Coordinator+Inspection: what only the simulator may see and change.
//
// Invariant: nothing here changes what a node does.
// Not here: what people may see (Coordinator+Status).

import Engine
import Raft

extension Coordinator {
  /// The last entry of the log, durable or not.
  package var lastID: EntryID { consensus.lastID }

  /// How far consensus believes that the own log is durable.
  package var durableIndex: UInt64 { consensus.durableIndex.value }

  /// The term of the entry at `index`; `nil` if it is not in memory.
  package func term(at index: UInt64) -> UInt64? { consensus.term(at: LogIndex(index))?.value }

  /// Whether it does not know how it voted, and asks the others for their terms.
  package var isVoteUnreadable: Bool { consensus.voteUnreadable }

  /// A queue or table above its bound, if one is.
  package var brokenBound: String? {
    if pending.count > settings.pendingMax { return "\(pending.count) writes wait" }
    if queue.count > settings.queueMax { return "\(queue.count) commands are queued" }
    if reads.count > settings.readsMax { return "\(reads.count) reads wait" }
    if runs.outstandingCount + runs.heldCount > settings.runsOutstandingMax {
      return "\(runs.outstandingCount) runs are out and \(runs.heldCount) held"
    }
    if server.transferCount > settings.snapshotTransfersMax {
      return "\(server.transferCount) snapshots are sent"
    }
    return nil
  }

  /// Whether the snapshot that the peer is being sent was confirmed by a majority; `nil`: it is sent none, or no more
  /// of one.
  package func sendsAgreed(to peer: NodeID) -> Bool? { sendsConfirmed(to: peer) }

  /// The log's files begin after this entry.
  package var logStart: EntryID { logBase }

  /// The newest index at which a majority had the same state; 0 if none is known here.
  package var agreedIndex: UInt64 { machine.agreement.lastAgreed?.index ?? 0 }

  /// Why the own state is called wrong, if it is; `nil` where it is the store that is damaged.
  package var fence: StateFence? { machine.record.fence }

  /// How often consensus passed each of its marks in this life.
  package var raftMarks: MarkCounts { consensus.marks }

  /// How often the branch of consensus' planted bug ran in this life.
  package var raftPlantedRuns: UInt64 { consensus.plantedRuns }

  /// The log's time as of the last applied entry. Microseconds since 1970.
  package var logStamp: Int64 { machine.marker.stamp }

  /// The level of behaviour in force at the applied index.
  package var level: UInt32 { machine.level }

  /// The hash of the exchange's rows alone, at the applied index.
  package var exchangeHash: UInt128 { machine.exchange.stateHash }

  /// Broken invariants of the exchange; empty if all is well.
  package func brokenInvariants() -> [String] {
    var broken = machine.checkInvariants()
    for (asset, sum) in machine.conservation() where sum != 0 {
      broken.append("asset \(asset.value) sums to \(sum)")
    }
    return broken
  }

  /// Everything that stops this node from serving.
  package func complaints(_ now: Moment) -> [String] { status(now).faults }
}

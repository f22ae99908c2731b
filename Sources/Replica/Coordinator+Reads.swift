// Coordinator+Reads: linearizable reads on every node, by read index (thesis, section 6.4).
//
// Invariant: a ticket is reported ready once, behind the run that holds its read index; or failed once, after the
// client's patience.
// Not here: what is read (Node's publisher).

import Raft

extension Coordinator {
  /// Asks for a linearizable read. It is confirmed with all other reads of the turn in one round.
  public mutating func read(_ ticket: UInt64, _ now: Moment, _ effects: inout Effects) {
    guard fault == nil, outside == nil, reads.add(ticket, now.monotonic) else {
      effects.readsFailed.append(ticket)
      return
    }
  }

  mutating func flushReads(_ now: Moment, _ effects: inout Effects) {
    if consensus.leader != nil, let round = reads.begin(now.monotonic) {
      consensus.requestRead(round, &output)
      collect(now, &effects)
    }
    reads.take(upTo: runs.handedOut) { ticket, index in
      effects.readsReady.append(ReadReady(ticket: ticket, index: LogIndex(index)))
    }
  }
}

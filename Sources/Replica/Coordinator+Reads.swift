// Coordinator+Reads: linearizable reads on every node, by read index (thesis, section 6.4).
//
// Invariant: a ticket is reported ready once, behind the run that holds its read index; or failed once, after the
// client's patience.
// Not here: what is read (Node's publisher).

import Raft

extension Coordinator {
  /// Asks for a linearizable read. It is confirmed with all other reads of the turn in one round.
  public mutating func read(_ ticket: UInt64, _ now: Moment, _ effects: inout Effects) {
    guard isSound, reads.add(ticket, now.monotonic) else {
      effects.readsFailed.append(ticket)
      return
    }
  }

  mutating func flushReads(_ now: Moment, _ effects: inout Effects) {
    if handedTo?.role == .leader, plants.bugs.contains(.readsWithoutQuorum),
      let round = reads.begin(now.monotonic)
    {
      _ = plants.has(.readsWithoutQuorum)
      reads.confirm(round, index: runs.handedOut)
    }
    if consensus.leader != nil, let round = reads.begin(now.monotonic) {
      counters.readRounds += 1
      consensus.requestRead(round, &output)
      collect(now, &effects)
    }
    let isEarly = plants.bugs.contains(.readsBeforeApply)
    reads.take(upTo: isEarly ? .max : runs.handedOut) { ticket, index in
      if index > runs.handedOut { _ = plants.has(.readsBeforeApply) }
      effects.readsReady.append(ReadReady(ticket: ticket, index: LogIndex(index)))
    }
  }
}

// Coordinator+Idle: ticks that change nothing may be left out, by a driver that lives through many of them.
//
// Invariant: a node that skips what `idleTicks` allows does everything at the same moment as one that does not.
// Not here: the ticks themselves (Coordinator.tick).

import Raft

extension Coordinator {
  /// How many of the next ticks would do nothing but let time pass, if nothing else happens before;
  /// `skipTicks` stands for
  /// them. 0 where anything waits. Ask again after every other call.
  ///
  /// - Complexity: O(1).
  public var idleTicks: Int {
    guard isStill else { return 0 }
    let due = consensus.ticksUntilDue
    return due == .max ? 0 : due
  }

  /// Whether only consensus' own timers can make a tick matter.
  private var isStill: Bool {
    guard pending.count == 0, reads.count == 0, queue.count == 0, memberChanges.isEmpty,
      writesInFlight.isEmpty, runs.heldCount == 0, runs.outstandingCount == 0, !needsFlush
    else { return false }
    guard unreported.isEmpty, reports.isEmpty, !client.isActive, server.isIdle,
      reportsLookedUp == machine.marker.applied.index.value
    else { return false }
    return fault == nil && distrust == nil && !draining && handOverSince == nil
      && saidHealth.isEmpty && health.isEmpty && machine.marker.windowEnd == 0 && !mayRefuse
      && (consensus.role != .leader || (!clock.isOff && !machine.marker.genesisHash.isEmpty))
  }

  /// Lets `count` idle ticks pass.
  ///
  /// - Precondition: `count <= idleTicks`.
  public mutating func skipTicks(_ count: Int) {
    precondition(count <= idleTicks, "something is due before")
    consensus.tickIdly(count)
  }
}

// Coordinator+Apply: committed entries become state, answers and runs.
//
// Invariants:
//   * entries are applied in order up to the commit index, without waiting for the own disk; runs wait for it
//   * an entry that cannot be decoded halts `apply` for good, and everything before it stays valid
//   * one turn applies a bounded number of commands, so that heartbeats are never late because of it
// Not here: what an entry does (StateMachine).

import Engine
import Raft
import Wire

extension Coordinator {
  /// After this many commands the rest waits for the next turn.
  private static let commandsPerTurnMax: UInt64 = 20_000
  /// A run ends after the entry that reaches this.
  private static let commandsPerRunMax: UInt64 = 4096

  /// True if committed entries wait for the next `flush`, which need not wait for the next tick.
  public var needsFlush: Bool {
    fault == nil && runs.hasRoom && machine.marker.applied.index < consensus.commit
      && distrust == nil
  }

  mutating func applyCommitted(_ effects: inout Effects) {
    let start = machine.commandsApplied
    while needsFlush, machine.commandsApplied - start < Self.commandsPerTurnMax {
      applyRun(&effects)
    }
    let durable =
      consensus.durableIndex < consensus.lastIndex && plants.has(.rowsBeforeDurable)
      ? consensus.lastIndex : consensus.durableIndex
    runs.release(durable: durable.value, into: &effects.runs)
  }

  /// Applies the next entries, answers, and holds their run.
  private mutating func applyRun(_ effects: inout Effects) {
    let applied = machine.marker.applied.index
    let limit = applied + settings.entriesPerRunMax
    let entries = consensus.entries(after: applied, upTo: min(consensus.commit, limit))
    precondition(entries.first?.index == applied.next, "a committed entry is not in memory")
    var events = EventBatch()
    var outcomes = AppliedOutcomes()
    let start = machine.commandsApplied
    for entry in entries where machine.commandsApplied - start < Self.commandsPerRunMax {
      do throws(ApplyFault) {
        try machine.apply(entry, &events, &outcomes)
      } catch {
        fault = error
        break
      }
      counters.entriesApplied += 1
      bytesSinceSnapshot += UInt64(entry.payload.count)
      if entry.kind == .configuration { judgeOwnConfiguration() }
      if machine.endsRun || distrust != nil { break }
    }
    guard !events.isEmpty else { return }
    consensus.entriesApplied(upTo: machine.marker.applied.index)
    // What a wrong state answers is worth nothing: those who wait will hear that nobody knows.
    for position in 0..<outcomes.count where distrust == nil {
      let request = outcomes.request(position)
      queue.applied(request)
      guard pending.contains(request) else { continue }
      let outcome = outcomes.outcome(position)
      answer(
        request, .reply(outcome.reply, index: outcome.index, stamp: outcome.stamp), &effects)
    }
    holdRun(events)
  }

  private mutating func holdRun(_ events: EventBatch) {
    var rows = RowBatch()
    machine.collectRows(into: &rows)
    let marker = machine.marker
    runs.hold(
      Run(
        events: events, rows: rows, lastIndex: marker.applied.index.value,
        lastStamp: marker.stamp, stateHash: marker.stateHash))
  }

  /// Answers everyone who waits for the request.
  mutating func answer(_ id: RequestID, _ outcome: Outcome, _ effects: inout Effects) {
    for ticket in pending.remove(id) {
      effects.answers.append(Answer(ticket: ticket, outcome: outcome))
    }
  }

  /// Ends the waiting of all: what this state could tell them is worth nothing, and what became of their writes
  /// is known elsewhere.
  mutating func abandon(_ effects: inout Effects) {
    for id in pending.older(than: .max) { answer(id, .unknown, &effects) }
    effects.readsFailed.append(contentsOf: reads.takeOlder(than: .max))
  }

  /// Ends the waiting of those whose deadline the log has passed, and of those who waited too long.
  mutating func endPatience(_ now: Moment, _ effects: inout Effects) {
    // Definite even while entries wait to be applied: their stamps are not before this one, so they refuse.
    let marker = machine.marker
    for id in pending.expired(at: marker.stamp) {
      answer(id, .expired(index: marker.applied.index.value), &effects)
    }
    for id in pending.older(than: now.monotonic - settings.patience) {
      answer(id, .unknown, &effects)
    }
    reads.giveUp(startedBefore: now.monotonic - settings.resendAfter)
    for ticket in reads.takeOlder(than: now.monotonic - settings.patience) {
      effects.readsFailed.append(ticket)
    }
  }
}

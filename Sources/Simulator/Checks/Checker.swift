// Checker: what must hold after every step, however bad the weather.
//
// It knows what each disk holds durably (SimNode.shadow), which entries were ever made, and what is
// committed; all of it naively, and none of it from the code under test.
// Not here: answers and reads (Checker+Answers), the end of a run (Checker+Finish).

import Engine
import Raft
import Replica
import Storage
import Wire

package final class Checker {
  unowned var world: World!  // set by the world that owns this, before its first step
  private(set) var failure: SeedReport.Failure?

  /// An entry as it was first made.
  struct Known {
    var sum: UInt32
    var parentTerm: UInt64
    var entry: Entry
  }

  /// By term and index.
  var known: [EntryID: Known] = [:]
  /// Committed entries from index 1 on: their terms, and the term in which each was first called
  /// committed.
  var canonical: [UInt64] = []
  private var committedIn: [UInt64] = []
  /// Every configuration that was ever made, and the one that was committed last.
  var configurations: [EntryID: Configuration] = [:]
  private(set) var committedConfiguration: Configuration?
  private var leaders: [UInt64: Int] = [:]
  /// Votes as messages told them, by term and voter.
  private var grants: [UInt64: NodeID] = [:]
  var hashes: [UInt64: UInt128] = [:]
  /// The newest log index that a client saw answered.
  var answered: UInt64 = 0
  var replies: [UInt64: Told] = [:]
  var expired: Set<UInt64> = []
  /// The hash of the exchange after a replay of the whole log.
  var replayed: UInt128?

  /// The voters' reports of their state hashes, by index and voter, as far as the committed log was
  /// read for them.
  var reports: [UInt64: [NodeID: Report]] = [:]
  var reportsRead: UInt64 = 0
  /// Hashes that a majority has, and the entry by which that was so.
  var agreements: [(point: UInt64, hash: UInt128, decided: UInt64)] = []
  /// By level: the lowest applied index at which a replica had it, and the highest at which one did not.
  var risen: [UInt32: UInt64] = [:]
  var notRisen: [UInt32: UInt64] = [:]
  /// What was submitted at each node in each life, in order.
  var submitted: [Submitter: [RequestID]] = [:]
  var submissions: [RequestID: Int] = [:]
  var raises: Set<RequestID> = []

  var isBroken: Bool { failure != nil }

  /// The first violation counts.
  func fail(_ check: String, _ text: String) {
    guard failure == nil else { return }
    failure = SeedReport.Failure(check: check, text: text, at: world.line("violation"))
    world.trace("VIOLATION \(check): \(text)")
  }

  // MARK: After every step of a node

  func started(_ node: SimNode, _ life: Life) {
    if life.coordinator.term < node.highestTerm {
      fail(
        "term",
        "node \(node.id) came back in term \(life.coordinator.term), its disk held \(node.highestTerm)"
      )
    }
    life.term = life.coordinator.term
    life.applied = life.coordinator.appliedIndex
    life.level = life.coordinator.level
    if node.storeDamage == nil, life.applied > 0, life.applied < node.store.flushedIndex {
      fail("order", "node \(node.id) came back with \(life.applied), its store is durable to more")
    }
  }

  func observe(_ node: SimNode, _ life: Life) {
    let role = life.coordinator.role
    let term = life.coordinator.term
    let commit = life.coordinator.commitIndex
    if term != life.term || role != life.role {
      if term < life.term {
        fail("term", "node \(node.id) went back from term \(life.term) to \(term)")
      }
      if role == .leader { elected(node, life, term) }
      life.term = term
      life.role = role
    }
    if commit != life.commit { committed(node, life, commit) }
    life.configuration = life.coordinator.configuration
    let applied = life.coordinator.appliedIndex
    if applied != life.applied {
      if applied < life.applied { fail("order", "node \(node.id) applied less than before") }
      if applied > commit {
        fail("order", "node \(node.id) applied \(applied), committed \(commit)")
      }
      life.applied = applied
      see(level: life.coordinator.level, at: applied, node, life)
    }
    if life.coordinator.durableIndex > node.shadow.items.count {
      fail(
        "durable",
        "node \(node.id) believes \(life.coordinator.durableIndex) durable, its disk has \(node.shadow.last)"
      )
    }
  }

  /// Queues and windows have their bounds, whatever the weather.
  func bounds(_ node: SimNode, _ life: Life) {
    if let broken = life.coordinator.brokenBound {
      fail("bounds", "at node \(node.id) \(broken)")
    }
    // Every write is a message, a proposal, a vote or a mark of commitment of its own at most.
    if life.queued.count > 50_000 {
      fail("bounds", "at node \(node.id) \(life.queued.count) writes wait for the disk")
    }
  }

  /// Election safety, and leader completeness: all that was committed in earlier terms is in the
  /// new leader's log.
  private func elected(_ node: SimNode, _ life: Life, _ term: UInt64) {
    world.tally.leaders += 1
    if world.nodes.contains(where: {
      $0.place != node.place && $0.life?.coordinator.role == .leader
    }) {
      world.mark(.minorityLeader)
    }
    world.trace("\(node.id) leads term \(term)")
    if let other = leaders[term], other != node.place {
      fail("election", "nodes \(other + 1) and \(node.id) both lead term \(term)")
    }
    leaders[term] = node.place
    var index = canonical.count
    while index > 0, committedIn[index - 1] >= term { index -= 1 }
    guard index > 0 else { return }
    let own = life.coordinator.term(at: UInt64(index)) ?? node.shadow.item(UInt64(index))?.term
    if own != canonical[index - 1] {
      fail(
        "completeness",
        "node \(node.id) leads term \(term) without committed entry \(canonical[index - 1]).\(index)"
      )
    }
  }

  /// Committed entries never change, and are durable on a quorum when they are first called
  /// committed.
  private func committed(_ node: SimNode, _ life: Life, _ commit: UInt64) {
    if commit < life.commit {
      fail("order", "node \(node.id) took back commit index \(life.commit)")
    }
    life.commit = commit
    let last = life.coordinator.lastID.index.value
    if commit > last {
      fail("order", "node \(node.id) committed \(commit), its log ends at \(last)")
    }
    let present = canonical.count
    let old = min(commit, UInt64(present))
    if old > 0, let term = life.coordinator.term(at: old), term != canonical[Int(old) - 1] {
      fail(
        "committed",
        "node \(node.id) committed \(term).\(old), others \(canonical[Int(old) - 1]).\(old)")
    }
    guard commit > present else { return }
    for index in UInt64(present + 1)...commit {
      guard let term = life.coordinator.term(at: index) ?? node.shadow.item(index)?.term else {
        return fail("committed", "node \(node.id) committed \(index) without knowing its term")
      }
      canonical.append(term)
      let id = EntryID(term: Term(term), index: LogIndex(index))
      if let made = configurations[id] { inForce(made) }
      committedIn.append(life.coordinator.term)
    }
    world.tally.committed = canonical.count
    quorum(node, life, EntryID(term: Term(canonical[Int(commit) - 1]), index: LogIndex(commit)))
  }

  private func inForce(_ configuration: Configuration) {
    committedConfiguration = configuration
    for member in configuration.members { world.node(member.id)?.wasMember = true }
  }

  /// Counts, one by one, on how many disks an entry is. A leader that commits may begin the next
  /// change of members in the same step: the configuration before the step counts as well.
  private func quorum(_ node: SimNode, _ life: Life, _ id: EntryID) {
    guard let configuration = life.coordinator.configuration else {
      return fail("quorum", "node \(node.id) committed \(id) without a configuration")
    }
    guard let lack = lack(of: id, in: configuration) else { return }
    if let before = life.configuration, self.lack(of: id, in: before) == nil { return }
    fail("quorum", "node \(node.id) committed \(id), which \(lack) hold durably")
  }

  /// How few voters of a half hold the entry; `nil` if a majority of each does.
  private func lack(of id: EntryID, in configuration: Configuration) -> String? {
    for half in [configuration.voters, configuration.outgoing] where !half.isEmpty {
      let holders = half.count { member in
        world.nodes.contains { $0.id == member.id && $0.held(id, as: member.incarnation) }
      }
      if holders * 2 <= half.count { return "\(holders) of \(half.count) voters" }
    }
    return nil
  }

  // MARK: The disk

  /// A leader never removes entries of its own log.
  func see(writes: [LogWrite], _ node: SimNode, _ life: Life) {
    for write in writes { see(configurations: write, node, life) }
    guard life.coordinator.role == .leader, let led = leaders[life.coordinator.term],
      led == node.place
    else { return }
    for write in writes where write.truncateAfter != nil {
      guard write.entries.contains(where: { $0.term.value == life.coordinator.term }) else {
        continue
      }
      fail("append-only", "the leader \(node.id) truncates its own log")
    }
  }

  /// A write is durable. Keeps the shadow, and holds the log against all others.
  func durable(_ write: LogWrite, _ node: SimNode) {
    if let state = write.hardState { durable(state, node) }
    if write.truncateAfter != nil { world.mark(.truncation) }
    if let after = write.truncateAfter { truncated(node, after.value) }
    for entry in write.entries { join(entry, node) }
  }

  private func durable(_ state: HardState, _ node: SimNode) {
    let before = node.shadow.hardState
    if state.term < before.term {
      fail("vote", "node \(node.id) stores term \(state.term) after \(before.term)")
    }
    if let vote = state.vote {
      if let earlier = node.votes[state.term.value], earlier != vote {
        fail("vote", "node \(node.id) votes for \(vote) and \(earlier) in term \(state.term)")
      }
      node.votes[state.term.value] = vote
    } else if state.term == before.term, before.vote != nil {
      fail("vote", "node \(node.id) forgets its vote in term \(state.term)")
    }
    node.highestTerm = max(node.highestTerm, state.term.value)
    node.shadow.hardState = state
  }

  private func truncated(_ node: SimNode, _ after: UInt64) {
    guard after < node.shadow.items.count else { return }
    world.mark(.truncatedDurably)
    let end = min(node.shadow.items.count, canonical.count)
    if Int(after) < end {
      // A node that was away may still obey a leader of an earlier term, and drop what a later one
      // committed without it.
      let term = node.shadow.hardState.term.value
      for index in Int(after)..<end
      where node.shadow.items[index].term == canonical[index] && committedIn[index] <= term {
        fail(
          "truncation", "node \(node.id) truncates committed entry \(canonical[index]).\(index + 1)"
        )
        break
      }
    }
    node.shadow.items.removeLast(node.shadow.items.count - Int(after))
  }

  /// Log matching: equal term and index mean equal contents and an equal entry before.
  private func join(_ entry: Entry, _ node: SimNode) {
    let last = node.shadow.last
    guard entry.index == last.index.next, entry.term >= last.term else {
      return fail("log", "node \(node.id) stores \(entry.id) after \(last)")
    }
    let sum = CRC32C.of(entry.payload, seed: UInt32(entry.kind.rawValue))
    if let first = known[entry.id] {
      if first.sum != sum || first.parentTerm != last.term.value {
        fail("matching", "entry \(entry.id) of node \(node.id) differs from another of that name")
      }
    } else {
      known[entry.id] = Known(sum: sum, parentTerm: last.term.value, entry: entry)
    }
    node.shadow.items.append(ShadowLog.Item(term: entry.term.value, sum: sum))
  }

  func died(_ node: SimNode, inFlight: [LogWrite]) { node.inFlight = inFlight }

  /// What a log says after a crash: all that was durable, and the beginning of what was under way.
  /// A write that does not fit into one segment is several groups; the first may survive alone.
  func recovered(_ node: SimNode, _ log: RecoveredLog) {
    if !agrees(node.shadow, log) {
      let before = node.shadow
      for piece in node.inFlight.flatMap(Self.pieces) where !agrees(node.shadow, log) {
        // Blocks of a torn group, and the head of a new segment, tell the newest term and vote, so
        // that these can outlive the entries of their write; nobody was told of either.
        if node.shadow.last == log.last, Self.holds(node.inFlight, log.hardState) {
          durable(log.hardState, node)
        } else {
          durable(piece, node)
        }
      }
      world.mark(.writeSurvivedCrash)
      if !agrees(node.shadow, log) {
        fail(
          "recovery",
          "node \(node.id) recovers \(log.last) in term \(log.hardState.term) (\(log.tail)), its disk held"
            + " \(before.last) in term \(before.hardState.term), under way was"
            + " \(node.shadow.last) in term \(node.shadow.hardState.term)")
      }
    }
    node.inFlight = []
  }

  func recovered(_ node: SimNode, _ entries: [Entry]) {
    for entry in entries
    where node.shadow.item(entry.index.value)?.sum
      != CRC32C.of(entry.payload, seed: UInt32(entry.kind.rawValue))
    {
      fail("recovery", "node \(node.id) recovers another entry \(entry.id)")
    }
  }

  /// A write as its smallest steps: its truncation and hard state first, then entry by entry.
  private static func pieces(_ write: LogWrite) -> [LogWrite] {
    var head = write
    head.entries = []
    return [head]
      + write.entries.map { LogWrite(sequence: write.sequence, entries: [$0]) }
  }

  /// Whether one of the writes sets this term and vote.
  private static func holds(_ writes: [LogWrite], _ state: HardState) -> Bool {
    writes.contains { $0.hardState?.term == state.term && $0.hardState?.vote == state.vote }
  }

  /// A damaged log: what is left is a beginning of what was there, and the claim covers all that is
  /// missing.
  func repaired(_ node: SimNode, _ log: RecoveredLog) {
    if !node.wasDamaged {
      fail("recovery", "the log of node \(node.id) is called damaged, and was not")
    }
    let before = node.shadow
    let isLess = log.last < before.last
    if isLess, log.suspect == nil {
      fail("recovery", "node \(node.id) lost entries up to \(before.last) and claims nothing")
    }
    if case .upTo(let claim)? = log.suspect, isLess, claim < before.last {
      fail("recovery", "node \(node.id) claims \(claim), its disk held \(before.last)")
    }
    let state = before.hardState
    if !log.voteUnreadable,
      log.hardState.term < state.term
        || log.hardState.term == state.term && state.vote != nil && log.hardState.vote != state.vote
    {
      fail("recovery", "node \(node.id) lost its vote of term \(state.term) and does not say so")
    }
    // A term or vote that was under way can be there without its entries.
    if !log.voteUnreadable, log.hardState.term > state.term,
      Self.holds(node.inFlight, log.hardState)
    {
      durable(log.hardState, node)
    }
    // What was under way is there if the log ends in it: before the damage it was whole. (A log that
    // ends in none of it may be an earlier one, of entries that were replaced.)
    if let last = node.inFlight.lastIndex(where: { $0.entries.contains { $0.id == log.last } }) {
      for write in node.inFlight[...last] { durable(write, node) }
    }
    node.inFlight = []
    node.lost.append((before, node.incarnation))
    node.latentDamages = 0
    if log.voteUnreadable {
      node.shadow.hardState = log.hardState
      node.highestTerm = log.hardState.term.value
    }
  }

  /// What a repaired log holds: whole groups up to the damage. If a later one had truncated, that
  /// is an earlier state of the log, with entries that were replaced since; all of it must be
  /// entries that were made.
  func reset(_ node: SimNode, to log: RecoveredLog) {
    var shadow = ShadowLog()
    shadow.hardState = node.shadow.hardState
    var index = log.base.index.next
    if log.base.index > .zero {
      if node.shadow.holds(log.base) {
        shadow.items = Array(node.shadow.items.prefix(Int(log.base.index.value)))
      } else if let items = committedItems(upTo: log.base) {
        shadow.items = items
      } else {
        return fail(
          "recovery",
          "node \(node.id) begins its log after \(log.base), which was never committed")
      }
    }
    while index <= log.last.index {
      guard let term = log.term(at: index),
        let made = known[EntryID(term: term, index: index)],
        made.parentTerm == shadow.items.last?.term ?? 0
      else {
        return fail("recovery", "node \(node.id) recovers an entry \(index) that nobody made")
      }
      shadow.items.append(ShadowLog.Item(term: term.value, sum: made.sum))
      index = index.next
    }
    node.shadow = shadow
  }

  private func agrees(_ shadow: ShadowLog, _ log: RecoveredLog) -> Bool {
    shadow.last == log.last && shadow.hardState.term == log.hardState.term
      && shadow.hardState.vote == log.hardState.vote
  }

  func cuts(_ node: SimNode, upTo index: LogIndex) {
    if index.value > node.store.flushedIndex {
      fail(
        "cut",
        "node \(node.id) cuts its log up to \(index), its store is durable to \(node.store.flushedIndex)"
      )
    }
    if index.value > canonical.count { fail("cut", "node \(node.id) cuts uncommitted entries") }
  }

  // MARK: Messages

  /// Durable before it is told: votes, campaigns, acknowledgements.
  func see(_ message: PeerMessage, from node: SimNode) {
    guard case .raft(let raft) = message.body else { return }
    world.mix(raft.term.value &* 31 &+ UInt64(node.place))
    switch raft.body {
    case .voteResponse(granted: true):
      let key = raft.term.value << 8 | UInt64(node.place)
      if node.votes[raft.term.value] != raft.to {
        fail(
          "vote-durable",
          "node \(node.id) tells a vote in term \(raft.term) that its disk does not hold")
      }
      if let other = grants[key], other != raft.to {
        fail("vote", "node \(node.id) votes twice in term \(raft.term)")
      }
      grants[key] = raft.to
    case .voteRequest(_, let transfer):
      if transfer { world.mark(.transferCampaign) }
      if world.nodes.count(where: { $0.life?.coordinator.role == .candidate }) > 1 {
        world.mark(.twoCandidates)
      }
      if node.votes[raft.term.value] != node.id {
        fail(
          "vote-durable", "node \(node.id) campaigns in term \(raft.term) before its disk holds it")
      }
    case .appendResponse(.accepted(let match)):
      if match.value > node.shadow.items.count {
        fail(
          "ack-durable", "node \(node.id) acknowledges \(match), its disk holds \(node.shadow.last)"
        )
      }
    case .append, .heartbeat:
      if node.votes[raft.term.value] != node.id, leaders[raft.term.value] != node.place {
        fail("election", "node \(node.id) leads term \(raft.term) that it was not elected in")
      }
    case .voteResponse(granted: false): world.mark(.voteRefused)
    case .preVoteResponse(granted: false): world.mark(.preVoteRefused)
    case .appendResponse(.conflict): world.mark(.conflictAnswer)
    default: break
    }
  }
}

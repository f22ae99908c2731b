// Coordinator+Writes: from a client's submission to the log: pending, batched, proposed or forwarded.
//
// Invariants:
//   * a write is handed over in the order in which it came, and again in that order after every change of leadership
//   * a leader proposes a request once while it leads; `apply` is what makes repetitions harmless
// Not here: answers (Coordinator+Apply).

import Engine
import Raft
import Wire

extension Coordinator {
  /// Deadlines further away than this are brought nearer, which only makes a write expire earlier. Microseconds.
  static let deadlineMax: Int64 = 120_000_000

  /// Outcomes expire by whole seconds, so time has to move no more often. Microseconds.
  private static let expiryPause: Int64 = 1_000_000

  /// Writes of this node's clients. Each is answered once, now or in a later Effects.
  public mutating func submit(
    _ submissions: [Submission], _ now: Moment, _ effects: inout Effects
  ) {
    for submission in submissions {
      if let outcome = admit(submission, now) {
        effects.answers.append(Answer(ticket: submission.ticket, outcome: outcome))
      }
    }
  }

  /// Puts a write into the pending table, or answers it at once.
  private mutating func admit(_ submission: Submission, _ now: Moment) -> Outcome? {
    var request = submission.request
    let id = request.header.requestID
    if let known = machine.outcome(of: id) {
      return .reply(known.reply, index: known.index, stamp: known.stamp)
    }
    // A repetition of what is under way joins it, and is never refused as if nobody had seen it.
    let isRepetition = pending.contains(id) || queue.isInFlight(id)
    let refusal = isRepetition ? Outcome.unknown : .overloaded
    // A command that cannot be read back would halt `apply` on every node for good. The edge bounds its fields; what it
    // misses ends here, as a forwarded one ends at the leader (`take`).
    let account = machine.account(of: request.header.key)
    guard pending.contains(id) || (mayTake(from: account) && CommandCodec.reads(request)) else {
      return refusal
    }
    let latest = clusterTime(now) + Self.deadlineMax
    request.header.deadline = min(request.header.deadline, latest)
    let added = pending.add(
      submission.ticket, request, of: account, since: now.monotonic,
      encode: { Self.encode($0) })
    return added == .full ? refusal : nil
  }

  /// Whether new writes of the account are taken. Its share is checked here only, by each node for its own clients, and
  /// not where the leader takes forwarded writes: what other nodes have under way may exceed the share by what may wait
  /// there, while one account's refusal at the leader would hold up everybody behind it.
  private func mayTake(from account: AccountID) -> Bool {
    guard !draining, fault == nil, outside == nil,
      machine.duplicatesCount + pending.count < settings.duplicatesMax,
      machine.duplicateBytes < settings.duplicateBytesMax
    else { return false }
    guard account != .operator else { return true }
    let usage = machine.duplicates(of: account)
    let share = settings.accountShare
    return usage.count + pending.tickets(of: account) < settings.duplicatesMax / share
      && usage.replyBytes < settings.duplicateBytesMax / share
  }

  /// Whether the duplicate table holds enough that an account's writes may be refused.
  private var mayRefuse: Bool {
    machine.duplicatesCount >= settings.duplicatesMax / settings.accountShare
      || machine.duplicateBytes >= settings.duplicateBytesMax / settings.accountShare
  }

  static func encode(_ request: Request) -> [UInt8] {
    var writer = ByteWriter(capacity: 256)
    CommandCodec.encode(request, into: &writer)
    return writer.bytes
  }

  // MARK: The end of a turn

  /// Ends a turn: applies, proposes or forwards what came in, asks for reads, hands out runs and ready reads.
  public mutating func flush(_ now: Moment, _ effects: inout Effects) {
    applyCommitted(&effects)
    if mayPropose {
      if propose(foundations: now, &effects) {
        enqueuePending(now, &effects)
        proposeQueued(now, &effects)
        proposeTick(now, &effects)
      }
    } else {
      forwardPending(now, &effects)
    }
    applyCommitted(&effects)
    flushReads(now, &effects)
    reportCut(&effects)
  }

  /// True if this node leads and has applied an entry of its own term, and so knows everything before it.
  var mayPropose: Bool {
    consensus.role == .leader && machine.marker.applied.term == consensus.term && fault == nil
  }

  /// Own pending writes join the queue, all of them after a change of leadership.
  private mutating func enqueuePending(_ now: Moment, _ effects: inout Effects) {
    handOver(to: RoleChange(role: .leader, term: consensus.term, leader: identity.id))
    guard pending.hasUnsent else { return }
    var early: [RequestID] = []
    pending.handOver(now.monotonic) { item in
      if bugs.contains(.answerBeforeCommit) { early.append(item.id) }
      return queue.add(item.id, item.bytes)
    }
    for id in early { answer(id, .reply(.done, index: 0, stamp: 0), &effects) }
  }

  /// Notes to whom pending writes go; if that changed, all go again.
  private mutating func handOver(to leadership: RoleChange) {
    guard handedTo != leadership else { return }
    handedTo = leadership
    pending.rewind()
    restartForward = true
  }

  private mutating func proposeQueued(_ now: Moment, _ effects: inout Effects) {
    while queue.count > 0, consensus.canPropose {
      let batch = queue.batch(
        countMax: settings.commandsPerEntryMax, bytesMax: settings.bytesPerEntryMax)
      let stamp = nextStamp(now)
      let payload = EntryPayload.encode(stamp: stamp, requests: Array(batch))
      guard consensus.propose(payload, .command, &output) != nil else { return }
      lastStamp = stamp
      queue.drop(batch.count)
      collect(now, &effects)
    }
  }

  /// Moves the log's time when something waits for it and nothing else moves it: a depth window, or recorded outcomes
  /// that have to expire before writes can be taken again, which are what else moves it.
  private mutating func proposeTick(_ now: Moment, _ effects: inout Effects) {
    let windowEnd = machine.marker.windowEnd
    let stamp = nextStamp(now)
    let closesWindow = windowEnd > 0 && lastStamp < windowEnd && stamp >= windowEnd
    let makesRoom =
      mayRefuse && stamp - max(lastStamp, machine.marker.stamp) >= Self.expiryPause
    guard closesWindow || makesRoom, consensus.canPropose else { return }
    let payload = EntryPayload.encode(stamp: stamp, requests: [])
    guard consensus.propose(payload, .command, &output) != nil else { return }
    lastStamp = stamp
    counters.ticksProposed += 1
    collect(now, &effects)
  }

  func nextStamp(_ now: Moment) -> Int64 {
    let stamps = EntryPayload.stamps
    let stamp = max(clock.stamp(now), lastStamp, machine.marker.stamp)
    return min(max(stamp, stamps.lowerBound), stamps.upperBound - 1)
  }

  // MARK: Followers

  private mutating func forwardPending(_ now: Moment, _ effects: inout Effects) {
    guard let leader = consensus.leader, leader != identity.id, connected.contains(leader) else {
      return
    }
    handOver(to: RoleChange(role: .follower, term: consensus.term, leader: leader))
    if let oldest = pending.oldestHandedOver, now.monotonic - oldest >= settings.resendAfter {
      counters.resends += 1
      pending.rewind()
      restartForward = true
    }
    while pending.hasUnsent { forwardOnce(to: leader, now, &effects) }
  }

  private mutating func forwardOnce(
    to leader: NodeID, _ now: Moment, _ effects: inout Effects
  ) {
    var requests: [[UInt8]] = []
    var bytes = 0
    let bytesMax = settings.bytesPerEntryMax
    pending.handOver(now.monotonic) { item in
      guard requests.isEmpty || bytes + item.bytes.count <= bytesMax else { return false }
      requests.append(item.bytes)
      bytes += item.bytes.count
      return true
    }
    guard !requests.isEmpty else { return }
    let forward = PeerMessage.Forward(restart: restartForward, requests: requests)
    restartForward = false
    effects.messages.append(
      Outgoing(to: leader, message: PeerMessage(wall: now.wall, .forward(forward))))
  }

  /// A follower's writes. What has no room is dropped with all that follows it, until the follower repeats everything.
  mutating func take(_ forward: PeerMessage.Forward, from peer: NodeID) {
    guard consensus.role == .leader, fault == nil else {
      counters.messagesDropped += 1
      return
    }
    if forward.restart { brokenForwards.removeAll { $0 == peer } }
    guard !brokenForwards.contains(peer) else { return }
    for bytes in forward.requests {
      var reader = ByteReader(bytes)
      guard let request = try? CommandCodec.decode(&reader), reader.left == 0 else {
        counters.messagesDropped += 1
        continue
      }
      let id = request.header.requestID
      if machine.outcome(of: id) != nil { continue }
      guard machine.duplicatesCount + queue.inFlightCount < settings.duplicatesMax,
        machine.duplicateBytes < settings.duplicateBytesMax, queue.add(id, bytes)
      else {
        brokenForwards.append(peer)
        return
      }
    }
  }
}

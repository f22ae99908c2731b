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

  /// Puts a write into the pending table, or answers it at once. Its deadline goes into the log as it came: all copies
  /// of a request must have one, or the refusal of one is forgotten while another may still run.
  private mutating func admit(_ submission: Submission, _ now: Moment) -> Outcome? {
    let request = submission.request
    let id = request.header.requestID
    if let known = machine.outcome(of: id) {
      if machine.marker.stamp > request.header.deadline, plants.has(.deadlineBeforeDuplicates) {
        return .expired(index: machine.marker.applied.index.value)
      }
      return .reply(known.reply, index: known.index, stamp: known.stamp)
    }
    // The log's time may have run ahead by more than outcomes are kept. Whether a copy was executed before is not known
    // any more, and to call this one expired would read as if none had been.
    guard pending.contains(id) || machine.remembers(deadline: request.header.deadline) else {
      return .unknown
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
    let added = pending.add(
      submission.ticket, request, of: account, since: now.monotonic,
      encode: { Self.encode($0) })
    if added == .new, case .setLevel(let set) = request.command {
      levelRaises.removeAll { !pending.contains($0.request) }
      levelRaises.append(LevelRaise(request: id, level: set.level))
    }
    return added == .full ? refusal : nil
  }

  /// Whether new writes of the account are taken. Its share is checked here only, by each node for its own clients, and
  /// not where the leader takes forwarded writes: what other nodes have under way may exceed the share by what may wait
  /// there, while one account's refusal at the leader would hold up everybody behind it.
  private func mayTake(from account: AccountID) -> Bool {
    guard !refusing, isSound, !lacksSpace, machine.agreement.divided == nil,
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
  var mayRefuse: Bool {
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
    // Before anything is answered, here or at the next tick.
    watchState(&effects)
    flushReports(now, &effects)
    answerMemberChanges(&effects)
    flushReads(now, &effects)
    reportCut(&effects)
  }

  /// True if this node leads and has applied an entry of its own term, and so knows everything before it.
  var mayPropose: Bool {
    consensus.role == .leader && machine.marker.applied.term == consensus.term && fault == nil
      && distrust == nil
  }

  /// Own pending writes join the queue, all of them after a change of leadership.
  private mutating func enqueuePending(_ now: Moment, _ effects: inout Effects) {
    handOver(to: RoleChange(role: .leader, term: consensus.term, leader: identity.id))
    guard pending.hasUnsent else { return }
    refuseLevelRaises(&effects)
    var early: [RequestID] = []
    pending.handOver(now.monotonic) { item in
      if plants.has(.answerBeforeCommit) { early.append(item.id) }
      if item.handedOver != nil, plants.has(.freshRequestIDs) {
        return queue.add(Self.renamed(item.id), Self.renamed(item.bytes))
      }
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

  /// A planted fault's request id.
  private static func renamed(_ id: RequestID) -> RequestID {
    RequestID(id.words.0, id.words.1, ~id.words.2, id.words.3)
  }

  private static func renamed(_ bytes: [UInt8]) -> [UInt8] {
    var reader = ByteReader(bytes)
    guard var request = try? CommandCodec.decode(&reader) else { return bytes }
    request.header.requestID = renamed(request.header.requestID)
    return encode(request)
  }

  private mutating func proposeQueued(_ now: Moment, _ effects: inout Effects) {
    guard machine.agreement.divided == nil else { return }
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
    if restartForward {
      restartForward = false
      forwardEpoch &+= 1
      forwardNumber = 0
    }
    let forward = PeerMessage.Forward(
      life: forwardLife, epoch: forwardEpoch, number: forwardNumber, requests: requests)
    forwardNumber += 1
    effects.messages.append(
      Outgoing(to: leader, message: PeerMessage(wall: now.wall, .forward(forward))))
  }

  /// A follower's writes. What has no room is dropped with all that follows it, and so is what follows a lost message,
  /// until the follower repeats everything: nothing overtakes what was sent before it.
  mutating func take(
    _ forward: PeerMessage.Forward, from peer: NodeID, _ now: Moment, _ effects: inout Effects
  ) {
    guard consensus.role == .leader, fault == nil, distrust == nil, follows(forward, of: peer)
    else {
      counters.messagesDropped += 1
      return
    }
    enqueue(forward.requests, from: peer, now, &effects)
    while let i = forwardStreams.firstIndex(where: { $0.peer == peer }),
      let early = forwardStreams[i].takeEarly()
    {
      enqueue(early.requests, from: peer, now, &effects)
    }
  }

  private mutating func enqueue(
    _ requests: [[UInt8]], from peer: NodeID, _ now: Moment, _ effects: inout Effects
  ) {
    for bytes in requests {
      var reader = ByteReader(bytes)
      guard let request = try? CommandCodec.decode(&reader), reader.left == 0 else {
        counters.messagesDropped += 1
        continue
      }
      let id = request.header.requestID
      if machine.outcome(of: id) != nil { continue }
      var isDecidable = true
      if case .setLevel(let set) = request.command, !queue.isInFlight(id) {
        isDecidable = mayPropose
        if isDecidable, let reason = refusal(of: id, toLevel: set.level) {
          refuse(id, reason, to: peer, now, &effects)
          continue
        }
      }
      guard isDecidable, machine.duplicatesCount + queue.inFlightCount < settings.duplicatesMax,
        machine.duplicateBytes < settings.duplicateBytesMax, queue.add(id, bytes)
      else {
        for i in forwardStreams.indices where forwardStreams[i].peer == peer {
          forwardStreams[i].next = nil
        }
        return
      }
    }
  }

  /// Whether the message is the next one of its stream, or begins it anew.
  private mutating func follows(_ forward: PeerMessage.Forward, of peer: NodeID) -> Bool {
    let place = forwardStreams.firstIndex { $0.peer == peer }
    if let place, forwardStreams[place].life == forward.life {
      let stream = forwardStreams[place]
      // An epoch that is over: what was sent later has repeated it.
      guard forward.epoch >= stream.epoch else { return false }
      if forward.epoch == stream.epoch {
        guard forward.number == stream.next || plants.has(.forwardsOvertake) else {
          forwardStreams[place].keep(forward)
          return false
        }
        forwardStreams[place].next = forward.number + 1
        return true
      }
    }
    guard forward.number == 0 || plants.has(.forwardsOvertake) else { return false }
    if let place { forwardStreams.remove(at: place) }
    forwardStreams.append(
      ForwardStream(peer: peer, life: forward.life, epoch: forward.epoch, next: forward.number + 1))
    return true
  }
}

/// How far a peer's forwarded writes came without a gap.
struct ForwardStream {
  var peer: NodeID
  var life: UInt64
  var epoch: UInt32
  /// The message that may be taken next; `nil`: none before a new epoch.
  var next: UInt32?
  /// Messages that came before one that was sent earlier; a few.
  var early: [PeerMessage.Forward] = []

  init(peer: NodeID, life: UInt64, epoch: UInt32, next: UInt32) {
    self.peer = peer
    self.life = life
    self.epoch = epoch
    self.next = next
  }

  mutating func keep(_ forward: PeerMessage.Forward) {
    guard let next, forward.number > next, forward.number - next <= 16,
      !early.contains(where: { $0.number == forward.number })
    else { return }
    early.append(forward)
  }

  /// The next message, if it came early.
  mutating func takeEarly() -> PeerMessage.Forward? {
    guard let next, let i = early.firstIndex(where: { $0.number == next }) else { return nil }
    self.next = next + 1
    return early.remove(at: i)
  }
}

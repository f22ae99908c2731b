// Consensus+Replication: entries on their way: a leader sends them, a follower takes them.
//
// Invariants:
//   * a leader never changes or truncates its own log
//   * a follower truncates only where an entry of another term stands at the same index, and never
//     at or below its commit index; a delayed append removes nothing
//   * an acknowledgement names only entries that were compared with the leader's and are durable
// Not here: what is committed (Consensus+Commit).

extension Consensus {
  // MARK: Proposals

  /// Whether `propose` would take a command now.
  public var canPropose: Bool {
    role == .leader && transfer == nil
      && (log.bytes < settings.windowBytesMax || trimmable > log.base.index)
  }

  /// Appends an entry as leader and sends it; it is committed once `Output.commit` reaches it with
  /// this id. `nil`: not the leader, handing over, or too much is neither applied nor durable yet.
  /// A configuration must be the one in force: `changeMembership` changes it.
  ///
  /// - Complexity: O(followers), plus copying references to the entries of one message for each.
  /// - Precondition: `payload.count <= Entry.payloadBytesMax`.
  public mutating func propose(
    _ payload: [UInt8], _ kind: Entry.Kind = .command, _ out: inout Output
  ) -> EntryID? {
    precondition(payload.count <= Entry.payloadBytesMax, "a payload above the limit")
    guard role == .leader, transfer == nil, makeRoom(for: payload.count) else { return nil }
    if kind == .configuration {
      guard payload == configurations.effective?.encoded,
        configurations.effectiveIndex <= commit
      else { return nil }
    }
    let entry = append(payload, kind)
    for i in progress.indices { replicate(to: i, &out) }
    finish(&out)
    return entry
  }

  /// Adds an entry of this term to the own log and to the write of this call.
  @discardableResult
  mutating func append(_ payload: [UInt8], _ kind: Entry.Kind) -> EntryID {
    precondition(role == .leader, "only a leader makes entries")
    let entry = Entry(
      id: EntryID(term: term, index: log.last.index.next), kind: kind, payload: payload)
    take(entry)
    return entry.id
  }

  private mutating func take(_ entry: Entry) {
    join(entry)
    writeEntries.append(entry)
  }

  private mutating func join(_ entry: Entry) {
    log.append(entry)
    let isSound = configurations.appended(entry)
    require(isSound, "configurations whose quorums need not overlap")
  }

  /// Applied and durable entries may leave memory.
  private var trimmable: LogIndex { min(applied, durableIndex) }

  private mutating func makeRoom(for count: Int) -> Bool {
    let limit = settings.windowBytesMax - count - LogWindow.entryOverhead
    log.trim(to: max(limit, 0), upTo: trimmable)
    return log.bytes <= limit || log.count == 0
  }

  /// Tells that entries up to `index` are applied: memory may drop them (it keeps up to
  /// `Settings.windowBytesMax` for slow followers). A node that only keeps the log must call it too:
  /// at twice that size a follower takes no more entries until some are applied.
  ///
  /// - Precondition: `index <= commit`.
  public mutating func entriesApplied(upTo index: LogIndex) {
    precondition(index <= commit, "applied beyond the commit index")
    applied = max(applied, index)
    log.trim(to: settings.windowBytesMax, upTo: trimmable)
    checkInvariants()
  }

  /// Entries in memory, for applying.
  ///
  /// - Precondition: `after` is at or above what was applied; `upTo <= lastIndex`.
  public func entries(after: LogIndex, upTo: LogIndex) -> [Entry] {
    log.entries(after: after, upTo: upTo, countMax: Int.max / 2, bytesMax: Int.max / 2)
  }

  /// The term of the entry at `index`, `nil` if it is not in memory.
  public func term(at index: LogIndex) -> Term? { log.term(at: index) }

  /// The index of the last entry, durable or not.
  public var lastIndex: LogIndex { log.last.index }

  /// The last entry, durable or not.
  public var lastID: EntryID { log.last }

  /// The configuration in force: the latest in the log, committed or not.
  public var configuration: Configuration? { configurations.effective }

  // MARK: Leader

  func position(of node: NodeID) -> Int? { progress.firstIndex { $0.id == node } }

  /// Sends follower `i` all that its window allows; in `probe` one message. Returns whether one left.
  @discardableResult
  mutating func replicate(to i: Int, _ out: inout Output) -> Bool {
    var sent = false
    while true {
      let state = progress[i].state
      if state == .snapshot { return sent }
      let after = progress[i].next.previous
      if state == .probe ? progress[i].probeSent : progress[i].inflights.isFull { return sent }
      if state == .replicate, after == log.last.index { return sent }
      guard let previous = log.term(at: after) else {
        fetch(for: i, after: after, &out)
        return sent
      }
      sendAppend(to: i, EntryID(term: previous, index: after), entriesToSend(after), &out)
      sent = true
    }
  }

  /// The entries of one message. The one entry of this call is not copied: its write, all messages
  /// and the array here are the same buffer.
  private func entriesToSend(_ after: LogIndex) -> [Entry] {
    if writeEntries.count == 1, writeEntries[0].index == after.next, after.next == log.last.index {
      return writeEntries
    }
    return log.entries(
      after: after, upTo: log.last.index, countMax: settings.entriesPerAppendMax,
      bytesMax: settings.bytesPerAppendMax)
  }

  private mutating func sendAppend(
    to i: Int, _ previous: EntryID, _ entries: [Entry], _ out: inout Output
  ) {
    let append = Message.Append(
      previous: previous, entries: entries, commit: commit, cuttable: cuttable)
    send(.append(append), to: progress[i].id, &out)
    progress[i].sentCommit = commit
    if progress[i].state == .probe {
      progress[i].probeSent = true
    } else if let last = entries.last {
      progress[i].next = last.index.next
      progress[i].inflights.add(last.index)
    }
  }

  /// An append without entries at the end of what was sent: carries the commit index, and finds out
  /// whether what was sent has arrived.
  mutating func sendTail(to i: Int, _ out: inout Output) {
    let after = progress[i].next.previous
    if let previous = log.term(at: after) {
      return sendAppend(to: i, EntryID(term: previous, index: after), [], &out)
    }
    // Below the window the term is unknown. What stands still between two answers is sent again.
    if progress[i].stalledMatch == progress[i].match {
      progress[i].becomeProbe(next: progress[i].match.next)
      replicate(to: i, &out)
    } else {
      progress[i].stalledMatch = progress[i].match
    }
  }

  /// Asks for entries that memory no longer holds.
  private mutating func fetch(for i: Int, after: LogIndex, _ out: inout Output) {
    if after < logBase.index { return needSnapshot(i, &out) }
    if let since = progress[i].fetchSince, now - since < UInt64(settings.electionTicks) { return }
    progress[i].fetchSince = now
    pass(.fetchAsked)
    out.fetches.append(
      LogFetch(follower: progress[i].id, after: after, bytesMax: settings.bytesPerAppendMax))
  }

  /// Takes what a `LogFetch` brought. An answer that is no longer wanted is dropped; an empty one
  /// lets the fetch be asked again.
  public mutating func logFetched(_ fetched: LogFetched, _ out: inout Output) {
    guard role == .leader, let i = position(of: fetched.follower), progress[i].fetchSince != nil
    else { return }
    progress[i].fetchSince = nil
    if let base = fetched.cutTo {
      logCut(to: base)
      if progress[i].next.previous < logBase.index { needSnapshot(i, &out) }
      return finish(&out)
    }
    let isWanted =
      fetched.after.index.next == progress[i].next && !fetched.entries.isEmpty
      && Message.Append.isSound(fetched.entries, after: fetched.after, term: term)
      && fetched.after.index < log.base.index
      && !(progress[i].state == .probe && progress[i].probeSent)
      && !progress[i].inflights.isFull
    guard isWanted else { return pass(.fetchDropped) }
    // Up to the window everything is committed, so an answer to an earlier fetch is right as well.
    let below = log.base.index - fetched.after.index
    let count = min(fetched.entries.count, settings.entriesPerAppendMax, below)
    let entries =
      count == fetched.entries.count ? fetched.entries : Array(fetched.entries[0..<count])
    sendAppend(to: i, fetched.after, entries, &out)
    replicate(to: i, &out)
    finish(&out)
  }

  mutating func receive(
    _ response: Message.AppendResponse, _ from: NodeID, _ out: inout Output
  ) {
    guard role == .leader, let i = position(of: from) else { return }
    progress[i].contact = now
    switch response {
    case .accepted(let match):
      require(match <= log.last.index, "a follower acknowledged what its leader never had")
      guard match >= progress[i].match else { return }
      progress[i].accept(match)
      if !advanceCommit(&out) { replicate(to: i, &out) }
      continueTransfer(&out)
    case .conflict(let previous, let hint):
      backOff(i, previous, hint)
      replicate(to: i, &out)
    }
  }

  /// Tells that the log's files now begin after `base`. Members that need what is gone get a snapshot.
  public mutating func logCut(to base: EntryID) {
    if base.index > logBase.index { logBase = base }
  }

  /// A member needs what the log no longer holds.
  private mutating func needSnapshot(_ i: Int, _ out: inout Output) {
    pass(.snapshotAsked)
    progress[i].becomeSnapshot(logBase, now: now)
    out.snapshotsNeeded.append(SnapshotNeed(to: progress[i].id, base: logBase))
  }

  /// Says again who needs a snapshot, in case that the first attempt came to nothing.
  mutating func repeatSnapshotNeeds(_ out: inout Output) {
    for i in progress.indices
    where progress[i].state == .snapshot
      && now - progress[i].snapshotAsked >= UInt64(4 * settings.electionTicks)
      && now - progress[i].contact <= UInt64(settings.electionTicks)
    {
      pass(.snapshotRepeated)
      progress[i].becomeSnapshot(logBase, now: now)
      out.snapshotsNeeded.append(SnapshotNeed(to: progress[i].id, base: logBase))
    }
  }

  /// A follower's log does not hold `previous`: continue below, at the last entry that both may
  /// have. One round trip for each term that differs, at most.
  private mutating func backOff(_ i: Int, _ previous: LogIndex, _ hint: EntryID) {
    // What a damaged node acknowledged may be gone, or be other entries. Such a node may count itself whole before this
    // leader heard of it; then it says so here.
    if progress[i].isSuspect || previous == progress[i].match { progress[i].match = .zero }
    let isStale =
      progress[i].state == .snapshot || previous <= progress[i].match
      || previous >= progress[i].next
      || (progress[i].state == .probe && previous.next != progress[i].next)
    if isStale { return }
    pass(.conflictRepaired)
    let common = log.lastEntry(atMost: min(hint.index, previous.previous), termAtMost: hint.term)
    // Below the window terms are unknown here: take the follower's own hint.
    let guess = common == log.base ? min(hint.index, log.base.index) : common.index
    progress[i].becomeProbe(next: min(guess, previous.previous).next)
  }

  // MARK: Follower

  /// Takes a leader's entries (paper, figure 2, AppendEntries).
  mutating func receive(_ append: Message.Append, _ from: NodeID, _ out: inout Output) {
    guard Message.Append.isSound(append.entries, after: append.previous, term: term) else { return }
    follow(from, &out)
    // Back-pressure: the leader asks again with its next heartbeat.
    if log.bytes > 2 * settings.windowBytesMax, applied < commit {
      return pass(.appendRefusedForRoom)
    }
    guard matches(append.previous) else {
      let below = min(append.previous.index.previous, log.last.index)
      let hint = log.lastEntry(atMost: below, termAtMost: append.previous.term)
      let body = Message.Body.appendResponse(
        .conflict(previous: append.previous.index, hint: hint))
      return send(body, to: from, &out)
    }
    if append.previous.index < log.last.index, append.previous.index >= log.base.index,
      has(.truncateOnAnyAppend)
    {
      truncate(after: append.previous.index)
    }
    takeNew(append.entries)
    verified = max(verified, append.previous.index + append.entries.count)
    advanceFollower(to: append.commit, cuttable: append.cuttable)
    acknowledge(verified, to: from, &out)
  }

  /// Takes entries that the log does not hold; where another one stands, it goes, with all behind it.
  private mutating func takeNew(_ entries: [Entry]) {
    if let first = entries.first, first.index == log.last.index.next, writeEntries.isEmpty {
      for entry in entries { join(entry) }
      writeEntries = entries  // The message's own buffer, not a copy.
      return
    }
    for entry in entries where entry.index > log.base.index {
      if let present = log.term(at: entry.index) {
        if present == entry.term { continue }
        truncate(after: entry.index.previous)
      }
      take(entry)
    }
  }

  /// Whether the log holds this entry. Committed ones are the same everywhere.
  private func matches(_ previous: EntryID) -> Bool {
    let present = log.term(at: previous.index)
    guard previous.index <= commit else { return present == previous.term }
    require(present == nil || present == previous.term, "a leader contradicts a committed entry")
    return true
  }

  private mutating func truncate(after index: LogIndex) {
    require(index >= commit, "a committed entry must never be truncated")
    pass(.truncated)
    log.truncate(after: index)
    if configurations.effectiveIndex > index {
      pass(.configurationTruncated)
      if !has(.keepTruncatedConfiguration) { configurations.truncated(after: index) }
    }
    writeTruncate = min(writeTruncate ?? index, index)
    durableIndex = min(durableIndex, index)
    // Writes still under way make durable only what is left of them.
    for i in pendingWrites.indices where pendingWrites[i].last > index && !has(.staleCompletion) {
      pendingWrites[i].last = index
    }
  }

  /// Acknowledges `match`: with the write of this call, at once if nothing is missing, or later.
  private mutating func acknowledge(_ match: LogIndex, to leader: NodeID, _ out: inout Output) {
    let accepted = Message.Body.appendResponse(.accepted(match: match))
    if has(.ackBeforeDurable) {
      send(accepted, to: leader, &out)
    } else if writeHardState || !writeEntries.isEmpty {
      afterWrite.append(message(accepted, to: leader))
    } else if match <= durableIndex, isHardStateDurable {
      send(accepted, to: leader, &out)
    } else {
      pass(.ackOwed)
      owedAck = (leader, max(match, owedAck?.match ?? .zero))
    }
  }

  /// Sends an acknowledgement that waited for writes of earlier calls.
  mutating func payOwedAck(_ out: inout Output) {
    guard let owed = owedAck, role == .follower, owed.match <= durableIndex, isHardStateDurable
    else { return }
    owedAck = nil
    send(.appendResponse(.accepted(match: owed.match)), to: owed.leader, &out)
  }

  /// The sender leads this term.
  private mutating func follow(_ from: NodeID, _ out: inout Output) {
    require(role != .leader, "two leaders in one term")
    if role != .follower || leader != from { becomeFollower(term, leader: from, &out) }
    electionElapsed = 0
    vainWaits = 0
    if hurriedAttempts > 0 {
      hurriedAttempts = 0
      resetElectionTimer()
    }
  }

  mutating func receive(_ heartbeat: Message.Heartbeat, _ from: NodeID, _ out: inout Output) {
    follow(from, &out)
    // A node that lost its tail may be told of a commit above its log, or beside it; the answer shows it.
    let said = heartbeat.commit
    var isHeld = log.term(at: said.index) == said.term
    if !isHeld, said.index > commit, has(.heartbeatByIndex) { isHeld = true }
    advanceFollower(
      to: said.index, cuttable: heartbeat.cuttable, known: isHeld ? said.index : .zero)
    let response = Message.HeartbeatResponse(
      round: heartbeat.round, last: log.last.index, commit: commit, isSuspect: suspect != nil)
    send(.heartbeatResponse(response), to: from, &out)
  }

  private mutating func advanceFollower(
    to leaderCommit: LogIndex, cuttable leaderCuttable: LogIndex, known: LogIndex = .zero
  ) {
    var compared = max(verified, known)
    if leaderCommit > compared, has(.commitUnverified) { compared = leaderCommit }
    commit = max(commit, min(leaderCommit, compared, log.last.index))
    cuttable = max(cuttable, min(leaderCuttable, commit))
  }
}

extension Message.Append {
  /// Whether entries follow `previous` one by one with terms that do not decrease, up to `term`.
  static func isSound(_ entries: [Entry], after previous: EntryID, term: Term) -> Bool {
    var last = previous
    for entry in entries {
      guard entry.index == last.index.next, entry.term >= last.term else { return false }
      last = entry.id
    }
    return last.term <= term
  }
}

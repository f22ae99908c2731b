// LogWriting: from log writes to groups on disk.
//
// Invariants:
//   * a group is published in the index only after its sync
//   * hard state is never stored later than the entries written with it or after it
// Not here: opening (LogOpening), layout (LogGroup).

import Raft
import Wire

/// A group being put together.
private struct PendingGroup {
  var payload = ByteWriter(capacity: 16 << 10)
  var changes: [Change] = []
  /// The live entries of this group, in order.
  var entries: [EntryID] = []
  var last: EntryID

  enum Change {
    case truncate(EntryID)
    case append(EntryID)
    case reset(EntryID)
    case claim
  }

  init(after last: EntryID) { self.last = last }

  mutating func truncate(after id: EntryID) {
    LogRecord.truncate(id).encode(into: &payload)
    changes.append(.truncate(id))
    while let entry = entries.last, entry.index > id.index { entries.removeLast() }
    last = id
  }

  mutating func reset(to id: EntryID) {
    LogRecord.reset(id).encode(into: &payload)
    changes.append(.reset(id))
    entries = []
    last = id
  }

  mutating func note(_ claim: LogClaim) {
    LogRecord.claim(claim).encode(into: &payload)
    changes.append(.claim)
  }

  mutating func append(_ entry: Entry) {
    LogRecord.entry(entry).encode(into: &payload)
    changes.append(.append(entry.id))
    entries.append(entry.id)
    last = entry.id
  }
}

extension LogStore {
  /// Writes everything as one group with one sync (several if it is above 4 MiB or a segment), in order. All of it is
  /// durable on return. `afterDurable` is the caller's business. A hard state that differs from the stored one only in
  /// its commit index is a hint and waits for the next group.
  ///
  /// - Throws: `StorageError`, after which nothing of it counts as written and every later write fails, with one
  ///   exception: if the disk is full (`isFull`) and `hasFailed` is false, nothing was begun, and the same writes can
  ///   be tried again. Entries that do not follow the log are a broken invariant and trap.
  public func write(_ writes: [LogWrite]) throws(StorageError) {
    try requireRoom(for: writes)
    try guarded { (writer) throws(StorageError) in
      var group = PendingGroup(after: writer.last)
      for write in writes {
        if let state = write.hardState {
          precondition(state.term >= writer.hardState.term, "the term never decreases")
          writer.hardState = state
        }
        if let position = write.truncateAfter, position < group.last.index {
          try makeRoom(for: LogFormat.entryRecordBytes, &group, &writer)
          group.truncate(after: id(at: position, group))
        }
        for entry in write.entries {
          precondition(
            entry.index == group.last.index.next && entry.term >= group.last.term,
            "an entry follows the one before it")
          precondition(entry.payload.count <= Entry.payloadBytesMax, "payload above the limit")
          try makeRoom(for: entry.payload.count + LogFormat.entryRecordBytes, &group, &writer)
          group.append(entry)
        }
      }
      try store(&group, &writer)
    }
  }

  /// Makes the log begin after `base`, the last entry that the state store covers. Entries after it stay if the log
  /// holds that entry; otherwise all go. Term and vote stay; the term is raised to that of `base`. For the start of a
  /// node whose state store was installed from a snapshot, before anything else is written.
  ///
  /// - Returns: what the log holds now.
  /// - Throws: `StorageError` if the log begins after `base`: the entries between are nowhere.
  @discardableResult
  public func reset(to base: EntryID) throws(StorageError) -> RecoveredLog {
    let (first, isHeld) = index.withLock {
      ($0.map.base, $0.map.term(at: base.index) == base.term)
    }
    if isHeld { return recovered(tail: .clean) }
    guard base.index >= first.index else {
      throw StorageError(
        directory,
        "the state store ends at \(base), and this log begins after \(first): the "
          + "entries between are missing, so a snapshot must be fetched")
    }
    try guarded { (writer) throws(StorageError) in
      if base.term > writer.hardState.term {
        writer.hardState.term = base.term
        writer.hardState.vote = nil
      }
      writer.hardState.commit = max(writer.hardState.commit, base.index)
      var group = PendingGroup(after: writer.last)
      group.reset(to: base)
      try store(&group, &writer)
    }
    // The old segments can go once a new one begins behind the reset; on a full disk they wait.
    do throws(StorageError) {
      try prepareSpare()
      try guarded { (writer) throws(StorageError) in try roll(&writer) }
    } catch {
      guard error.isFull, !hasFailed else { throw error }
    }
    return recovered(tail: .clean)
  }

  /// Fits a repaired log to the state store beside it, whose last entry is `applied`. What damage took from the log
  /// below the state is not missed, and what is left may be an earlier log with other entries: unless the log holds
  /// that entry, it begins after it. A log from which nothing was taken is left as it is.
  ///
  /// - Returns: what the log holds now.
  /// - Throws: as `reset`.
  public func fit(to applied: EntryID) throws(StorageError) -> RecoveredLog {
    let log = recovered(tail: .clean)
    guard log.suspect != nil, log.term(at: applied.index) != applied.term else { return log }
    return try reset(to: applied)
  }

  /// Makes the intact part of a suspect log writable, and remembers durably what the log may have held. Nothing is
  /// written over: the damaged rest stays behind the used blocks of its segment, later segments are kept aside as
  /// `.damaged` files. Does nothing on a log that is not suspect.
  ///
  /// - Returns: what the log holds now; its `claim` stands until `clearSuspect`.
  @discardableResult
  public func repair() throws(StorageError) -> RecoveredLog {
    if writer.withLock({ $0.repair != nil }) { try requireSpare() }
    let plan = writer.withLock { writer -> Repair? in
      guard let plan = writer.repair else { return nil }
      writer.repair = nil
      writer.failure = nil
      writer.sequence = plan.sequence
      return plan
    }
    guard let plan else { return recovered(tail: .clean) }
    try guarded { (writer) throws(StorageError) in
      // One sync of the new head is the step from the damaged log to the repaired one.
      try roll(&writer, isRepair: true)
      try putAside(plan.aside)
    }
    return recovered(tail: .clean)
  }

  /// The log is whole again, or its claim is void (`Output.suspectCleared`): the claim ends, durably.
  public func clearSuspect() throws(StorageError) {
    try guarded { (writer) throws(StorageError) in
      guard writer.claim != .none else { return }
      writer.claim = .none
      var group = PendingGroup(after: writer.last)
      group.note(.none)
      try store(&group, &writer)
    }
  }

  /// What the log holds now.
  func recovered(tail: Tail) -> RecoveredLog {
    let (state, claim) = writer.withLock { ($0.hardState, $0.claim) }
    let (base, last) = bounds
    return RecoveredLog(
      hardState: state, base: base, last: last, tail: tail, claim: claim, store: self)
  }

  /// Makes sure of the next segment before anything is written, so that no group is half written when the disk is full.
  /// The reserve is given back if the log cannot go on without it.
  private func requireRoom(for writes: [LogWrite]) throws(StorageError) {
    var bytes = LogFormat.bodyBytes
    for write in writes {
      bytes += LogFormat.entryRecordBytes
      for entry in write.entries { bytes += entry.payload.count + LogFormat.entryRecordBytes }
    }
    // Each group of at most 4 MiB can end in a block that is not full.
    let blocks = LogFormat.blocks(for: bytes) + bytes / (1 << 20) + 2
    let isThere = writer.withLock { writer in
      writer.failure != nil || !writer.mustRoll && writer.nextBlock + blocks <= writer.segmentBlocks
    }
    guard !isThere else { return }
    try requireSpare()
  }

  /// Makes the next segment if it is not there. The reserve is given back if there is no room for it otherwise.
  private func requireSpare() throws(StorageError) {
    guard needsSpare else { return }
    do {
      try prepareSpare()
    } catch {
      guard error.isFull, let reserve = options.reserve, reserve.release() else { throw error }
      try prepareSpare()
    }
  }

  /// The id of the entry that becomes the last one.
  private func id(at position: LogIndex, _ group: PendingGroup) -> EntryID {
    if let entry = group.entries.last(where: { $0.index == position }) { return entry }
    guard let term = term(at: position) else {
      preconditionFailure("truncation to an entry that is not in the log")
    }
    return EntryID(term: term, index: position)
  }

  /// Stores the group first if `bytes` more would make it too large.
  private func makeRoom(
    for bytes: Int, _ group: inout PendingGroup, _ writer: inout Writer
  ) throws(StorageError) {
    let segmentBlocks = options.segmentBytes / LogFormat.blockBytes - LogFormat.headBlocks
    let limit = min(LogFormat.groupBlocksMax, segmentBlocks) * LogFormat.bodyBytes
    guard bytes <= limit else {
      throw StorageError(directory, "an entry of \(bytes) bytes does not fit into a segment")
    }
    if group.payload.count + bytes > limit { try store(&group, &writer) }
  }

  private func store(
    _ group: inout PendingGroup, _ writer: inout Writer
  ) throws(StorageError) {
    let state = writer.hardState
    let changesVote =
      state.term != writer.storedState.term || state.vote != writer.storedState.vote
    guard !group.changes.isEmpty || changesVote else { return }
    let blocksMin = changesVote ? 2 : 1
    let blocks = max(blocksMin, LogFormat.blocks(for: group.payload.count))
    if writer.mustRoll || writer.nextBlock + blocks > writer.segmentBlocks { try roll(&writer) }
    guard let file = writer.file else { preconditionFailure("a segment is open") }

    writer.last = group.last
    let header = header(.group, writer, flags: changesVote ? BlockHeader.changesVote : 0)
    let encoded = LogGroup.encode(group.payload.bytes, header: header, blocksMin: blocksMin)
    try persist(encoded.bytes, file, at: writer.nextBlock)
    let place = GroupPlace(segment: writer.segment, block: writer.nextBlock, blocks: blocks)
    writer.nextBlock += blocks
    advance(&writer, header, encoded.chain)
    publish(group, place)
    group = PendingGroup(after: group.last)
  }

  /// Goes on in a new segment.
  func roll(_ writer: inout Writer, isRepair: Bool = false) throws(StorageError) {
    let spare = try takeSpare()
    precondition(spare.number > writer.segment, "segment numbers grow")
    let blocksUsed = writer.nextBlock
    let head = SegmentHead(
      segment: spare.number, blocks: UInt32(spare.blocks), previousSegment: writer.segment,
      previousBlocks: UInt32(writer.nextBlock), identity: identity)
    var payload = ByteWriter(capacity: 128)
    LogRecord.head(head).encode(into: &payload)
    if isRepair { LogRecord.repair.encode(into: &payload) }
    if writer.claim != .none {
      if isRepair, options.mutant.runs(.claimForgotten) { writer.claim = .none }
      LogRecord.claim(writer.claim).encode(into: &payload)
    }
    let header = header(.head, writer, flags: 0)
    let encoded = LogGroup.encode(
      payload.bytes, header: header, blocksMin: LogFormat.headBlocks)
    // Its own sync: a torn head must be told from a torn group behind a whole head.
    try persist(encoded.bytes, spare.file, at: 0)
    writer.file = spare.file
    writer.segment = spare.number
    writer.segmentBlocks = spare.blocks
    writer.nextBlock = LogFormat.headBlocks
    writer.mustRoll = false
    advance(&writer, header, encoded.chain)
    index.withLock { index in
      if let last = index.segments.indices.last { index.segments[last].blocksUsed = blocksUsed }
      index.segments.append(
        Index.Segment(
          number: spare.number, file: spare.file, blocksUsed: 0, begins: header.last))
    }
  }

  private func header(
    _ kind: BlockHeader.Kind, _ writer: Writer, flags: UInt8
  ) -> BlockHeader {
    // The commit index never names an entry that is not durable.
    var state = writer.hardState
    if state.commit > writer.last.index { state.commit = writer.last.index }
    if kind == .group, options.mutant.runs(.hardStateNotInGroup) { state = writer.storedState }
    let claims = writer.claim == .none ? 0 : BlockHeader.holdsClaim
    return BlockHeader(
      kind: kind, flags: flags | claims, sequence: writer.sequence + 1, number: 0, count: 0,
      payloadBytes: 0, identity: identityChecksum, last: writer.last, hardState: state,
      previous: writer.chain, bodyChecksum: 0)
  }

  private func advance(_ writer: inout Writer, _ header: BlockHeader, _ chain: UInt32) {
    writer.sequence = header.sequence
    writer.chain = chain
    writer.storedState = header.hardState
  }

  private func publish(_ group: PendingGroup, _ place: GroupPlace) {
    index.withLock { index in
      for change in group.changes {
        switch change {
        case .truncate(let id): index.map.truncate(after: id)
        case .reset(let id): index.map = LogMap(base: id)
        case .claim: break
        case .append(let id):
          precondition(index.map.append(id, at: place), "the index follows the log")
        }
      }
    }
  }
}

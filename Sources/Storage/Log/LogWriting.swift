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
  }

  init(after last: EntryID) { self.last = last }

  mutating func truncate(after id: EntryID) {
    LogRecord.truncate(id).encode(into: &payload)
    changes.append(.truncate(id))
    while let entry = entries.last, entry.index > id.index { entries.removeLast() }
    last = id
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
  /// - Throws: `StorageError`, after which nothing of it counts as written and every later write fails. Entries that do
  ///   not follow the log are a broken invariant and trap.
  public func write(_ writes: [LogWrite]) throws(StorageError) {
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
  func roll(_ writer: inout Writer) throws(StorageError) {
    let spare = try takeSpare()
    precondition(spare.number > writer.segment, "segment numbers grow")
    let head = SegmentHead(
      segment: spare.number, blocks: UInt32(spare.blocks), previousSegment: writer.segment,
      previousBlocks: UInt32(writer.nextBlock), identity: identity)
    var payload = ByteWriter(capacity: 128)
    LogRecord.head(head).encode(into: &payload)
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
    index.withLock { $0.segments.append((spare.number, spare.file)) }
  }

  private func header(
    _ kind: BlockHeader.Kind, _ writer: Writer, flags: UInt8
  ) -> BlockHeader {
    // The commit index never names an entry that is not durable.
    var state = writer.hardState
    if state.commit > writer.last.index { state.commit = writer.last.index }
    return BlockHeader(
      kind: kind, flags: flags, sequence: writer.sequence + 1, number: 0, count: 0,
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
        case .append(let id):
          precondition(index.map.append(id, at: place), "the index follows the log")
        }
      }
    }
  }
}

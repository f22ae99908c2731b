// LogStore: the Raft log of one node in segment files. One thread writes; any thread may read.
//
// Invariants:
//   * on return of `write` all of it is durable; after any write or sync error every later write fails
//   * each byte of a segment is written once after it was zeroed; segments are never used again
//   * the index shows only what is durable
//   * a suspect log is never written to
// Locks, always taken in this order: writer, spares, index. No lock but the writer's is held during a sync.
// Not here: the format (LogFormat), what damage means (LogScanner, GroupScan), what the entries mean.

import Glibc
import Raft
import Synchronization
import Wire

/// A durable, append-only log.
public final class LogStore: Sendable {
  /// Where the next group goes.
  struct Writer {
    var file: (any DiskFile)?
    var segment: UInt64 = 0
    var segmentBlocks = 0
    var nextBlock = 0
    /// The tail was torn: its blocks are used, so go on in a new segment.
    var mustRoll = false
    /// Of the last group written.
    var sequence: UInt64 = 0
    var chain: UInt32 = 0
    var last = EntryID.zero
    /// The newest hard state, and the one that the last group carries.
    var hardState = HardState()
    var storedState = HardState()
    /// What damage took and is not given back yet.
    var claim = LogClaim.none
    /// Until `repair` is called: which segments are not part of the log, and where its sequence goes on.
    var repair: Repair?
    var failure: StorageError?
  }

  /// What `repair` has to do.
  struct Repair {
    var aside: [UInt64]
    var sequence: UInt64
  }

  /// A zeroed segment, ready for use.
  struct Spare {
    var number: UInt64
    var file: any DiskFile
    var blocks: Int
  }

  struct Spares {
    var ready: Spare?
    var nextNumber: UInt64 = 1
  }

  struct Index {
    var map = LogMap(base: .zero)
    /// All segments with a head, in order.
    var segments: [Segment] = []

    struct Segment {
      var number: UInt64
      var file: any DiskFile
      /// Blocks that belong to the log; not known (0) for the present segment.
      var blocksUsed: Int
      /// The last entry when it was begun: the log's base, once nothing before it is left.
      var begins: EntryID
    }
  }

  let disk: any Disk
  public let directory: String
  public let identity: LogIdentity
  let identityChecksum: UInt32
  let options: LogOptions
  let writer = Mutex(Writer())
  let spares = Mutex(Spares())
  let index = Mutex(Index())
  private let hasSpare = Atomic(false)
  private let stateIndex = Atomic<UInt64>(0)
  private let syncs = Atomic(0)
  private let written = Atomic(0)

  init(disk: any Disk, directory: String, identity: LogIdentity, options: LogOptions) {
    precondition(
      options.segmentBytes % LogFormat.blockBytes == 0
        && options.segmentBytes >= 4 * LogFormat.blockBytes
        && options.segmentBytes <= 1 << 30, "segment size")
    self.disk = disk
    self.directory = directory
    self.identity = identity
    identityChecksum = LogFormat.checksum(of: identity)
    self.options = options
  }

  /// Syncs of log data since the log was opened.
  public var syncCount: Int { syncs.load(ordering: .relaxed) }

  /// Bytes written to segments since the log was opened, without the zeros of new ones.
  public var bytesWritten: Int { written.load(ordering: .relaxed) }

  /// The next segment switch would have to make a segment first: time to call `prepareSpare()`.
  public var needsSpare: Bool { !hasSpare.load(ordering: .relaxed) }

  /// A write failed: nothing can be written until the node has started again.
  public var hasFailed: Bool { writer.withLock { $0.failure != nil } }

  /// Bytes of blocks that can be written for sure, whatever becomes of the disk: the rest of the present
  /// segment, and the next one if it is ready.
  public var roomBytes: Int {
    let rest = writer.withLock { $0.mustRoll ? 0 : max(0, $0.segmentBlocks - $0.nextBlock) }
    let ready = spares.withLock { $0.ready.map { $0.blocks - LogFormat.headBlocks } ?? 0 }
    return (rest + ready) * LogFormat.blockBytes
  }

  /// The state store durably holds everything up to `position`: the index that was noted before a flush that has
  /// returned, or that was read from a finished checkpoint. `cut` never goes beyond it. May be called from any thread.
  public func stateIsDurable(upTo position: LogIndex) {
    stateIndex.max(position.value, ordering: .acquiringAndReleasing)
  }

  /// The entry before the first one, and the last one.
  public var bounds: (base: EntryID, last: EntryID) {
    index.withLock { ($0.map.base, $0.map.last) }
  }

  /// The term of an entry from base to last; `nil` outside.
  public func term(at position: LogIndex) -> Term? { index.withLock { $0.map.term(at: position) } }

  /// Reads durable entries after `position`: at least one if there is one, then more until their payloads reach
  /// `bytesMax`. May be called from any thread.
  ///
  /// - Returns: the id of the entry at `position`, and the entries.
  /// - Throws: `StorageError` if `position` is cut away or above the end, or if the files are damaged or unreadable.
  public func read(
    after position: LogIndex, bytesMax: Int
  ) throws(StorageError) -> (after: EntryID, entries: [Entry]) {
    var entries: [Entry] = []
    var bytes = 0
    var after: EntryID?
    var next = position.next
    while true {
      let wanted: Wanted = try index.withLock { (index) throws(StorageError) in
        try locate(next, index)
      }
      if after == nil { after = wanted.previous }
      guard let span = wanted.span, let file = wanted.file else { break }
      for entry in try load(span, file) where entry.index >= next {
        guard entries.isEmpty || bytes < bytesMax else { break }
        bytes += entry.payload.count + LogFormat.entryRecordBytes
        entries.append(entry)
        next = entry.index.next
      }
      if bytes >= bytesMax { break }
    }
    return (after ?? .zero, entries)
  }

  /// Removes whole segments whose entries all lie at or below `position`, behind the durable state (`stateIsDurable`)
  /// and behind the trailing window of the options, except the last segment, and such that the log then begins after an
  /// entry of that state. Called by the writing thread. Each removal waits for the disk, and no write happens
  /// meanwhile: after a follower's long absence thousands are due, so take few at a time.
  ///
  /// - Returns: whether more could be removed.
  @discardableResult
  public func cut(
    upTo position: LogIndex, segmentsMax: Int = .max
  ) throws(StorageError) -> Bool {
    precondition(segmentsMax > 0, "a cut removes something")
    var isMore = false
    try guarded { (writer) throws(StorageError) in
      let durable = LogIndex(stateIndex.load(ordering: .acquiring))
      let removable = index.withLock { index -> [UInt64] in
        let position = min(position, durable, windowStart(index.map))
        let (numbers, more) = unneeded(index, upTo: position, writer, segmentsMax)
        isMore = more
        if let last = numbers.last {
          index.map.removeSegments(below: last + 1)
          index.segments.removeAll { $0.number <= last }
        }
        return numbers
      }
      // One durable removal after the other: a crash must not leave a hole.
      for number in removable {
        try disk.remove(path(number))
        try disk.syncDirectory(directory)
      }
    }
    return isMore
  }

  /// The oldest segments that nothing needs, about `segmentsMax` of them, and whether there are more.
  private func unneeded(
    _ index: Index, upTo position: LogIndex, _ writer: Writer, _ segmentsMax: Int
  ) -> (numbers: [UInt64], isMore: Bool) {
    var numbers: [UInt64] = []
    var sound = 0
    var newer = index.segments.reduce(0) { $0 + $1.blocksUsed } + writer.nextBlock
    for (place, segment) in index.segments.enumerated() where segment.number < writer.segment {
      newer -= segment.blocksUsed
      guard newer * LogFormat.blockBytes >= options.trailingBytes else { break }
      let last = index.map.spans.last { $0.place.segment == segment.number }?.last
      if let last, last > position { break }
      if sound >= segmentsMax { return (Array(numbers.prefix(sound)), true) }
      numbers.append(segment.number)
      if isSoundBase(index.segments[place + 1].begins, index, position) { sound = numbers.count }
    }
    return (Array(numbers.prefix(sound)), false)
  }

  /// Whether the log may begin after this entry. One that was replaced later, or may be, would be taken for a committed
  /// one when the record of its replacement is damaged.
  private func isSoundBase(_ id: EntryID, _ index: Index, _ position: LogIndex) -> Bool {
    id.index <= position && index.map.term(at: id.index) == id.term
  }

  /// The last entry before the trailing window.
  private func windowStart(_ map: LogMap) -> LogIndex {
    let last = map.last.index.value
    return LogIndex(last - min(last, UInt64(options.trailingEntries)))
  }

  /// Makes the next segment ahead of time, if there is none ready. May be called from a helper thread. If the disk is
  /// full nothing is lost: the log goes on in its present segment, and the next call tries again.
  public func prepareSpare() throws(StorageError) {
    do {
      try spares.withLock { (spares) throws(StorageError) in
        if spares.ready == nil { spares.ready = try makeSegment(&spares) }
      }
      hasSpare.store(true, ordering: .relaxed)
    } catch {
      if !error.isFull { writer.withLock { $0.failure = $0.failure ?? error } }
      throw error
    }
  }

  // MARK: For the extensions in LogWriting and LogOpening

  /// Runs a change; its first error makes every later change fail.
  func guarded(
    _ body: (inout Writer) throws(StorageError) -> Void
  ) throws(StorageError) {
    try writer.withLock { (writer) throws(StorageError) in
      if let failure = writer.failure { throw failure }
      do throws(StorageError) {
        try body(&writer)
      } catch {
        writer.failure = error
        throw error
      }
    }
  }

  /// The ready segment, or one made now.
  func takeSpare() throws(StorageError) -> Spare {
    let spare = try spares.withLock { (spares) throws(StorageError) in
      guard let ready = spares.ready else { return try makeSegment(&spares) }
      spares.ready = nil
      return ready
    }
    hasSpare.store(false, ordering: .relaxed)
    return spare
  }

  func noteSpare() { hasSpare.store(true, ordering: .relaxed) }

  /// Writes and syncs; the only place where log data reaches the disk.
  func persist(_ bytes: [UInt8], _ file: any DiskFile, at block: Int) throws(StorageError) {
    try file.write(bytes, at: block * LogFormat.blockBytes)
    if !options.mutant.runs(.ackBeforeSync) { try file.sync() }
    if options.addedSyncMicroseconds > 0 { usleep(UInt32(options.addedSyncMicroseconds)) }
    syncs.add(1, ordering: .relaxed)
    written.add(bytes.count, ordering: .relaxed)
  }

  func path(_ number: UInt64) -> String {
    DiskPath.join(directory, LogFormat.segmentName(number))
  }

  /// Makes a segment full of zeros under another name, then gives it its own.
  private func makeSegment(_ spares: inout Spares) throws(StorageError) -> Spare {
    let number = spares.nextNumber
    let target = path(number)
    let temporary = target + ".tmp"
    if try disk.exists(temporary) { try disk.remove(temporary) }
    // Trying would take what is left from the state store, and give it back only after the attempt has failed.
    guard try disk.freeBytes(directory) >= options.segmentBytes else {
      throw StorageError(target, "cannot make the next log segment", code: ENOSPC)
    }
    do throws(StorageError) {
      let file = try disk.createZeroed(temporary, count: options.segmentBytes)
      if number > 1, options.mutant.runs(.spareNotZeroed) {
        let old = try disk.open(path(number - 1), writable: false)
        try file.write(try old.read(at: 0, count: options.segmentBytes), at: 0)
      }
    } catch {
      try? disk.remove(temporary)
      throw error
    }
    try disk.rename(temporary, to: target)
    try disk.syncDirectory(directory)
    spares.nextNumber += 1
    return Spare(
      number: number, file: try disk.open(target, writable: true),
      blocks: options.segmentBytes / LogFormat.blockBytes)
  }

  private struct Wanted {
    var previous: EntryID
    var span: LogMap.Span?
    var file: (any DiskFile)?
  }

  private func locate(_ next: LogIndex, _ index: Index) throws(StorageError) -> Wanted {
    let previous = next.previous
    guard let term = index.map.term(at: previous) else {
      throw StorageError(
        directory,
        "entry \(previous) is not in this log, which holds \(index.map.base) "
          + "to \(index.map.last)")
    }
    var wanted = Wanted(previous: EntryID(term: term, index: previous))
    if let position = index.map.span(holding: next) {
      let span = index.map.spans[position]
      wanted.span = span
      wanted.file = index.segments.first { $0.number == span.place.segment }?.file
    }
    return wanted
  }

  /// The entries of a span, read and checked again.
  private func load(
    _ span: LogMap.Span, _ file: any DiskFile
  ) throws(StorageError) -> [Entry] {
    let offset = span.place.block * LogFormat.blockBytes
    let bytes = try file.read(at: offset, count: span.place.blocks * LogFormat.blockBytes)
    let image = SegmentImage(number: span.place.segment, path: file.path, bytes: bytes)
    let expected = GroupExpectation(kind: .group, identity: identityChecksum)
    let scan = GroupScan.next(image, at: 0, limit: image.blocks, expected)
    guard case .group(let group) = scan, group.blocks.count == span.place.blocks else {
      throw StorageError(file.path, "offset \(offset): the group here is damaged")
    }
    // Within a group a later entry replaces an earlier one of the same index.
    var entries: [Entry] = []
    for case .entry(let entry) in group.records {
      while let last = entries.last, last.index >= entry.index { entries.removeLast() }
      entries.append(entry)
    }
    entries.removeAll { $0.index < span.first || $0.index > span.last }
    // A group of this log that was written to a wrong place is whole, and holds other entries.
    guard entries.first?.index == span.first, entries.last?.index == span.last else {
      throw StorageError(file.path, "offset \(offset): another group stands here")
    }
    return entries
  }
}

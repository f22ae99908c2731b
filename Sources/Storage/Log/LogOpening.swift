// LogOpening: opening a log, and verifying one without opening it.
//
// Invariant: before anything read from a log is believed, it was synced and read again from the device. After a kill
// the cache can hold bytes that were never synced; after a failed sync it can hold bytes that will never be.
// Not here: reading segments (LogScanner).

import Raft

extension LogStore {
  /// Opens the log in `directory`, making an empty one if there is none. One process at a time (DataDirectory locks).
  ///
  /// With a `.suspect` tail the store refuses writes and no file is changed: print the text, then call `repair`.
  ///
  /// - Throws: `StorageError` if the directory cannot be used, or if the log belongs to another identity.
  public static func open(
    disk: any Disk, directory: String, identity: LogIdentity, options: LogOptions = LogOptions()
  ) throws(StorageError) -> (LogStore, RecoveredLog) {
    let store = LogStore(disk: disk, directory: directory, identity: identity, options: options)
    try disk.makeDirectory(directory)
    try store.settle()
    let found = try LogScanner.scan(
      disk: disk, directory: directory, mutant: options.mutant)
    try store.checkOwner(found)
    try store.adopt(found)
    if found.damage == nil {
      try store.tidy(found)
      if found.segments.isEmpty {
        try store.guarded { (writer) throws(StorageError) in try store.roll(&writer) }
      }
    }
    return (store, store.recovered(tail: found.tail))
  }

  /// Reads and checks a whole log, changing nothing. For a stopped node.
  ///
  /// - Throws: `StorageError` if the directory or a file cannot be opened. Damage is in the report.
  public static func verify(
    disk: any Disk, directory: String
  ) throws(StorageError) -> LogReport {
    let found = try LogScanner.scan(disk: disk, directory: directory)
    var damages: [LogDamage] = []
    if let damage = found.damage {
      damages = [damage]
      for damage in try sweep(disk, directory, found)
      where !damages.contains(where: {
        $0.file == damage.file && $0.offset == damage.offset
      }) {
        damages.append(damage)
      }
    }
    return LogReport(
      identity: found.segments.first?.head.identity, segments: found.segments.map(\.report),
      first: found.map.base.index.next, last: found.map.last, hardState: found.hardState,
      tail: found.tail, damages: damages)
  }

  /// Whether a directory holds no segment with anything in it.
  static func isMissing(disk: any Disk, directory: String) throws(StorageError) -> Bool {
    guard try disk.exists(directory) else { return true }
    for name in try disk.list(directory) {
      guard let number = LogFormat.segmentNumber(name) else { continue }
      let image = try SegmentImage.load(
        disk, directory: directory, number: number, limit: LogFormat.headBlocks)
      if !image.isBlank(from: 0) { return false }
    }
    return true
  }

  /// Every damaged block by itself, in all files, up to where the next segment says that data ends.
  private static func sweep(
    _ disk: any Disk, _ directory: String, _ found: ScannedLog
  ) throws(StorageError) -> [LogDamage] {
    var damages: [LogDamage] = []
    for name in try disk.list(directory) {
      guard let number = LogFormat.segmentNumber(name) else { continue }
      let image = try SegmentImage.load(disk, directory: directory, number: number)
      let next = found.segments.first { $0.head.previousSegment == number }
      let limit = next.map { Int($0.head.previousBlocks) } ?? image.blocks
      for block in 0..<min(limit, image.blocks) {
        guard case .damaged(let reason) = image.state(block) else { continue }
        damages.append(
          LogDamage(file: image.path, offset: block * LogFormat.blockBytes, reason: reason))
      }
    }
    return damages
  }

  /// Makes what is there durable, and forgets what was only cached.
  private func settle() throws(StorageError) {
    for name in try disk.list(directory) {
      let path = DiskPath.join(directory, name)
      if name.hasSuffix(".segment.tmp") { try disk.remove(path) }
      guard LogFormat.segmentNumber(name) != nil else { continue }
      let file = try disk.open(path, writable: true)
      try file.sync()
      try file.forgetCached()
    }
    try disk.syncDirectory(directory)
  }

  private func checkOwner(_ found: ScannedLog) throws(StorageError) {
    guard let owner = found.segments.first?.head.identity, owner != identity else { return }
    throw StorageError(
      directory,
      "this log belongs to node \(owner.node), incarnation \(owner.incarnation), genesis "
        + "\(hex(owner.genesisHash)), not to node \(identity.node), incarnation "
        + "\(identity.incarnation), genesis \(hex(identity.genesisHash))")
  }

  /// Takes what the scan found.
  private func adopt(_ found: ScannedLog) throws(StorageError) {
    var segments: [Index.Segment] = []
    let intact = found.segments.prefix(found.intact)
    for segment in intact {
      segments.append(
        Index.Segment(
          number: segment.number,
          file: try disk.open(segment.report.file, writable: found.damage == nil),
          blocksUsed: segment.report.bytesUsed / LogFormat.blockBytes,
          begins: segment.header.last))
    }
    if let last = segments.indices.last { segments[last].blocksUsed = 0 }
    let kept = segments
    index.withLock {
      $0.map = found.map
      $0.segments = kept
    }
    writer.withLock { writer in
      if let last = intact.last {
        writer.file = kept.last?.file
        writer.segment = last.number
        writer.segmentBlocks = Int(last.head.blocks)
      }
      writer.nextBlock = found.nextBlock
      writer.mustRoll = found.tail == .torn
      writer.sequence = found.sequence
      writer.chain = found.chain
      writer.last = found.map.last
      writer.hardState = found.hardState
      writer.storedState = found.storedState
      writer.claim = found.claim
      if let damage = found.damage {
        writer.failure = StorageError(damage.file, "offset \(damage.offset): \(damage.reason)")
        writer.repair = Repair(
          aside: aside(found, damage), sequence: found.newestSequence)
      }
    }
    spares.withLock { $0.nextNumber = (found.numbers.last ?? 0) + 1 }
  }

  /// The segments that are not part of the log once it is repaired: those behind the damage, and a file that is damaged
  /// as a whole.
  private func aside(_ found: ScannedLog, _ damage: LogDamage) -> [UInt64] {
    let kept = found.segments.prefix(found.intact).map(\.number)
    return found.numbers.filter { number in
      guard !kept.contains(number) else { return false }
      return path(number) == damage.file
        || number > kept.last ?? 0 && !found.blank.contains(number)
    }
  }

  /// Gives segments that are not part of the log another name, durably. Some may be gone.
  func putAside(_ numbers: [UInt64]) throws(StorageError) {
    var isChanged = false
    for number in numbers where try disk.exists(path(number)) {
      try disk.rename(path(number), to: DiskPath.join(directory, hex16(number) + ".damaged"))
      isChanged = true
    }
    if isChanged { try disk.syncDirectory(directory) }
  }

  /// Keeps one blank segment as the spare; removes other blank ones, and such whose head was never completely written.
  private func tidy(_ found: ScannedLog) throws(StorageError) {
    try putAside(found.superseded)
    var removed = found.torn
    for number in found.blank {
      let file = try disk.open(path(number), writable: true)
      let isUsable = try file.size() == options.segmentBytes
      let taken = spares.withLock { spares -> Bool in
        guard isUsable, spares.ready == nil, number > found.segments.last?.number ?? 0 else {
          return false
        }
        spares.ready = Spare(
          number: number, file: file, blocks: options.segmentBytes / LogFormat.blockBytes)
        return true
      }
      if taken { noteSpare() } else { removed.append(number) }
    }
    for number in removed { try disk.remove(path(number)) }
    if !removed.isEmpty { try disk.syncDirectory(directory) }
  }
}

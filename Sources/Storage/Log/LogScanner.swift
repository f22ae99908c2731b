// LogScanner: reads all segments in order and rebuilds the map, the hard state and the verdict on the tail.
//
// Invariants:
//   * reads only; whatever it finds, no file changes
//   * entries after the first damage are never reported, nor such before it that were replaced as far as what follows
//     it tells
// Not here: opening for writes (LogStore), the look of single groups (GroupScan).

import Raft

/// What a scan found.
struct ScannedLog {
  /// A segment with a readable head.
  struct Segment {
    var number: UInt64
    var head: SegmentHead
    var header: BlockHeader
    var chain: UInt32
    /// What its head says was lost before it.
    var claim: LogClaim
    /// It takes the place of the segments between its previous one and itself.
    var isRepair: Bool
    var report: LogReport.Segment
  }

  var segments: [Segment] = []
  /// Segments that were made and never used, and such whose head was never completely written.
  var blank: [UInt64] = []
  var torn: [UInt64] = []
  /// Segments that a repair replaced.
  var superseded: [UInt64] = []
  /// How many of `segments` are whole, or whole up to `nextBlock` (the last of them).
  var intact = 0
  var map = LogMap(base: .zero)
  var hardState = HardState()
  /// The hard state of the last whole group; `hardState` may hold a newer vote from a torn one.
  var storedState = HardState()
  /// The last group's sequence and chain value.
  var sequence: UInt64 = 0
  var chain: UInt32 = 0
  /// The first block of the last segment that was never written.
  var nextBlock = 0
  var tail = Tail.empty
  var damage: LogDamage?
  /// What damage took, now or before.
  var claim = LogClaim.none
  /// The highest sequence that any readable group has.
  var newestSequence: UInt64 = 0
  /// The numbers of all files, in order.
  var numbers: [UInt64] = []
}

struct LogScanner {
  let disk: any Disk
  let directory: String
  var log = ScannedLog()
  private let mutant: StorageMutant
  /// Files with a damaged head: nothing from the first of them on is used.
  private var damagedHeads: [(number: UInt64, damage: LogDamage)] = []
  /// How many segments come before it.
  private var usable = 0

  /// Reads the log in `directory`.
  ///
  /// - Throws: if the directory or a file's size cannot be read; damaged contents are a result, not an error.
  /// - Complexity: O(bytes of the log), holding one segment at a time.
  static func scan(
    disk: any Disk, directory: String, mutant: StorageMutant = .none
  ) throws(StorageError) -> ScannedLog {
    var scanner = LogScanner(disk: disk, directory: directory, mutant: mutant)
    try scanner.run()
    return scanner.log
  }

  private init(disk: any Disk, directory: String, mutant: StorageMutant) {
    self.disk = disk
    self.directory = directory
    self.mutant = mutant
  }

  private mutating func run() throws(StorageError) {
    let numbers = try disk.list(directory).compactMap { LogFormat.segmentNumber($0) }.sorted()
    log.numbers = numbers
    for number in numbers {
      let small = try SegmentImage.load(
        disk, directory: directory, number: number, limit: LogFormat.headBlocks)
      if readHead(small) { continue }
      _ = readHead(try SegmentImage.load(disk, directory: directory, number: number))
    }
    dropSuperseded()
    let damagedHead = damagedHeads.min { $0.number < $1.number }
    usable = log.segments.prefix { $0.number < damagedHead?.number ?? .max }.count
    for position in 0..<usable where log.damage == nil { try scanSegment(position) }
    if log.damage == nil { log.damage = damagedHead?.damage }
    checkLeftovers()
    log.newestSequence = log.sequence
    if let damage = log.damage {
      log.tail = .suspect("\(damage)")
      try assess()
    } else if log.tail == .empty, !log.torn.isEmpty {
      log.tail = .torn
    }
    if log.hardState.commit > log.map.last.index { log.hardState.commit = log.map.last.index }
  }

  /// Sorts a file into segments, blank ones and torn ones, by its head. Returns `false` if that takes the whole file
  /// and `image` is only its start.
  private mutating func readHead(_ image: SegmentImage) -> Bool {
    let number = image.number
    let isWhole = image.bytes.count >= image.fileBytes
    let expected = GroupExpectation(kind: .head)
    switch GroupScan.next(image, at: 0, limit: min(LogFormat.headBlocks, image.blocks), expected) {
    case .group(let group):
      guard case .head(let head) = group.records.first, head.segment == number,
        group.header.identity == LogFormat.checksum(of: head.identity)
      else {
        damagedHead(image, 0, "the head does not belong to this file")
        return true
      }
      if image.fileBytes != Int(head.blocks) * LogFormat.blockBytes {
        damagedHead(
          image, 0, "the file has not the size that its head says (\(head.blocks) blocks)")
      }
      let report = LogReport.Segment(
        file: image.path, number: number, groups: 0, bytesUsed: 0, entries: 0)
      log.segments.append(
        ScannedLog.Segment(
          number: number, head: head, header: group.header, chain: group.chain,
          claim: Self.claim(in: group.records), isRepair: group.records.contains(.repair),
          report: report))
    case _ where !isWhole: return false
    case .end where image.isBlank(from: 0): log.blank.append(number)
    case .end, .torn:
      let later = LogFormat.headBlocks..<max(LogFormat.headBlocks, image.blocks)
      if let block = later.first(where: { !image.headers($0).isEmpty }) {
        damagedHead(image, 0, "the head is missing, and block \(block) holds a group")
      } else {
        log.torn.append(number)
      }
    case .damage(let block, let reason): damagedHead(image, block, reason)
    }
    return true
  }

  private mutating func damagedHead(_ image: SegmentImage, _ block: Int, _ reason: String) {
    let offset = block * LogFormat.blockBytes
    damagedHeads.append(
      (image.number, LogDamage(file: image.path, offset: offset, reason: reason)))
  }

  private static func claim(in records: [LogRecord]) -> LogClaim {
    for case .claim(let claim) in records { return claim }
    return .none
  }

  /// Leaves out what a repair replaced. A later repair can replace an earlier one.
  private mutating func dropSuperseded() {
    var floor = UInt64.max
    for segment in log.segments.reversed() where segment.number < floor && segment.isRepair {
      let replaced =
        segment.head.previousSegment
        + 1..<max(
          segment.head.previousSegment + 1, segment.number)
      floor = replaced.lowerBound
      log.superseded += log.segments.map(\.number).filter(replaced.contains)
      log.superseded += damagedHeads.map(\.number).filter(replaced.contains)
      log.superseded += log.torn.filter(replaced.contains)
      log.segments.removeAll { replaced.contains($0.number) }
      log.torn.removeAll(where: replaced.contains)
      damagedHeads.removeAll { replaced.contains($0.number) }
    }
  }

  /// Reads behind the damage what the log may have held.
  private mutating func assess() throws(StorageError) {
    var reader = ClaimReader()
    let identity = log.segments.first?.header.identity
    let first = log.intact > 0 ? log.segments[log.intact - 1].number : 0
    // A head that was never finished was never followed by anything.
    let skipped = Set(log.superseded + log.torn)
    for number in log.numbers where number >= first && !skipped.contains(number) {
      let image = try SegmentImage.load(disk, directory: directory, number: number)
      let isFirst = number == first && log.intact > 0
      let next = log.segments.first { $0.head.previousSegment == number && $0.isRepair }
      reader.read(
        image, from: isFirst ? log.nextBlock : 0,
        limit: next.map { Int($0.head.previousBlocks) } ?? image.blocks, identity: identity)
    }
    var found = reader.claim(after: log.map.last)
    if let newest = reader.newest {
      if newest.sequence > log.sequence { dropReplaced(newest.last) }
      log.newestSequence = max(log.newestSequence, newest.sequence)
      adopt(newest.hardState)
      if newest.flags & BlockHeader.holdsClaim != 0 {
        // A claim begins in the head of a segment, and heads repeat it: the claim of the newest group is that of its
        // own segment's head, and not one that stood before the damage and may have ended since.
        let head = log.segments.first { $0.number == reader.newestSegment }
        let claim = head?.claim ?? .none
        found = found.joined(
          claim == .none ? LogClaim(suspect: .unknown, voteUnreadable: true) : claim)
      }
    } else {
      found = found.joined(log.claim)
    }
    log.claim = found
  }

  /// What is left may have been replaced by what is damaged. Terms never decrease along a log: an entry of a later term
  /// than that of the log's last one was replaced, and so was one behind it.
  private mutating func dropReplaced(_ last: EntryID) {
    let kept = log.map.lastEntry(within: last)
    if kept != log.map.last { log.map.truncate(after: kept) }
  }

  private mutating func scanSegment(_ position: Int) throws(StorageError) {
    let segment = log.segments[position]
    let image = try SegmentImage.load(disk, directory: directory, number: segment.number)
    guard begin(image, segment, isFirst: position == 0) else { return }
    // Its head is whole.
    log.intact = position + 1
    log.nextBlock = LogFormat.headBlocks
    let isLast = position == usable - 1
    let limit = isLast ? image.blocks : Int(log.segments[position + 1].head.previousBlocks)
    guard limit <= image.blocks, limit >= LogFormat.headBlocks else {
      return damaged(image, image.blocks - 1, "the next segment expects \(limit) blocks here")
    }
    var block = LogFormat.headBlocks
    log.tail = .clean
    scan: while block < limit {
      let expected = GroupExpectation(
        kind: .group, sequence: log.sequence + 1, previous: log.chain,
        identity: segment.header.identity)
      switch GroupScan.next(image, at: block, limit: limit, expected) {
      case .end:
        if !isLast { damaged(image, block, "a group is missing here") }
        break scan
      case .torn(let survivor):
        if isLast {
          adopt(survivor)
          log.tail = .torn
        } else {
          damaged(image, block, "a group is not whole here")
        }
        break scan
      case .damage where isLast && mutant.runs(.damageTakenForTorn):
        log.tail = .torn
        break scan
      case .damage(let bad, let reason):
        damaged(image, bad, reason)
        break scan
      case .group(let group):
        guard replay(group, in: segment.number) else {
          damaged(image, block, "the group's records do not follow the ones before them")
          break scan
        }
        count(group, position)
        block = group.blocks.upperBound
      }
    }
    log.nextBlock = block
    log.segments[position].report.bytesUsed = block * LogFormat.blockBytes
    let untouched = log.map.last == .zero && log.hardState == HardState()
    if isLast, log.tail == .clean, untouched { log.tail = .empty }
  }

  /// Checks that a segment follows what was read so far, and takes its head.
  private mutating func begin(
    _ image: SegmentImage, _ segment: ScannedLog.Segment, isFirst: Bool
  ) -> Bool {
    let header = segment.header
    if isFirst {
      log.map = LogMap(base: header.last)
    } else {
      let before = log.segments.last { $0.number < segment.number }
      guard before?.number == segment.head.previousSegment else {
        let name = LogFormat.segmentName(segment.head.previousSegment)
        damaged(image, 0, "the segment before it, \(name), is missing or has no readable head")
        return false
      }
      let follows =
        segment.isRepair ? header.sequence > log.sequence : header.sequence == log.sequence + 1
      let isHeld = log.map.term(at: header.last.index) == header.last.term
      guard follows, header.previous == log.chain,
        segment.isRepair ? isHeld : header.last == log.map.last,
        header.identity == log.segments[0].header.identity
      else {
        damaged(image, 0, "the segment does not follow the one before it")
        return false
      }
      if header.last != log.map.last { log.map.truncate(after: header.last) }
    }
    log.sequence = header.sequence
    log.chain = segment.chain
    log.hardState = header.hardState
    log.storedState = header.hardState
    log.claim = segment.claim
    return true
  }

  /// Takes a group's records into the map.
  private mutating func replay(_ group: ScannedGroup, in segment: UInt64) -> Bool {
    let place = GroupPlace(
      segment: segment, block: group.blocks.lowerBound, blocks: group.blocks.count)
    for record in group.records {
      switch record {
      case .truncate(let id):
        let known = log.map.term(at: id.index)
        guard id.index < log.map.last.index, known == nil || known == id.term,
          known != nil || id.index < log.map.base.index
        else { return false }
        log.map.truncate(after: id)
      case .entry(let entry):
        guard log.map.append(entry.id, at: place) else { return false }
      case .reset(let id): log.map = LogMap(base: id)
      case .claim(let claim): log.claim = claim
      case .head, .repair: return false
      }
    }
    let state = group.header.hardState
    guard group.header.last == log.map.last, state.term >= log.hardState.term else { return false }
    log.hardState = state
    log.storedState = state
    log.sequence = group.header.sequence
    log.chain = group.chain
    return true
  }

  /// A torn group may name a term and vote that were being stored. Nobody was told of them, and keeping them is safe:
  /// so one of the two copies of a vote is enough to keep it.
  private mutating func adopt(_ survivor: HardState?) {
    guard let survivor, survivor.term >= log.hardState.term else { return }
    if survivor.term > log.hardState.term || log.hardState.vote == nil {
      log.hardState.term = survivor.term
      log.hardState.vote = survivor.vote
    }
  }

  /// A file that some head names as the one before it must have a head itself.
  private mutating func checkLeftovers() {
    guard log.damage == nil, let last = log.segments.last else { return }
    let named = Set(log.segments.map(\.head.previousSegment))
    for number in log.blank + log.torn where named.contains(number) {
      log.damage = LogDamage(
        file: DiskPath.join(directory, LogFormat.segmentName(number)), offset: 0,
        reason: "the segment's head is gone, and later segments follow it")
    }
    if let torn = log.torn.last, torn > last.number { log.tail = .torn }
  }

  private mutating func count(_ group: ScannedGroup, _ position: Int) {
    log.segments[position].report.groups += 1
    for case .entry in group.records { log.segments[position].report.entries += 1 }
  }

  /// Keeps the first damage.
  private mutating func damaged(_ image: SegmentImage, _ block: Int, _ reason: String) {
    guard log.damage == nil else { return }
    log.damage = LogDamage(
      file: image.path, offset: block * LogFormat.blockBytes, reason: reason)
  }
}

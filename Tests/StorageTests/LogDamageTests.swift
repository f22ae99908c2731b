// LogDamageTests: flip, zero and remove durable bytes: every damage is reported with file and offset, or harmless.
//
// The one allowed exception is the last group: if one of its sectors is all zero, it cannot be told from a torn write.
// Not here: unsynced bytes at a crash (LogCrashTests).

import Raft
import Storage
import TestSupport
import Testing

@Suite struct LogDamageTests {
  /// A finished scenario's disk, and what it holds.
  private func finished() throws -> (disk: FaultDisk, log: ModelLog, segments: [String]) {
    let disk = FaultDisk()
    let run = LogRun(LogScenario.standard(cuts: false), on: disk)
    #expect(run.finished)
    let segments = try disk.list(LogScenario.directory).map { LogScenario.directory + "/" + $0 }
    return (disk, run.acknowledged, segments.filter { $0.hasSuffix(".segment") })
  }

  /// Where the tail of the log starts in its last used segment.
  private func report(_ disk: FaultDisk) throws -> LogReport {
    try LogStore.verify(disk: disk, directory: LogScenario.directory)
  }

  @Test func `one flipped bit anywhere in use is reported with its file and offset`() throws {
    let (disk, _, _) = try finished()
    let whole = try report(disk)
    #expect(whole.damages.isEmpty && whole.tail == .clean)
    var random = SeededRandom(3)
    for segment in whole.segments {
      for block in 0..<segment.bytesUsed / 4096 {
        // Header, body in each sector, sector marks, trailer; then bytes at random.
        var places = [0, 5, 40, 83, 84, 511, 512, 513, 1024, 2048, 3584, 4011, 4012, 4050, 4095]
        places += (0..<6).map { _ in Int.random(in: 0..<4096, using: &random) }
        for place in places {
          let byte = block * 4096 + place
          let damaged = disk.after(.process)
          damaged.flip(segment.file, byte: byte, bit: Int.random(in: 0..<8, using: &random))
          let found = try LogRun.reopen(damaged)
          let expected = "\(segment.file): offset \(block * 4096): "
          guard case .suspect(let reason) = found.tail, reason.hasPrefix(expected) else {
            Issue.record("flip at \(segment.file) byte \(byte): \(found.tail)")
            continue
          }
          let damages = try report(damaged).damages
          #expect(damages.map(\.file).contains(segment.file), "verify missed byte \(byte)")
        }
      }
    }
  }

  @Test func `a flipped bit where nothing was written loses nothing`() throws {
    let (disk, log, _) = try finished()
    let last = try #require(try report(disk).segments.last)
    var random = SeededRandom(4)
    for _ in 0..<50 {
      let byte = Int.random(in: last.bytesUsed..<LogScenario.options.segmentBytes, using: &random)
      let damaged = disk.after(.process)
      damaged.flip(last.file, byte: byte, bit: Int.random(in: 0..<8, using: &random))
      let found = try LogRun.reopen(damaged)
      let entries = try found.entries(after: found.base.index)
      #expect(entries == log.entries.filter { $0.index > found.base.index }, "byte \(byte)")
      #expect(found.hardState == log.hardState, "byte \(byte)")
    }
  }

  @Test func `a suspect log is left alone and refuses writes`() throws {
    let (disk, _, _) = try finished()
    let segment = try #require(try report(disk).segments.last)
    disk.flip(segment.file, byte: 3 * 4096 + 100, bit: 0)
    let before = disk.bytes(segment.file)
    let names = try disk.list(LogScenario.directory)
    let (store, found) = try LogStore.open(
      disk: disk, directory: LogScenario.directory, identity: LogScenario.identity,
      options: LogScenario.options)
    #expect(found.tail != .clean)
    let state = HardState(term: Term(99))
    #expect(throws: StorageError.self) {
      try store.write([LogWrite(sequence: 1, hardState: state)])
    }
    #expect(throws: StorageError.self) { try store.cut(upTo: found.last.index) }
    #expect(disk.bytes(segment.file) == before)
    #expect(try disk.list(LogScenario.directory) == names)
  }

  @Test func `a block that is zero, or cannot be read, is reported unless it is in the last group`()
    throws
  {
    let (disk, log, _) = try finished()
    let segments = try report(disk).segments
    for segment in segments {
      for block in 0..<segment.bytesUsed / 4096 {
        let isLastGroup = segment == segments.last && (block + 1) * 4096 == segment.bytesUsed
        let zeroed = disk.after(.process)
        zeroed.damage(segment.file) { bytes in
          for byte in block * 4096..<(block + 1) * 4096 { bytes[byte] = 0 }
        }
        let found = try LogRun.reopen(zeroed)
        if isLastGroup {
          #expect(found.last.index.value >= log.last.index.value - 1)
        } else {
          #expect(isSuspect(found), "\(segment.file) block \(block) zeroed: \(found.tail)")
        }
        let unreadable = disk.after(.process)
        unreadable.makeUnreadable(segment.file, byte: block * 4096 + 700)
        let half = try LogRun.reopen(unreadable)
        #expect(isSuspect(half), "\(segment.file) block \(block) unreadable: \(half.tail)")
      }
    }
  }

  @Test func `an unreadable block behind the end makes the log suspect`() throws {
    let (disk, _, _) = try finished()
    let last = try #require(try report(disk).segments.last)
    disk.makeUnreadable(last.file, byte: last.bytesUsed + 700)
    #expect(isSuspect(try LogRun.reopen(disk)))
  }

  @Test func `a segment that is missing, shortened, swapped or foreign is reported`() throws {
    let (disk, _, _) = try finished()
    let segments = try report(disk).segments
    #expect(segments.count >= 3)
    let middle = segments[segments.count - 2].file
    let missing = disk.after(.process)
    try missing.remove(middle)
    #expect(isSuspect(try LogRun.reopen(missing)))
    let shortened = disk.after(.process)
    shortened.damage(segments[segments.count - 1].file) { $0.removeLast(4096) }
    #expect(isSuspect(try LogRun.reopen(shortened)))
    let ragged = disk.after(.process)
    ragged.damage(segments[segments.count - 1].file) { $0.removeLast(1) }
    #expect(isSuspect(try LogRun.reopen(ragged)))
    let swapped = disk.after(.process)
    let copy = disk.bytes(segments[0].file)
    swapped.damage(middle) { $0 = copy }
    #expect(isSuspect(try LogRun.reopen(swapped)))
  }

  @Test func `a block of an earlier place is not taken for a later one`() throws {
    let (disk, _, _) = try finished()
    let segment = try #require(try report(disk).segments.first { $0.bytesUsed >= 4 * 4096 })
    disk.damage(segment.file) { bytes in
      let earlier = Array(bytes[2 * 4096..<3 * 4096])
      bytes.replaceSubrange(3 * 4096..<4 * 4096, with: earlier)
    }
    #expect(isSuspect(try LogRun.reopen(disk)))
  }

  @Test func `a segment of another history of the same node is reported`() throws {
    // Two logs with the same identity, sizes, terms and indexes: only the payloads differ.
    func history(_ seed: UInt64) throws -> FaultDisk {
      var script = LogScenario(seed: seed)
      for _ in 0..<8 { script.append(term: 1, sizes: [9001]) }
      let disk = FaultDisk()
      #expect(LogRun(script, on: disk).finished)
      return disk
    }
    let disk = try history(5)
    let other = try history(6)
    let segments = try report(disk).segments
    #expect(segments.count >= 3)
    for segment in segments {
      let mixed = disk.after(.process)
      let bytes = other.bytes(segment.file)
      #expect(bytes != mixed.bytes(segment.file))
      mixed.damage(segment.file) { $0 = bytes }
      #expect(isSuspect(try LogRun.reopen(mixed)), "\(segment.file)")
    }
    // The last group of another history: every checksum of its own is right.
    let last = try #require(segments.last)
    let group = last.bytesUsed - 3 * 4096..<last.bytesUsed
    let bytes = other.bytes(last.file)
    disk.damage(last.file) { $0.replaceSubrange(group, with: bytes[group]) }
    let found = try LogRun.reopen(disk)
    #expect(isSuspect(found) && "\(found.tail)".contains("does not follow"), "\(found.tail)")
  }

  @Test func `a segment that became all zero is not taken for an unused one`() throws {
    let (disk, _, _) = try finished()
    let segments = try report(disk).segments
    for segment in segments.dropLast() {
      let zeroed = disk.after(.process)
      zeroed.damage(segment.file) { $0 = [UInt8](repeating: 0, count: $0.count) }
      #expect(isSuspect(try LogRun.reopen(zeroed)), "\(segment.file)")
    }
  }

  @Test func `a damaged group is not torn if anything follows it`() throws {
    let disk = FaultDisk()
    var script = LogScenario(seed: 2)
    script.append(term: 1, sizes: [10])
    script.append(term: 1, sizes: [10])
    #expect(LogRun(script, on: disk).finished)
    let segment = try #require(try report(disk).segments.last)
    #expect(segment.bytesUsed == 5 * 4096)
    // Zero a sector of the first group, and make the header and trailer of the second one unreadable.
    disk.damage(segment.file) { bytes in
      for byte in 2 * 4096 + 512..<2 * 4096 + 1024 { bytes[byte] = 0 }
      bytes[4 * 4096] ^= 1
      bytes[5 * 4096 - 1] ^= 1
    }
    #expect(isSuspect(try LogRun.reopen(disk)))
  }

  @Test func `a vote survives the loss of either of its two blocks`() throws {
    for lost in 0..<2 {
      let disk = FaultDisk()
      var script = LogScenario(seed: 1)
      script.append(term: 1, sizes: [10])
      script.vote(term: 7, for: 3)
      #expect(LogRun(script, on: disk).finished)
      let segment = try #require(try report(disk).segments.last)
      let start = segment.bytesUsed - (2 - lost) * 4096
      disk.damage(segment.file) { bytes in
        for byte in start..<start + 4096 { bytes[byte] = 0 }
      }
      let found = try LogRun.reopen(disk)
      #expect(found.hardState.term == Term(7) && found.hardState.vote == NodeID(3))
      #expect(found.tail == .torn)
    }
  }

  @Test func `a log of another node or cluster is refused with both names`() throws {
    let (disk, _, _) = try finished()
    var other = LogScenario.identity
    other.node = NodeID(3)
    let error = #expect(throws: StorageError.self) {
      _ = try LogStore.open(disk: disk, directory: LogScenario.directory, identity: other)
    }
    let text = try #require(error).description
    #expect(text.contains("node 2") && text.contains("node 3"), "\(text)")
  }

  private func isSuspect(_ found: RecoveredLog) -> Bool {
    if case .suspect = found.tail { return true }
    return false
  }
}

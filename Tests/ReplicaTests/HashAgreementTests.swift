// HashAgreementTests: counting the voters' state hashes.

import Raft
import Storage
import TestSupport
import Testing
import Wire

@testable import Replica

@Suite struct HashAgreementTests {
  static func members(_ ids: ClosedRange<UInt64>) -> [Member] {
    ids.map { Member(id: NodeID($0), incarnation: $0 * 10) }
  }

  static let three = configuration(1...3)

  static func configuration(
    _ voters: ClosedRange<UInt64>, outgoing: ClosedRange<UInt64>? = nil,
    learners: [UInt64] = []
  ) -> Configuration {
    guard
      let made = Configuration(
        voters: members(voters), outgoing: outgoing.map { members($0) } ?? [],
        learners: learners.map { Member(id: NodeID($0), incarnation: $0 * 10) })
    else { preconditionFailure("a test's configuration") }
    return made
  }

  static func report(_ node: UInt64, _ hash: UInt128, at index: UInt64 = 64) -> HashReport {
    HashReport(node: NodeID(node), incarnation: node * 10, index: index, hash: hash)
  }

  static func table(
    _ reports: [HashReport], _ configuration: Configuration = three, learners: Bool = false
  ) -> HashAgreement {
    var table = HashAgreement()
    for report in reports {
      _ = table.count(report, configuration, countsLearners: learners)
    }
    return table
  }

  @Test func `a majority decides, and who differs is named`() {
    let table = Self.table([Self.report(1, 7), Self.report(3, 8), Self.report(2, 7)])
    #expect(table.points.map(\.agreed) == [7])
    #expect(table.points[0].dissenters == [NodeID(3)])
    #expect(table.lastAgreed == HashSample(index: 64, hash: 7))
    #expect(table.divided == nil)
  }

  @Test func `a state is trusted once a majority had the same behind it`() {
    func trust(
      _ reports: [HashReport], _ samples: [HashSample], since index: UInt64 = 60,
      without node: UInt64 = 9
    ) -> StateTrust {
      Self.table(reports).trust(in: samples, since: index) { $0.value != node }
    }
    let own = [HashSample(index: 64, hash: 7)]
    #expect(trust([], own) == .open)
    #expect(trust([Self.report(1, 7)], own) == .open)
    #expect(trust([Self.report(1, 7), Self.report(2, 7)], own) == .agreed)
    #expect(trust([Self.report(1, 7), Self.report(2, 7)], own, since: 65) == .open)
    #expect(trust([Self.report(1, 7), Self.report(2, 8)], own) == .disputed)
    #expect(trust([Self.report(1, 7), Self.report(2, 8)], own, since: 65) == .disputed)
    #expect(trust([Self.report(2, 8)], own) == .disputed)
    #expect(trust([Self.report(1, 7), Self.report(2, 8)], own, without: 2) == .open)
    let later = [Self.report(1, 6, at: 96), Self.report(3, 5, at: 96)]
    let both = own + [HashSample(index: 96, hash: 5)]
    #expect(trust([Self.report(1, 7), Self.report(2, 7)] + later, both) == .agreed)
    #expect(trust(later, both) == .disputed)
  }

  @Test func `a voice about a state that was replaced is known as one`() {
    let table = Self.table([Self.report(1, 7), Self.report(2, 8)])
    #expect(table.hasOldReport(of: NodeID(1), before: 65, []))
    #expect(!table.hasOldReport(of: NodeID(1), before: 64, []))
    #expect(!table.hasOldReport(of: NodeID(3), before: 65, []))
    // It started from an older state, and came to another one this time.
    #expect(!table.hasOldReport(of: NodeID(1), before: 0, [HashSample(index: 64, hash: 7)]))
    #expect(table.hasOldReport(of: NodeID(1), before: 0, [HashSample(index: 64, hash: 8)]))
    #expect(table.dispute { _ in true }?.index == 64)
    #expect(table.dispute { $0.value != 2 } == nil)
    let decided = Self.table([Self.report(1, 7), Self.report(2, 8), Self.report(3, 7)])
    #expect(!decided.hasOldReport(of: NodeID(2), before: 65, [HashSample(index: 64, hash: 9)]))
    #expect(decided.dispute { _ in true } == nil)
  }

  @Test func `samples that came with another node's state are not told as the own`() throws {
    var record = StateRecord()
    record.keep(by: Member(id: NodeID(1), incarnation: 10))
    record.take(HashSample(index: 64, hash: 7), with: HashAgreement())
    var batch = RowBatch()
    record.collectRows(into: &batch)
    let store = MemoryStore()
    store.write(batch)
    let row = try #require(store.row(ReplicaRows.recordKey))
    var same = try StateRecord(decoding: row)
    same.keep(by: Member(id: NodeID(1), incarnation: 10))
    #expect(same.ownFrom == 0 && same.samples.map(\.index) == [64])
    var other = try StateRecord(decoding: row)
    other.keep(by: Member(id: NodeID(2), incarnation: 20))
    #expect(other.ownFrom == 65)
    other.take(HashSample(index: 96, hash: 7), with: HashAgreement())
    #expect(other.samples.filter { $0.index >= other.ownFrom }.map(\.index) == [96])
  }

  @Test func `a contradiction is kept until it is decided, and with it the own sample`() throws {
    var table = Self.table([Self.report(1, 7), Self.report(2, 8)])
    var record = StateRecord()
    record.take(HashSample(index: 64, hash: 7), with: table)
    func trust() -> StateTrust {
      table.trust(in: record.samples, since: 60) { _ in true }
    }
    for i in 1...50 as ClosedRange<UInt64> {
      let index = 64 + 32 * i
      record.take(HashSample(index: index, hash: UInt128(i)), with: table)
      _ = table.count(Self.report(1, UInt128(i), at: index), Self.three)
      #expect(trust() == .disputed, "after \(i) points")
      #expect(table.dispute { _ in true }?.index == 64)
    }
    #expect(table.points.count == HashAgreement.pointsMax + 1)
    #expect(record.samples.first?.index == 64)
    #expect(record.samples.count <= HashAgreement.pointsMax + 2)
    #expect(try HashAgreement(decoding: table.encoded) == table)
    var batch = RowBatch()
    record.collectRows(into: &batch)
    let store = MemoryStore()
    store.write(batch)
    let row = try #require(store.row(ReplicaRows.recordKey))
    #expect(try StateRecord(decoding: row).samples == record.samples)
    // What was forgotten is too old; what is held can still be decided, and then nobody is in doubt.
    #expect(table.hasReport(of: NodeID(3), at: 96) && !table.hasReport(of: NodeID(3), at: 64))
    _ = table.count(Self.report(3, 8), Self.three)
    #expect(table.lastAgreed == HashSample(index: 64, hash: 8))
    record.compare(with: table)
    #expect(record.fence?.index == 64 && record.fence?.own == 7)
    _ = table.count(Self.report(2, 1, at: 5000), Self.three)
    #expect(table.points.count == HashAgreement.pointsMax)
    #expect(table.dispute { _ in true } == nil)
  }

  @Test func `a contradiction is over once a majority agrees at a later point`() {
    var table = Self.table([Self.report(1, 7), Self.report(2, 8)])
    for node in [1, 2] as [UInt64] { _ = table.count(Self.report(node, 9, at: 96), Self.three) }
    #expect(table.dispute { _ in true } == nil)
    for i in 4...12 as ClosedRange<UInt64> {
      _ = table.count(Self.report(1, 5, at: 32 * i), Self.three)
    }
    #expect(table.points.map(\.index) == (5...12).map { 32 * $0 })
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `of many contradictions the newest of each two voters is kept`(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let seven = Self.configuration(1...7)
    var table = HashAgreement()
    var newest: [[UInt64]: UInt64] = [:]
    for i in 1...400 as ClosedRange<UInt64> {
      // Two or three that differ, out of those who speak at this time.
      let first = i / 40 % 5 + 1
      let speaking = Set((0..<3).map { _ in first + random.next() % 3 }).sorted()
      for node in speaking {
        _ = table.count(Self.report(node, UInt128(node), at: i * 8), seven)
        for other in speaking where other < node { newest[[other, node]] = i * 8 }
      }
      let indexes = Set(table.points.map(\.index))
      #expect(newest.values.allSatisfy { indexes.contains($0) }, "seed \(seed), point \(i)")
      #expect(indexes.count <= HashAgreement.pointsMax + 21, "seed \(seed), point \(i)")
    }
    #expect(table.points.count > HashAgreement.pointsMax, "seed \(seed)")
    #expect(try HashAgreement(decoding: table.encoded) == table)
    var old = table.encoded
    old[1] = 1
    #expect(throws: WireError.self) { try HashAgreement(decoding: old) }
    // Who votes no more holds nothing.
    let two = Self.configuration(8...9)
    _ = table.count(HashReport(node: NodeID(8), incarnation: 80, index: 4000, hash: 1), two)
    #expect(table.points.count == HashAgreement.pointsMax)
  }

  @Test func `one voice of three decides nothing, and neither do two that differ`() {
    #expect(Self.table([Self.report(1, 7)]).lastAgreed == nil)
    let two = Self.table([Self.report(1, 7), Self.report(2, 8)])
    #expect(two.lastAgreed == nil)
    #expect(two.divided == nil, "the third may still decide")
  }

  @Test func `three hashes of three voters halt, until a later index is agreed on`() {
    var table = Self.table([Self.report(1, 7), Self.report(2, 8), Self.report(3, 9)])
    #expect(table.divided == 64)
    _ = table.count(Self.report(1, 5, at: 96), Self.three)
    _ = table.count(Self.report(2, 5, at: 96), Self.three)
    #expect(table.divided == nil)
  }

  @Test func `two voters that differ halt, and one alone agrees with itself`() {
    let two = Self.table([Self.report(1, 7), Self.report(2, 8)], Self.configuration(1...2))
    #expect(two.divided == 64)
    let one = Self.table([Self.report(1, 7)], Self.configuration(1...1))
    #expect(one.lastAgreed?.hash == 7)
  }

  @Test func `a voter's first report counts, a second changes nothing`() {
    let table = Self.table([Self.report(1, 7), Self.report(1, 8), Self.report(2, 8)])
    #expect(table.lastAgreed == nil)
    #expect(table.points[0].votes.map(\.hash) == [7, 8])
  }

  @Test func `learners, strangers and other incarnations do not count`() {
    let configuration = Self.configuration(1...3, learners: [4, 5])
    var old = Self.report(2, 7)
    old.incarnation = 1
    let reports = [Self.report(1, 7), Self.report(4, 7), Self.report(5, 7), Self.report(9, 7), old]
    #expect(Self.table(reports, configuration).points.map(\.votes.count) == [1])
    #expect(Self.table(reports, configuration).lastAgreed == nil)
    // The planted fault makes a majority of one voter and two learners.
    #expect(Self.table(reports, configuration, learners: true).lastAgreed?.hash == 7)
  }

  @Test func `a joint configuration needs both majorities`() {
    let joint = Self.configuration(3...5, outgoing: 1...3)
    let new = Self.table([Self.report(4, 7), Self.report(5, 7)], joint)
    #expect(new.lastAgreed == nil)
    let both = Self.table([Self.report(4, 7), Self.report(3, 7), Self.report(1, 7)], joint)
    #expect(both.lastAgreed?.hash == 7)
  }

  @Test func `only the newest indexes are kept, and bytes give the same table`() throws {
    var table = HashAgreement()
    for i in 1...20 as ClosedRange<UInt64> {
      _ = table.count(Self.report(1, UInt128(i), at: i * 8), Self.three)
      if i % 3 == 0 { _ = table.count(Self.report(2, UInt128(i), at: i * 8), Self.three) }
    }
    #expect(table.points.map(\.index) == (13...20).map { $0 * 8 })
    #expect(table.count(Self.report(2, 1, at: 8), Self.three) == false)
    #expect(try HashAgreement(decoding: table.encoded) == table)
    #expect(throws: WireError.self) { try HashAgreement(decoding: table.encoded.dropLast()) }
  }
}

extension HashAgreement {
  init(decoding bytes: ArraySlice<UInt8>) throws(WireError) {
    try self.init(decoding: Array(bytes))
  }

  /// Found by the simulator: where commits were slow, each repetition of a report became an entry of its own, and soon
  /// nothing else was committed.
  @Test func `a repeated report is one entry a term, however long it takes to commit`() throws {
    var node = try GreetingTests.coordinator(voters: [1])
    var effects = Effects()
    var now = GreetingTests.now
    /// Ticks, and counts the entries with reports; they are committed only if the disk keeps up.
    func run(_ ticks: Int, reported: Bool, commits: Bool) throws -> Int {
      var found = 0
      for _ in 0..<ticks {
        now = Moment(monotonic: now.monotonic + 10_000, wall: now.wall + 10_000)
        if reported {
          let report = PeerMessage(wall: now.wall, .report(HashAgreementTests.report(2, 7, at: 1)))
          node.receive(report, from: NodeID(2), now, &effects)
        }
        node.tick(now, &effects)
        let writes = effects.writes
        effects.removeAll()
        for write in writes {
          for entry in write.entries where entry.kind == .command {
            found += try EntryPayload(decoding: entry.payload).notes.isEmpty ? 0 : 1
          }
          if commits { node.logPersisted(write.sequence, now, &effects) }
        }
      }
      return found
    }
    #expect(try run(200, reported: false, commits: true) == 0)
    #expect(node.role == .leader && node.appliedIndex > 1)
    #expect(try run(100, reported: true, commits: false) == 1)
  }
}

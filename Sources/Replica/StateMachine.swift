// StateMachine: everything that the log decides: the exchange, the duplicate table and the applied marker.
//
// Invariants:
//   * a pure function of the entries: no clock, no randomness, no iteration over hashed collections
//   * an entry is applied whole or not at all; what cannot be decoded is a fault before anything changes, and so is
//     a level that this program does not know: the cluster's other programs apply it
//   * a request id changes the state at most once
//   * rows hold all of it: `init(loading:)` gives the same state, hash and future
// * where the voters compare state hashes (`hashInterval`, Note.point), `endsRun` is set: the
//   caller collects the rows
//     before it applies more, so that the hash belongs to that very index
// Not here: when to apply (Coordinator), and what a command does (Exchange).

import Engine
import Raft
import Wire

/// Why an entry cannot be applied. `apply` halts; it would halt on every replica that runs this program.
public struct ApplyFault: Error, Hashable, Sendable, CustomStringConvertible {
  public var index: UInt64
  public var description: String
}

/// The replicated state of one node.
public struct StateMachine: ~Copyable {
  /// A client's time may be this far ahead of the stamp, exclusive. Microseconds.
  static let aheadLimit: Int64 = 1_000_000
  /// The depth window of market data. Microseconds.
  static let windowLength: Int64 = 100_000

  private(set) var exchange: Exchange
  private var duplicates: DuplicateTable
  /// Of the running entry.
  private var requests = RequestBatch()
  /// What the voters' hashes amount to.
  public private(set) var agreement = HashAgreement()
  private var agreementHash: UInt128 = 0
  private var agreementIsDirty = false
  /// The own hashes, and whether they were found wrong.
  private(set) var record = StateRecord()
  /// Every how many log indexes the voters compare their state hashes. The same on every node.
  let hashInterval: UInt64
  /// True behind an entry at which hashes are compared, until `collectRows`.
  package private(set) var endsRun = false
  /// How far the log is applied. Its `stateHash` is that of the last `collectRows`.
  public private(set) var marker: AppliedMarker
  /// Since start.
  public private(set) var commandsApplied: UInt64 = 0
  public private(set) var duplicatesAnswered: UInt64 = 0
  var plants = Plants()
  /// A planted fault: a raise of the level that is one entry late, in lives where it is.
  private var lateRaise: Request?
  var raisesLate = false

  /// The level of behaviour in force.
  var level: UInt32 { exchange.settings.level }

  /// Enough that the reports, three entries for three voters, do not matter.
  public static let standardHashInterval: UInt64 = 4096

  /// An empty state, before the first entry.
  public init(
    hashInterval: UInt64 = StateMachine.standardHashInterval,
    newestLevel: UInt32 = Behaviour.newest
  ) {
    precondition(hashInterval > 0, "hashes are compared at some interval")
    self.hashInterval = hashInterval
    exchange = Exchange()
    exchange.newestLevel = newestLevel
    duplicates = DuplicateTable()
    marker = .initial
  }

  /// Rebuilds the state from rows alone.
  ///
  /// - Throws: `ProgramTooOld` if their level is above `newestLevel`; `ReplicaError`, or what the rows throw, if they
  ///   cannot be read or do not add up.
  public init(
    loading rows: any RowReader, hashInterval: UInt64 = StateMachine.standardHashInterval,
    newestLevel: UInt32 = Behaviour.newest
  ) throws {
    precondition(hashInterval > 0, "hashes are compared at some interval")
    let marker = try AppliedMarker.load(rows) ?? .initial
    let level = try StateSummary.level(of: rows)
    guard level <= newestLevel else { throw ProgramTooOld(level: level, newest: newestLevel) }
    var exchange = try Exchange(loading: rows)
    exchange.newestLevel = newestLevel
    let duplicates = try DuplicateTable(loading: rows, stamp: marker.stamp)
    let (agreement, agreementHash, record) = try Self.agreement(rows)
    let hash = exchange.stateHash &+ duplicates.hash &+ agreementHash &+ marker.logicalHash
    guard marker.applied.index == .zero || hash == marker.stateHash else {
      throw ReplicaError(
        "the stored rows do not add up to the state hash of index \(marker.applied.index):"
          + " the store is damaged")
    }
    self.hashInterval = hashInterval
    self.marker = marker
    self.exchange = exchange
    self.duplicates = duplicates
    self.agreement = agreement
    self.agreementHash = agreementHash
    self.record = record
  }

  private static func agreement(
    _ rows: any RowReader
  ) throws -> (HashAgreement, UInt128, StateRecord) {
    let table = try rows.row(ReplicaRows.agreementKey)
    let record = try rows.row(ReplicaRows.recordKey)
    do throws(WireError) {
      let hash = table.map { RowHash.of(key: ReplicaRows.agreementKey, value: $0) } ?? 0
      return (
        try table.map { bytes throws(WireError) in try HashAgreement(decoding: bytes) }
          ?? HashAgreement(), hash,
        try record.map { bytes throws(WireError) in try StateRecord(decoding: bytes) }
          ?? StateRecord()
      )
    } catch {
      throw ReplicaError("the rows about state hashes cannot be read: \(error)")
    }
  }

  /// Applies the entry after `marker.applied`. Throws before anything changed.
  package mutating func apply(
    _ entry: Entry, _ events: inout EventBatch, _ outcomes: inout AppliedOutcomes
  ) throws(ApplyFault) {
    precondition(entry.index == marker.applied.index.next, "entries are applied in order")
    precondition(!endsRun, "rows are collected where hashes are compared")
    switch entry.kind {
    case .noop:
      events.begin(index: entry.index.value, stamp: marker.stamp)
    case .configuration:
      do throws(WireError) {
        marker.configuration = try Configuration(decoding: entry.payload)
      } catch {
        throw ApplyFault(entry.index, "the configuration cannot be decoded (\(error))")
      }
      events.begin(index: entry.index.value, stamp: marker.stamp)
    case .command:
      let payload: EntryPayload
      do throws(EntryPayload.Fault) {
        payload = try EntryPayload.decode(entry.payload, into: &requests)
      } catch {
        throw ApplyFault(entry.index, error.description)
      }
      guard payload.stamp >= marker.stamp else {
        throw ApplyFault(entry.index, "the stamp \(payload.stamp) is before \(marker.stamp)")
      }
      if !requests.isPlain, let level = requests.level, level > exchange.newestLevel {
        throw ApplyFault(
          entry.index,
          "the entry raises the level to \(level), and this program applies levels up to"
            + " \(exchange.newestLevel): it is too old; start the newer program")
      }
      apply(payload, at: entry.index.value, &events, &outcomes)
    }
    marker.applied = entry.id
    if entry.index.value % hashInterval == 0 { endsRun = true }
  }

  // Applies what was decoded into `requests`.
  private mutating func apply(
    _ payload: EntryPayload, at index: UInt64, _ events: inout EventBatch,
    _ outcomes: inout AppliedOutcomes
  ) {
    marker.stamp = payload.stamp
    if payload.stamp >= marker.windowEnd { marker.windowEnd = 0 }
    duplicates.advance(to: payload.stamp)
    events.begin(index: index, stamp: payload.stamp)
    if let late = lateRaise {
      lateRaise = nil
      _ = exchange.apply(late, stamp: payload.stamp, &events)
    }
    let levels = events.levelCount
    let isPlain = requests.isPlain
    for position in 0..<requests.count {
      commandsApplied += 1
      if position % Exchange.foresight == 0 { foresee(position) }
      apply(position, isPlain, at: index, payload.stamp, &events, &outcomes)
    }
    duplicates.seal()
    for note in payload.notes { apply(note) }
    if marker.windowEnd == 0, events.levelCount > levels {
      marker.windowEnd = (payload.stamp / Self.windowLength + 1) * Self.windowLength
    }
  }

  // Memory is slow and answers many at a time: what the next requests will look up is asked for
  // before the first of them runs. Nothing depends on it.
  private func foresee(_ first: Int) {
    let next = first..<min(first + Exchange.foresight, requests.count)
    if next.count < 2 { return }
    for position in next { duplicates.fetch(requests.header(position).requestID) }
    exchange.foresee(requests, next)
  }

  private mutating func apply(_ note: Note) {
    switch note {
    case .point: endsRun = true
    case .hash(let report):
      // A report is about the past; nothing is counted before there are voters.
      guard report.index <= marker.applied.index.value, let configuration = marker.configuration
      else { return }
      let isLearner = !configuration.isVoter(report.node)
      let countsLearners = isLearner && plants.has(.learnersCountInHash)
      var plants = plants
      let isCounted = agreement.count(report, configuration, countsLearners: countsLearners) {
        plants.has(.forgetsContradictions)
      }
      self.plants = plants
      guard isCounted else { return }
      agreementIsDirty = true
      record.compare(with: agreement)
    }
  }

  /// One request: a recorded outcome first, then its times, then the exchange.
  private mutating func apply(
    _ position: Int, _ isPlain: Bool, at index: UInt64, _ stamp: Int64, _ events: inout EventBatch,
    _ outcomes: inout AppliedOutcomes
  ) {
    let header = requests.header(position)
    let id = header.requestID
    let known = duplicates.find(id)
    if known >= 0, !plants.has(.ignoreDuplicates),
      stamp <= header.deadline || !plants.has(.deadlineBeforeDuplicates)
    {
      duplicatesAnswered += 1
      let record = duplicates.record(at: known)
      outcomes.append(id, index: record.index, stamp: record.stamp, reply: record.reply)
      return
    }
    let start = outcomes.bytes.count
    if header.timestamp >= stamp &+ Self.aheadLimit {
      ReplyCodec.pack(.rejected(.timestampAhead), at: stamp, into: &outcomes.bytes)
    } else if stamp > header.deadline, !plants.has(.ignoreDeadline) {
      ReplyCodec.pack(.rejected(.deadlinePassed), at: stamp, into: &outcomes.bytes)
    } else if !isPlain, isLate(position) {
      ReplyCodec.pack(.done, at: stamp, into: &outcomes.bytes)
    } else {
      exchange.apply(requests, at: position, stamp: stamp, &events, reply: &outcomes.bytes)
      if !isPlain, let mark = requests.genesis(position),
        outcomes.reply(from: start, at: stamp) == .done
      {
        found(mark)
      }
    }
    outcomes.end(id, index: index, stamp: stamp, from: start)
    if known >= 0 { return }
    let account = account(of: header.key)
    outcomes.withReply(from: start) { reply in
      duplicates.put(
        new: id, index: index, stamp: stamp, deadline: header.deadline, account: account,
        reply: reply)
    }
  }

  /// A planted fault: whether the request is a raise that takes effect with the next entry.
  private mutating func isLate(_ position: Int) -> Bool {
    guard raisesLate, case .setLevel(let set) = requests.command(position), set.level > level,
      plants.has(.raisesLate)
    else { return false }
    lateRaise = requests[position]
    return true
  }

  /// The state is `node`'s from now on, whoever it came from.
  mutating func keep(by node: Member) { record.keep(by: node) }

  private mutating func found(_ mark: GenesisMark) {
    marker.genesisHash = mark.hash
    marker.clusterID = mark.clusterID
  }

  /// The recorded outcome of a request, if it is still kept.
  func outcome(of id: RequestID) -> AppliedOutcome? {
    guard !plants.bugs.contains(.ignoreDuplicates), let record = duplicates.record(id) else {
      return nil
    }
    return AppliedOutcome(
      request: id, reply: AppliedOutcomes.decode(record.reply, at: record.stamp),
      index: record.index, stamp: record.stamp)
  }

  /// Whether an outcome of a request with this deadline would still be kept.
  func remembers(deadline: Int64) -> Bool { duplicates.remembers(deadline: deadline) }

  /// Adds all rows that changed since the last call, the marker among them, and brings the state hash up to date.
  public mutating func collectRows(into batch: inout RowBatch) {
    duplicates.collectRows(into: &batch)
    if !batch.isEmpty, plants.has(.rowsWithoutDuplicates) { batch.removeAll() }
    exchange.collectRows(into: &batch)
    if agreementIsDirty {
      agreementIsDirty = false
      let row = agreement.encoded
      agreementHash = RowHash.of(key: ReplicaRows.agreementKey, value: row)
      batch.put(ReplicaRows.agreementKey, row)
    }
    marker.stateHash = currentHash
    if endsRun {
      endsRun = false
      record.take(
        HashSample(index: marker.applied.index.value, hash: marker.stateHash), with: agreement)
      record.compare(with: agreement)
    }
    record.collectRows(into: &batch)
    if plants.has(.rowsWithoutMarker) { return }
    batch.put(ReplicaRows.markerKey, ReplicaRows.markerValue(marker))
  }

  private var currentHash: UInt128 {
    exchange.stateHash &+ duplicates.hash &+ agreementHash &+ marker.logicalHash
  }

  /// How long a lasting change of the state stays: longer than any test. Microseconds.
  private static let corruptionLength: Int64 = 400 * 86_400_000_000

  /// Changes the state as a fault of memory would: rows and hash go along.
  mutating func corrupt(lasting: Bool) {
    let id = RequestID(UInt64.max, UInt64.max, UInt64.max, marker.applied.index.value)
    guard !duplicates.holds(id) else { return }
    duplicates.put(
      id,
      DuplicateTable.Record(
        index: marker.applied.index.value, stamp: marker.stamp,
        deadline: marker.stamp + (lasting ? Self.corruptionLength : 0), account: .operator,
        reply: ReplyCodec.encode(.done, at: marker.stamp)))
  }

  /// Who the key belongs to. Whoever presents a key that does not exist is nobody's customer, and counts as the
  /// operator, who is bound by no share: the edge lets no such request through.
  func account(of key: KeyID) -> AccountID { exchange.account(of: key) ?? .operator }

  /// What the account's recorded outcomes amount to.
  func duplicates(of account: AccountID) -> DuplicateTable.Usage { duplicates.usage(of: account) }

  /// Outcomes kept, and the bytes of their replies.
  public var duplicatesCount: Int { duplicates.count }
  public var duplicateBytes: Int { duplicates.replyBytes }

  /// Open orders of all accounts.
  package var exchangeOpenOrders: Int { exchange.openOrders }

  /// Broken invariants of the exchange, for tests; empty if all is well.
  public borrowing func checkInvariants() -> [String] { exchange.checkInvariants() }

  /// The sum over all accounts per asset, for tests; all 0.
  public borrowing func conservation() -> [(AssetID, Int128)] { exchange.conservation() }
}

extension ApplyFault {
  init(_ index: LogIndex, _ description: String) {
    self.index = index.value
    self.description = description
  }
}

// StateMachine: everything that the log decides: the exchange, the duplicate table and the applied marker.
//
// Invariants:
//   * a pure function of the entries: no clock, no randomness, no iteration over hashed collections
//   * an entry is applied whole or not at all; what cannot be decoded is a fault before anything changes
//   * a request id changes the state at most once
//   * rows hold all of it: `init(loading:)` gives the same state, hash and future
// Not here: when to apply (Coordinator), and what a command does (Exchange).

import Engine
import Raft
import Wire

/// Why an entry cannot be applied. `apply` halts; it would halt on every replica that runs this program.
public struct ApplyFault: Error, Hashable, Sendable, CustomStringConvertible {
  public var index: UInt64
  public var description: String
}

/// Bugs that tests plant to see that their checks find them. All off outside of tests.
struct PlantedBugs: OptionSet, Sendable {
  let rawValue: Int
  /// Applies a repeated request again.
  static let ignoreDuplicates = PlantedBugs(rawValue: 1)
  /// Leaves the applied marker out of the rows.
  static let rowsWithoutMarker = PlantedBugs(rawValue: 2)
  /// Answers a write when it is proposed.
  static let answerBeforeCommit = PlantedBugs(rawValue: 4)
  /// Executes past the deadline.
  static let ignoreDeadline = PlantedBugs(rawValue: 8)
  /// Hands rows out before the own log is durable.
  static let rowsBeforeDurable = PlantedBugs(rawValue: 16)
  /// Forgets to write the rows of the duplicate table.
  static let rowsWithoutDuplicates = PlantedBugs(rawValue: 32)
}

/// The replicated state of one node.
public struct StateMachine: ~Copyable {
  /// A client's time may be this far ahead of the stamp, exclusive. Microseconds.
  static let aheadLimit: Int64 = 1_000_000
  /// The depth window of market data. Microseconds.
  static let windowLength: Int64 = 100_000

  private(set) var exchange: Exchange
  private var duplicates: DuplicateTable
  /// How far the log is applied. Its `stateHash` is that of the last `collectRows`.
  public private(set) var marker: AppliedMarker
  /// Since start.
  public private(set) var commandsApplied: UInt64 = 0
  public private(set) var duplicatesAnswered: UInt64 = 0
  var bugs: PlantedBugs = []

  /// An empty state, before the first entry.
  public init() {
    exchange = Exchange()
    duplicates = DuplicateTable()
    marker = .initial
  }

  /// Rebuilds the state from rows alone.
  public init(loading rows: any RowReader) throws {
    let marker = try AppliedMarker.load(rows) ?? .initial
    let exchange = try Exchange(loading: rows)
    let duplicates = try DuplicateTable(loading: rows, stamp: marker.stamp)
    let hash = exchange.stateHash &+ duplicates.hash &+ marker.logicalHash
    guard marker.applied.index == .zero || hash == marker.stateHash else {
      throw ReplicaError(
        "the stored rows do not add up to the state hash of index \(marker.applied.index):"
          + " the store is damaged")
    }
    self.marker = marker
    self.exchange = exchange
    self.duplicates = duplicates
  }

  /// Applies the entry after `marker.applied`. Throws before anything changed.
  package mutating func apply(
    _ entry: Entry, _ events: inout EventBatch, _ outcomes: inout AppliedOutcomes
  ) throws(ApplyFault) {
    precondition(entry.index == marker.applied.index.next, "entries are applied in order")
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
        payload = try EntryPayload(decoding: entry.payload)
      } catch {
        throw ApplyFault(entry.index, error.description)
      }
      guard payload.stamp >= marker.stamp else {
        throw ApplyFault(entry.index, "the stamp \(payload.stamp) is before \(marker.stamp)")
      }
      apply(payload, at: entry.index.value, &events, &outcomes)
    }
    marker.applied = entry.id
  }

  private mutating func apply(
    _ payload: EntryPayload, at index: UInt64, _ events: inout EventBatch,
    _ outcomes: inout AppliedOutcomes
  ) {
    marker.stamp = payload.stamp
    if payload.stamp >= marker.windowEnd { marker.windowEnd = 0 }
    duplicates.advance(to: payload.stamp)
    events.begin(index: index, stamp: payload.stamp)
    let levels = events.levels.count
    for i in payload.requests.indices {
      commandsApplied += 1
      apply(payload.requests[i], at: index, &events, &outcomes)
    }
    if marker.windowEnd == 0, events.levels.count > levels {
      marker.windowEnd = (payload.stamp / Self.windowLength + 1) * Self.windowLength
    }
  }

  /// One request: a recorded outcome first, then its times, then the exchange.
  private mutating func apply(
    _ request: Request, at index: UInt64, _ events: inout EventBatch,
    _ outcomes: inout AppliedOutcomes
  ) {
    let id = request.header.requestID
    let stamp = marker.stamp
    if !bugs.contains(.ignoreDuplicates), let known = duplicates.record(id) {
      duplicatesAnswered += 1
      outcomes.append(id, index: known.index, stamp: known.stamp, reply: known.reply)
      return
    }
    outcomes.begin(id, index: index, stamp: stamp)
    if request.header.timestamp >= stamp.addingReportingOverflow(Self.aheadLimit).partialValue {
      outcomes.reject(.timestampAhead)
    } else if stamp > request.header.deadline, !bugs.contains(.ignoreDeadline) {
      outcomes.reject(.deadlinePassed)
    } else {
      exchange.apply(request, stamp: stamp, &events, reply: &outcomes.bytes)
      outcomes.end()
      if case .genesis(let mark) = request.command, outcomes.lastReply == .done { found(mark) }
    }
    if bugs.contains(.ignoreDuplicates), duplicates.holds(id) { return }
    let account = account(of: request.header.key)
    outcomes.withLastReply { reply in
      duplicates.put(
        id, index: index, stamp: stamp, deadline: request.header.deadline, account: account,
        reply: reply)
    }
  }

  private mutating func found(_ mark: GenesisMark) {
    marker.genesisHash = mark.hash
    marker.clusterID = mark.clusterID
  }

  /// The recorded outcome of a request, if it is still kept.
  func outcome(of id: RequestID) -> AppliedOutcome? {
    guard !bugs.contains(.ignoreDuplicates), let record = duplicates.record(id) else {
      return nil
    }
    return AppliedOutcome(
      request: id, reply: AppliedOutcomes.decode(record.reply), index: record.index,
      stamp: record.stamp)
  }

  /// Adds all rows that changed since the last call, the marker among them, and brings the state hash up to date.
  public mutating func collectRows(into batch: inout RowBatch) {
    duplicates.collectRows(into: &batch)
    if bugs.contains(.rowsWithoutDuplicates) { batch.removeAll() }
    exchange.collectRows(into: &batch)
    marker.stateHash = currentHash
    if bugs.contains(.rowsWithoutMarker) { return }
    batch.put(ReplicaRows.markerKey, ReplicaRows.markerValue(marker))
  }

  private var currentHash: UInt128 {
    exchange.stateHash &+ duplicates.hash &+ marker.logicalHash
  }

  /// Who the key belongs to. Whoever presents a key that does not exist is nobody's customer, and counts as the
  /// operator, who is bound by no share: the edge lets no such request through.
  func account(of key: KeyID) -> AccountID { exchange.account(of: key) ?? .operator }

  /// What the account's recorded outcomes amount to.
  func duplicates(of account: AccountID) -> DuplicateTable.Usage { duplicates.usage(of: account) }

  /// Outcomes kept, and the bytes of their replies.
  public var duplicatesCount: Int { duplicates.count }
  public var duplicateBytes: Int { duplicates.replyBytes }

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

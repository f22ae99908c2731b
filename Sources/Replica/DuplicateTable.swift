// DuplicateTable: the recorded outcome of every recent request, so that a repetition is answered and not executed.
//
// Invariants:
//   * what is recorded and when it is forgotten depends on the log alone: an outcome is kept until
//     stamp > deadline + `keep`, never evicted early (the leader refuses new writes before the table fills)
//   * rows: one per outcome; `hash` is the sum of the hashes of the rows, whether or not they are stored already
//   * every record stands in exactly one bucket of `wheel`, the one of its expiry second
//   * `usage` is what each account's records amount to; an account without records is not in it
// Not here: when to look something up (StateMachine), and the limits at which new writes are refused (Coordinator).

import Engine
import Wire

/// Request id -> outcome. Replicated state.
struct DuplicateTable: ~Copyable {
  /// How long past its deadline an outcome is kept. Microseconds.
  static let keep: Int64 = 60_000_000
  /// Deadlines further past the stamp than this count as this far. Microseconds.
  static let horizon: Int64 = 600_000_000
  /// One bucket a second; more than `horizon + keep` seconds.
  private static let wheelSize = 1024

  /// An outcome.
  struct Record: Equatable {
    var index: UInt64
    var stamp: Int64
    var deadline: Int64
    /// Whose request it was.
    var account: AccountID
    /// As `ReplyCodec` encodes it.
    var reply: [UInt8]
  }

  /// What one account's records amount to.
  struct Usage: Equatable {
    var count = 0
    var replyBytes = 0
  }

  private var records: [RequestID: Record] = [:]
  private var wheel: [[RequestID]]
  /// Everything that expires in this second or before is gone.
  private var swept: Int64 = Int64.min
  private var dirty = RowBatch()
  private var usage: [AccountID: Usage] = [:]
  /// Bytes of all recorded replies.
  private(set) var replyBytes = 0
  /// The sum of the row hashes.
  private(set) var hash: UInt128 = 0

  init() {
    wheel = [[RequestID]](repeating: [], count: Self.wheelSize)
  }

  /// Rebuilds the table from its rows; `stamp` is that of the applied marker.
  init(loading rows: any RowReader, stamp: Int64) throws {
    self.init()
    swept = Self.second(stamp)
    var fault: WireError?
    var loaded: [(RequestID, Record)] = []
    try rows.scan(prefix: ReplicaRows.duplicatePrefix) { key, value in
      do throws(WireError) {
        loaded.append(try ReplicaRows.duplicate(key: key, value: value))
        return true
      } catch {
        fault = error
        return false
      }
    }
    if let fault { throw ReplicaError("a row of the duplicate table cannot be read: \(fault)") }
    for (id, record) in loaded { insert(id, record) }
    dirty = RowBatch()
  }

  var count: Int { records.count }

  /// The recorded outcome of `id`.
  func record(_ id: RequestID) -> Record? { records[id] }

  /// What the account's records amount to.
  func usage(of account: AccountID) -> Usage { usage[account] ?? Usage() }

  /// Records an outcome, unless it would be forgotten at once.
  mutating func put(_ id: RequestID, _ record: Record) {
    precondition(records[id] == nil, "an outcome is recorded once")
    guard Self.expiry(record) > Self.second(record.stamp) else { return }
    insert(id, record)
  }

  private mutating func insert(_ id: RequestID, _ record: Record) {
    let key = ReplicaRows.duplicateKey(id)
    let value = ReplicaRows.duplicateValue(record)
    records[id] = record
    wheel[Self.bucket(Self.expiry(record))].append(id)
    replyBytes += record.reply.count
    usage[record.account, default: Usage()].count += 1
    usage[record.account, default: Usage()].replyBytes += record.reply.count
    hash &+= RowHash.of(key: key, value: value)
    dirty.put(key, value)
  }

  /// Forgets what expired at `stamp`. Stamps never decrease.
  mutating func advance(to stamp: Int64) {
    let target = Self.second(stamp)
    guard target > swept else { return }
    var second = max(swept, target - Int64(Self.wheelSize))
    swept = target
    while second < target {
      second += 1
      sweep(Self.bucket(second), upTo: target)
    }
  }

  private mutating func sweep(_ bucket: Int, upTo second: Int64) {
    guard !wheel[bucket].isEmpty else { return }
    var kept: [RequestID] = []
    for id in wheel[bucket] {
      guard let record = records[id] else { preconditionFailure("a bucket names no record") }
      if Self.expiry(record) > second {
        kept.append(id)
        continue
      }
      let key = ReplicaRows.duplicateKey(id)
      records[id] = nil
      replyBytes -= record.reply.count
      release(record)
      hash &-= RowHash.of(key: key, value: ReplicaRows.duplicateValue(record))
      dirty.delete(key)
    }
    wheel[bucket] = kept
  }

  private mutating func release(_ record: Record) {
    var rest = usage(of: record.account)
    rest.count -= 1
    rest.replyBytes -= record.reply.count
    usage[record.account] = rest.count == 0 ? nil : rest
  }

  /// Adds the rows that changed since the last call.
  mutating func collectRows(into batch: inout RowBatch) {
    batch.append(dirty)
    dirty.removeAll()
  }

  /// The first second in which the record may be gone: strictly after deadline + keep.
  private static func expiry(_ record: Record) -> Int64 {
    second(min(record.deadline, record.stamp + horizon) + keep) + 1
  }

  private static func second(_ time: Int64) -> Int64 { time / 1_000_000 }

  private static func bucket(_ second: Int64) -> Int {
    Int(truncatingIfNeeded: second & Int64(wheelSize - 1))
  }
}

// DuplicateTable: the recorded outcome of every recent request, so that a repetition is answered and not executed.
//
// Invariants:
//   * what is recorded and when it is forgotten depends on the log alone: an outcome is kept until
//     stamp > deadline + `keep`, never evicted early (the leader refuses new writes before the table fills)
//   * rows: one per outcome; `hash` is the sum of the hashes of the rows, whether or not they are stored already
//   * every record stands in exactly one bucket of `wheel`, the one of its expiry second
//   * `usage` is what each account's records amount to; an account without records is not in it
// Not here: where outcomes lie (OutcomeMemory), when to look something up (StateMachine), and the
// limits at which new writes are refused (Coordinator).

import Engine
import Wire

/// Request id -> outcome. Replicated state.
struct DuplicateTable: ~Copyable {
  /// How long past its deadline an outcome is kept. Microseconds.
  static let keep: Int64 = 60_000_000
  /// How long an outcome without deadline (`.max`) is kept past its stamp. Microseconds. Any other is
  /// kept until its own deadline, however far the log's time is behind it: a request that came too
  /// early would run later otherwise.
  static let horizon: Int64 = 600_000_000
  /// One bucket a second. What expires later than a turn of the wheel is looked at once a turn.
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

  struct Bucket: BitwiseCopyable {
    var first: Int32 = -1
    var last: Int32 = -1
  }

  /// What one account's records amount to.
  struct Usage: Equatable, BitwiseCopyable {
    var count = 0
    var replyBytes = 0
  }

  private var memory = OutcomeMemory()
  /// The first and the last outcome of each second, or -1; linked by `StoredOutcome.next`.
  private var wheel: Column<Bucket>
  /// Everything that expires in this second or before is gone.
  private var swept: Int64 = Int64.min
  private var dirty = RowBatch()
  /// By `place(of:)`.
  private var usage = Column<Usage>()
  /// Bytes of all recorded replies.
  private(set) var replyBytes = 0
  /// The sum of the row hashes.
  private(set) var hash: UInt128 = 0

  init() {
    wheel = Column(repeating: Bucket(), count: Self.wheelSize)
  }

  /// Rebuilds the table from its rows; `stamp` is that of the applied marker.
  init(loading rows: any RowReader, stamp: Int64) throws {
    self.init()
    swept = Self.second(stamp)
    var fault: WireError?
    try rows.scan(prefix: ReplicaRows.duplicatePrefix) { key, value in
      do throws(WireError) {
        let (id, record) = try ReplicaRows.duplicate(key: key, value: value)
        record.reply.withUnsafeBytes { reply in
          insert(
            id, record.index, record.stamp, record.deadline, record.account, reply,
            Self.expiry(stamp: record.stamp, deadline: record.deadline),
            rowHash: RowHash.of(key: key, value: value))
        }
        return true
      } catch {
        fault = error
        return false
      }
    }
    if let fault { throw ReplicaError("a row of the duplicate table cannot be read: \(fault)") }
  }

  var count: Int { memory.count }

  /// The recorded outcome of `id`.
  func record(_ id: RequestID) -> Record? {
    let slot = memory.find(id)
    return slot < 0 ? nil : record(at: slot)
  }

  /// Where the outcome of `id` is, or -1.
  @inline(__always)
  func find(_ id: RequestID) -> Int32 { memory.find(id) }

  /// Begins to bring closer where `id` is looked for.
  @inline(__always)
  func fetch(_ id: RequestID) { memory.fetch(id) }

  /// The outcome at a place that `find` answered.
  func record(at slot: Int32) -> Record {
    Record(
      index: memory[slot].index, stamp: memory[slot].stamp, deadline: memory[slot].deadline,
      account: memory[slot].account, reply: Array(memory.reply(slot)))
  }

  /// True if an outcome of `id` is recorded.
  @inline(__always)
  func holds(_ id: RequestID) -> Bool { memory.find(id) >= 0 }

  /// True if an outcome of a request with this deadline, or a later one, would still be here: of a request that is not
  /// recorded this says that it was not executed so far.
  func remembers(deadline: Int64) -> Bool {
    Self.expiry(deadline: deadline) > swept
  }

  /// What the account's records amount to.
  func usage(of account: AccountID) -> Usage {
    let place = Self.place(of: account)
    return place < usage.count ? usage[place] : Usage()
  }

  /// Records an outcome, unless it would be forgotten at once.
  mutating func put(_ id: RequestID, _ record: Record) {
    record.reply.withUnsafeBytes { reply in
      put(
        id, index: record.index, stamp: record.stamp, deadline: record.deadline,
        account: record.account, reply: reply)
    }
  }

  /// The same, with the reply wherever it lies.
  mutating func put(
    _ id: RequestID, index: UInt64, stamp: Int64, deadline: Int64, account: AccountID,
    reply: UnsafeRawBufferPointer
  ) {
    precondition(memory.find(id) < 0, "an outcome is recorded once")
    put(
      new: id, index: index, stamp: stamp, deadline: deadline, account: account, reply: reply)
  }

  /// The same, for an id that `find` did not find.
  @inline(__always)
  mutating func put(
    new id: RequestID, index: UInt64, stamp: Int64, deadline: Int64, account: AccountID,
    reply: UnsafeRawBufferPointer
  ) {
    let expiry = Self.expiry(stamp: stamp, deadline: deadline)
    guard expiry > Self.second(stamp) else { return }
    let rowHash = dirty.put(
      atMost: ReplicaRows.duplicateBytes + reply.count,
      key: { ReplicaRows.duplicateKey(id, into: &$0) },
      value: {
        ReplicaRows.duplicateValue(index, stamp, deadline, account, reply, into: &$0)
      })
    insert(id, index, stamp, deadline, account, reply, expiry, rowHash: rowHash)
  }

  @inline(__always)
  private mutating func insert(
    _ id: RequestID, _ index: UInt64, _ stamp: Int64, _ deadline: Int64, _ account: AccountID,
    _ reply: UnsafeRawBufferPointer, _ expiry: Int64, rowHash: UInt128
  ) {
    hash &+= rowHash
    let slot = memory.add(
      StoredOutcome(
        id: id, index: index, stamp: stamp, deadline: deadline, account: account,
        hash: (
          UInt64(truncatingIfNeeded: rowHash >> 64), UInt64(truncatingIfNeeded: rowHash)
        )), reply: reply)
    link(slot, Self.bucket(expiry))
    replyBytes += reply.count
    let place = Self.place(of: account)
    while usage.count <= place { usage.append(Usage()) }
    let old = usage[place]
    usage[place] = Usage(count: old.count + 1, replyBytes: old.replyBytes + reply.count)
  }

  @inline(__always)
  private mutating func link(_ slot: Int32, _ bucket: Int) {
    memory[slot].next = -1
    let last = wheel[bucket].last
    if last >= 0 { memory[last].next = slot } else { wheel[bucket].first = slot }
    wheel[bucket].last = slot
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
    var slot = wheel[bucket].first
    wheel[bucket] = Bucket()
    // What is forgotten after the next one, brought closer by then.
    var ahead = slot >= 0 ? memory[slot].next : -1
    while slot >= 0 {
      let next = memory[slot].next
      if ahead >= 0 {
        memory.fetch(memory[ahead].id)
        ahead = memory[ahead].next
        memory.fetch(record: ahead)
      }
      if Self.expiry(stamp: memory[slot].stamp, deadline: memory[slot].deadline) > second {
        link(slot, bucket)
      } else {
        forget(slot)
      }
      slot = next
    }
  }

  private mutating func forget(_ slot: Int32) {
    let id = memory[slot].id
    let rowHash = memory[slot].hash
    hash &-= UInt128(rowHash.0) << 64 | UInt128(rowHash.1)
    dirty.delete(atMost: ReplicaRows.duplicateBytes) { ReplicaRows.duplicateKey(id, into: &$0) }
    let count = Int(memory[slot].replyCount)
    replyBytes -= count
    let place = Self.place(of: memory[slot].account)
    usage[place].count -= 1
    usage[place].replyBytes -= count
    memory.remove(slot)
  }

  /// Adds the rows that changed since the last call.
  mutating func collectRows(into batch: inout RowBatch) { batch.take(&dirty) }

  /// The first second in which a record may be gone: strictly after deadline + keep.
  private static func expiry(stamp: Int64, deadline: Int64) -> Int64 {
    expiry(deadline: deadline == .max ? stamp + horizon : deadline)
  }

  private static func expiry(deadline: Int64) -> Int64 {
    second(min(deadline, .max - 2 * keep) + keep) + 1
  }

  private static func second(_ time: Int64) -> Int64 { time / 1_000_000 }

  private static func bucket(_ second: Int64) -> Int {
    Int(truncatingIfNeeded: second & Int64(wheelSize - 1))
  }

  // The venue's own accounts first, then the customers, who are numbered without gaps.
  private static func place(of account: AccountID) -> Int {
    if account < AccountID.firstCustomer { return Int(min(account.value, 3)) }
    return Int(account.value - AccountID.firstCustomer.value) + 4
  }
}

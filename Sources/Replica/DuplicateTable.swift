// DuplicateTable: the recorded outcome of every recent request, so that a repetition is answered and not executed.
//
// Invariants:
//   * what is recorded and when it is forgotten depends on the log alone: an outcome is kept until
//     stamp > deadline + `keep`, never evicted early (the leader refuses new writes before the table fills)
//   * rows: the outcomes of an entry share one, or a few; it stays as it is until the last of them is forgotten, and
//     those that expired before are known by their deadlines; `hash` is the sum of the hashes of the rows, whether or
//     not they are stored already
//   * an entry's outcomes are sealed before anything else happens
//   * every record stands in exactly one bucket of `wheel`, the one of its expiry second
//   * `usage` is what each account's records amount to; an account without records is not in it
// Not here: where outcomes lie (OutcomeMemory), their bytes (OutcomeRows), when to look something up (StateMachine),
// and the limits at which new writes are refused (Coordinator).

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
  /// The entry whose outcomes were recorded last, and how many rows it has.
  private var lastIndex: UInt64 = 0
  private var lastStamp = Int64.min
  private var nextPart: UInt32 = 0
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
    try rows.scan(prefix: OutcomeRows.prefix) { key, value in
      do throws(WireError) {
        try load(key, value)
        return true
      } catch {
        fault = error
        return false
      }
    }
    if let fault { throw ReplicaError("a row of the duplicate table cannot be read: \(fault)") }
  }

  private mutating func load(_ key: [UInt8], _ value: [UInt8]) throws(WireError) {
    let (index, part) = try OutcomeRows.name(key: key)
    guard part < UInt32.max else { throw .invalid("row of outcomes") }
    let rowHash = RowHash.of(key: key, value: value)
    let result: Result<Void, WireError> = value.withUnsafeBytes { bytes in
      do throws(WireError) {
        try load(index, part, bytes, rowHash)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
    hash &+= rowHash
    lastIndex = index
    nextPart = part + 1
  }

  private mutating func load(
    _ index: UInt64, _ part: UInt32, _ bytes: UnsafeRawBufferPointer, _ rowHash: UInt128
  ) throws(WireError) {
    guard bytes.count <= Int(UInt32.max) else { throw .invalid("row of outcomes") }
    let group = memory.load(index: index, part: part, bytes: bytes, hash: Self.words(rowHash))
    var reader = RawReader(bytes)
    let stamp = try OutcomeRows.stamp(&reader)
    let before = memory.count
    while reader.left > 0 {
      let offset = reader.offset
      let outcome = try OutcomeRows.outcome(&reader, stamp)
      let expiry = Self.expiry(stamp: stamp, deadline: outcome.deadline)
      if expiry <= swept { continue }
      guard outcome.account.value < Self.accountMax else { throw .invalid("account") }
      let slot = memory.load(
        StoredOutcome(
          tag: OutcomeMemory.tag(outcome.id), group: group, offset: UInt32(offset),
          replyCount: UInt32(outcome.reply.count), expiry: UInt32(clamping: expiry),
          account: Self.place(of: outcome.account)))
      count(slot, expiry)
    }
    guard memory.count > before else { throw .invalid("row of forgotten outcomes") }
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
    let group = memory.group(of: slot)
    do throws(WireError) {
      var head = RawReader(
        UnsafeRawBufferPointer(start: group.bytes, count: OutcomeRows.headBytes))
      let stamp = try OutcomeRows.stamp(&head)
      var reader = RawReader(memory.bytes(slot))
      let outcome = try OutcomeRows.outcome(&reader, stamp)
      return Record(
        index: group.index, stamp: stamp, deadline: outcome.deadline, account: outcome.account,
        reply: Array(outcome.reply))
    } catch {
      preconditionFailure("a recorded outcome cannot be read: \(error)")
    }
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
    let place = Int(Self.place(of: account))
    return place < usage.count ? usage[place] : Usage()
  }

  /// Records an outcome by itself, unless it would be forgotten at once.
  mutating func put(_ id: RequestID, _ record: Record) {
    precondition(memory.find(id) < 0, "an outcome is recorded once")
    seal()
    record.reply.withUnsafeBytes { reply in
      put(
        new: id, index: record.index, stamp: record.stamp, deadline: record.deadline,
        account: record.account, reply: reply)
    }
    seal()
  }

  /// Records an outcome of an entry, of an id that `find` did not find. `seal` follows the entry's last one.
  @inline(__always)
  mutating func put(
    new id: RequestID, index: UInt64, stamp: Int64, deadline: Int64, account: AccountID,
    reply: UnsafeRawBufferPointer
  ) {
    let expiry = Self.expiry(stamp: stamp, deadline: deadline)
    guard expiry > Self.second(stamp) else { return }
    let most = OutcomeRows.outcomeBytes + reply.count
    if memory.open < 0 || memory.openCount + most > OutcomeRows.rowBytesMax {
      begin(index, stamp)
    }
    precondition(index == lastIndex && stamp == lastStamp, "an entry's outcomes are sealed")
    let slot = memory.add(
      id, expiry: UInt32(clamping: expiry), account: Self.place(of: account),
      replyCount: reply.count, atMost: most
    ) { OutcomeRows.store(id, stamp, deadline, account, reply, $0) }
    count(slot, expiry)
  }

  // Begins a row.
  @inline(never)
  private mutating func begin(_ index: UInt64, _ stamp: Int64) {
    seal()
    precondition(index >= lastIndex, "entries are applied in order")
    if index > lastIndex { nextPart = 0 }
    lastIndex = index
    lastStamp = stamp
    memory.openGroup(index: index, part: nextPart, atMost: OutcomeRows.headBytes) {
      OutcomeRows.store(stamp, $0)
    }
    nextPart += 1
  }

  /// Ends the row that outcomes are added to, if there is one.
  mutating func seal() {
    guard memory.open >= 0 else { return }
    let (group, bytes) = memory.openBytes()
    let rowHash = dirty.put(
      atMost: OutcomeRows.keyBytes + bytes.count,
      key: { OutcomeRows.key(group.index, group.part, into: &$0) }, value: { $0.raw(bytes) })
    hash &+= rowHash
    memory.close(hash: Self.words(rowHash))
  }

  private static func words(_ hash: UInt128) -> (UInt64, UInt64) {
    (UInt64(truncatingIfNeeded: hash >> 64), UInt64(truncatingIfNeeded: hash))
  }

  // Links a new record and adds it to what its account uses.
  @inline(__always)
  private mutating func count(_ slot: Int32, _ expiry: Int64) {
    link(slot, Self.bucket(expiry))
    let bytes = Int(memory[slot].replyCount)
    let place = Int(memory[slot].account)
    replyBytes &+= bytes
    while usage.count <= place { usage.append(Usage()) }
    let old = usage[place]
    usage[place] = Usage(count: old.count &+ 1, replyBytes: old.replyBytes &+ bytes)
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
    precondition(memory.open < 0, "an entry's outcomes are sealed")
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
        memory.fetch(place: ahead)
        ahead = memory[ahead].next
        memory.fetch(record: ahead)
      }
      if Int64(memory[slot].expiry) > second {
        link(slot, bucket)
      } else {
        forget(slot)
      }
      slot = next
    }
  }

  @inline(__always)
  private mutating func forget(_ slot: Int32) {
    let bytes = Int(memory[slot].replyCount)
    let place = Int(memory[slot].account)
    replyBytes -= bytes
    usage[place].count -= 1
    usage[place].replyBytes -= bytes
    let group = memory.remove(slot)
    if group >= 0 { forget(group: group) }
  }

  private mutating func forget(group: Int32) {
    let gone = memory.remove(group: group)
    hash &-= UInt128(gone.hash.0) << 64 | UInt128(gone.hash.1)
    dirty.delete(atMost: OutcomeRows.keyBytes) {
      OutcomeRows.key(gone.index, gone.part, into: &$0)
    }
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

  /// No account has this number: accounts are numbered without gaps.
  private static let accountMax: UInt64 = 1 << 31

  // The venue's own accounts first, then the customers, who are numbered without gaps.
  private static func place(of account: AccountID) -> UInt32 {
    if account < AccountID.firstCustomer { return UInt32(min(account.value, 3)) }
    return UInt32(account.value - AccountID.firstCustomer.value) + 4
  }
}

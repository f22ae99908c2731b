// EngineRun: flow F1 through the whole replicated state machine, in log entries, timed on the thread's own clock.
//
// What is timed: decoding the entries, duplicate check, permissions, holds, matching, settlement, fees, events, the
// recorded answers, and (every 4,096 commands) the changed rows with the state hash. What is not: making the entries.
// Not here: the flow (FlowF1), the command line (EngineCommand).

import Engine
import Glibc
import Raft
import Replica
import Wire

/// What a run found.
struct EngineFigures {
  var commands = 0
  var trades = 0
  var volume: Int64 = 0
  var cpuSeconds = 0.0
  /// Of single commands, in entries of their own; the clock's calls included.
  var latencies: [UInt32] = []
  var stateHash: UInt128 = 0
  var duplicates = 0

  /// Allocations, and retains and releases, within the timed part; `nil` without the counter.
  var allocations: UInt64?
  var references: UInt64?

  mutating func note(_ before: HeapCounter.Counts?, _ after: HeapCounter.Counts?) {
    guard let before, let after else { return }
    allocations = (allocations ?? 0) + after.allocations - before.allocations
    references = (references ?? 0) + after.references - before.references
  }

  var perSecond: Double { Double(commands) / cpuSeconds }

  /// The latency that `part` of the commands stay below, in nanoseconds.
  func latency(_ part: Double) -> UInt32 {
    guard !latencies.isEmpty else { return 0 }
    let sorted = latencies.sorted()
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
  }
}

/// A state machine under the flow.
struct EngineRun<Stream: OrderStream>: ~Copyable {
  static var start: Int64 { 1_700_000_000_000_000 }
  /// Commands between two collections of rows, as a node's runs have them.
  static var commandsPerRun: Int { 4096 }

  private(set) var machine = StateMachine(hashInterval: 1 << 60)
  private var flow: Stream
  private var requests = FlowRequests()
  private var stamp = start
  private var index: UInt64 = 0
  private var events = EventBatch()
  private var rows = RowBatch()
  private var outcomes = AppliedOutcomes()
  /// Log time from command to command, in microseconds: outcomes expire as they would at this pace.
  private let pace: Int64
  private var paid: Int64 = 0
  var figures = EngineFigures()

  /// Sets the exchange up and fills the book.
  init(_ flow: Stream, preload: Int = FlowF1.preload, pace: Int64 = 50) throws {
    self.flow = flow
    self.pace = pace
    for command in FlowRequests.setUp() {
      try apply([requests.request(command, stamp: stamp)], timed: false)
    }
    for _ in 0..<preload {
      try apply([requests.request(self.flow.passiveOrder(), stamp: stamp)], timed: false)
    }
    collect()
  }

  /// Runs operations, `batch` of them in an entry.
  mutating func run(_ count: Int, batch: Int, latencies: Bool = false) throws {
    var left = count
    while left > 0 {
      let chunk = min(left, Self.commandsPerRun)
      left -= chunk
      try runChunk(chunk, batch: batch, latencies: latencies)
    }
    figures.stateHash = machine.marker.stateHash
    figures.duplicates = machine.duplicatesCount
  }

  private mutating func runChunk(_ chunk: Int, batch: Int, latencies: Bool) throws {
    let entries = makeEntries(chunk, batch: batch)
    let counted = HeapCounter.read()
    let before = EngineClock.threadTime()
    for i in entries.indices {
      if latencies {
        let start = EngineClock.now()
        try machine.apply(entries[i], &events, &outcomes)
        figures.latencies.append(UInt32(clamping: EngineClock.now() - start))
      } else {
        try machine.apply(entries[i], &events, &outcomes)
      }
    }
    machine.collectRows(into: &rows)
    figures.cpuSeconds += Double(EngineClock.threadTime() - before) / 1e9
    figures.note(counted, HeapCounter.read())
    figures.commands += chunk
    count()
    events.removeAll()
    rows.removeAll()
    outcomes.removeAll()
  }

  private mutating func makeEntries(_ count: Int, batch: Int) -> [Entry] {
    var entries: [Entry] = []
    var encoded: [[UInt8]] = []
    for i in 0..<count {
      var writer = ByteWriter(capacity: 256)
      CommandCodec.encode(requests.request(flow.next(), stamp: stamp), into: &writer)
      encoded.append(writer.bytes)
      stamp += pace
      if encoded.count == batch || i == count - 1 {
        entries.append(entry(encoded))
        encoded.removeAll(keepingCapacity: true)
      }
    }
    return entries
  }

  private mutating func entry(_ encoded: [[UInt8]]) -> Entry {
    index += 1
    return Entry(
      id: EntryID(term: Term(1), index: LogIndex(index)), kind: .command,
      payload: EntryPayload.encode(stamp: stamp, requests: encoded))
  }

  private mutating func apply(_ list: [Request], timed: Bool) throws {
    var encoded: [[UInt8]] = []
    for request in list {
      var writer = ByteWriter(capacity: 256)
      CommandCodec.encode(request, into: &writer)
      encoded.append(writer.bytes)
    }
    try machine.apply(entry(encoded), &events, &outcomes)
  }

  private mutating func collect() {
    machine.collectRows(into: &rows)
    events.removeAll()
    rows.removeAll()
    outcomes.removeAll()
  }

  private mutating func count() {
    for event in events.events {
      guard case .trade(let trade) = event else { continue }
      figures.trades += 1
      figures.volume += trade.quantity / FlowRequests.lot
    }
  }

  var openOrders: Int { machine.exchangeOpenOrders }
}

/// The clocks of the benchmarks that run in one thread.
enum EngineClock {
  /// CPU time of this thread, in nanoseconds.
  static func threadTime() -> Int64 { read(CLOCK_THREAD_CPUTIME_ID) }
  static var threadSeconds: Double { Double(threadTime()) / 1e9 }
  static func now() -> Int64 { read(CLOCK_MONOTONIC) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

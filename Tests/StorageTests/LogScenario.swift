// LogScenario: a script of log writes, a naive model of what they mean, and the proof that a reopened log agrees.
//
// Invariant: the model knows nothing of blocks, groups or segments.
// Not here: crashes (LogCrashTests).

import Raft
import Storage
import TestSupport
import Wire

/// What a log holds, as plain values.
struct ModelLog: Equatable {
  var entries: [Entry] = []
  var hardState = HardState()

  mutating func truncate(after index: LogIndex) { entries.removeAll { $0.index > index } }
  var last: EntryID { entries.last?.id ?? .zero }
}

enum LogStep {
  case write([LogWrite])
  case cut(LogIndex)
  case spare
}

struct LogScenario {
  static let identity = LogIdentity(
    genesisHash: [UInt8](repeating: 7, count: 32), node: NodeID(2), incarnation: 0xABCD)
  static let directory = "/data/log"
  static let options = LogOptions(segmentBytes: 32 << 10)

  var steps: [LogStep] = []
  private var model = ModelLog()
  private var sequence: UInt64 = 0
  private var random: SeededRandom

  /// Appends, truncations, votes, terms, segment switches, ready and missing spares, cuts, a group above one segment.
  static func standard(cuts: Bool = true) -> LogScenario {
    var script = LogScenario(seed: 11)
    script.vote(term: 1, for: 2)
    script.append(term: 1, sizes: [0, 10, 100])
    script.append(term: 1, sizes: [4000])
    script.steps.append(.spare)
    script.append(term: 1, sizes: [9000, 1])
    script.append(term: 1, sizes: [9000], commit: 5)
    script.truncate(after: 5, term: 2, sizes: [30, 40])
    script.vote(term: 3, for: 1)
    script.append(term: 3, sizes: [3900, 3900])
    script.steps.append(.spare)
    script.truncate(after: 8, term: 4, sizes: [])
    script.append(term: 4, sizes: [8000, 8000, 8000, 8000, 8000], commit: 9)
    script.steps.append(.cut(LogIndex(5)))
    script.several()
    script.append(term: 5, sizes: [12_000], commit: 14)
    script.steps.append(.cut(LogIndex(14)))
    script.append(term: 5, sizes: [1])
    if !cuts {
      script.steps.removeAll {
        if case .cut = $0 { return true }
        return false
      }
    }
    return script
  }

  /// The index of the last entry after all steps.
  var lastIndex: UInt64 { model.last.index.value }

  init(seed: UInt64) { random = SeededRandom(seed) }

  mutating func vote(term: UInt64, for node: UInt64?) {
    model.hardState = HardState(
      term: Term(term), vote: node.map { NodeID($0) }, commit: model.hardState.commit)
    steps.append(.write([write(hardState: model.hardState)]))
  }

  mutating func append(term: UInt64, sizes: [Int], commit: UInt64? = nil) {
    steps.append(.write([write(entries: entries(term, sizes), hardState: state(term, commit))]))
  }

  mutating func truncate(after index: UInt64, term: UInt64, sizes: [Int]) {
    model.truncate(after: LogIndex(index))
    var truncation = write(entries: entries(term, sizes), hardState: state(term, nil))
    truncation.truncateAfter = LogIndex(index)
    steps.append(.write([truncation]))
  }

  /// Three writes in one group, one of which undoes part of the one before it.
  mutating func several() {
    let first = write(entries: entries(4, [5, 6, 7]))
    let index = model.last.index.value - 2
    model.truncate(after: LogIndex(index))
    var second = write(entries: entries(5, [8, 9]), hardState: state(5, nil))
    second.truncateAfter = LogIndex(index)
    let third = write(entries: entries(5, [10]))
    steps.append(.write([first, second, third]))
  }

  private mutating func write(
    entries: [Entry] = [], hardState: HardState? = nil
  ) -> LogWrite {
    sequence += 1
    return LogWrite(sequence: sequence, entries: entries, hardState: hardState)
  }

  private mutating func entries(_ term: UInt64, _ sizes: [Int]) -> [Entry] {
    var made: [Entry] = []
    for size in sizes {
      let id = EntryID(term: Term(term), index: model.last.index.next)
      let zeros = random.oneIn(3)
      let payload = zeros ? [UInt8](repeating: 0, count: size) : random.bytes(size)
      made.append(Entry(id: id, kind: .command, payload: payload))
      model.entries.append(made[made.count - 1])
    }
    return made
  }

  private mutating func state(_ term: UInt64, _ commit: UInt64?) -> HardState? {
    let before = model.hardState
    if term > before.term.value { model.hardState.vote = nil }
    model.hardState.term = max(before.term, Term(term))
    if let commit { model.hardState.commit = LogIndex(commit) }
    return model.hardState == before ? nil : model.hardState
  }

  /// The states that a log may be in while `writes` are on their way, from before the first to after the last.
  static func states(_ start: ModelLog, _ writes: [LogWrite]) -> [ModelLog] {
    var states = [start]
    var log = start
    for write in writes {
      if let state = write.hardState { log.hardState = state }
      if let index = write.truncateAfter {
        log.truncate(after: index)
        states.append(log)
      }
      for entry in write.entries {
        log.entries.append(entry)
        states.append(log)
      }
      states.append(log)
    }
    return states
  }
}

/// A run of a scenario until it ends or the machine stops.
struct LogRun {
  /// What was acknowledged, and what was under way when the machine stopped.
  var acknowledged = ModelLog()
  var underWay: [LogWrite] = []
  var cutUpTo = LogIndex.zero
  var finished = false
  private var options = LogScenario.options

  init(_ scenario: LogScenario, on disk: FaultDisk, _ mutant: StorageMutant = .none) {
    options.mutant = mutant
    do {
      let (store, _) = try LogStore.open(
        disk: disk, directory: LogScenario.directory, identity: LogScenario.identity,
        options: options)
      for step in scenario.steps {
        switch step {
        case .write(let writes):
          underWay = writes
          try store.write(writes)
          acknowledged = LogScenario.states(acknowledged, writes).last ?? acknowledged
          underWay = []
        case .cut(let index):
          cutUpTo = index
          store.stateIsDurable(upTo: index)
          try store.cut(upTo: index)
        case .spare: try store.prepareSpare()
        }
      }
      finished = true
    } catch {
      finished = false
    }
  }

  /// Opens the log that a crash left and compares. `nil` if everything is as promised.
  func violation(on disk: FaultDisk) -> String? {
    do {
      let (store, found) = try LogStore.open(
        disk: disk, directory: LogScenario.directory, identity: LogScenario.identity,
        options: options)
      if case .suspect(let reason) = found.tail { return "suspect: \(reason)" }
      let entries = try found.entries(after: found.base.index)
      if let wrong = compare(found, entries) { return wrong }
      return try goOn(store, found, entries, disk)
    } catch {
      return "\(error)"
    }
  }

  private func compare(_ found: RecoveredLog, _ entries: [Entry]) -> String? {
    let allowed = LogScenario.states(acknowledged, underWay)
    guard found.base.index <= cutUpTo else { return "cut to \(found.base), above \(cutUpTo)" }
    let sameLog = allowed.contains { log in
      log.entries.filter { $0.index > found.base.index } == entries
        && log.last.index == found.last.index
    }
    guard sameLog else {
      return "entries \(entries.map(\.id)) instead of \(acknowledged.entries.map(\.id))"
    }
    let state = found.hardState
    let sameVote = allowed.contains {
      $0.hardState.term == state.term && $0.hardState.vote == state.vote
    }
    guard sameVote else { return "hard state \(state) instead of \(acknowledged.hardState)" }
    let commits = allowed.map(\.hardState.commit)
    guard state.commit <= found.last.index, commits.contains(where: { state.commit <= $0 }) else {
      return "commit \(state.commit) was never reached"
    }
    for entry in entries where found.term(at: entry.index) != entry.term {
      return "the term of \(entry.id) is \(String(describing: found.term(at: entry.index)))"
    }
    return nil
  }

  /// Writes on, loses power, and looks again: the log must be as good as new.
  private func goOn(
    _ store: LogStore, _ found: RecoveredLog, _ entries: [Entry], _ disk: FaultDisk
  ) throws -> String? {
    let reopened = try Self.reopen(disk.after(.power))
    guard try reopened.entries(after: found.base.index) == entries,
      reopened.hardState.term == found.hardState.term, reopened.base == found.base
    else { return "what was found after the crash was not durable" }
    let id = EntryID(
      term: max(found.hardState.term, Term(1)), index: found.last.index.next)
    let entry = Entry(id: id, kind: .noop, payload: [])
    try store.write([LogWrite(sequence: 1, entries: [entry], hardState: found.hardState)])
    let again = try Self.reopen(disk.after(.power))
    guard again.tail == .clean else { return "the tail is \(again.tail) after writing on" }
    guard try again.entries(after: found.base.index) == entries + [entry] else {
      return "entries were lost after writing on"
    }
    let report = try LogStore.verify(disk: disk, directory: LogScenario.directory)
    return report.damages.first.map { "verify: \($0)" }
  }

  static func reopen(_ disk: FaultDisk) throws -> RecoveredLog {
    try LogStore.open(
      disk: disk, directory: LogScenario.directory, identity: LogScenario.identity,
      options: LogScenario.options
    ).1
  }
}

// ReadTable: linearizable reads of this node's clients, joined to confirmation rounds.
//
// Invariants: a ticket is in exactly one place (waiting, in a round, confirmed); round numbers are never used twice, so
// that a late answer to a round that was given up counts for nothing; at most `roundsMax` rounds wait at a time.
// Not here: the confirmation itself (Consensus), and answering (Node).

struct ReadTable {
  private struct Read {
    var ticket: UInt64
    /// Monotonic microseconds.
    var since: Int64
  }

  private struct Round {
    var number: UInt64
    var started: Int64
    var reads: [Read]
  }

  private static let roundsMax = 8
  let limit: Int
  private var waiting: [Read] = []
  /// Failed tickets wait until here before they ask again. Monotonic microseconds.
  private var retryAt: Int64 = 0
  /// By number.
  private var rounds: [Round] = []
  /// By index, ascending in the order of confirmation.
  private var confirmed: [(index: UInt64, reads: [Read])] = []
  private var lastRound: UInt64
  private(set) var count = 0

  /// `seed` keeps the numbers of two lives of a node apart.
  init(limit: Int, seed: UInt64) {
    self.limit = limit
    lastRound = seed >> 1
  }

  /// `false`: too many reads wait.
  mutating func add(_ ticket: UInt64, _ now: Int64) -> Bool {
    guard count < limit else { return false }
    count += 1
    waiting.append(Read(ticket: ticket, since: now))
    return true
  }

  /// Begins a round for everything that waits; `nil` if nothing does, or too many rounds are out.
  mutating func begin(_ now: Int64) -> UInt64? {
    guard !waiting.isEmpty, now >= retryAt, rounds.count < Self.roundsMax else { return nil }
    lastRound += 1
    rounds.append(Round(number: lastRound, started: now, reads: waiting))
    waiting.removeAll(keepingCapacity: true)
    return lastRound
  }

  /// A round is confirmed at `index`.
  mutating func confirm(_ number: UInt64, index: UInt64) {
    guard let place = rounds.firstIndex(where: { $0.number == number }) else { return }
    confirmed.append((index, rounds.remove(at: place).reads))
  }

  /// A round failed; its reads ask again after `pause` microseconds.
  mutating func fail(_ number: UInt64, _ now: Int64, pause: Int64) {
    guard let place = rounds.firstIndex(where: { $0.number == number }) else { return }
    waiting.insert(contentsOf: rounds.remove(at: place).reads, at: 0)
    retryAt = now + pause
  }

  /// Gives up rounds that began before `moment`; their reads ask again.
  mutating func giveUp(startedBefore moment: Int64) {
    while let round = rounds.first, round.started < moment {
      rounds.removeFirst()
      waiting.insert(contentsOf: round.reads, at: 0)
    }
  }

  /// Takes the tickets whose index is reached, with that index.
  mutating func take(upTo index: UInt64, _ body: (_ ticket: UInt64, _ index: UInt64) -> Void) {
    guard !confirmed.isEmpty else { return }
    confirmed.removeAll { group in
      guard group.index <= index else { return false }
      for read in group.reads { body(read.ticket, group.index) }
      count -= group.reads.count
      return true
    }
  }

  /// Takes the tickets that came before `moment`, wherever they are.
  mutating func takeOlder(than moment: Int64) -> [UInt64] {
    var old: [UInt64] = []
    func sift(_ reads: inout [Read]) {
      reads.removeAll { read in
        guard read.since < moment else { return false }
        old.append(read.ticket)
        return true
      }
    }
    sift(&waiting)
    for place in rounds.indices { sift(&rounds[place].reads) }
    for place in confirmed.indices { sift(&confirmed[place].reads) }
    count -= old.count
    return old
  }
}

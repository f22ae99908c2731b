// FundsIDs: which movements of money were booked, as 64-bit fingerprints: of kind and id, and of the
// contents.
//
// The full records are rows, which nothing on this path reads. Two words an id stay in memory for
// ever, because an id that was forgotten could be booked twice; `countMax` bounds them, and the next
// movement is refused, not the oldest evicted. Ids whose fingerprints are equal by chance (10^-6 at
// ten million ids) are refused as reused, never booked.
// Invariant: an id is added once.
// Not here: rows (State), what is booked (Exchange+Funds).

import Wire

/// What kind of movement an id belongs to. Each has an id space of its own.
enum FundsKind: UInt8 {
  case deposit = 1
  case withdraw = 2
  case transfer = 3
  case request = 4
}

/// What was booked under an id.
enum FundsBooking {
  case new
  /// The same contents; for a withdrawal that is closed, how it ended.
  case same(WithdrawalState?)
  case other
}

struct FundsIDs: ~Copyable {
  static let countMax = 16_000_000

  // The low three bits of the contents' fingerprint hold how a withdrawal ended, or 0.
  private var contents = WordMap()

  var count: Int { contents.count }

  static func fingerprint(_ kind: FundsKind, _ id: String) -> UInt64 {
    UInt64(
      truncatingIfNeeded: RowHash.chained(key: [kind.rawValue], value: Array(id.utf8)))
  }

  static func fingerprint(of record: FundsRecord) -> UInt64 {
    fingerprint(row: RowValues.funds(record))
  }

  private static func fingerprint(row: [UInt8]) -> UInt64 {
    UInt64(truncatingIfNeeded: RowHash.chained(key: [], value: row)) & ~7
  }

  func find(_ kind: FundsKind, _ id: String, _ record: FundsRecord) -> FundsBooking {
    guard let found = contents[Self.fingerprint(kind, id)] else { return .new }
    guard found & ~7 == Self.fingerprint(of: record) else { return .other }
    return .same(WithdrawalState(rawValue: UInt8(found & 7)))
  }

  /// How the withdrawal under this id ended: `nil` if there is none, or it is open.
  func ending(_ id: String) -> WithdrawalState? {
    contents[Self.fingerprint(.request, id)].flatMap { WithdrawalState(rawValue: UInt8($0 & 7)) }
  }

  mutating func add(_ kind: FundsKind, _ id: String, _ record: FundsRecord) {
    contents.set(Self.fingerprint(kind, id), Self.fingerprint(of: record))
  }

  /// The same for a record that was read from `row`.
  mutating func load(_ kind: FundsKind, _ id: String, _ record: FundsRecord, row: [UInt8]) {
    // What an older version wrote says the same in fewer bytes.
    let row = row.first == RowValues.fundsVersion ? row : RowValues.funds(record)
    contents.set(Self.fingerprint(kind, id), Self.fingerprint(row: row))
  }

  /// Notes how a withdrawal ended.
  mutating func close(_ id: String, _ state: WithdrawalState) {
    let name = Self.fingerprint(.request, id)
    contents.set(name, (contents[name] ?? 0) | UInt64(state.rawValue))
  }
}

/// The withdrawals that are open.
struct OpenWithdrawals {
  /// In no particular order: rows are found by id.
  private(set) var all: [Withdrawal] = []
  private(set) var hashes: [UInt128] = []
  private var places: [String: Int] = [:]

  static let countMax = 1_000_000

  func place(_ id: String) -> Int? { places[id] }

  mutating func add(_ withdrawal: Withdrawal, hash: UInt128) {
    places[withdrawal.id] = all.count
    all.append(withdrawal)
    hashes.append(hash)
  }

  mutating func replace(_ place: Int, _ withdrawal: Withdrawal, hash: UInt128) {
    all[place] = withdrawal
    hashes[place] = hash
  }

  mutating func remove(_ place: Int) {
    places[all[place].id] = nil
    all.swapAt(place, all.count - 1)
    hashes.swapAt(place, hashes.count - 1)
    all.removeLast()
    hashes.removeLast()
    if place < all.count { places[all[place].id] = place }
  }
}

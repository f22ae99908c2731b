// DepthWindow: the levels of one symbol that changed in the running 100 ms of log time.
//
// Invariants: windows lie on the grid of stamps, so every replica closes them at the same entry;
// update ids of successive windows are contiguous; a window without changes says nothing.
// Not here: the levels' quantities (Depth).

import Engine
import Wire

/// Changes waiting for their window to end.
struct DepthWindow: Equatable, Sendable {
  /// Length of a window in microseconds.
  static let length: Int64 = 100_000

  /// Stamp / length of the running window.
  private(set) var number: Int64 = 0
  /// Update id of the first change in it.
  private(set) var firstUpdateID: Int64 = 0
  /// The symbol traded in it.
  private(set) var traded = false
  /// Names of the changed levels, each once, in order of their first change.
  private(set) var names: [LevelName] = []
  private var seen: Set<LevelName> = []

  init() {}

  /// Something waits for the end of the window.
  var isPending: Bool { !names.isEmpty || traded }

  /// When the running window ends.
  var end: Int64 { (number + 1) * Self.length }

  /// Notes a change. The caller closed an earlier window before.
  mutating func note(_ change: LevelChange, stamp: Int64) {
    open(stamp)
    if names.isEmpty { firstUpdateID = change.updateID }
    let name = LevelName(change.side, change.price)
    if seen.insert(name).inserted { names.append(name) }
  }

  /// Notes a trade. The caller closed an earlier window before.
  mutating func noteTrade(stamp: Int64) {
    open(stamp)
    traded = true
  }

  /// Ends the window: the diff (`nil` if no level changed) with the quantities of `depth`.
  mutating func close(_ symbol: SymbolID, _ depth: Depth) -> DepthDiff? {
    let sorted = names.sorted()
    let first = firstUpdateID
    let time = end
    names.removeAll(keepingCapacity: true)
    seen.removeAll(keepingCapacity: true)
    traded = false
    guard !sorted.isEmpty else { return nil }
    let levels = sorted.map { (name: $0, quantity: depth.quantity($0)) }
    func side(_ side: Side) -> [PriceLevel] {
      levels.filter { $0.name.side == side }
        .map { PriceLevel(price: $0.name.price, quantity: $0.quantity) }
    }
    return DepthDiff(
      symbol: symbol, firstUpdateID: first, lastUpdateID: depth.lastUpdateID, bids: side(.buy),
      asks: side(.sell), time: time)
  }

  private mutating func open(_ stamp: Int64) {
    if !isPending { number = stamp / Self.length }
  }

  // MARK: Bytes

  func encode(into writer: inout ByteWriter) {
    writer.i64(number)
    writer.i64(firstUpdateID)
    writer.bool(traded)
    writer.u32(UInt32(names.count))
    for name in names { writer.i64(name.raw) }
  }

  init(from reader: inout ByteReader) throws(WireError) {
    number = try reader.i64()
    firstUpdateID = try reader.i64()
    traded = try reader.bool()
    let count = Int(try reader.u32())
    guard count * 8 <= reader.left else {
      throw .truncated(needed: count * 8, left: reader.left)
    }
    for _ in 0..<count {
      let name = LevelName(raw: try reader.i64())
      guard seen.insert(name).inserted else { throw .invalid("window level") }
      names.append(name)
    }
  }
}

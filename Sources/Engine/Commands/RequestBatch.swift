// RequestBatch: the requests of one log entry, decoded into columns that are emptied and used again.
//
// What is asked all the time (placing and cancelling an order) lies in plain records, so reading an
// entry allocates nothing and counts no references.
// Invariant: each item names one place of the column of its kind, unless decoding failed: nobody reads such a batch.
// Not here: layouts (CommandCodec), what requests do (Exchange).

import Wire

/// The decoded requests of an entry.
public struct RequestBatch: ~Copyable {
  enum Column: UInt8 {
    case place, cancel, other
  }

  struct Item {
    var header: CommandHeader
    var column: Column
    var place: Int32
  }

  private var items = List<Item>()
  private(set) var orders = List<PlaceOrder>()
  /// Of the client order id of each of them: it is needed more than once.
  private(set) var fingerprints = List<UInt64>()
  private(set) var cancels = List<CancelOrder>()
  private(set) var others: [Command] = []
  private let inPlace = InPlace()

  public init() {}

  /// How many requests there are.
  public var count: Int { items.count }

  /// Who asks, and until when it may run.
  public func header(_ position: Int) -> CommandHeader { items[position].header }

  /// The request at `position` as a value.
  public subscript(position: Int) -> Request {
    Request(header: items[position].header, command: command(position))
  }

  /// The command at `position` as a value.
  public func command(_ position: Int) -> Command {
    let place = Int(items[position].place)
    switch items[position].column {
    case .place: return .placeOrder(orders[place])
    case .cancel: return .cancelOrder(cancels[place])
    case .other: return others[place]
    }
  }

  /// True if all requests place or cancel an order.
  public var isPlain: Bool { others.isEmpty }

  /// The identity that the request at `position` founds, if it does.
  public func genesis(_ position: Int) -> GenesisMark? {
    guard items[position].column == .other,
      case .genesis(let mark) = others[Int(items[position].place)]
    else { return nil }
    return mark
  }

  /// The highest level that a request raises to, if one does.
  public var level: UInt32? {
    others.compactMap { if case .setLevel(let set) = $0 { set.level } else { nil } }.max()
  }

  /// Empties it, keeping its memory.
  public mutating func removeAll() {
    items.removeAll()
    orders.removeAll()
    fingerprints.removeAll()
    cancels.removeAll()
    if !others.isEmpty { others.removeAll(keepingCapacity: true) }
  }

  /// Reads one framed request and moves behind it.
  public mutating func decode(_ reader: inout RawReader) throws(WireError) {
    try CommandCodec.decode(&reader, into: &self)
  }

  subscript(item position: Int) -> Item {
    @inline(__always) _read { yield items[position] }
  }

  /// Begins a request, of which `column` will get the rest: put away at once, it need not wait for that in registers.
  @inline(__always)
  mutating func begin(_ header: CommandHeader, _ column: Column) {
    let place =
      switch column {
      case .place: orders.count
      case .cancel: cancels.count
      case .other: others.count
      }
    items.append(Item(header: header, column: column, place: Int32(place)))
  }

  @inline(__always)
  mutating func append(_ order: PlaceOrder) {
    orders.append(order)
    fingerprints.append(
      ClientIDs.fingerprint(order.account, order.symbol, order.clientOrderID))
  }

  @inline(__always)
  mutating func append(_ cancel: CancelOrder) { cancels.append(cancel) }

  mutating func append(_ command: Command) { others.append(command) }
}

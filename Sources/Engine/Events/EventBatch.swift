// EventBatch: the events of a run of log entries, kept by kind.
//
// What orders make all the time lies in one plain column a kind, and an 8-byte reference an event
// keeps the order over all; so noting an event copies its fields once, retains nothing, and a batch
// that is emptied and used again allocates nothing. Readers see values of `Event`, made as they go.
// Copies of a batch share its columns until one of them notes more: `claim`, once a command.
// Invariants: references lie in the order in which the events happened; each names one place of its
// column.
// Not here: what the events mean (Event).

/// The events of a run of log entries.
public struct EventBatch: Sendable {
  /// One applied log entry. Entries without events are listed too: their stamp closes time windows.
  public struct Entry: Sendable {
    public var index: UInt64
    public var stamp: Int64
    /// Position of its first event in `events`; its events end where the next entry's begin.
    public var firstEvent: Int
  }

  public private(set) var entries: [Entry] = []
  fileprivate var store = EventStore()

  public init() {}

  /// Begins the events of a log entry. Indexes must grow.
  public mutating func begin(index: UInt64, stamp: Int64) {
    precondition(entries.last.map { $0.index < index } ?? true, "entries are applied in order")
    entries.append(Entry(index: index, stamp: stamp, firstEvent: count))
  }

  /// Adds an event to the entry begun last.
  public mutating func append(_ event: Event) {
    claim()
    add(event)
  }

  /// How many events there are.
  public var count: Int { store.columns.pointee.references.count }

  /// How many levels changed.
  public var levelCount: Int { store.columns.pointee.levels.count }

  /// All events, in order. Each access makes the value of one.
  public var events: Events { Events(batch: self) }

  /// The events of the entry at `position` in `entries`.
  public func events(of position: Int) -> Slice<Events> {
    let end = position + 1 < entries.count ? entries[position + 1].firstEvent : count
    return events[entries[position].firstEvent..<end]
  }

  /// True if it holds no entry.
  public var isEmpty: Bool { entries.isEmpty }

  /// Empties it, keeping its memory.
  public mutating func removeAll() {
    entries.removeAll(keepingCapacity: true)
    if isKnownUniquelyReferenced(&store) {
      store.columns.pointee.removeAll()
    } else {
      store = EventStore()
    }
  }

  /// Makes sure that no copy of the batch sees what is noted from here on. Whoever notes events
  /// calls it first; until it hands the batch on, nobody can copy it.
  @inline(__always)
  mutating func claim() {
    if !isKnownUniquelyReferenced(&store) { store = EventStore(copying: store) }
  }

  /// The events of a batch, as values.
  public struct Events: RandomAccessCollection, Sendable {
    fileprivate let batch: EventBatch

    public var startIndex: Int { 0 }
    public var endIndex: Int { batch.count }

    public subscript(position: Int) -> Event { batch.store.columns.pointee.event(position) }
  }
}

/// Owns the columns of a batch and of its copies.
private final class EventStore: @unchecked Sendable {  // One owner writes: claimed first.
  let columns: UnsafeMutablePointer<EventColumns>

  init() {
    columns = .allocate(capacity: 1)
    columns.initialize(to: EventColumns())
  }

  init(copying other: EventStore) {
    columns = .allocate(capacity: 1)
    columns.initialize(to: EventColumns(copying: other.columns.pointee))
  }

  deinit {
    columns.deinitialize(count: 1)
    columns.deallocate()
  }
}

/// The events of a batch, by kind.
private struct EventColumns: ~Copyable {
  enum Column: UInt8 {
    case accepted, trade, closed, level, balance, other
  }

  struct Reference {
    var column: Column
    var place: Int32
  }

  var references = List<Reference>()
  var accepted = List<OrderView>()
  var trades = List<Trade>()
  var closed = List<OrderView>()
  /// Of each order in `closed`.
  var cancelIDs = List<ShortText>()
  var levels = List<LevelChange>()
  var balances = List<BalanceChange>()
  var others = List<Event>()

  init() {}

  init(copying other: borrowing EventColumns) {
    references = List(copying: other.references)
    accepted = List(copying: other.accepted)
    trades = List(copying: other.trades)
    closed = List(copying: other.closed)
    cancelIDs = List(copying: other.cancelIDs)
    levels = List(copying: other.levels)
    balances = List(copying: other.balances)
    others = List(copying: other.others)
  }

  mutating func removeAll() {
    references.removeAll()
    accepted.removeAll()
    trades.removeAll()
    closed.removeAll()
    cancelIDs.removeAll()
    levels.removeAll()
    balances.removeAll()
    others.removeAll()
  }

  @inline(__always)
  mutating func refer(_ column: Column, _ place: Int) {
    references.append(Reference(column: column, place: Int32(place)))
  }

  func event(_ position: Int) -> Event {
    let place = Int(references[position].place)
    switch references[position].column {
    case .accepted: return .orderAccepted(accepted[place])
    case .trade: return .trade(trades[place])
    case .closed: return .orderClosed(closed[place], cancelClientOrderID: cancelIDs[place])
    case .level: return .levelChanged(levels[place])
    case .balance: return .balanceChanged(balances[place])
    case .other: return others[place]
    }
  }
}

// Within the engine: without making a value of `Event` first. Orders come by address, which copies them once.
extension EventBatch {
  @inline(__always)
  mutating func add(_ event: Event) {
    switch event {
    case .orderAccepted(var order): noteAccepted(&order)
    case .trade(let trade): noteTrade(trade)
    case .orderClosed(var order, let id): noteClosed(&order, id)
    case .levelChanged(let change): noteLevel(change)
    case .balanceChanged(let change): noteBalance(change)
    default:
      let columns = columns
      columns.pointee.refer(.other, columns.pointee.others.count)
      columns.pointee.others.append(event)
    }
  }

  @inline(__always)
  mutating func noteAccepted(_ order: inout OrderView) {
    let columns = columns
    columns.pointee.refer(.accepted, columns.pointee.accepted.count)
    columns.pointee.accepted.append(copying: &order)
  }

  @inline(__always)
  mutating func noteTrade(_ trade: Trade) {
    let columns = columns
    columns.pointee.refer(.trade, columns.pointee.trades.count)
    columns.pointee.trades.append(trade)
  }

  @inline(__always)
  mutating func noteClosed(_ order: inout OrderView, _ cancelClientOrderID: ShortText) {
    let columns = columns
    columns.pointee.refer(.closed, columns.pointee.closed.count)
    columns.pointee.closed.append(copying: &order)
    columns.pointee.cancelIDs.append(cancelClientOrderID)
  }

  @inline(__always)
  mutating func noteLevel(_ change: LevelChange) {
    let columns = columns
    columns.pointee.refer(.level, columns.pointee.levels.count)
    columns.pointee.levels.append(change)
  }

  @inline(__always)
  mutating func noteBalance(_ change: BalanceChange) {
    let columns = columns
    columns.pointee.refer(.balance, columns.pointee.balances.count)
    columns.pointee.balances.append(change)
  }

  @inline(__always)
  private var columns: UnsafeMutablePointer<EventColumns> { store.columns }
}

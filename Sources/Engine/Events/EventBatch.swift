// EventBatch: the events of a run of log entries, kept by kind.
//
// What orders make all the time lies in one plain column a kind, and an 8-byte reference an event
// keeps the order over all; so noting an event copies its fields once, retains nothing, and a batch
// that is emptied and used again allocates nothing. Readers see values of `Event`, made as they go.
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

  fileprivate enum Column: UInt8, Sendable {
    case accepted, trade, closed, level, balance, other
  }

  fileprivate struct Reference: Sendable {
    var column: Column
    var place: Int32
  }

  fileprivate struct Closed: Sendable {
    var order: OrderView
    var cancelClientOrderID: ShortText
  }

  public private(set) var entries: [Entry] = []
  fileprivate var references: [Reference] = []
  fileprivate var accepted: [OrderView] = []
  /// The trades alone, in order.
  public private(set) var trades: [Trade] = []
  fileprivate var closed: [Closed] = []
  /// The changed levels alone, in order.
  public private(set) var levels: [LevelChange] = []
  fileprivate var balances: [BalanceChange] = []
  fileprivate var others: [Event] = []

  public init() {}

  /// Begins the events of a log entry. Indexes must grow.
  public mutating func begin(index: UInt64, stamp: Int64) {
    precondition(entries.last.map { $0.index < index } ?? true, "entries are applied in order")
    entries.append(Entry(index: index, stamp: stamp, firstEvent: references.count))
  }

  /// Adds an event to the entry begun last.
  public mutating func append(_ event: Event) { add(event) }

  /// How many events there are.
  public var count: Int { references.count }

  /// All events, in order. Each access makes the value of one.
  public var events: Events { Events(batch: self) }

  /// The events of the entry at `position` in `entries`.
  public func events(of position: Int) -> Slice<Events> {
    let end = position + 1 < entries.count ? entries[position + 1].firstEvent : references.count
    return events[entries[position].firstEvent..<end]
  }

  /// True if it holds no entry.
  public var isEmpty: Bool { entries.isEmpty }

  /// Empties it, keeping its memory.
  public mutating func removeAll() {
    entries.removeAll(keepingCapacity: true)
    references.removeAll(keepingCapacity: true)
    accepted.removeAll(keepingCapacity: true)
    trades.removeAll(keepingCapacity: true)
    closed.removeAll(keepingCapacity: true)
    levels.removeAll(keepingCapacity: true)
    balances.removeAll(keepingCapacity: true)
    others.removeAll(keepingCapacity: true)
  }

  /// The events of a batch, as values.
  public struct Events: RandomAccessCollection, Sendable {
    fileprivate let batch: EventBatch

    public var startIndex: Int { 0 }
    public var endIndex: Int { batch.references.count }

    public subscript(position: Int) -> Event {
      let reference = batch.references[position]
      let place = Int(reference.place)
      switch reference.column {
      case .accepted: return .orderAccepted(batch.accepted[place])
      case .trade: return .trade(batch.trades[place])
      case .closed:
        let closed = batch.closed[place]
        return .orderClosed(closed.order, cancelClientOrderID: closed.cancelClientOrderID)
      case .level: return .levelChanged(batch.levels[place])
      case .balance: return .balanceChanged(batch.balances[place])
      case .other: return batch.others[place]
      }
    }
  }
}

// Within the engine: without making a value of `Event` first.
extension EventBatch {
  @inline(__always)
  mutating func add(_ event: Event) {
    switch event {
    case .orderAccepted(let order): noteAccepted(order)
    case .trade(let trade): noteTrade(trade)
    case .orderClosed(let order, let id): noteClosed(order, id)
    case .levelChanged(let change): noteLevel(change)
    case .balanceChanged(let change): noteBalance(change)
    default:
      refer(.other, others.count)
      others.append(event)
    }
  }

  @inline(__always)
  mutating func noteAccepted(_ order: OrderView) {
    refer(.accepted, accepted.count)
    accepted.append(order)
  }

  @inline(__always)
  mutating func noteTrade(_ trade: Trade) {
    refer(.trade, trades.count)
    trades.append(trade)
  }

  @inline(__always)
  mutating func noteClosed(_ order: OrderView, _ cancelClientOrderID: ShortText) {
    refer(.closed, closed.count)
    closed.append(Closed(order: order, cancelClientOrderID: cancelClientOrderID))
  }

  @inline(__always)
  mutating func noteLevel(_ change: LevelChange) {
    refer(.level, levels.count)
    levels.append(change)
  }

  @inline(__always)
  mutating func noteBalance(_ change: BalanceChange) {
    refer(.balance, balances.count)
    balances.append(change)
  }

  @inline(__always)
  private mutating func refer(_ column: Column, _ place: Int) {
    references.append(Reference(column: column, place: Int32(place)))
  }
}

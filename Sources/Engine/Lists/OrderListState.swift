// OrderListState: open lists of orders, found by their ids.
//
// Invariants: a list is here while one of its legs is open; its legs know it (SpecialState).
// Not here: what the legs do to each other (Exchange+ListLegs), row bytes (ListRows).

/// How far a list has come.
enum ListPhase: UInt8 {
  /// The first leg works, the others wait for it.
  case first = 1
  /// The first leg is filled, and the others wait for their turn.
  case placing = 2
  /// Two legs that nothing has touched yet; they share a hold.
  case pair = 3
  /// One leg is left, and nothing depends on it.
  case single = 4
}

/// An open list.
struct OrderListState {
  var id: OrderListID
  var account: Int32
  var symbol: Int32
  var kind: OrderListKind
  var phase: ListPhase
  var text: ShortText
  var createdAt: Int64
  var updatedAt: Int64
  /// Base that the first leg bought and the others will sell.
  var proceeds: Int64 = 0
  /// Its turn, while it is `placing`.
  var turn: UInt64 = 0
  /// Slots of the legs; -1 once one is closed.
  var slots: InlineArray<3, Int32> = [-1, -1, -1]
  var orders: InlineArray<3, OrderID> = [OrderID(0), OrderID(0), OrderID(0)]
  var texts: InlineArray<3, ShortText> = [.empty, .empty, .empty]
  /// Of its stored row.
  var hash: UInt128 = 0

  var isPair: Bool { phase == .pair }

  /// The slot of the other leg of the pair that `slot` belongs to, be the pair placed or still
  /// waiting for the first leg; -1 if it belongs to none.
  func partner(of slot: Int32) -> Int32 {
    guard kind.hasPair, phase != .single else { return -1 }
    let (above, below) = (slots[kind.legCount - 2], slots[kind.legCount - 1])
    return slot == above ? below : slot == below ? above : -1
  }

  func view(_ account: AccountID, _ symbol: SymbolID, _ type: ListStatusType) -> OrderListView {
    OrderListView(
      id: id, account: account, symbol: symbol, kind: kind, statusType: type,
      status: type == .allDone ? .allDone : .executing, clientListID: text, createdAt: createdAt,
      updatedAt: updatedAt,
      legs: (0..<kind.legCount).map { ListLeg(order: orders[$0], clientOrderID: texts[$0]) })
  }
}

/// All open lists.
struct OrderListTable: ~Copyable {
  private var records = Slab<OrderListState>(capacity: 16)
  private var byID = SlotMap()
  private var byText = SlotMap()
  /// The id of the next list.
  var next: Int64 = 1

  var used: Int { records.used }

  subscript(slot: Int32) -> OrderListState {
    @inline(__always) _read { yield records[slot] }
    @inline(__always) _modify { yield &records[slot] }
  }

  mutating func add(_ list: OrderListState, fingerprint: UInt64) -> Int32 {
    let slot = records.allocate(list)
    byID.insert(UInt64(bitPattern: list.id.value), slot)
    byText.insert(fingerprint, slot)
    return slot
  }

  mutating func remove(_ slot: Int32, fingerprint: UInt64) {
    byID.remove(UInt64(bitPattern: records[slot].id.value), slot)
    byText.remove(fingerprint, slot)
    records[slot].id = .none
    records.release(slot)
  }

  func find(_ id: OrderListID) -> Int32? {
    var probe = byID.probe(UInt64(bitPattern: id.value))
    while let slot = byID.next(&probe) {
      if records[slot].id == id { return slot }
    }
    return nil
  }

  func find(_ account: Int32, _ symbol: Int32, _ text: ShortText, fingerprint: UInt64) -> Int32? {
    var probe = byText.probe(fingerprint)
    while let slot = byText.next(&probe) {
      let list = records[slot]
      if list.account == account, list.symbol == symbol, list.text == text { return slot }
    }
    return nil
  }

  /// The slots of all open lists, for walks.
  var open: [Int32] { (0..<records.count).filter { records[$0].id != .none } }
}

// SpecialRun: a random stream with orders of every kind, watched from outside. It keeps its own
// picture of every open order (where it waits, what it shows, its place in the queue) from events
// alone, and judges properties 4, 8, 11 to 14, 16, 18, 29, 30 and 32 by it.
// Not here: when orders must fire (TriggerWatch), which planted bug each property must catch
// (SpecialPropertyTests).

import Engine
import Wire

struct SpecialRun: ~Copyable {
  typealias Key = PropertyRun.NaiveKey

  /// An open order as its events tell it.
  struct Known {
    var view: OrderView
    /// Its place in time among the orders of its level.
    var place: Int
    var visible: Int64

    var isWorking: Bool { view.status != .pendingNew && view.workingAt >= 0 }
    var left: Int64 { view.quantity - view.executed - view.extras.prevented }
    var slice: Int64 {
      let iceberg = view.extras.terms.icebergQuantity
      return iceberg > 0 ? min(iceberg, left) : left
    }
  }

  var world = World(horizon: StateTests.horizon)
  var violated: [Int: String] = [:]
  var tally: [String: Int] = [:]
  private(set) var known: [Key: Known] = [:]
  private var places = 0
  private var book: [ScenarioLevel: Int64] = [:]
  private var updates: [SymbolID: Int64] = [:]
  private var triggers = TriggerWatch()
  private var filled: Set<Key> = []
  private var executed: [Key: Int64] = [:]
  private var fired: Set<Key> = []
  private var lists: [OrderListID: OrderListView] = [:]
  private var groups: [AccountID: TradeGroupID] = [:]
  private var balances: [NaiveName: NaiveBalance] = [:]

  init(_ seed: UInt64) {
    for command in World.setUp(
      accounts: 4, funds: seed % 4 == 0 ? 3_000 : 400_000, filters: World.filters(step: 10))
    {
      run(command)
    }
    run(.setLevel(SetLevel(level: Behaviour.newest)))
    world.collect()
  }

  /// Halves what one of the open orders in the book has left.
  func amendment(_ number: UInt64) -> Command? {
    let open = known.values.filter { $0.isWorking && $0.left >= 20 }.sorted {
      ($0.view.symbol, $0.view.id) < ($1.view.symbol, $1.view.id)
    }
    guard !open.isEmpty else { return nil }
    let order = open[Int(number % UInt64(open.count))]
    return .amendOrder(
      AmendOrder(
        account: order.view.account, symbol: order.view.symbol, orderID: order.view.id,
        originalClientOrderID: .empty,
        quantity: order.view.quantity - order.left + order.left / 20 * 10,
        clientOrderID: order.view.clientOrderID))
  }

  private mutating func fail(_ property: Int, _ what: String) {
    if violated[property] == nil { violated[property] = what }
  }

  mutating func run(_ command: Command) {
    let earlier = balances
    triggers.begin()
    world.run(command)
    for event in world.lastEvents { watch(event) }
    if case .setTradeGroup(let set) = command, world.lastReply.rejection == nil {
      groups[set.account] = set.group
    }
    triggers.end()
    if let wrong = triggers.wrong { fail(13, wrong) }
    tally["trails"] = triggers.trails
    tally["fired together"] = triggers.together
    checkBook()
    watch(command, earlier)
  }

  private mutating func watch(_ event: Event) {
    switch event {
    case .orderAccepted(let view): accept(view)
    case .orderTriggered(let view): trigger(view)
    case .trade(let trade): watch(trade)
    case .matchPrevented(let match): watch(match)
    case .orderAmended(let amendment):
      let key = Key(symbol: amendment.order.symbol, id: amendment.order.id)
      guard var order = known[key] else { return fail(8, "an order that is not open was amended") }
      order.view = amendment.order
      order.visible = min(order.visible, order.left)
      known[key] = order
      tally["amended", default: 0] += 1
    case .orderClosed(let view, _):
      known[Key(symbol: view.symbol, id: view.id)] = nil
      triggers.remove(Key(symbol: view.symbol, id: view.id))
    case .listChanged(let list): lists[list.id] = list
    case .levelChanged(let change):
      let level = ScenarioLevel(symbol: change.symbol, side: change.side, price: change.price)
      book[level] = change.quantity == 0 ? nil : change.quantity
      let id = Int64(change.updateID)
      if id != updates[change.symbol, default: 0] + 1 { fail(30, "update \(id) is out of turn") }
      updates[change.symbol] = id
    case .balanceChanged(let change):
      balances[NaiveName(account: change.account, asset: change.asset)] = NaiveBalance(
        free: Int128(change.free), locked: Int128(change.locked))
      if change.account == .custody, change.free < -(1 << 61) {
        fail(18, "\(change.free) were issued")
      }
    default: break
    }
  }

  private mutating func accept(_ view: OrderView) {
    if known.values.contains(where: {
      $0.view.account == view.account && $0.view.symbol == view.symbol
        && $0.view.clientOrderID == view.clientOrderID
    }) {
      fail(32, "\(view.clientOrderID) names two open orders")
    }
    places += 1
    var order = Known(view: view, place: places, visible: 0)
    order.visible = order.slice
    known[Key(symbol: view.symbol, id: view.id)] = order
    if view.status == .new, view.type.isParked { triggers.add(view) }
  }

  private mutating func trigger(_ view: OrderView) {
    let key = Key(symbol: view.symbol, id: view.id)
    guard var order = known[key] else { return fail(13, "an order that is not open fired") }
    if order.view.status == .pendingNew {
      if let list = lists[view.extras.list], let first = list.legs.first,
        !filled.contains(Key(symbol: view.symbol, id: first.order))
      {
        fail(12, "a pending leg came before the first leg was filled")
      }
      tally["pending legs", default: 0] += 1
      if view.workingAt < 0 { triggers.add(view) }
    } else if view.workingAt >= 0 {
      if !fired.insert(key).inserted { fail(13, "\(view.id) fired twice") }
      triggers.fired(key)
      tally["fired", default: 0] += 1
    }
    triggers.endLook()
    places += 1
    order.view = view
    order.place = places
    order.visible = order.slice
    known[key] = order
  }

  private mutating func watch(_ trade: Trade) {
    let maker = Key(symbol: trade.symbol, id: trade.maker.id)
    triggers.note(trade)
    tally["trades", default: 0] += 1
    let mode = trade.taker.selfTradePrevention
    if mode != .none, areOne(trade.maker.account, trade.taker.account) {
      fail(14, "trade \(trade.id.value) of an account with itself under \(mode)")
    }
    guard var order = known[maker] else { return fail(8, "traded with an order that is not open") }
    for other in known.values
    where other.isWorking && other.view.symbol == trade.symbol
      && other.view.side == trade.maker.side && other.view.id != trade.maker.id
    {
      let isBetter =
        trade.maker.side == .buy
        ? other.view.price > trade.price : other.view.price < trade.price
      if isBetter || (other.view.price == trade.price && other.place < order.place) {
        fail(8, "order \(other.view.id.value) was before order \(trade.maker.id.value)")
      }
    }
    order.view = trade.maker
    order.visible -= trade.quantity
    known[maker] = order
    refill(maker)
    let taker = Key(symbol: trade.symbol, id: trade.taker.id)
    update(taker, trade.taker)
    for (key, view) in [(maker, trade.maker), (taker, trade.taker)] {
      executed[key] = view.executed
      if view.status == .filled {
        filled.insert(key)
        known[key] = nil
      }
    }
    checkPair(trade.maker)
    checkPair(trade.taker)
  }

  private mutating func refill(_ key: Key) {
    guard var order = known[key], order.visible == 0, order.left > 0 else { return }
    places += 1
    order.place = places
    order.visible = order.slice
    known[key] = order
    tally["slices", default: 0] += 1
  }

  private mutating func checkPair(_ view: OrderView) {
    guard let list = lists[view.extras.list] else { return }
    let pair = list.kind == .oco ? list.legs[...] : list.legs.dropFirst()
    let traded = pair.filter {
      executed[Key(symbol: view.symbol, id: $0.order), default: 0] > 0
    }
    if pair.count == 2, traded.count > 1 { fail(12, "both legs of list \(list.id.value) traded") }
  }

  private func areOne(_ a: AccountID, _ b: AccountID) -> Bool {
    let group = groups[a] ?? .none
    return a == b || (group != .none && group == groups[b] ?? .none)
  }

  private mutating func watch(_ match: PreventedMatch) {
    tally["prevented", default: 0] += 1
    if !areOne(match.maker.account, match.taker.account) { fail(14, "prevented between strangers") }
    if match.mode == .decrement, match.makerQuantity != match.takerQuantity {
      fail(14, "one side lost more than the other")
    }
    let maker = Key(symbol: match.symbol, id: match.maker.id)
    known[maker]?.view = match.maker
    known[maker]?.visible -= match.makerQuantity
    if match.maker.status.isOpen { refill(maker) }
    let taker = Key(symbol: match.symbol, id: match.taker.id)
    update(taker, match.taker)
  }

  // A taker shows what it has left only once it rests.
  private mutating func update(_ taker: Key, _ view: OrderView) {
    guard var order = known[taker] else { return }
    order.view = view
    order.visible = order.slice
    known[taker] = order
  }

  private mutating func checkBook() {
    var shown: [ScenarioLevel: Int64] = [:]
    var icebergs: Set<ScenarioLevel> = []
    for order in known.values where order.isWorking {
      let level = ScenarioLevel(
        symbol: order.view.symbol, side: order.view.side, price: order.view.price)
      shown[level, default: 0] += order.visible
      if order.view.extras.terms.icebergQuantity > 0 { icebergs.insert(level) }
    }
    for level in Set(shown.keys).union(book.keys) where shown[level] != book[level] {
      let what = "\(level): told \(book[level] ?? 0), orders show \(shown[level] ?? 0)"
      fail(icebergs.contains(level) ? 16 : 30, what)
    }
  }

  private mutating func watch(_ command: Command, _ earlier: [NaiveName: NaiveBalance]) {
    switch command {
    case .placeOrder(let order): checkImprovement(order, earlier)
    case .cancelReplace(let replace):
      guard case .replaced(let replaced) = world.lastReply, case .failed = replaced.cancel else {
        return
      }
      tally["failed cancels", default: 0] += 1
      let isOff = replaced.order == .notAttempted
      if isOff != (replace.mode == .stopOnFailure) { fail(11, "\(replaced.order)") }
      if isOff, !world.lastEvents.isEmpty { fail(11, "the old order was not left alone") }
    case .transfer(let transfer):
      guard case .funds(_, false) = world.lastReply else { return }
      let from = NaiveName(account: transfer.from, asset: transfer.asset)
      let to = NaiveName(account: transfer.to, asset: transfer.asset)
      let amount = Int128(transfer.amount)
      let paid = (earlier[from]?.free ?? 0) - (balances[from]?.free ?? 0)
      let received = (balances[to]?.free ?? 0) - (earlier[to]?.free ?? 0)
      if paid != amount || received != amount { fail(29, "paid \(paid), received \(received)") }
    default: break
    }
  }

  // What a BUY keeps locked after it took is what its rest needs at its limit, and no more.
  private mutating func checkImprovement(
    _ order: PlaceOrder, _ earlier: [NaiveName: NaiveBalance]
  ) {
    guard let placed = world.lastReply.placed?.order, order.side == .buy, order.type == .limit,
      placed.executed > 0
    else { return }
    let touchesOthers = world.lastEvents.contains {
      switch $0 {
      case .trade(let trade): trade.taker.id != placed.id || trade.maker.account == order.account
      case .orderClosed(let view, _): view.id != placed.id && view.account == order.account
      case .matchPrevented, .orderTriggered: true
      default: false
      }
    }
    guard !touchesOthers else { return }
    tally["improved", default: 0] += 1
    let name = NaiveName(account: order.account, asset: World.quote)
    let locked = (balances[name]?.locked ?? 0) - (earlier[name]?.locked ?? 0)
    let unit: Int128 = order.symbol == World.first ? 10_000 : 100
    let rest = placed.status.isOpen ? Int128(placed.quantity - placed.executed) : 0
    let wanted = (Int128(placed.price) * rest + unit - 1) / unit
    if locked != wanted { fail(4, "locks \(locked), its rest needs \(wanted)") }
  }
}

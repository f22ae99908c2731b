// NaiveExchange: the same rules as the engine in the plainest code that has them, to compare the
// engine with.
//
// Written against the contract, not against the engine: arrays that are searched from the front,
// amounts in Int128, state copied and compared to find what changed.
// Not here: accounts, keys, symbols (the engine's own tests check those), rows.

import Engine

/// Where an open order stands.
enum NaiveState {
  case book, waiting, following, fired, pending
}

struct NaiveOrder {
  var view: OrderView
  var left: Int128
  var state: NaiveState
  /// On display, in the book.
  var shown: Int128 = 0
  var position = 0
  var holdPrice: Int64 = 0
  var extreme: Int64 = 0
}

enum NaiveTurn {
  case order(OrderID)
  case list(OrderListID)
}

struct NaiveList {
  var id: OrderListID
  var account: AccountID
  var s: Int
  var kind: OrderListKind
  var text: ShortText
  var createdAt: Int64
  var legs: [ListLeg]
  var open: [OrderID]
  /// Two legs that nothing touched yet.
  var isPair: Bool
  /// The first leg is not filled, or the others have not had their turn.
  var waits: Bool
  var proceeds: Int128 = 0
}

struct NaiveSymbol {
  var info: SymbolInfo
  var unit: Int128
  var orders: [NaiveOrder] = []
  var nextOrder: Int64 = 1
  var nextTrade: Int64 = 1
  var nextPrevented: Int64 = 1
  var nextExecution: Int64 = 1
  var nextPosition = 1
  var depthUpdate: Int64 = 0
  /// Prices of trades that nobody looked at yet.
  var unseen: [Int64] = []
  var turns: [NaiveTurn] = []
  var trades: [(stamp: Int64, price: Int64, base: Int128, quote: Int128)] = []

  /// Orders of a side in the order in which they trade.
  func queue(_ side: Side) -> [NaiveOrder] {
    let own = orders.filter { $0.view.side == side && $0.state == .book }
    return own.sorted { a, b in
      if a.view.price != b.view.price {
        return side == .buy ? a.view.price > b.view.price : a.view.price < b.view.price
      }
      return a.position < b.position
    }
  }

  /// What an order of the other side would meet, slices of icebergs in their turns.
  func visits(_ side: Side) -> [(order: NaiveOrder, quantity: Int128)] {
    var visits: [(order: NaiveOrder, quantity: Int128)] = []
    var queue = self.queue(side)
    while !queue.isEmpty {
      var order = queue.removeFirst()
      visits.append((order, order.shown))
      order.left -= order.shown
      guard order.left > 0 else { continue }
      order.shown = min(order.left, Int128(order.view.extras.terms.icebergQuantity))
      let end = queue.firstIndex { $0.view.price != order.view.price } ?? queue.count
      queue.insert(order, at: end)
    }
    return visits
  }

  func place(_ id: OrderID) -> Int {
    guard let at = orders.firstIndex(where: { $0.view.id == id }) else {
      preconditionFailure("no such order")
    }
    return at
  }

  /// Shows the next slice of an order, behind all others.
  mutating func show(_ at: Int) {
    let slice = Int128(orders[at].view.extras.terms.icebergQuantity)
    orders[at].shown = slice == 0 ? orders[at].left : min(orders[at].left, slice)
    orders[at].position = nextPosition
    nextPosition += 1
  }

  func levels() -> [NaiveLevel: Int128] {
    var levels: [NaiveLevel: Int128] = [:]
    for order in orders where order.state == .book {
      levels[NaiveLevel(side: order.view.side, price: order.view.price), default: 0] += order.shown
    }
    return levels
  }
}

struct NaiveLevel: Hashable {
  var side: Side
  var price: Int64
}

struct NaiveName: Hashable {
  var account: AccountID
  var asset: AssetID
}

struct NaiveBalance: Equatable {
  var free: Int128 = 0
  var locked: Int128 = 0
}

struct NaiveClosed {
  var account: AccountID
  var symbol: SymbolID
  var text: ShortText
  var at: Int64
}

struct NaiveExchange {
  var symbols: [NaiveSymbol] = []
  var balances: [NaiveName: NaiveBalance] = [:]
  var limits: [AccountID: OrderLimits] = [:]
  /// Changes of each account's count of unfilled orders, in order.
  var counted: [AccountID: [(stamp: Int64, change: Int)]] = [:]
  var settings = ExchangeSettings()
  /// The last entry for a name counts.
  var commissions: [AccountCommission] = []
  /// Accounts that pay in the discount asset where they can.
  var discounted: Set<AccountID> = []
  /// What the running taker may still pay of the asset that it gives; `nil`: whatever is free.
  var feeBudget: Int128?
  var orderMax: [AssetID: Int64] = [:]
  var closed: [NaiveClosed] = []
  /// What was booked under each kind and id.
  var funds: [String: AnyHashable] = [:]
  var withdrawals: [String: Withdrawal] = [:]
  var parents: [AccountID: AccountID] = [:]
  var horizon: ClientIDHorizon
  var events: [Event] = []
  var groups: [AccountID: TradeGroupID] = [:]
  var lists: [NaiveList] = []
  var nextList: Int64 = 1
  /// Turns that the running command ran, and how many it may.
  var turnsRun = 0
  var turnsMax = Exchange.turnsPerCommandMax
  /// Of the running order.
  var fills: [Fill] = []
  var preventions: [Prevention] = []

  init(horizon: ClientIDHorizon) { self.horizon = horizon }

  static func floorDivide(_ a: Int128, _ b: Int128) -> Int128 { a / b }
  static func ceilDivide(_ a: Int128, _ b: Int128) -> Int128 { (a + b - 1) / b }

  mutating func apply(_ command: Command, _ stamp: Int64) -> Reply {
    events = []
    turnsRun = 0
    if let symbol = command.placedSymbol { runTurns(Int(symbol.value) - 1, stamp) }
    let before = self
    do {
      switch command {
      case .placeOrder(let order): return .placed(try place(order, stamp))
      case .cancelOrder(let cancel): return try self.cancel(single: cancel, stamp)
      case .cancelAllOrders(let cancel): return try cancelAll(cancel, stamp)
      case .cancelReplace(let replace): return .replaced(try self.replace(replace, stamp))
      case .amendOrder(let amend): return .amended(try self.amend(amend, stamp))
      case .placeOrderList(let list): return .listPlaced(try place(list, stamp))
      case .cancelOrderList(let cancel): return .cancelledList(try self.cancel(cancel, stamp))
      case .setTradeGroup(let set):
        groups[set.account] = set.group
        return .done
      case .setSelfTradeRules(let set):
        symbols[Int(set.symbol.value) - 1].info.selfTrade = set.rules
        return .done
      case .deposit(let funds): return try move(funds, isDeposit: true)
      case .withdraw(let funds): return try move(funds, isDeposit: false)
      case .transfer(let transfer): return try self.transfer(transfer)
      case .requestWithdrawal(let request): return try self.request(request, stamp)
      case .moveWithdrawal(let move): return try moveOn(move, stamp)
      case .setSymbolStatus(let set):
        let s = Int(set.symbol.value) - 1
        if symbols[s].info.status == set.status { return .done }
        symbols[s].info.status = set.status
        runTurns(s, stamp)
        return .done
      default: return try applySetting(command)
      }
    } catch {
      self = before
      return .rejected(error)
    }
  }

  mutating func cancel(_ cancel: CancelOrder, _ stamp: Int64) throws(Rejection) -> Reply {
    let found = try find(
      cancel.orderID, cancel.originalClientOrderID, cancel.account, cancel.symbol)
    if cancel.restriction == .onlyNew, found.view.status != .new { throw .cancelRestricted }
    if cancel.restriction == .onlyPartiallyFilled, found.view.status != .partiallyFilled {
      throw .cancelRestricted
    }
    if let l = lists.firstIndex(where: { $0.id == found.view.extras.list }) {
      return .cancelledList(cancelList(l, cancel.cancelClientOrderID, stamp))
    }
    return .cancelled(end(found, cancel.cancelClientOrderID, stamp))
  }

  private mutating func cancel(
    single cancel: CancelOrder, _ stamp: Int64
  ) throws(Rejection) -> Reply {
    let reply = try self.cancel(cancel, stamp)
    runTurns(Int(cancel.symbol.value) - 1, stamp)
    return reply
  }

  func find(
    _ id: OrderID?, _ text: ShortText, _ account: AccountID, _ symbol: SymbolID
  ) throws(Rejection) -> NaiveOrder {
    let own = symbols[Int(symbol.value) - 1].orders.filter { $0.view.account == account }
    let found: NaiveOrder?
    if let id {
      found = own.first { $0.view.id == id }
      if let found, !text.isEmpty, found.view.clientOrderID != text { throw .cancelIDsDisagree }
    } else {
      found = own.first { $0.view.clientOrderID == text }
    }
    guard let found else { throw .orderUnknown }
    return found
  }

  private mutating func cancelAll(
    _ cancel: CancelAllOrders, _ stamp: Int64
  ) throws(Rejection) -> Reply {
    let s = Int(cancel.symbol.value) - 1
    let own = symbols[s].orders.filter { $0.view.account == cancel.account }
    guard !own.isEmpty else { throw .noOpenOrders }
    var all: [Cancelled] = []
    var ended: [OrderListView] = []
    for order in own.sorted(by: { $0.view.id < $1.view.id }) {
      guard symbols[s].orders.contains(where: { $0.view.id == order.view.id }) else { continue }
      if let l = lists.firstIndex(where: { $0.id == order.view.extras.list }) {
        let list = cancelList(l, cancel.cancelClientOrderID, stamp)
        all += list.orders
        ended.append(list.list)
      } else {
        all.append(end(order, cancel.cancelClientOrderID, stamp))
      }
    }
    runTurns(s, stamp)
    return .cancelledAll(all, lists: ended)
  }

  private mutating func end(
    _ order: NaiveOrder, _ text: ShortText, _ stamp: Int64
  ) -> Cancelled {
    let s = Int(order.view.symbol.value) - 1
    lock(order.view.id, s, -1)
    symbols[s].orders.removeAll { $0.view.id == order.view.id }
    symbols[s].turns.removeAll { if case .order(order.view.id) = $0 { true } else { false } }
    var view = order.view
    view.status = .canceled
    view.updatedAt = stamp
    reserve(view, stamp)
    events.append(.orderClosed(view, cancelClientOrderID: text))
    return Cancelled(order: view, cancelClientOrderID: text)
  }

  func held(_ view: OrderView) -> NaiveName {
    let info = symbols[Int(view.symbol.value) - 1].info
    return NaiveName(account: view.account, asset: view.side == .buy ? info.quote : info.base)
  }

  func hold(_ view: OrderView, _ left: Int128) -> Int128 {
    let unit = symbols[Int(view.symbol.value) - 1].unit
    return view.side == .sell ? left : Self.ceilDivide(Int128(view.price) * left, unit)
  }

  mutating func reserve(_ view: OrderView, _ stamp: Int64) {
    guard horizon.duration > 0 else { return }
    closed.removeAll { stamp - $0.at >= horizon.duration }
    closed.removeAll {
      $0.account == view.account && $0.symbol == view.symbol && $0.text == view.clientOrderID
    }
    closed.append(
      NaiveClosed(
        account: view.account, symbol: view.symbol, text: view.clientOrderID, at: stamp))
    while closed.count > horizon.totalMax { closed.removeFirst() }
    while closed.filter({ $0.account == view.account }).count > horizon.perAccountMax {
      if let first = closed.firstIndex(where: { $0.account == view.account }) {
        closed.remove(at: first)
      }
    }
  }

  func isReserved(_ order: PlaceOrder, _ stamp: Int64) -> Bool {
    isReserved(order.account, order.symbol, order.clientOrderID, stamp)
  }

  func isReserved(
    _ account: AccountID, _ symbol: SymbolID, _ text: ShortText, _ stamp: Int64
  ) -> Bool {
    let isOpen = symbols[Int(symbol.value) - 1].orders.contains {
      $0.view.account == account && $0.view.clientOrderID == text
    }
    return isOpen
      || closed.contains {
        $0.account == account && $0.symbol == symbol && $0.text == text
          && stamp - $0.at < horizon.duration
      }
  }
}

extension Command {
  /// The symbol on which the command wants to place orders.
  var placedSymbol: SymbolID? {
    switch self {
    case .placeOrder(let order): order.symbol
    case .placeOrderList(let list): list.symbol
    case .cancelReplace(let replace): replace.order.symbol
    default: nil
    }
  }
}

// NaiveExchange: the same rules as the engine in the plainest code that has them, to compare the
// engine with.
//
// Written against the contract, not against the engine: arrays that are searched from the front,
// amounts in Int128, state copied and compared to find what changed.
// Not here: accounts, keys, symbols (the engine's own tests check those), rows.

import Engine

struct NaiveOrder {
  var view: OrderView
  var left: Int128
}

struct NaiveSymbol {
  var info: SymbolInfo
  var unit: Int128
  var orders: [NaiveOrder] = []
  var nextOrder: Int64 = 1
  var nextTrade: Int64 = 1
  var depthUpdate: Int64 = 0
  var trades: [(stamp: Int64, price: Int64, base: Int128, quote: Int128)] = []

  /// Orders of a side in the order in which they trade.
  func queue(_ side: Side) -> [NaiveOrder] {
    let own = orders.filter { $0.view.side == side }
    return own.sorted { a, b in
      if a.view.price != b.view.price {
        return side == .buy ? a.view.price > b.view.price : a.view.price < b.view.price
      }
      return a.view.id < b.view.id
    }
  }

  func levels() -> [NaiveLevel: Int128] {
    var levels: [NaiveLevel: Int128] = [:]
    for order in orders {
      levels[NaiveLevel(side: order.view.side, price: order.view.price), default: 0] += order.left
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
  var orderMax: [AssetID: Int64] = [:]
  var closed: [NaiveClosed] = []
  /// What was booked under each kind and id.
  var funds: [String: AnyHashable] = [:]
  var withdrawals: [String: Withdrawal] = [:]
  var parents: [AccountID: AccountID] = [:]
  var horizon: ClientIDHorizon
  var events: [Event] = []

  init(horizon: ClientIDHorizon) { self.horizon = horizon }

  static func floorDivide(_ a: Int128, _ b: Int128) -> Int128 { a / b }
  static func ceilDivide(_ a: Int128, _ b: Int128) -> Int128 { (a + b - 1) / b }

  mutating func apply(_ command: Command, _ stamp: Int64) -> Reply {
    let before = self
    events = []
    do {
      switch command {
      case .placeOrder(let order): return .placed(try place(order, stamp))
      case .cancelOrder(let cancel): return .cancelled(try self.cancel(cancel, stamp))
      case .cancelAllOrders(let cancel): return .cancelledAll(try cancelAll(cancel, stamp))
      case .deposit(let funds): return try move(funds, isDeposit: true)
      case .withdraw(let funds): return try move(funds, isDeposit: false)
      case .transfer(let transfer): return try self.transfer(transfer)
      case .requestWithdrawal(let request): return try self.request(request, stamp)
      case .moveWithdrawal(let move): return try moveOn(move, stamp)
      case .setSymbolStatus(let set):
        symbols[Int(set.symbol.value) - 1].info.status = set.status
        return .done
      default: return try applySetting(command)
      }
    } catch {
      self = before
      events = []
      return .rejected(error)
    }
  }

  private mutating func cancel(
    _ cancel: CancelOrder, _ stamp: Int64
  ) throws(Rejection) -> Cancelled {
    let s = Int(cancel.symbol.value) - 1
    let own = symbols[s].orders.filter { $0.view.account == cancel.account }
    let found: NaiveOrder?
    if let id = cancel.orderID {
      found = own.first { $0.view.id == id }
      if let found, !cancel.originalClientOrderID.isEmpty,
        found.view.clientOrderID != cancel.originalClientOrderID
      {
        throw .cancelIDsDisagree
      }
    } else {
      found = own.first { $0.view.clientOrderID == cancel.originalClientOrderID }
    }
    guard let found else { throw .orderUnknown }
    if cancel.restriction == .onlyNew, found.view.executed > 0 { throw .cancelRestricted }
    if cancel.restriction == .onlyPartiallyFilled, found.view.executed == 0 {
      throw .cancelRestricted
    }
    return end(found, cancel.cancelClientOrderID, stamp)
  }

  private mutating func cancelAll(
    _ cancel: CancelAllOrders, _ stamp: Int64
  ) throws(Rejection) -> [Cancelled] {
    let s = Int(cancel.symbol.value) - 1
    let own = symbols[s].orders.filter { $0.view.account == cancel.account }
    guard !own.isEmpty else { throw .noOpenOrders }
    var all: [Cancelled] = []
    for order in own.sorted(by: { $0.view.id < $1.view.id }) {
      all.append(end(order, cancel.cancelClientOrderID, stamp))
    }
    return all
  }

  private mutating func end(
    _ order: NaiveOrder, _ text: ShortText, _ stamp: Int64
  ) -> Cancelled {
    let s = Int(order.view.symbol.value) - 1
    symbols[s].orders.removeAll { $0.view.id == order.view.id }
    let name = held(order.view)
    let amount = hold(order.view, order.left)
    balances[name, default: NaiveBalance()].locked -= amount
    balances[name, default: NaiveBalance()].free += amount
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
    let s = Int(order.symbol.value) - 1
    let isOpen = symbols[s].orders.contains {
      $0.view.account == order.account && $0.view.clientOrderID == order.clientOrderID
    }
    return isOpen
      || closed.contains {
        $0.account == order.account && $0.symbol == order.symbol && $0.text == order.clientOrderID
          && stamp - $0.at < horizon.duration
      }
  }
}

// PropertyRun: a random stream of commands, watched from outside: every property is judged by events,
// replies and rows, with sums of its own. Numbers name the properties (docs/ENGINE.md lists them).
// Not here: which planted bug each property must catch (PropertyTests).

import Engine
import Wire

struct PropertyRun: ~Copyable {
  var world = World(horizon: StateTests.horizon)
  var violated: [Int: String] = [:]
  var trades = 0
  /// Commissions in an asset that was not received.
  private(set) var paidSo = 0

  private var lastTrade: [SymbolID: Int64] = [:]
  private var lastPrice: [SymbolID: Int64] = [:]
  private var filled: [NaiveKey: Int64] = [:]
  private var open: [NaiveKey: OrderView] = [:]
  private var ended: Set<NaiveKey> = []
  private var book: [ScenarioLevel: Int64] = [:]
  private var status: [SymbolID: SymbolStatus] = [:]
  private var feesTaken: [AssetID: Int64] = [:]
  private var custody: [AssetID: Int64] = [:]
  private var counted: [AccountID: [(stamp: Int64, change: Int)]] = [:]
  private var booked: Set<String> = []
  private var withdrawals: [String: Withdrawal] = [:]
  private var infos: [SymbolID: SymbolInfo] = [:]

  struct NaiveKey: Hashable {
    var symbol: SymbolID
    var id: OrderID
  }

  private static let commission = Commission(
    standard: CommissionRates(maker: 1_000_000, taker: 2_000_000),
    tax: CommissionRates(maker: 3_000_000, taker: 3_000_000))

  init() {
    var filters = World.filters(step: 10)
    filters.averagePriceMinutes = 0
    filters.rules.executionBid = PriceBand(up: 10_040, down: 9_000)
    filters.rules.executionAsk = PriceBand(up: 11_000, down: 9_960)
    let discount: [Command] = [
      .setDiscount(DiscountSettings(asset: World.quote, factor: 75_000_000)),
      .setSymbolDiscount(SetSymbolDiscount(symbol: World.first, isOffered: true)),
      .setAccountDiscount(SetAccountDiscount(account: World.account(0), isUsed: true)),
      .setAccountDiscount(SetAccountDiscount(account: World.account(1), isUsed: true)),
      .setCommission(
        AccountCommission(account: .operator, symbol: World.first, commission: Self.commission)),
    ]
    for command in World.setUp(accounts: 4, funds: 60_000, filters: filters) + discount {
      world.run(command)
      watch(command)
    }
    world.run(.setLevel(SetLevel(level: Behaviour.newest)))
    world.collect()
  }

  mutating func run(_ command: Command) {
    world.run(command)
    watch(command)
  }

  /// Cancels one of the open orders, by its id.
  func cancellation(_ number: UInt64) -> Command? {
    let keys = open.keys.sorted { ($0.symbol, $0.id) < ($1.symbol, $1.id) }
    guard !keys.isEmpty, let view = open[keys[Int(number % UInt64(keys.count))]] else { return nil }
    return .cancelOrder(
      CancelOrder(
        account: view.account, symbol: view.symbol, orderID: view.id,
        originalClientOrderID: .empty, cancelClientOrderID: World.text("c"), restriction: .none))
  }

  private mutating func fail(_ property: Int, _ what: String) {
    if violated[property] == nil { violated[property] = what }
  }

  private mutating func watch(_ command: Command) {
    for event in world.lastEvents {
      switch event {
      case .orderAccepted(let view):
        let key = NaiveKey(symbol: view.symbol, id: view.id)
        if open[key] != nil || ended.contains(key) { fail(9, "an order id came twice") }
        open[key] = view
        counted[view.account, default: []].append((world.stamp, 1))
      case .trade(let trade): watch(trade)
      case .orderClosed(let view, _): end(view)
      case .levelChanged(let change):
        let level = ScenarioLevel(symbol: change.symbol, side: change.side, price: change.price)
        book[level] = change.quantity == 0 ? nil : change.quantity
      case .balanceChanged(let change):
        if change.locked < 0 || (change.free < 0 && change.account != .custody) {
          fail(2, "\(change)")
        }
        if change.account == .fees, change.free != feesTaken[change.asset, default: 0] {
          fail(17, "the fee account has \(change.free) of \(change.asset)")
        }
        if change.account == .custody, change.free != custody[change.asset, default: 0] {
          fail(28, "custody has \(change.free) of \(change.asset)")
        }
      case .fundsMoved(let moved): watch(moved, command)
      case .withdrawalChanged(let withdrawal): watch(withdrawal)
      case .symbolChanged(let info):
        status[info.id] = info.status
        infos[info.id] = info
      default: break
      }
    }
    watch(reply: world.lastReply, command)
    for sum in world.exchange.conservation() where sum.1 != 0 { fail(1, "\(sum)") }
    checkBook()
  }

  private mutating func end(_ view: OrderView) {
    let key = NaiveKey(symbol: view.symbol, id: view.id)
    if open[key] == nil { fail(9, "order \(view.id) ended twice, or never began") }
    if filled[key, default: 0] != view.executed { fail(5, "order \(view.id): a wrong sum") }
    open[key] = nil
    ended.insert(key)
  }

  private mutating func watch(_ trade: Trade) {
    trades += 1
    if trade.id.value != lastTrade[trade.symbol, default: 0] + 1 {
      fail(5, "trade \(trade.id) after \(lastTrade[trade.symbol, default: 0])")
    }
    lastTrade[trade.symbol] = trade.id.value
    if trade.quantity <= 0 || trade.quantity % 10 != 0 || trade.price != trade.maker.price
      || trade.maker.id == trade.taker.id
    {
      fail(6, "\(trade)")
    }
    if trade.taker.type == .limitMaker { fail(15, "a LIMIT_MAKER took") }
    if let reference = lastPrice[trade.symbol] {
      let (low, high) = trade.taker.side == .buy ? (9_000, 10_040) : (9_960, 11_000)
      if trade.price * 10_000 > reference * Int64(high)
        || trade.price * 10_000 < reference * Int64(low)
      {
        fail(25, "traded at \(trade.price), the last price was \(reference)")
      }
    }
    for (view, fee, asset, isMaker) in [
      (trade.maker, trade.makerFee, trade.makerFeeAsset, true),
      (trade.taker, trade.takerFee, trade.takerFeeAsset, false),
    ] {
      let key = NaiveKey(symbol: view.symbol, id: view.id)
      if filled[key, default: 0] == 0 {
        counted[view.account, default: []].append((world.stamp, isMaker ? -5 : -1))
      }
      filled[key, default: 0] += trade.quantity
      if filled[key] != view.executed || (view.executed > view.quantity) {
        fail(5, "order \(view.id): a wrong sum")
      }
      feesTaken[asset, default: 0] += fee
      watch(fee, asset, view, trade, isMaker)
      open[key] = view
      if isMaker, view.status == .filled {
        open[key] = nil
        ended.insert(key)
      }
    }
  }

  // What is paid from what is received is the sum of all rates, and in the discount asset, QUOTE,
  // three quarters of the standard rate and the tax.
  private mutating func watch(
    _ fee: Int64, _ asset: AssetID, _ view: OrderView, _ trade: Trade, _ isMaker: Bool
  ) {
    let received = view.side == .buy ? trade.quantity : trade.quoteQuantity
    if fee < 0 || fee > max(received, trade.quoteQuantity) { fail(17, "\(fee) on \(received)") }
    guard trade.symbol == World.first else { return }
    let pays = view.account == World.account(0) || view.account == World.account(1)
    let isPlain = asset == (view.side == .buy ? World.base : World.quote)
    if !isPlain, !pays || asset != World.quote { fail(33, "\(view.account) paid in \(asset)") }
    let isLower = pays && asset == World.quote
    let rate: Int64 = isMaker ? (isLower ? 3_750_000 : 4_000_000) : isLower ? 4_500_000 : 5_000_000
    let amount = isLower ? trade.quoteQuantity : received
    if fee != amount * rate / 100_000_000 { fail(33, "\(fee) on \(amount)") }
    if !isPlain { paidSo += 1 }
  }

  private mutating func watch(_ moved: FundsMoved, _ command: Command) {
    switch command {
    case .deposit, .withdraw:
      custody[moved.asset, default: 0] -= moved.amount
      let kind = moved.amount > 0 ? "d" : "w"
      if !booked.insert(kind + moved.id).inserted { fail(19, "\(moved.id) was booked twice") }
    default: break
    }
  }

  private mutating func watch(_ withdrawal: Withdrawal) {
    if let earlier = withdrawals[withdrawal.id] {
      if earlier.amount != withdrawal.amount || !earlier.state.isOpen {
        fail(28, "\(withdrawal.id) moved after its end")
      }
    }
    withdrawals[withdrawal.id] = withdrawal
    guard withdrawal.state == .confirmed else { return }
    custody[withdrawal.asset, default: 0] += withdrawal.amount
    feesTaken[withdrawal.asset, default: 0] += withdrawal.fee
  }

  private mutating func watch(reply: Reply, _ command: Command) {
    if let placed = reply.placed {
      let order = placed.order
      let key = NaiveKey(symbol: order.symbol, id: order.id)
      if order.status == .filled {
        open[key] = nil
        ended.insert(key)
      }
      if status[order.symbol] != .trading { fail(26, "an order was taken in another state") }
      if order.type == .limit, order.timeInForce == .fok, order.executed != 0,
        order.executed != order.quantity
      {
        fail(15, "a FOK order was filled in part")
      }
      if order.side == .buy, order.quoteOrderQuantity > 0,
        order.executedQuote > order.quoteOrderQuantity
      {
        fail(15, "spent \(order.executedQuote) of \(order.quoteOrderQuantity)")
      }
      if order.type == .market || order.timeInForce != .gtc, order.status.isOpen {
        fail(15, "an order rests that must not")
      }
      watch(placed.counts, order.account)
    }
    for event in world.lastEvents {
      if case .trade(let trade) = event { lastPrice[trade.symbol] = trade.price }
    }
    guard case .cancelOrder(let cancel) = command, let id = cancel.orderID,
      cancel.originalClientOrderID.isEmpty, cancel.restriction == .none,
      let view = open[NaiveKey(symbol: cancel.symbol, id: id)], view.account == cancel.account
    else { return }
    fail(10, "the open order \(id) was not cancelled: \(reply)")
  }

  private mutating func watch(_ counts: OrderCounts, _ account: AccountID) {
    for (window, count) in [(10_000_000, counts.in10Seconds), (86_400_000_000, counts.inDay)] {
      let changes = (counted[account] ?? []).filter {
        $0.stamp / Int64(window) == world.stamp / Int64(window)
      }
      let wanted = changes.reduce(0) { max(0, $0 + $1.change) }
      if wanted != Int(count) { fail(27, "counted \(count), not \(wanted)") }
    }
  }

  private mutating func checkBook() {
    for symbol in [World.first, World.second] {
      let bids = book.keys.filter { $0.symbol == symbol && $0.side == .buy }.map { $0.price }
      let asks = book.keys.filter { $0.symbol == symbol && $0.side == .sell }.map { $0.price }
      if let bid = bids.max(), let ask = asks.min(), bid >= ask { fail(7, "\(bid) and \(ask)") }
    }
  }

  /// What is locked must be what open orders and withdrawals hold, from rows alone.
  mutating func checkHolds() throws {
    world.collect()
    for asset in [World.base, World.quote, World.other] {
      let key = EngineRows.balanceKey(account: .fees, asset: asset)
      let value = world.rows.row(key)
      let free = try value.map { try EngineRows.decodeBalance(key: key, value: $0).free } ?? 0
      if free != feesTaken[asset, default: 0] { fail(17, "the fee account has \(free)") }
    }
    var held: [NaiveName: Int64] = [:]
    for withdrawal in withdrawals.values where withdrawal.state.isOpen {
      held[NaiveName(account: withdrawal.account, asset: withdrawal.asset), default: 0] +=
        withdrawal.amount + withdrawal.fee
    }
    for i in 0..<4 {
      let account = World.account(i)
      world.rows.scan(prefix: EngineRows.openOrderPrefix(account: account)) { key, value in
        guard let view = try? EngineRows.decodeOpenOrder(key: key, value: value),
          let info = infos[view.symbol]
        else { return false }
        let left = view.quantity - view.executed
        let unit: Int64 = view.symbol == World.first ? 10_000 : 100
        let hold = view.side == .sell ? left : (view.price * left + unit - 1) / unit
        let asset = view.side == .sell ? info.base : info.quote
        held[NaiveName(account: account, asset: asset), default: 0] += hold
        return true
      }
      for asset in [World.base, World.quote, World.other] {
        let locked = world.balance(i, asset).locked
        let wanted = held[NaiveName(account: account, asset: asset)] ?? 0
        if locked != wanted { fail(3, "locked \(locked), held \(wanted)") }
      }
    }
  }
}

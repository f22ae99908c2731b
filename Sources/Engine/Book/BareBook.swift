// BareBook: one order book of the engine without accounts, money and events, for those who measure or
// check matching alone.
//
// It is the exchange's own book (levels, order slab, choice of the maker) under a smaller door, so
// what is true of the one is true of the other.
// Invariant: prices are at least `priceMin`; quantities are above 0.
// Not here: filters, holds, fees, client order ids (Exchange).

/// A bare order book. Ids are the caller's; an id may be used again once its order is gone.
public struct BareBook: ~Copyable {
  /// The lowest price that has a place.
  public static let priceMin: Int64 = -(1 << 22) + 1

  /// One trade of the last call, at the maker's price.
  public struct Fill {
    public var maker: UInt64
    public var price: Int64
    public var quantity: Int64
  }

  /// An order that was taken out.
  public struct Rest {
    public var isBuy: Bool
    public var price: Int64
    public var quantity: Int64
  }

  private var book = Book()
  private var state = SymbolState(bare: ())
  private var fills = List<Fill>(capacity: 256)

  public init() { book.notesChanges = false }

  /// A trade of the last `place`.
  public func fill(_ position: Int) -> Fill { fills[position] }

  /// Open orders.
  public var count: Int { book.orders.used }

  /// Trades what crosses, and puts the rest into the book if it `rests`. Answers what did not trade,
  /// and how many trades there were.
  public mutating func place(
    _ id: UInt64, isBuy: Bool, price: Int64, quantity: Int64, rests: Bool
  ) -> (left: Int64, fills: Int) {
    precondition(price >= Self.priceMin && quantity > 0, "an order that has no place")
    fills.removeAll()
    let side: Side = isBuy ? .buy : .sell
    let limit = price - Self.priceMin + 1
    var left = quantity
    while left > 0 {
      let best = isBuy ? state.asks.best : state.bids.best
      let maker = book.nextMaker(best, for: side, limit: limit)
      if maker < 0 { break }
      let traded = min(left, book.orders[maker].remaining)
      left -= traded
      fills.append(
        Fill(
          maker: UInt64(bitPattern: book.orders[maker].id.value),
          price: book.orders[maker].price + Self.priceMin - 1, quantity: traded))
      book.reduce(maker, by: traded, side: side.opposite)
      if book.orders[maker].remaining == 0 {
        book.dequeue(maker, side: side.opposite, &state)
        book.orders.remove(bare: maker)
      }
    }
    if left > 0, rests {
      let slot = book.orders.add(
        bare: OrderRecord(
          OrderID(Int64(bitPattern: id)), side, price: limit, remaining: left, account: 0,
          symbol: 0))
      book.enqueue(slot, &state)
    }
    return (left, fills.count)
  }

  /// Takes an order out, or answers `nil` if it is not open.
  public mutating func cancel(_ id: UInt64) -> Rest? {
    let slot = book.orders.take(bare: OrderID(Int64(bitPattern: id)), of: 0)
    if slot < 0 { return nil }
    let rest = Rest(
      isBuy: book.orders[slot].side == .buy, price: book.orders[slot].price + Self.priceMin - 1,
      quantity: book.orders[slot].remaining)
    book.dequeue(slot, side: book.orders[slot].side, &state)
    return rest
  }

  /// The best price of a side, or `nil` if it is empty.
  public func best(isBuy: Bool) -> Int64? {
    let level = isBuy ? state.bids.best : state.asks.best
    return level < 0 ? nil : book.levels[level].price + Self.priceMin - 1
  }

  /// What all orders at a price have left.
  public func depth(isBuy: Bool, at price: Int64) -> Int64 {
    guard price >= Self.priceMin else { return 0 }
    let level = book.levels.find(
      isBuy ? state.bids : state.asks, tick: UInt64(price - Self.priceMin + 1))
    return level < 0 ? 0 : book.levels[level].quantity
  }
}

extension SymbolState {
  // A symbol of no assets whose tick is 1.
  fileprivate init(bare: ()) {
    self.init(
      id: SymbolID(0), base: AssetID(0), quote: AssetID(0), baseUnit: 1, makerRate: 0,
      takerRate: 0,
      filters: SymbolFilters(
        minPrice: 0, maxPrice: 0, tickSize: 1, minQuantity: 0, maxQuantity: 0, stepSize: 1),
      status: .trading, buckets: 0)
  }
}

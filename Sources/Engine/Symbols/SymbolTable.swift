// SymbolTable: assets and symbols, and for each symbol its counters, its book's two ladders and its
// recent prices.
//
// Assets and symbols are numbered from 1 and lie densely; a symbol's place is its id less one.
// Invariants: ids are never reused; names are unique; dictionaries are only looked up, never
// iterated.
// Not here: orders and levels (Book), which orders a symbol takes (Filters).

/// What the order path needs of a symbol.
struct SymbolState {
  let id: SymbolID
  let base: AssetID
  let quote: AssetID
  /// Units of one whole base: 10^scale.
  let baseUnit: Int64
  let makerRate: Int64
  let takerRate: Int64
  var filters: SymbolFilters
  /// Whether any of `filters.rules` is switched on.
  var isRuled = false
  var status: SymbolStatus
  var selfTrade = SelfTradeRules.all
  var offersDiscount = false
  /// Orders that wait for a price, and turns that wait to be run.
  var watchers: Int32 = 0
  var counters = SymbolCounters()
  var countersTag = RowTag()
  var bids = Ladder()
  var asks = Ladder()
  /// The first of its price buckets; there are `filters.averagePriceMinutes` of them.
  var buckets: Int32
}

/// Assets and symbols.
struct SymbolTable: ~Copyable {
  static let assetsMax = 10_000
  static let symbolsMax = 10_000
  static let averageMinutesMax: UInt32 = 60
  static let minute: Int64 = 60_000_000

  var states = Slab<SymbolState>(capacity: 8)
  /// Symbols (places) whose counters changed since their rows were written.
  private(set) var dirtyCounters = List<Int32>()
  private(set) var buckets: [PriceBucket] = []
  /// Which symbol a bucket belongs to, and which of its buckets it is.
  private(set) var bucketOwners: [(symbol: Int32, number: UInt32)] = []
  private(set) var dirtyBuckets = List<Int32>()
  private(set) var assets: [AssetInfo] = []
  private(set) var infos: [SymbolInfo] = []
  private var orderMaxes: [Int64] = []
  /// Whether any asset has one.
  private(set) var hasOrderMaxes = false
  private var assetByName: [String: Int] = [:]
  private var symbolByName: [String: Int] = [:]

  /// The place of a symbol, or `nil`.
  @inline(__always)
  func place(_ id: SymbolID) -> Int32? {
    id.value >= 1 && id.value <= UInt32(states.count) ? Int32(id.value - 1) : nil
  }

  /// The symbol at a place: symbols are numbered without gaps.
  @inline(__always)
  static func id(_ place: Int32) -> SymbolID { SymbolID(UInt32(place) + 1) }

  func asset(_ id: AssetID) -> AssetInfo? {
    id.value >= 1 && id.value <= UInt32(assets.count) ? assets[Int(id.value) - 1] : nil
  }

  func asset(named name: String) -> AssetInfo? { assetByName[name].map { assets[$0] } }
  func symbol(named name: String) -> SymbolInfo? { symbolByName[name].map { infos[$0] } }

  /// The ids of the next asset and symbol.
  var nextAsset: AssetID { AssetID(UInt32(assets.count) + 1) }
  var nextSymbol: SymbolID { SymbolID(UInt32(infos.count) + 1) }

  mutating func add(_ asset: AssetInfo) {
    precondition(asset.id == nextAsset, "assets are numbered in order")
    assetByName[asset.name] = assets.count
    assets.append(asset)
    orderMaxes.append(asset.orderMax)
    if asset.orderMax > 0 { hasOrderMaxes = true }
  }

  /// The most of an asset in one order; 0: no bound.
  @inline(__always)
  func orderMax(_ asset: AssetID) -> Int64 { orderMaxes[Int(asset.value) - 1] }

  mutating func setOrderMax(_ asset: AssetID, _ most: Int64) {
    orderMaxes[Int(asset.value) - 1] = most
    if most > 0 { hasOrderMaxes = true }
    assets[Int(asset.value) - 1].orderMax = most
  }

  /// Adds a symbol whose assets exist and whose definition is valid.
  mutating func add(_ info: SymbolInfo) {
    precondition(info.id == nextSymbol, "symbols are numbered in order")
    guard let base = asset(info.base) else { preconditionFailure("a symbol without its base") }
    symbolByName[info.name] = infos.count
    infos.append(info)
    let place = states.allocate(
      SymbolState(
        id: info.id, base: info.base, quote: info.quote,
        baseUnit: Amounts.unit(scale: base.scale), makerRate: info.makerRate,
        takerRate: info.takerRate, filters: info.filters, status: info.status,
        selfTrade: info.selfTrade, buckets: Int32(buckets.count)))
    states[place].isRuled = info.filters.rules != .none
    states[place].offersDiscount = info.offersDiscount
    for number in 0..<info.filters.averagePriceMinutes {
      buckets.append(PriceBucket())
      bucketOwners.append((place, number))
    }
  }

  mutating func setFilters(_ place: Int32, _ filters: SymbolFilters) {
    states[place].filters = filters
    states[place].isRuled = filters.rules != .none
    infos[Int(place)].filters = filters
  }

  mutating func setStatus(_ place: Int32, _ status: SymbolStatus) {
    states[place].status = status
    infos[Int(place)].status = status
  }

  mutating func setSelfTrade(_ place: Int32, _ rules: SelfTradeRules) {
    infos[Int(place)].selfTrade = rules
    states[place].selfTrade = rules
  }

  mutating func setDiscount(_ place: Int32, _ isOffered: Bool) {
    infos[Int(place)].offersDiscount = isOffered
    states[place].offersDiscount = isOffered
  }

  @inline(__always)
  mutating func markCounters(_ place: Int32) {
    if !states[place].countersTag.dirty {
      states[place].countersTag.dirty = true
      dirtyCounters.append(place)
    }
  }

  /// Notes that the rows of the counters were written.
  mutating func cleanCounters(_ place: Int32, hash: UInt128) {
    states[place].countersTag.dirty = false
    states[place].countersTag.hash = hash
  }

  mutating func cleanBucket(_ bucket: Int32, hash: UInt128) {
    buckets[Int(bucket)].hash.dirty = false
    buckets[Int(bucket)].hash.hash = hash
  }

  mutating func forgetDirty() {
    dirtyCounters.removeAll()
    dirtyBuckets.removeAll()
  }

  mutating func load(_ place: Int32, _ counters: SymbolCounters, hash: UInt128) {
    states[place].counters = counters
    states[place].countersTag.hash = hash
  }

  mutating func load(_ place: Int32, number: UInt32, _ bucket: PriceBucket, hash: UInt128) {
    var bucket = bucket
    bucket.hash.hash = hash
    buckets[Int(states[place].buckets) + Int(number)] = bucket
  }
}

// The average price.
extension SymbolTable {
  /// Notes a trade at `stamp`.
  mutating func noteTrade(_ place: Int32, price: Int64, base: Int64, quote: Int64, stamp: Int64) {
    states[place].counters.lastPrice = price
    let width = states[place].filters.averagePriceMinutes
    guard width > 0 else { return }
    let minute = stamp / Self.minute
    // Stamps before 1970 share one bucket; there is no such log.
    let bucket = states[place].buckets + Int32(max(0, minute) % Int64(width))
    let index = Int(bucket)
    if buckets[index].minute != minute {
      buckets[index].minute = minute
      buckets[index].quote = 0
      buckets[index].base = 0
    }
    buckets[index].quote += UInt128(UInt64(quote))
    buckets[index].base += UInt128(UInt64(base))
    if !buckets[index].hash.dirty {
      buckets[index].hash.dirty = true
      dirtyBuckets.append(bucket)
    }
  }

  /// The price that values a MARKET order: what was paid per base over the last minutes, or the
  /// last price if nothing was traded in them; `nil` before the first trade.
  func referencePrice(_ place: Int32, at stamp: Int64) -> Int64? {
    let counters = states[place].counters
    guard counters.nextTrade > 1 else { return nil }
    let width = Int64(states[place].filters.averagePriceMinutes)
    let minute = stamp / Self.minute
    var quote: UInt128 = 0
    var base: UInt128 = 0
    for i in 0..<Int(width) {
      let bucket = buckets[Int(states[place].buckets) + i]
      let (age, overflow) = minute.subtractingReportingOverflow(bucket.minute)
      if overflow || age < 0 || age >= width { continue }
      quote &+= bucket.quote
      base &+= bucket.base
    }
    let unit = UInt128(UInt64(states[place].baseUnit))
    let (product, overflow) = quote.multipliedReportingOverflow(by: unit)
    guard base > 0, !overflow, let price = Int64(exactly: product / base) else {
      return counters.lastPrice
    }
    return price
  }

  /// Calendar minutes of log time since the last trade; `nil` if the symbol keeps no minutes.
  func priceAge(_ place: Int32, at stamp: Int64) -> Int64? {
    let first = Int(states[place].buckets)
    let width = Int(states[place].filters.averagePriceMinutes)
    guard let last = buckets[first..<first + width].lazy.map(\.minute).max() else { return nil }
    let (age, overflow) = (stamp / Self.minute).subtractingReportingOverflow(last)
    return overflow ? .max : age
  }
}

// ScenarioOptions: what may follow in the line of an order and of a symbol. Whoever adds an option
// to an order or a filter to a symbol adds its word here.

import Engine

extension ScenarioVenue {
  /// `[QUANTITY] SYMBOL TYPE [PRICE] [option ...]`.
  mutating func order(
    _ account: AccountID, _ side: Side, _ words: inout Words
  ) throws -> PlaceOrder {
    var amount: String?
    if let next = words.next, next.first?.isNumber == true || next.hasPrefix("-") {
      amount = try words.word()
    }
    let symbol = try symbolNamed(words.word("a symbol"), words)
    let base = assets[Int(symbol.base.value) - 1].scale
    let quote = assets[Int(symbol.quote.value) - 1].scale
    clientIDs += 1
    var order = PlaceOrder(
      account: account, symbol: symbol.id, side: side, type: .limit, timeInForce: .gtc,
      quantity: 0, quoteOrderQuantity: 0, price: 0, clientOrderID: World.text("auto\(clientIDs)"))
    if let amount {
      guard let quantity = Decimals.parse(amount, base) else {
        throw words.fail("\(amount) is not a quantity")
      }
      order.quantity = quantity
    }
    let type = try words.word("an order type")
    guard let known = OrderType.allCases.first(where: { "\($0)" == type }) else {
      throw words.fail("\(type) is not an order type")
    }
    order.type = known
    while let option = words.next, option != "," {
      if let first = option.first, first.isNumber || first == "-" {
        order.price = try words.amount(quote)
        continue
      }
      _ = try words.word()
      try apply(option, to: &order, base, quote, &words)
    }
    return order
  }

  private func apply(
    _ option: String, to order: inout PlaceOrder, _ base: UInt8, _ quote: UInt8,
    _ words: inout Words
  ) throws {
    switch option {
    case "gtc": order.timeInForce = .gtc
    case "ioc": order.timeInForce = .ioc
    case "fok": order.timeInForce = .fok
    case "for": order.quoteOrderQuantity = try words.amount(quote)
    case "id": order.clientOrderID = World.text(try words.word("a client order id"))
    case "stp":
      let name = try words.word("a mode")
      guard let mode = SelfTradePrevention.allCases.first(where: { "\($0)" == name }) else {
        throw words.fail("\(name) is not a mode of self-trade prevention")
      }
      order.selfTradePrevention = mode
    default:
      guard try applySpecial(option, to: &order, base, quote, &words) else {
        throw words.fail("\(option) is nothing that an order takes")
      }
    }
  }

  /// `NAME BASE/QUOTE [option value ...]`.
  mutating func symbol(_ words: inout Words) throws -> [String] {
    let name = try words.word("the symbol's name")
    let pair = try words.word("base/quote").split(separator: "/").map { String($0) }
    guard pair.count == 2 else { throw words.fail("base/quote is missing") }
    let base = try assetNamed(pair[0], words).scale
    let quote = try assetNamed(pair[1], words).scale
    var add = AddSymbol(
      name: name, base: pair[0], quote: pair[1],
      filters: SymbolFilters(
        minPrice: 0, maxPrice: 0, tickSize: 1, minQuantity: 0, maxQuantity: 0, stepSize: 1,
        applyMinToMarket: false, maxOpenOrders: 0),
      makerRate: 0, takerRate: 0)
    while !words.isEmpty {
      let option = try words.word()
      try apply(option, to: &add, base, quote, &words)
    }
    let answers = try apply(.addSymbol(add))
    if case .symbol(let id) = lastReply {
      symbols.append(
        SymbolInfo(
          id: id, name: name, base: try assetNamed(pair[0], words).id,
          quote: try assetNamed(pair[1], words).id, status: .trading, filters: add.filters,
          makerRate: add.makerRate, takerRate: add.takerRate))
    }
    return answers
  }

  private func apply(
    _ option: String, to add: inout AddSymbol, _ base: UInt8, _ quote: UInt8,
    _ words: inout Words
  ) throws {
    switch option {
    case "tick": add.filters.tickSize = try words.amount(quote)
    case "step": add.filters.stepSize = try words.amount(base)
    case "maker": add.makerRate = try words.rate()
    case "taker": add.takerRate = try words.rate()
    case "minPrice": add.filters.minPrice = try words.amount(quote)
    case "maxPrice": add.filters.maxPrice = try words.amount(quote)
    case "minQty": add.filters.minQuantity = try words.amount(base)
    case "maxQty": add.filters.maxQuantity = try words.amount(base)
    case "marketMinQty": add.filters.marketMinQuantity = try words.amount(base)
    case "marketMaxQty": add.filters.marketMaxQuantity = try words.amount(base)
    case "marketStep": add.filters.marketStepSize = try words.amount(base)
    case "minNotional": add.filters.minNotional = try words.amount(quote)
    case "maxNotional": add.filters.maxNotional = try words.amount(quote)
    case "applyMinToMarket": add.filters.applyMinToMarket = true
    case "applyMaxToMarket": add.filters.applyMaxToMarket = true
    case "averageMinutes": add.filters.averagePriceMinutes = UInt32(try words.number())
    case "maxOrders": add.filters.maxOpenOrders = UInt32(try words.number())
    case "percentPrice": add.filters.rules.percentPrice = try band(&words)
    case "percentPriceBid": add.filters.rules.percentPriceBid = try band(&words)
    case "percentPriceAsk": add.filters.rules.percentPriceAsk = try band(&words)
    case "executionBid": add.filters.rules.executionBid = try band(&words)
    case "executionAsk": add.filters.rules.executionAsk = try band(&words)
    case "maxPosition": add.filters.rules.maxPosition = try words.amount(base)
    case "icebergParts": add.filters.rules.icebergParts = UInt32(try words.number())
    case "maxAlgoOrders": add.filters.rules.maxAlgoOrders = UInt32(try words.number())
    case "maxIcebergOrders": add.filters.rules.maxIcebergOrders = UInt32(try words.number())
    case "maxOrderLists": add.filters.rules.maxOrderLists = UInt32(try words.number())
    case "maxOrderAmends": add.filters.rules.maxOrderAmends = UInt32(try words.number())
    case "trailing":
      add.filters.rules.trailing = TrailingBounds(
        minAbove: UInt32(try words.number()), maxAbove: UInt32(try words.number()),
        minBelow: UInt32(try words.number()), maxBelow: UInt32(try words.number()))
    default: throw words.fail("\(option) is nothing that a symbol takes")
    }
  }

  /// Two multipliers, upper first, such as `1.2 0.8`; 0 is off.
  private func band(_ words: inout Words) throws -> PriceBand {
    PriceBand(up: UInt32(try words.amount(4)), down: UInt32(try words.amount(4)))
  }

  /// `SYMBOL [option value ...]`: changes filters of a symbol.
  mutating func changeFilters(_ words: inout Words) throws -> [String] {
    let symbol = try symbolNamed(words.word("a symbol"), words)
    let base = assets[Int(symbol.base.value) - 1].scale
    let quote = assets[Int(symbol.quote.value) - 1].scale
    var add = AddSymbol(
      name: symbol.name, base: "", quote: "", filters: symbol.filters, makerRate: 0, takerRate: 0)
    while !words.isEmpty {
      let option = try words.word()
      try apply(option, to: &add, base, quote, &words)
    }
    let answers = try apply(
      .setSymbolFilters(SetSymbolFilters(symbol: symbol.id, filters: add.filters)))
    if lastReply == .done { symbols[Int(symbol.id.value) - 1].filters = add.filters }
    return answers
  }

  /// What the operator refuses, by name; nothing: all is served.
  func features(_ words: inout Words) throws -> Features {
    let known: [(String, Features)] = [
      ("limitOrders", .limitOrders), ("marketOrders", .marketOrders), ("stopOrders", .stopOrders),
      ("trailingStops", .trailingStops), ("icebergs", .icebergs),
      ("peggedOrders", .peggedOrders), ("orderLists", .orderLists),
      ("cancelReplace", .cancelReplace), ("amendments", .amendments), ("deposits", .deposits),
      ("withdrawals", .withdrawals), ("transfers", .transfers),
    ]
    var features: Features = []
    while !words.isEmpty {
      let name = try words.word()
      guard let feature = known.first(where: { $0.0 == name }) else {
        throw words.fail("\(name) is no feature")
      }
      features.insert(feature.1)
    }
    return features
  }

  /// `ASSET FACTOR` (such as 75%) names the discount asset, `none` takes it away, `SYMBOL on|off` offers
  /// it on a symbol.
  mutating func discount(_ words: inout Words) throws -> [String] {
    if words.take("none") { return try apply(.setDiscount(.none)) }
    let name = try words.word("an asset or a symbol")
    if let symbol = symbols.first(where: { $0.name == name }) {
      let isOffered = try onOrOff(&words)
      return try apply(
        .setSymbolDiscount(SetSymbolDiscount(symbol: symbol.id, isOffered: isOffered)))
    }
    let asset = try assetNamed(name, words).id
    return try apply(.setDiscount(DiscountSettings(asset: asset, factor: try words.rate())))
  }

  func onOrOff(_ words: inout Words) throws -> Bool {
    if words.take("on") { return true }
    guard words.take("off") else { throw words.fail("on or off is missing") }
    return false
  }

  /// `SYMBOL ACCOUNT|all [layer maker taker buyer seller ...]`, rates in percent.
  mutating func commission(_ words: inout Words) throws -> [String] {
    let symbol = try symbolNamed(words.word("a symbol"), words)
    let account: AccountID =
      words.take("all") ? .operator : try accountNamed(words.word("an account"), words)
    var commission = Commission(standard: .none)
    while !words.isEmpty {
      let layer = try words.word()
      let rates = CommissionRates(
        maker: try words.rate(), taker: try words.rate(), buyer: try words.rate(),
        seller: try words.rate())
      switch layer {
      case "standard": commission.standard = rates
      case "tax": commission.tax = rates
      case "special": commission.special = rates
      default: throw words.fail("\(layer) is no layer of commission")
      }
    }
    return try apply(
      .setCommission(
        AccountCommission(account: account, symbol: symbol.id, commission: commission)))
  }
}

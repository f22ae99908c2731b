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
    while let option = words.next {
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
    default: throw words.fail("\(option) is nothing that an order takes")
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
    default: throw words.fail("\(option) is nothing that a symbol takes")
    }
  }
}

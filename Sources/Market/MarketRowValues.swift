// MarketRowValues: the bytes of history rows, one pair of functions a row.
//
// Invariant: decode(encode(x)) == x; fields that stand in the key are not repeated in the value.
// Not here: keys (MarketRows).

import Engine
import Wire

extension TradeRecord {
  func encoded() -> [UInt8] {
    var writer = MarketRows.start()
    writer.i64(price)
    writer.i64(quantity)
    writer.i64(quoteQuantity)
    writer.i64(time)
    writer.bool(buyerIsMaker)
    return writer.bytes
  }

  init(key: [UInt8], value: [UInt8]) throws(WireError) {
    id = TradeID(try MarketRows.number(key, at: MarketRows.afterSymbol))
    var reader = try MarketRows.open(value)
    price = try reader.i64()
    quantity = try reader.i64()
    quoteQuantity = try reader.i64()
    time = try reader.i64()
    buyerIsMaker = try reader.bool()
    try reader.finish()
  }
}

extension AggregateTrade {
  func encoded() -> [UInt8] {
    var writer = MarketRows.start()
    writer.i64(price)
    writer.i64(quantity)
    writer.i64(firstTrade.value)
    writer.i64(lastTrade.value)
    writer.i64(time)
    writer.bool(buyerIsMaker)
    return writer.bytes
  }

  init(symbol: SymbolID, key: [UInt8], value: [UInt8]) throws(WireError) {
    self.symbol = symbol
    id = try MarketRows.number(key, at: MarketRows.afterSymbol)
    var reader = try MarketRows.open(value)
    price = try reader.i64()
    quantity = try reader.i64()
    firstTrade = TradeID(try reader.i64())
    lastTrade = TradeID(try reader.i64())
    time = try reader.i64()
    buyerIsMaker = try reader.bool()
    try reader.finish()
  }
}

extension Candle {
  func encoded() -> [UInt8] {
    var writer = MarketRows.start(capacity: 96)
    for field in [
      open, high, low, close, volume, quoteVolume, takerBuyVolume, takerBuyQuoteVolume, firstTrade,
      lastTrade,
    ] {
      writer.i64(field)
    }
    return writer.bytes
  }

  init(key: [UInt8], value: [UInt8]) throws(WireError) {
    openTime = try MarketRows.number(key, at: MarketRows.afterSymbol + 1)
    var reader = try MarketRows.open(value)
    open = try reader.i64()
    high = try reader.i64()
    low = try reader.i64()
    close = try reader.i64()
    volume = try reader.i64()
    quoteVolume = try reader.i64()
    takerBuyVolume = try reader.i64()
    takerBuyQuoteVolume = try reader.i64()
    firstTrade = try reader.i64()
    lastTrade = try reader.i64()
    try reader.finish()
  }
}

extension AccountTrade {
  func encoded() -> [UInt8] {
    // Layout 2 has the list of the order at its end.
    var writer = MarketRows.start(capacity: 72, version: list == .none ? 1 : 2)
    writer.i64(order.value)
    writer.i64(price)
    writer.i64(quantity)
    writer.i64(quoteQuantity)
    writer.i64(commission)
    writer.u32(commissionAsset.value)
    writer.i64(time)
    writer.bool(isMaker)
    if list != .none { writer.i64(list.value) }
    return writer.bytes
  }

  init(symbol: SymbolID, key: [UInt8], value: [UInt8]) throws(WireError) {
    self.symbol = symbol
    id = TradeID(try MarketRows.number(key, at: MarketRows.afterAccountAndSymbol))
    guard let last = key.last, let side = Side(rawValue: last) else { throw .invalid("side") }
    isBuyer = side == .buy
    var (reader, version) = try MarketRows.openEither(value)
    order = OrderID(try reader.i64())
    price = try reader.i64()
    quantity = try reader.i64()
    quoteQuantity = try reader.i64()
    commission = try reader.i64()
    commissionAsset = AssetID(try reader.u32())
    time = try reader.i64()
    isMaker = try reader.bool()
    if version == 2 { list = OrderListID(try reader.i64()) }
    try reader.finish()
  }
}

extension AccountPreventedMatch {
  func encoded() -> [UInt8] {
    var writer = MarketRows.start(capacity: 64)
    writer.i64(taker.value)
    writer.i64(maker.value)
    writer.i64(group.value)
    writer.u8(mode.rawValue)
    writer.i64(price)
    writer.i64(takerQuantity)
    writer.i64(makerQuantity)
    writer.i64(time)
    return writer.bytes
  }

  init(symbol: SymbolID, key: [UInt8], value: [UInt8]) throws(WireError) {
    self.symbol = symbol
    id = PreventedMatchID(try MarketRows.number(key, at: MarketRows.afterAccountAndSymbol))
    var reader = try MarketRows.open(value)
    taker = OrderID(try reader.i64())
    maker = OrderID(try reader.i64())
    group = TradeGroupID(try reader.i64())
    guard let mode = SelfTradePrevention(rawValue: try reader.u8()) else {
      throw .invalid("self-trade prevention")
    }
    self.mode = mode
    price = try reader.i64()
    takerQuantity = try reader.i64()
    makerQuantity = try reader.i64()
    time = try reader.i64()
    try reader.finish()
  }
}

extension AccountAmendment {
  func encoded() -> [UInt8] {
    var writer = MarketRows.start(capacity: 112)
    originalClientOrderID.encode(into: &writer)
    newClientOrderID.encode(into: &writer)
    writer.i64(originalQuantity)
    writer.i64(newQuantity)
    writer.i64(time)
    return writer.bytes
  }

  init(
    symbol: SymbolID, order: OrderID, key: [UInt8], value: [UInt8]
  ) throws(WireError) {
    self.symbol = symbol
    self.order = order
    execution = ExecutionID(try MarketRows.number(key, at: MarketRows.afterOrder))
    var reader = try MarketRows.open(value)
    originalClientOrderID = try ShortText.decode(&reader)
    newClientOrderID = try ShortText.decode(&reader)
    originalQuantity = try reader.i64()
    newQuantity = try reader.i64()
    time = try reader.i64()
    try reader.finish()
  }
}

extension Transfer {
  func encoded() -> [UInt8] {
    var writer = MarketRows.start()
    writer.u32(asset.value)
    writer.i64(amount)
    writer.text(id)
    writer.i64(time)
    return writer.bytes
  }

  init(key: [UInt8], value: [UInt8]) throws(WireError) {
    guard key.count == 23 else { throw .invalid("transfer key") }
    var fields = ByteReader(key, in: 11..<23)
    index = try fields.u64()
    ordinal = try fields.u32()
    var reader = try MarketRows.open(value)
    asset = AssetID(try reader.u32())
    amount = try reader.i64()
    id = try reader.text()
    time = try reader.i64()
    try reader.finish()
  }
}

// AdminMarkets: assets and symbols of the admin port.
// Not here: how definitions are read (SymbolDefinition), and exchangeInfo (REST).

import Engine
import Market

extension AdminContext {
  // MARK: Writes

  /// `{name, scale?}` -> the same. An asset that exists with the same scale is accepted.
  func addAsset() throws(AdminRefusal) -> Action {
    let asset = try reading { fields throws(AdminFailure) in try SymbolDefinition.asset(&fields) }
    return write(.addAsset(asset)) { _, w in
      w.field("name", asset.name)
      w.field("scale", asset.scale)
    }
  }

  /// A symbol with filters and fees -> the definition as it was taken, defaults included.
  func addSymbol() throws(AdminRefusal) -> Action {
    let (base, quote) = try symbolAssets()
    let assets = (try asset(base), try asset(quote))
    let symbol = try reading { fields throws(AdminFailure) in
      try SymbolDefinition.symbol(&fields) { Int(($0 == base ? assets.0 : assets.1).scale) }
    }
    return write(.addSymbol(symbol)) { reply, w in
      guard case .symbol(let id) = reply else { return }
      let info = SymbolInfo(
        id: id, name: symbol.name, base: assets.0.id, quote: assets.1.id, status: .trading,
        filters: symbol.filters, makerRate: symbol.makerRate, takerRate: symbol.takerRate)
      Self.write(info, base: assets.0, quote: assets.1, to: &w)
    }
  }

  /// `{status}` with TRADING, HALT, BREAK, CANCEL_ONLY or END_OF_DAY -> `{name, status}`.
  func setSymbolStatus(_ name: String) throws(AdminRefusal) -> Action {
    let status = try reading { fields throws(AdminFailure) in
      let text = try fields.text("status")
      guard let status = Self.settable.first(where: { $0.text == text }) else {
        let names = Self.settable.map(\.text).joined(separator: ", ")
        throw fields.wrong("status", "must be one of \(names)")
      }
      return status
    }
    let symbol = try symbol(name)
    return write(.setSymbolStatus(SetSymbolStatus(symbol: symbol.id, status: status))) { _, w in
      w.field("name", symbol.name)
      w.field("status", status.text)
    }
  }

  /// The two assets come first: their scales decide how the amounts are read.
  private func symbolAssets() throws(AdminRefusal) -> (base: String, quote: String) {
    do throws(AdminFailure) {
      var fields = try AdminFields(parsing: request.body)
      return (try fields.text("base"), try fields.text("quote"))
    } catch {
      throw .failure(error)
    }
  }

  // MARK: Reads

  /// `{"assets": [...]}` in id order.
  func listAssets() throws(AdminRefusal) -> Action {
    .read(linearizable: true) { model in
      let body = HTTPResponse.json(capacity: 1024) { w in
        w.object { w in
          w.key("assets")
          w.array { w in
            for asset in model.catalog.assets {
              w.object { w in
                w.field("assetId", asset.id.value)
                w.field("name", asset.name)
                w.field("scale", asset.scale)
                w.field("orderMax", decimal: asset.orderMax, scale: Int(asset.scale))
              }
            }
          }
        }
      }
      return AdminAnswer.at(model.appliedIndex, body)
    }
  }

  /// `{"symbols": [...]}` in id order.
  func listSymbols() throws(AdminRefusal) -> Action {
    .read(linearizable: true) { model in
      let body = HTTPResponse.json(capacity: 4096) { w in
        w.object { w in
          w.key("symbols")
          w.array { w in
            for symbol in model.catalog.symbols {
              guard let base = model.catalog.asset(symbol.base),
                let quote = model.catalog.asset(symbol.quote)
              else { continue }
              w.object { Self.write(symbol, base: base, quote: quote, to: &$0) }
            }
          }
        }
      }
      return AdminAnswer.at(model.appliedIndex, body)
    }
  }

  // MARK: Parts

  private static let settable: [SymbolStatus] = [
    .trading, .halt, .break, .cancelOnly, .endOfDay,
  ]

  static func write(
    _ symbol: SymbolInfo, base: AssetInfo, quote: AssetInfo, to w: inout JSONWriter
  ) {
    let filters = symbol.filters
    let (baseScale, quoteScale) = (Int(base.scale), Int(quote.scale))
    w.field("symbolId", symbol.id.value)
    w.field("name", symbol.name)
    w.field("base", base.name)
    w.field("quote", quote.name)
    w.field("status", symbol.status.text)
    w.field("minPrice", decimal: filters.minPrice, scale: quoteScale)
    w.field("maxPrice", decimal: filters.maxPrice, scale: quoteScale)
    w.field("tickSize", decimal: filters.tickSize, scale: quoteScale)
    w.field("minQuantity", decimal: filters.minQuantity, scale: baseScale)
    w.field("maxQuantity", decimal: filters.maxQuantity, scale: baseScale)
    w.field("stepSize", decimal: filters.stepSize, scale: baseScale)
    w.field("marketMinQuantity", decimal: filters.marketMinQuantity, scale: baseScale)
    w.field("marketMaxQuantity", decimal: filters.marketMaxQuantity, scale: baseScale)
    w.field("marketStepSize", decimal: filters.marketStepSize, scale: baseScale)
    w.field("minNotional", decimal: filters.minNotional, scale: quoteScale)
    w.field("applyMinToMarket", filters.applyMinToMarket)
    w.field("maxNotional", decimal: filters.maxNotional, scale: quoteScale)
    w.field("applyMaxToMarket", filters.applyMaxToMarket)
    w.field("averagePriceMinutes", filters.averagePriceMinutes)
    w.field("maxOpenOrders", filters.maxOpenOrders)
    w.field("makerFee", decimal: symbol.makerRate, scale: 8)
    w.field("takerFee", decimal: symbol.takerRate, scale: 8)
    SymbolDefinition.write(filters.rules, baseScale: baseScale, to: &w)
    w.key("selfTrade")
    w.object { write(symbol.selfTrade, to: &$0) }
    w.field("offersDiscount", symbol.offersDiscount)
  }
}

// AdminCodec: the bodies of the commands in AdminCommands.

import Wire

extension CommandCodec {
  static func encode(_ set: SetSymbolFilters, into writer: inout ByteWriter) {
    writer.u32(set.symbol.value)
    writer.filters(set.filters)
    writer.rules(set.filters.rules)
  }

  static func setSymbolFilters(_ r: inout ByteReader) throws(WireError) -> SetSymbolFilters {
    let symbol = SymbolID(try r.u32())
    var filters = try r.filters()
    filters.rules = try r.rules()
    return SetSymbolFilters(symbol: symbol, filters: filters)
  }

  static func encode(_ set: SetAssetLimit, into writer: inout ByteWriter) {
    writer.u32(set.asset.value)
    writer.i64(set.orderMax)
  }

  static func setAssetLimit(_ r: inout ByteReader) throws(WireError) -> SetAssetLimit {
    SetAssetLimit(asset: AssetID(try r.u32()), orderMax: try r.i64())
  }

  static func setSymbolDiscount(_ r: inout ByteReader) throws(WireError) -> SetSymbolDiscount {
    SetSymbolDiscount(symbol: SymbolID(try r.u32()), isOffered: try r.bool())
  }

  static func setAccountDiscount(_ r: inout ByteReader) throws(WireError) -> SetAccountDiscount {
    SetAccountDiscount(account: AccountID(try r.u64()), isUsed: try r.bool())
  }
}

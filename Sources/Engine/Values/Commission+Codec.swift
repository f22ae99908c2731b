// Commission as bytes: in its command and its row.

import Wire

extension ByteWriter {
  mutating func discount(_ discount: DiscountSettings) {
    u32(discount.asset.value)
    i64(discount.factor)
  }

  mutating func commission(_ commission: Commission) {
    for layer in [commission.standard, commission.tax, commission.special] {
      i64(layer.maker)
      i64(layer.taker)
      i64(layer.buyer)
      i64(layer.seller)
    }
  }
}

extension ByteReader {
  mutating func discount() throws(WireError) -> DiscountSettings {
    DiscountSettings(asset: AssetID(try u32()), factor: try i64())
  }

  mutating func commission() throws(WireError) -> Commission {
    Commission(standard: try layer(), tax: try layer(), special: try layer())
  }

  private mutating func layer() throws(WireError) -> CommissionRates {
    CommissionRates(
      maker: try i64(), taker: try i64(), buyer: try i64(), seller: try i64())
  }
}

// Commission as bytes: in its command and its row.

import Wire

extension ByteWriter {
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
  mutating func commission() throws(WireError) -> Commission {
    Commission(standard: try layer(), tax: try layer(), special: try layer())
  }

  private mutating func layer() throws(WireError) -> CommissionRates {
    CommissionRates(
      maker: try i64(), taker: try i64(), buyer: try i64(), seller: try i64())
  }
}

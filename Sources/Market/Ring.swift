// Ring: the last values of a sequence, in order.
//
// Invariant: holds at most `capacity` values; position 0 is the oldest.
// Not here: what the values are.

/// A bounded sequence that forgets its oldest value when it is full.
struct Ring<Value> {
  private var values: [Value] = []
  private var oldest = 0
  let capacity: Int

  init(capacity: Int) {
    precondition(capacity > 0, "a ring holds at least one value")
    self.capacity = capacity
  }

  var count: Int { values.count }

  /// The value at `position`, counted from the oldest.
  subscript(position: Int) -> Value {
    precondition(position >= 0 && position < values.count, "position outside of the ring")
    return values[(oldest + position) % values.count]
  }

  var last: Value? { values.isEmpty ? nil : self[values.count - 1] }

  mutating func append(_ value: Value) {
    if values.count < capacity {
      values.append(value)
    } else {
      values[oldest] = value
      oldest = (oldest + 1) % capacity
    }
  }

  /// The values at these positions.
  func part(_ range: Range<Int>) -> [Value] { range.map { self[$0] } }
}

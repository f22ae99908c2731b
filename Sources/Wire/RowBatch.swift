// RowBatch: changes of rows that are stored together, in one flat buffer.
//
// Keys and values stand one behind the other in one array of bytes; a mark a change says where. So a
// batch that is emptied and used again allocates nothing.
// Invariant: a mark lies within what was packed.
// Not here: row keys and who owns them (Rows), storing (Storage).

/// Changes that are stored together or not at all. A later change of a key wins over an earlier one.
public struct RowBatch: Sendable {
  /// Where a change stands: its key, and its value behind it (-1: the row is deleted).
  @usableFromInline struct Mark: Sendable {
    @usableFromInline let start: Int
    @usableFromInline let keyCount: Int32
    @usableFromInline let valueCount: Int32

    @inlinable init(start: Int, keyCount: Int, valueCount: Int) {
      self.start = start
      self.keyCount = Int32(keyCount)
      self.valueCount = Int32(valueCount)
    }
  }

  @usableFromInline var packed = PackedBytes()
  @usableFromInline var marks: [Mark] = []

  public init() {}

  /// How many changes there are.
  @inlinable public var count: Int { marks.count }
  @inlinable public var isEmpty: Bool { marks.isEmpty }
  /// Bytes of all keys and values.
  @inlinable public var byteCount: Int { packed.count }

  /// The changes as values of their own, in order. Each access copies a key and a value: for tests
  /// and where few changes are looked at; `withChange` copies nothing.
  public var changes: Changes { Changes(batch: self) }

  public mutating func put(_ key: [UInt8], _ value: [UInt8]) {
    put(
      atMost: key.count + value.count, key: { p in key.withUnsafeBytes { p.raw($0) } },
      value: { p in value.withUnsafeBytes { p.raw($0) } })
  }

  public mutating func delete(_ key: [UInt8]) {
    delete(atMost: key.count) { p in key.withUnsafeBytes { p.raw($0) } }
  }

  /// Adds a row that is packed in place, in at most `capacity` bytes. Answers its hash.
  @inlinable @inline(__always)
  @discardableResult
  public mutating func put(
    atMost capacity: Int, key: (inout Packer) -> Void, value: (inout Packer) -> Void
  ) -> UInt128 {
    let start = packed.count
    var keyCount = 0
    let hash = packed.pack(atMost: capacity) { packer in
      key(&packer)
      keyCount = packer.count
      value(&packer)
      return RowHash.of(
        row: packer.memory, keyCount: keyCount, valueCount: packer.count - keyCount)
    }
    marks.append(
      Mark(start: start, keyCount: keyCount, valueCount: packed.count - start - keyCount))
    return hash
  }

  /// Adds the deletion of a row whose key is packed in place.
  @inlinable @inline(__always)
  public mutating func delete(atMost capacity: Int, key: (inout Packer) -> Void) {
    let start = packed.count
    packed.pack(atMost: capacity) { key(&$0) }
    marks.append(Mark(start: start, keyCount: packed.count - start, valueCount: -1))
  }

  /// Adds all changes of another batch. If this one is empty, the two only change places: what is
  /// left in `other` is to be emptied by its owner.
  public mutating func take(_ other: inout RowBatch) {
    if isEmpty {
      swap(&self, &other)
    } else {
      append(other)
    }
    other.removeAll()
  }

  public mutating func append(_ other: RowBatch) {
    let shift = packed.count
    other.packed.withBytes(0..<other.packed.count) { bytes in
      packed.pack(atMost: bytes.count) { $0.raw(bytes) }
    }
    marks.reserveCapacity(marks.count + other.marks.count)
    for mark in other.marks {
      marks.append(
        Mark(
          start: mark.start + shift, keyCount: Int(mark.keyCount),
          valueCount: Int(mark.valueCount)))
    }
  }

  /// Adds one change of another batch.
  public mutating func append(_ position: Int, of other: RowBatch) {
    let mark = other.marks[position]
    let start = packed.count
    let count = Int(mark.keyCount) + Int(max(0, mark.valueCount))
    other.packed.withBytes(mark.start..<mark.start + count) { bytes in
      packed.pack(atMost: count) { $0.raw(bytes) }
    }
    marks.append(
      Mark(start: start, keyCount: Int(mark.keyCount), valueCount: Int(mark.valueCount)))
  }

  /// Empties it, keeping its memory.
  public mutating func removeAll() {
    packed.removeAll()
    marks.removeAll(keepingCapacity: true)
  }

  /// Looks at the change at `position`: its key, and its value or `nil`.
  @inlinable @inline(__always)
  public func withChange<R>(
    at position: Int, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer?) throws -> R
  ) rethrows -> R {
    let mark = marks[position]
    let keyCount = Int(mark.keyCount)
    let count = keyCount + Int(max(0, mark.valueCount))
    return try packed.withBytes(mark.start..<mark.start + count) { bytes in
      let key = UnsafeRawBufferPointer(rebasing: bytes[..<keyCount])
      let value = UnsafeRawBufferPointer(rebasing: bytes[keyCount...])
      return try body(key, mark.valueCount < 0 ? nil : value)
    }
  }

  /// The changes of a batch, as values.
  public struct Changes: RandomAccessCollection, Sendable {
    fileprivate let batch: RowBatch

    public var startIndex: Int { 0 }
    public var endIndex: Int { batch.count }

    public subscript(position: Int) -> RowChange {
      batch.withChange(at: position) { key, value in
        RowChange(key: Array(key), value: value.map { Array($0) })
      }
    }
  }
}

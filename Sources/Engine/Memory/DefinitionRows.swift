// DefinitionRows: definitions of which there are very many and which are seldom read, as the bytes of their rows, one
// behind the other in pages.
//
// A struct of strings and arrays for each of a million keys took twice the memory. What an order needs of an account
// or a key does not lie here (AccountState, KeyState).
// Invariants: a row begins at a multiple of four, with how much fits there and how much there is; it lies in one page.
// A row that is replaced by one that does not fit leaves its place unused, for good: but no row can outgrow its place
// more than a thousand times, and those of today a few times at most.
// Not here: layouts (RowValues), which definition has which number (AccountTable).

import Wire

/// The bytes of numbered rows.
struct DefinitionRows: ~Copyable {
  private static let pageBytes = 1 << 20
  /// What fits, and what there is.
  private static let headBytes = 4
  /// What a row may have, so that little of a page is left unused.
  static let bytesMax = 4096

  private var pages = Column<UnsafeMutableRawPointer>()
  private var pageUsed = DefinitionRows.pageBytes
  /// Where each row begins, in units of four bytes.
  private var starts = Column<UInt32>()

  deinit {
    for page in 0..<pages.count { pages[page].deallocate() }
  }

  /// The memory that it takes.
  var pageCount: Int { pages.count }

  /// How many rows there are.
  var count: Int { starts.count }

  /// Adds the next row.
  mutating func append(_ row: [UInt8]) { starts.append(store(row)) }

  /// Puts another row in the place of one.
  mutating func replace(_ number: Int, _ row: [UInt8]) {
    let start = address(starts[number])
    if row.count <= Int(start.load(as: UInt16.self)) {
      put(row, at: start)
    } else {
      starts[number] = store(row)
    }
  }

  /// A copy of a row.
  subscript(number: Int) -> [UInt8] {
    let start = address(starts[number])
    return Array(
      UnsafeRawBufferPointer(
        start: start + Self.headBytes, count: Int(start.load(fromByteOffset: 2, as: UInt16.self))))
  }

  private func put(_ row: [UInt8], at start: UnsafeMutableRawPointer) {
    start.storeBytes(of: UInt16(row.count), toByteOffset: 2, as: UInt16.self)
    row.withUnsafeBytes { (start + Self.headBytes).copyMemory(from: $0) }
  }

  private func address(_ start: UInt32) -> UnsafeMutableRawPointer {
    let position = Int(start) * 4
    return pages[position / Self.pageBytes] + position % Self.pageBytes
  }

  private mutating func store(_ row: [UInt8]) -> UInt32 {
    precondition(row.count <= Self.bytesMax, "a definition beyond the limits of its fields")
    let bytes = (Self.headBytes + row.count + 3) & ~3
    if pageUsed + bytes > Self.pageBytes {
      pages.append(.allocate(byteCount: Self.pageBytes, alignment: 16))
      pageUsed = 0
    }
    let start = UInt32(((pages.count - 1) * Self.pageBytes + pageUsed) / 4)
    pageUsed += bytes
    let place = address(start)
    place.storeBytes(of: UInt16(bytes - Self.headBytes), as: UInt16.self)
    put(row, at: place)
    return start
  }
}

extension UnsafeMutableRawPointer {
  // All of some bytes, which may be none.
  fileprivate func copyMemory(from bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    copyMemory(from: start, byteCount: bytes.count)
  }
}

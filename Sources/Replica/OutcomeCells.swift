// OutcomeCells: memory for the bytes of recorded outcomes, in cells of few sizes.
//
// Invariant: a cell belongs to one group, or stands in the list of free cells of its size.
// Not here: what lies in them (OutcomeMemory).

import Wire

/// Cells for the bytes of groups: sizes in steps of 16 bytes up to 1 KiB and of 256 up to 4 KiB, out of large pages;
/// what is longer lies by itself.
struct OutcomeCells: ~Copyable {
  private static let step = 16
  private static let smallMax = 1024
  private static let largeStep = 256
  static let cellMax = 4096
  /// The first pages are small, so that a small exchange does not need a large one.
  private static let pageBytes = 1 << 18
  private static let smallPages = 8
  private static let largePageBytes = 1 << 21

  private var pages: [UnsafeMutablePointer<UInt8>] = []
  /// What is left of the last of them.
  private var page: UnsafeMutableRawPointer
  private var pageLeft = 0
  /// The first free cell of each size; a free cell begins with the address of the next.
  private var freeCells = Column<UnsafeMutableRawPointer?>(
    repeating: nil, count: OutcomeCells.kind(OutcomeCells.cellMax) + 1)

  init() {
    let first: UnsafeMutablePointer<UInt8> = Memory.take(Self.pageBytes)
    pages.append(first)
    page = UnsafeMutableRawPointer(first)
    pageLeft = Self.pageBytes
  }

  @inline(never)
  private mutating func openPage() {
    pageLeft = Self.bytes(ofPage: pages.count)
    let next: UnsafeMutablePointer<UInt8> = Memory.take(pageLeft)
    pages.append(next)
    page = UnsafeMutableRawPointer(next)
  }

  private static func bytes(ofPage number: Int) -> Int {
    number < smallPages ? pageBytes : largePageBytes
  }

  deinit {
    for (number, page) in pages.enumerated() { Memory.give(page, Self.bytes(ofPage: number)) }
  }

  /// Copies bytes into a cell.
  mutating func store(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutableRawPointer {
    let cell = take(bytes.count)
    if let start = bytes.baseAddress { cell.copyMemory(from: start, byteCount: bytes.count) }
    return cell
  }

  mutating func release(_ cell: UnsafeMutableRawPointer, _ count: Int) {
    if count > Self.cellMax {
      cell.deallocate()
      return
    }
    let kind = Self.kind(count)
    cell.storeBytes(of: freeCells[kind], as: UnsafeMutableRawPointer?.self)
    freeCells[kind] = cell
  }

  static func releaseIfLarge(_ cell: UnsafeMutableRawPointer, _ count: Int) {
    if count > cellMax { cell.deallocate() }
  }

  /// Counts the sizes.
  private static func kind(_ count: Int) -> Int {
    if count <= smallMax { return max(1, (count + step - 1) / step) }
    return smallMax / step + (count - smallMax + largeStep - 1) / largeStep
  }

  private static func bytes(ofKind kind: Int) -> Int {
    let small = smallMax / step
    return kind <= small ? kind * step : smallMax + (kind - small) * largeStep
  }

  private mutating func take(_ count: Int) -> UnsafeMutableRawPointer {
    if count > Self.cellMax { return .allocate(byteCount: count, alignment: 16) }
    let kind = Self.kind(count)
    if let cell = freeCells[kind] {
      freeCells[kind] = cell.load(as: UnsafeMutableRawPointer?.self)
      return cell
    }
    let bytes = Self.bytes(ofKind: kind)
    if bytes > pageLeft { openPage() }
    pageLeft -= bytes
    defer { page += bytes }
    return page
  }
}

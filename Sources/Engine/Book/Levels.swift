// Levels: the price levels of all books. A lazy 64-ary bitmap trie from tick to level for each side
// of a book, and the levels themselves in a slab, linked from the best to the worst.
//
// Each trie node is a bitmap and 64 children; the children of the lowest nodes are levels. A trie
// is only as high as its highest tick needs, so any tick of 64 bits has a place and an empty side
// costs nothing.
// Invariants: a bit is set exactly if the child exists; a level in a trie has at least one order;
// `better` and `worse` link all levels of a side in price order, `best` is their head.
// Not here: orders within a level (Book), events.

/// One side of one book: where its trie begins, and its best level.
struct Ladder {
  var root: Int32 = -1
  /// Digits of six bits that the trie looks at; 0 if it is empty.
  var height: Int32 = 0
  var best: Int32 = -1
  var count: Int32 = 0
  /// The lowest node that was used last, or -1, and what its ticks begin with: most orders come
  /// close to each other.
  fileprivate var leaf: Int32 = -1
  fileprivate var leafPrefix: UInt64 = 0
  /// The same one step further up.
  fileprivate var branch: Int32 = -1
  fileprivate var branchPrefix: UInt64 = 0
}

/// All orders at one price of one side.
struct Level {
  var price: Int64
  var tick: UInt64
  /// Sum of what its orders have on display.
  var quantity: Int64 = 0
  /// Sum of what they have left beyond that.
  var hidden: Int64 = 0
  /// The oldest and the newest order.
  var head: Int32 = -1
  var tail: Int32 = -1
  var count: Int32 = 0
  var better: Int32 = -1
  var worse: Int32 = -1
  /// The trie node that holds it.
  var leaf: Int32 = -1
  /// Its place in the command's list of changed levels, or -1.
  var touched: Int32 = -1
}

/// The levels and tries of all books.
struct Levels: ~Copyable {
  private struct Node {
    var bits: UInt64 = 0
    var parent: Int32 = -1
    /// The digit under which the parent holds it.
    var digit: UInt32 = 0
  }

  private var records = Slab<Level>(capacity: 256)
  private var nodes = Slab<Node>(capacity: 64)
  /// 64 for each node.
  private var children: UnsafeMutablePointer<Int32>
  private var childrenNodes: Int

  init() {
    childrenNodes = 64
    children = .allocate(capacity: childrenNodes * 64)
    children.initialize(repeating: -1, count: childrenNodes * 64)
  }

  deinit { children.deallocate() }

  /// Levels in use, of all books.
  var used: Int { records.used }
  /// Trie nodes in use, of all books.
  var nodesUsed: Int { nodes.used }

  subscript(slot: Int32) -> Level {
    @inline(__always) _read { yield records[slot] }
    @inline(__always) _modify { yield &records[slot] }
  }

  /// The level at `tick`, or -1. O(height).
  func find(_ ladder: Ladder, tick: UInt64) -> Int32 {
    if ladder.leaf >= 0, ladder.leafPrefix == tick >> 6 {
      let digit = tick & 63
      let isThere = nodes[ladder.leaf].bits & (1 << digit) != 0
      return isThere ? children[Int(ladder.leaf) * 64 + Int(digit)] : -1
    }
    let (leaf, height) = lowest(ladder, tick)
    if height != 1 || nodes[leaf].bits & (1 << (tick & 63)) == 0 { return -1 }
    return children[Int(leaf) * 64 + Int(tick & 63)]
  }

  // The lowest node on the way to `tick`, and how high it is: 1 for the one that holds the level; -1 and 0 if the trie
  // has no place for it.
  @inline(__always)
  private func lowest(_ ladder: Ladder, _ tick: UInt64) -> (node: Int32, height: Int32) {
    if ladder.height == 0 || !Self.fits(tick, ladder.height) { return (-1, 0) }
    var (node, height) = start(ladder, tick)
    while height > 1 {
      let digit = Self.digit(tick, height)
      if nodes[node].bits & (1 << digit) == 0 { break }
      node = children[Int(node) * 64 + Int(digit)]
      height -= 1
    }
    return (node, height)
  }

  // Where the way to `tick` begins.
  @inline(__always)
  private func start(_ ladder: Ladder, _ tick: UInt64) -> (node: Int32, height: Int32) {
    ladder.branch >= 0 && ladder.branchPrefix == tick >> 12
      ? (ladder.branch, 2) : (ladder.root, ladder.height)
  }

  /// The level at `tick`, made and linked if it is not there. O(height).
  mutating func findOrInsert(_ ladder: inout Ladder, tick: UInt64, price: Int64, side: Side)
    -> Int32
  {
    if ladder.leaf < 0 || ladder.leafPrefix != tick >> 6 {
      // One way down: from here on, the leaf is at hand.
      let (node, height) = lowest(ladder, tick)
      if height == 1 { remember(&ladder, node, tick) }
    }
    let found = find(ladder, tick: tick)
    if found >= 0 { return found }
    let better = betterNeighbour(ladder, tick: tick, price: price, side: side)
    let slot = records.allocate(Level(price: price, tick: tick))
    let worse = better >= 0 ? records[better].worse : ladder.best
    records[slot].better = better
    records[slot].worse = worse
    if better >= 0 { records[better].worse = slot } else { ladder.best = slot }
    if worse >= 0 { records[worse].better = slot }
    ladder.count += 1
    plant(&ladder, tick: tick, level: slot)
    return slot
  }

  /// Takes an empty level out. O(1), and O(height) if nodes become empty.
  mutating func remove(_ ladder: inout Ladder, _ slot: Int32) {
    let level = records[slot]
    precondition(
      level.count == 0 && level.quantity == 0 && level.hidden == 0, "removal of a level with orders"
    )
    if level.better >= 0 {
      records[level.better].worse = level.worse
    } else {
      ladder.best = level.worse
    }
    if level.worse >= 0 { records[level.worse].better = level.better }
    ladder.count -= 1
    uproot(&ladder, node: level.leaf, digit: UInt32(truncatingIfNeeded: level.tick & 63))
    records.release(slot)
  }

  // The level next to `tick` on the better side, or -1 if `tick` would be the best.
  private func betterNeighbour(_ ladder: Ladder, tick: UInt64, price: Int64, side: Side) -> Int32 {
    if ladder.leaf >= 0, ladder.leafPrefix == tick >> 6 {
      let bits = nodes[ladder.leaf].bits
      let digit = tick & 63
      let beyond = side == .sell ? bits & ((1 << digit) - 1) : bits & ~(((1 << digit) << 1) &- 1)
      if beyond != 0 {
        let next = side == .sell ? 63 - beyond.leadingZeroBitCount : beyond.trailingZeroBitCount
        return children[Int(ladder.leaf) * 64 + next]
      }
    }
    guard ladder.best >= 0 else { return -1 }
    let best = records[ladder.best].price
    if side == .buy ? price > best : price < best { return -1 }
    return neighbour(ladder, tick: tick, above: side == .buy)
  }

  private func neighbour(_ ladder: Ladder, tick: UInt64, above: Bool) -> Int32 {
    if !Self.fits(tick, ladder.height) {
      return above ? -1 : edge(ladder.root, ladder.height, above: true)
    }
    var node = ladder.root
    var height = ladder.height
    var turn: (node: Int32, height: Int32) = (-1, 0)
    while true {
      let digit = Self.digit(tick, height)
      let bits = nodes[node].bits
      let beyond = above ? bits & (~1 << UInt64(digit)) : bits & ((1 << UInt64(digit)) - 1)
      if beyond != 0 {
        let next = above ? beyond.trailingZeroBitCount : 63 - beyond.leadingZeroBitCount
        turn = (children[Int(node) * 64 + next], height - 1)
      }
      if height == 1 || bits & (1 << digit) == 0 { break }
      node = children[Int(node) * 64 + Int(digit)]
      height -= 1
    }
    return turn.node < 0 ? -1 : edge(turn.node, turn.height, above: !above)
  }

  // The level with the highest (or lowest) tick under `node`, which is a level itself at height 0.
  private func edge(_ node: Int32, _ height: Int32, above: Bool) -> Int32 {
    var node = node
    for _ in 0..<height {
      let bits = nodes[node].bits
      let digit = above ? 63 - bits.leadingZeroBitCount : bits.trailingZeroBitCount
      node = children[Int(node) * 64 + digit]
    }
    return node
  }

  @inline(__always)
  private func remember(_ ladder: inout Ladder, _ leaf: Int32, _ tick: UInt64) {
    ladder.leaf = leaf
    ladder.leafPrefix = tick >> 6
    ladder.branch = nodes[leaf].parent
    ladder.branchPrefix = tick >> 12
  }

  private mutating func plant(_ ladder: inout Ladder, tick: UInt64, level: Int32) {
    if ladder.leaf >= 0, ladder.leafPrefix == tick >> 6 {
      adopt(ladder.leaf, Self.digit(tick, 1), level)
      records[level].leaf = ladder.leaf
      return
    }
    if ladder.height == 0 {
      ladder.root = makeNode(parent: -1, digit: 0)
      ladder.height = 1
      while !Self.fits(tick, ladder.height) { ladder.height += 1 }
    }
    while !Self.fits(tick, ladder.height) {
      let root = makeNode(parent: -1, digit: 0)
      adopt(root, 0, ladder.root)
      nodes[ladder.root].parent = root
      nodes[ladder.root].digit = 0
      ladder.root = root
      ladder.height += 1
    }
    var (node, height) = start(ladder, tick)
    while height > 1 {
      let digit = Self.digit(tick, height)
      if nodes[node].bits & (1 << digit) == 0 {
        adopt(node, digit, makeNode(parent: node, digit: digit))
      }
      node = children[Int(node) * 64 + Int(digit)]
      height -= 1
    }
    adopt(node, Self.digit(tick, 1), level)
    records[level].leaf = node
    remember(&ladder, node, tick)
  }

  private mutating func uproot(_ ladder: inout Ladder, node: Int32, digit: UInt32) {
    var node = node
    var digit = digit
    while true {
      precondition(nodes[node].bits & (1 << UInt64(digit)) != 0, "no such child in the trie")
      nodes[node].bits &= ~(1 << UInt64(digit))
      if nodes[node].bits != 0 { return }
      let parent = nodes[node].parent
      digit = nodes[node].digit
      if node == ladder.leaf { ladder.leaf = -1 }
      if node == ladder.branch { ladder.branch = -1 }
      nodes.release(node)
      if parent < 0 {
        ladder.root = -1
        ladder.height = 0
        return
      }
      node = parent
    }
  }

  private mutating func adopt(_ node: Int32, _ digit: UInt32, _ child: Int32) {
    nodes[node].bits |= 1 << UInt64(digit)
    children[Int(node) * 64 + Int(digit)] = child
  }

  private mutating func makeNode(parent: Int32, digit: UInt32) -> Int32 {
    let node = nodes.allocate(Node(parent: parent, digit: digit))
    if Int(node) >= childrenNodes {
      let larger = UnsafeMutablePointer<Int32>.allocate(capacity: childrenNodes * 128)
      larger.moveInitialize(from: children, count: childrenNodes * 64)
      (larger + childrenNodes * 64).initialize(repeating: -1, count: childrenNodes * 64)
      children.deallocate()
      children = larger
      childrenNodes *= 2
    }
    return node
  }

  @inline(__always)
  private static func fits(_ tick: UInt64, _ height: Int32) -> Bool {
    height >= 11 || tick >> UInt64(6 * height) == 0
  }

  @inline(__always)
  private static func digit(_ tick: UInt64, _ height: Int32) -> UInt32 {
    UInt32(truncatingIfNeeded: tick >> UInt64(6 * (height - 1))) & 63
  }
}

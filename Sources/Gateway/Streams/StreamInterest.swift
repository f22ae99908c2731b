// StreamInterest: which renderings somebody waits for, so that nothing is rendered for nobody.
//
// Invariant: a key is listed under its symbol if and only if its count is above 0.
// Not here: connections (Node), payloads (StreamRenderer).

/// Counts the subscriptions of each rendering.
public struct StreamInterest: Sendable {
  /// One rendering that is wanted.
  struct Wanted: Sendable {
    let key: StreamKey
    let kind: StreamName.Kind
  }

  private var counts: [StreamKey: Int] = [:]
  private var bySymbol: [String: [Wanted]] = [:]

  public init() {}

  /// True if nobody waits for anything that is served.
  public var isEmpty: Bool { bySymbol.isEmpty }

  /// How many subscriptions a rendering has.
  public func count(_ key: StreamKey) -> Int { counts[key] ?? 0 }

  /// `count` more connections subscribed, or fewer if it is negative. Removing what was not added changes nothing.
  public mutating func change(_ key: StreamKey, by count: Int) {
    let old = counts[key] ?? 0
    let new = max(0, old + count)
    counts[key] = new == 0 ? nil : new
    guard (old == 0) != (new == 0), let name = StreamName(key.name) else { return }
    if old == 0 {
      bySymbol[name.symbol, default: []].append(Wanted(key: key, kind: name.kind))
    } else {
      bySymbol[name.symbol]?.removeAll { $0.key == key }
      if bySymbol[name.symbol]?.isEmpty == true { bySymbol[name.symbol] = nil }
    }
  }

  /// One more connection subscribed.
  public mutating func add(_ key: StreamKey) { change(key, by: 1) }

  /// One connection less. Removing what was not added changes nothing.
  public mutating func remove(_ key: StreamKey) { change(key, by: -1) }

  /// The renderings wanted of a symbol (its name in lower case; empty: of all symbols).
  func wanted(_ symbol: String) -> [Wanted] { bySymbol[symbol] ?? [] }
}

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

  /// One more connection subscribed.
  public mutating func add(_ key: StreamKey) {
    counts[key, default: 0] += 1
    guard counts[key] == 1, let name = StreamName(key.name) else { return }
    bySymbol[name.symbol, default: []].append(Wanted(key: key, kind: name.kind))
  }

  /// One connection less. Removing what was not added changes nothing.
  public mutating func remove(_ key: StreamKey) {
    guard let count = counts[key] else { return }
    if count > 1 {
      counts[key] = count - 1
      return
    }
    counts[key] = nil
    guard let name = StreamName(key.name) else { return }
    bySymbol[name.symbol]?.removeAll { $0.key == key }
    if bySymbol[name.symbol]?.isEmpty == true { bySymbol[name.symbol] = nil }
  }

  /// The renderings wanted of a symbol (its name in lower case; empty: of all symbols).
  func wanted(_ symbol: String) -> [Wanted] { bySymbol[symbol] ?? [] }
}

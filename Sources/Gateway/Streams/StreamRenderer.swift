// StreamRenderer: market updates as the payloads of streams, each rendered once for all its
// subscribers.
//
// Not here: field orders (StreamPayload), who gets it (Node), combining with the stream's name for
// `/stream` (StreamMessage).

import Engine
import Market

/// One payload of one stream.
public struct StreamMessage: Sendable {
  public let key: StreamKey
  /// What connections under `/ws` get.
  public let payload: [UInt8]

  /// What combined connections get: `{"stream":"...","data":...}`. O(payload); render it once for
  /// all of them.
  public func combined() -> [UInt8] {
    var json = JSONWriter(capacity: payload.count + 64)
    json.object {
      $0.field("stream", key.name)
      $0.key("data")
      $0.raw(payload)
    }
    return json.bytes
  }
}

/// Renders what somebody waits for. Owned by the publisher thread.
public struct StreamRenderer: Sendable {
  private var names: [SymbolID: String] = [:]
  /// When each symbol's tickers were rendered last.
  private var tickerTimes: [SymbolID: Int64] = [:]

  public init() {}

  /// Renders the updates of a run, in their order. `model` stands at the end of the run.
  ///
  /// - Complexity: O(updates), plus the payloads that are wanted.
  public mutating func render(
    _ updates: [MarketUpdate], interest: StreamInterest, model: ReadModel,
    deliver: (StreamMessage) -> Void
  ) {
    guard !interest.isEmpty else { return }
    var traded: [SymbolID] = []
    var time: Int64 = 0
    for update in updates {
      if case .statistics(let symbol, let end) = update {
        if !traded.contains(symbol) { traded.append(symbol) }
        time = end
      }
      guard let symbol = model.catalog.symbol(update.symbol) else { continue }
      let wanted = interest.wanted(name(symbol))
      if wanted.isEmpty { continue }
      let tickers = tickersAreDue(update)
      let payload = StreamPayload(symbol, model)
      for item in wanted {
        if let bytes = payload.render(update, item.kind, item.key.unit, tickers: tickers) {
          deliver(StreamMessage(key: item.key, payload: bytes))
        }
      }
    }
    guard !traded.isEmpty else { return }
    for item in interest.wanted("") {
      let bytes = StreamPayload.miniTickers(traded, model, time: time, item.key.unit)
      deliver(StreamMessage(key: item.key, payload: bytes))
    }
  }

  /// Tickers go out after every window with trades, and at most once a second when only the book
  /// moved.
  private mutating func tickersAreDue(_ update: MarketUpdate) -> Bool {
    switch update {
    case .statistics(let symbol, let time):
      tickerTimes[symbol] = time
      return true
    case .depth(let diff):
      guard diff.time - (tickerTimes[diff.symbol] ?? 0) >= 1_000_000 else { return false }
      tickerTimes[diff.symbol] = diff.time
      return true
    default: return false
    }
  }

  private mutating func name(_ symbol: SymbolInfo) -> String {
    if let name = names[symbol.id] { return name }
    let name = symbol.name.lowercased()
    names[symbol.id] = name
    return name
  }
}

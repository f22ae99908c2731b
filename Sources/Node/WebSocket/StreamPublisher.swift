// StreamPublisher: renders what streams are to be told, once, and hands it to every event loop with WebSocket clients.
//
// Not here: who gets it (StreamHub), what it looks like (Gateway).

import Gateway
import Market

/// The publisher thread's end of the streams.
struct StreamPublisher {
  private let feed: StreamFeed
  private let loops: [LoopState]
  private var renderer = StreamRenderer()
  private var interest = StreamInterest()

  init(feed: StreamFeed, loops: [LoopState]) {
    self.feed = feed
    self.loops = loops
  }

  /// Publishes the updates of one or more runs; `model` stands behind them.
  mutating func publish(_ updates: [MarketUpdate], model: ReadModel) {
    guard !updates.isEmpty, feed.count > 0 else { return }
    for (key, count) in feed.takeChanges() { interest.change(key, by: count) }
    var messages: [StreamMessage] = []
    renderer.render(updates, interest: interest, model: model) { messages.append($0) }
    guard !messages.isEmpty else { return }
    for loop in loops { loop.publish(messages) }
  }
}

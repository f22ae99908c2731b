// StreamHub: which WebSocket connections of one event loop want which streams.
final class StreamHub {
  func sweep(now: Int64) {}
  func closeAll() {}
}

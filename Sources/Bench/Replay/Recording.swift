// Recording: recorded Binance stream messages as a list of steps (trades and depth diffs) and expectations (tickers).
//
// Format: one message a line, `<nanoseconds> {"stream":"btcusdt@trade","data":{...}}`, plain or gzip.
// Prices and quantities are integers in units of 10^-8.
// Not here: what is done with them (Player).

import Gateway
import Glibc

/// A price level of a diff: the absolute quantity now at the price; 0 removes it.
struct Level: Hashable, Sendable {
  var price: Int64
  var quantity: Int64
}

/// One input message.
enum Step: Sendable {
  /// `buyerIsMaker`: the taker sold.
  case trade(price: Int64, quantity: Int64, buyerIsMaker: Bool)
  case diff(lastUpdate: Int64, bids: [Level], asks: [Level])
}

/// The best bid and ask at an update id.
struct Top: Hashable, Sendable {
  var update: Int64
  var bid: Level
  var ask: Level
}

/// A whole recording, in file order; tickers sorted by update id.
struct Recording {
  var symbol = ""
  var steps: [Step] = []
  var tops: [Top] = []

  /// The recorded top with the greatest update id up to `update`.
  func top(upTo update: Int64) -> Top? {
    var low = 0
    var high = tops.count
    while low < high {
      let middle = (low + high) / 2
      if tops[middle].update <= update { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? nil : tops[low - 1]
  }

  /// Reads a file. `secondsMax` stops that long after the first line's time (0: all).
  init(path: String, secondsMax: Int = 0) throws(BenchError) {
    let bytes = try Self.content(path)
    var first: Int64?
    var number = 0
    for line in bytes.split(separator: 10) {
      number += 1
      guard let space = line.firstIndex(of: 32),
        let time = Int64(String(decoding: line[..<space], as: UTF8.self)),
        let json = try? JSONValue.parse(Array(line[(space + 1)...])),
        let stream = json["stream"]?.text, let data = json["data"]
      else { throw BenchError("\(path), line \(number): not a recorded message") }
      let start = first ?? time
      first = start
      if secondsMax > 0, time - start > Int64(secondsMax) * 1_000_000_000 { break }
      guard take(stream: stream, data) else {
        throw BenchError("\(path), line \(number): fields are missing or malformed")
      }
    }
    tops.sort { $0.update < $1.update }
    guard !steps.isEmpty else { throw BenchError("\(path) holds no trades and no diffs") }
  }

  private mutating func take(stream: String, _ data: JSONValue) -> Bool {
    guard let name = data["s"]?.text else { return false }
    symbol = name
    if stream.hasSuffix("@trade") {
      guard let price = units(data["p"]), let quantity = units(data["q"]),
        case .bool(let maker)? = data["m"]
      else { return false }
      steps.append(.trade(price: price, quantity: quantity, buyerIsMaker: maker))
    } else if stream.hasSuffix("@depth@100ms") {
      guard let last = data["u"]?.integer, let bids = levels(data["b"]),
        let asks = levels(data["a"])
      else { return false }
      steps.append(.diff(lastUpdate: last, bids: bids, asks: asks))
    } else if stream.hasSuffix("@bookTicker") {
      guard let update = data["u"]?.integer, let bid = units(data["b"]),
        let bidQ = units(data["B"]),
        let ask = units(data["a"]), let askQ = units(data["A"])
      else { return false }
      tops.append(
        Top(
          update: update, bid: Level(price: bid, quantity: bidQ),
          ask: Level(price: ask, quantity: askQ)))
    } else {
      return false
    }
    return true
  }

  private static func content(_ path: String) throws(BenchError) -> [UInt8] {
    guard access(path, R_OK) == 0 else {
      throw BenchError("cannot read \(path): \(String(cString: strerror(errno)))")
    }
    let quoted =
      "'"
      + path.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "'\\''") + "'"
    guard
      let pipe = popen(path.hasSuffix(".gz") ? "gzip -dc -- \(quoted)" : "cat -- \(quoted)", "r")
    else { throw BenchError("cannot start gzip") }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&chunk, 1, chunk.count, pipe)
      if count == 0 { break }
      bytes.append(contentsOf: chunk[..<count])
    }
    guard pclose(pipe) == 0 else { throw BenchError("\(path) is no complete gzip file") }
    return bytes
  }
}

/// The units of 10^-8 in a JSON string, or `nil`.
func units(_ value: JSONValue?) -> Int64? {
  guard let text = value?.text else { return nil }
  return try? Decimal.parse(text.utf8, scale: 8)
}

/// The `[price, quantity]` pairs of a JSON array, or `nil`.
func levels(_ value: JSONValue?) -> [Level]? {
  guard let elements = value?.elements else { return nil }
  var levels: [Level] = []
  for element in elements {
    guard let pair = element.elements, pair.count == 2, let price = units(pair[0]),
      let quantity = units(pair[1])
    else { return nil }
    levels.append(Level(price: price, quantity: quantity))
  }
  return levels
}

// CandleParts: the stored candles that make up candles of any interval, on any grid.
//
// A period is covered by the coarsest stored candles that lie within it; its ends, which those do not reach, by finer
// ones. So a day that begins at 18:15 UTC takes five candles of 4 hours, and a few hours and quarters at its ends.
// Invariant: every trade of the range is in exactly one part, and no part reaches over a cut.
// Not here: adding the parts up (ReadModel+Candles), writing them (SymbolMarket).

import Engine
import Wire

/// Reads the parts of one symbol's candles of one interval.
struct CandleParts {
  private struct Step {
    let interval: Interval
    let length: Int64
    /// Open time of the first stored candle. What was stored by a node that did not keep this interval yet has finer
    /// candles only.
    let since: Int64
  }

  private let rows: any RowReader
  private let symbol: SymbolID
  private let steps: [Step]

  /// `interval` on a grid that is moved by `offset`.
  init(
    _ rows: any RowReader, _ symbol: SymbolID, _ interval: Interval, offset: Int64
  ) throws {
    self.rows = rows
    self.symbol = symbol
    steps = try interval.ladder(offset: offset).map { step in
      let first = try CandleRows.first(rows, symbol, step, from: 0)
      return Step(
        interval: step, length: step.length ?? 1, since: first?.openTime ?? Int64.max)
    }
  }

  /// The interval of the finest candles, which hold everything.
  var finest: Interval { steps[steps.count - 1].interval }

  /// When the first candle of all begins; `nil` if nobody ever traded.
  var start: Int64? {
    let since = steps[steps.count - 1].since
    return since == Int64.max ? nil : since
  }

  /// The parts of the periods between neighbours of `cuts` (ascending, the ends included), in order of time.
  ///
  /// - Complexity: O(stored candles read), and one scan for each cut and each step finer than the grid needs.
  func read(cuts: [Int64]) throws -> [Candle] {
    guard let from = cuts.first, let upTo = cuts.last else { return [] }
    var parts: [Candle] = []
    try read(steps[...], from: from, upTo: upTo, cuts: cuts[...], into: &parts)
    if steps.count > 1 { parts.sort { $0.openTime < $1.openTime } }
    return parts
  }

  private func read(
    _ steps: ArraySlice<Step>, from: Int64, upTo: Int64, cuts: ArraySlice<Int64>,
    into parts: inout [Candle]
  ) throws {
    guard let step = steps.first, from < upTo else { return }
    let finer = steps.dropFirst()
    guard !finer.isEmpty else {
      parts += try CandleRows.read(rows, symbol, step.interval, from: from, upTo: upTo)
      return
    }
    let known = min(max(from, step.since), upTo)
    try read(finer, from: from, upTo: known, cuts: cuts, into: &parts)
    guard known < upTo else { return }
    // A period of this step that a cut goes through is read in finer ones.
    var split: Set<Int64> = []
    for at in cuts.indices where cuts[at] >= known && cuts[at] <= upTo {
      let start = step.interval.start(of: cuts[at])
      guard start != cuts[at], split.insert(start).inserted else { continue }
      try read(
        finer, from: max(known, start), upTo: min(upTo, start + step.length), cuts: cuts[at...at],
        into: &parts)
    }
    let whole = try CandleRows.read(rows, symbol, step.interval, from: known, upTo: upTo)
    parts += split.isEmpty ? whole : whole.filter { !split.contains($0.openTime) }
  }
}

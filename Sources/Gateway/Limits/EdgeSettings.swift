// EdgeSettings: the numbers of the edge that an operator can change.
// Not here: limits of accounts (replicated, Engine's OrderLimits).

/// Settings of the client-facing edge of one node.
public struct EdgeSettings: Sendable {
  /// Request weight an address may use per calendar minute (Binance: 6000).
  public var weightPerMinute: Int
  /// Requests an address may send per five calendar minutes (Binance: 300,000).
  public var rawRequestsPer5Minutes: Int
  /// How many addresses are tracked at once; the ones silent for longest are forgotten first.
  public var addressesMax: Int
  /// Requests within one minute after the first 429 that turn into a ban (418).
  public var strikesUntilBan: Int
  /// Milliseconds of the first ban; doubled for each further one (Binance: 2 minutes to 3 days).
  public var firstBanMilliseconds: Int64
  public var longestBanMilliseconds: Int64

  public init(
    weightPerMinute: Int = 6000, rawRequestsPer5Minutes: Int = 300_000, addressesMax: Int = 10_000,
    strikesUntilBan: Int = 100, firstBanMilliseconds: Int64 = 120_000,
    longestBanMilliseconds: Int64 = 259_200_000
  ) {
    precondition(weightPerMinute > 0 && rawRequestsPer5Minutes > 0 && addressesMax > 0)
    precondition(strikesUntilBan > 0 && firstBanMilliseconds > 0)
    self.weightPerMinute = weightPerMinute
    self.rawRequestsPer5Minutes = rawRequestsPer5Minutes
    self.addressesMax = addressesMax
    self.strikesUntilBan = strikesUntilBan
    self.firstBanMilliseconds = firstBanMilliseconds
    self.longestBanMilliseconds = longestBanMilliseconds
  }
}

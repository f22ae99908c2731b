// Settings: the numbers that consensus runs by. Time is counted in the caller's ticks.
//
// Invariant: an election takes longer than three heartbeats; every window is bounded and above zero.
// Not here: how long a tick is (Node), and pre-vote, check-quorum and stickiness, which cannot be
// turned off.

/// The numbers that consensus runs by.
public struct Settings: Sendable {
  /// Ticks between two heartbeats of a leader.
  public let heartbeatTicks: Int
  /// Ticks without a leader before a node may campaign. Each attempt draws 1 to 2 times this.
  public let electionTicks: Int
  /// The most entries in one append message.
  public let entriesPerAppendMax: Int
  /// The most payload bytes in one append message; a single larger entry still goes alone.
  public let bytesPerAppendMax: Int
  /// The most unanswered append messages to one follower.
  public let inflightAppendsMax: Int
  /// How many bytes of entries stay in memory. A leader refuses proposals above it; applied and
  /// durable entries are dropped first.
  public let windowBytesMax: Int

  /// Which of several fit nodes leads: the higher one. Nodes tell each other (`learnPriority`).
  public let priority: UInt8
  /// How long a silent member, or one that is sent a snapshot, keeps the logs from being cut.
  public let floorTicks: Int
  /// How long a leader serves before it hands over to a voter of higher priority.
  public let stableTicks: Int

  /// A deliberate fault, for tests that prove that their checkers see it.
  package var plantedBug: PlantedBug?

  /// The most reads that wait for a confirmation; above it they fail at once.
  static let readsWaitingMax = 1 << 16

  /// - Parameter stableTicks: `nil`: ten election timeouts.
  /// - Precondition: all values are positive, `electionTicks > 3 * heartbeatTicks`, and
  ///   `entriesPerAppendMax <= MessageCodec.entriesMax`.
  public init(
    heartbeatTicks: Int = 5, electionTicks: Int = 40, entriesPerAppendMax: Int = 1024,
    bytesPerAppendMax: Int = 1 << 20, inflightAppendsMax: Int = 64,
    windowBytesMax: Int = 64 << 20, priority: UInt8 = 100, floorTicks: Int = 60_000,
    stableTicks: Int? = nil
  ) {
    precondition(heartbeatTicks > 0, "heartbeatTicks must be positive")
    precondition(electionTicks > 3 * heartbeatTicks, "electionTicks must exceed 3 heartbeats")
    precondition(
      entriesPerAppendMax > 0 && entriesPerAppendMax <= MessageCodec.entriesMax,
      "entriesPerAppendMax out of range")
    precondition(bytesPerAppendMax > 0 && inflightAppendsMax > 0 && windowBytesMax > 0)
    precondition(floorTicks > 0 && stableTicks ?? 1 > 0)
    self.heartbeatTicks = heartbeatTicks
    self.electionTicks = electionTicks
    self.entriesPerAppendMax = entriesPerAppendMax
    self.bytesPerAppendMax = bytesPerAppendMax
    self.inflightAppendsMax = inflightAppendsMax
    self.windowBytesMax = windowBytesMax
    self.priority = priority
    self.floorTicks = floorTicks
    self.stableTicks = stableTicks ?? 10 * electionTicks
  }
}

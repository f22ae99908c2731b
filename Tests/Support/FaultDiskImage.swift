// FaultDiskImage: the disk that the next start finds after a crash.
//
// Not here: faults while running (FaultDisk).

import Storage

extension FaultDisk {
  /// What happens to everything that was not synced.
  public enum Crash: Sendable, CustomStringConvertible {
    /// The process died, the machine did not: the cache stays, and stays unsynced.
    case process
    /// Power loss, nothing unsynced survives.
    case power
    /// Power loss, each unsynced 512-byte sector and name change survives or not, by this seed.
    case tornPower(seed: UInt64)

    public var description: String {
      switch self {
      case .process: "process killed"
      case .power: "power lost"
      case .tornPower(let seed): "power lost, torn with seed \(seed)"
      }
    }
  }

  /// The disk after a crash, without faults, stops and locks. This disk stays as it is.
  public func after(_ crash: Crash) -> FaultDisk {
    var state = state.withLock { $0 }
    state.faults = Faults()
    state.calls = 0
    state.stopped = false
    state.locks = []
    switch crash {
    case .process: break
    case .power: Self.losePower(&state) { false }
    case .tornPower(let seed):
      var random = SeededRandom(seed)
      // Some seeds lose little, some lose nearly all.
      let kept = [2, 5, 8][Int(seed % 3)]
      Self.losePower(&state) { Int.random(in: 0..<10, using: &random) < kept }
    }
    return FaultDisk(state)
  }

  private static func losePower(_ state: inout State, _ survives: () -> Bool) {
    for change in state.pending where survives() { apply(change, &state.durableNames) }
    state.pending = []
    state.names = state.durableNames
    for id in state.contents.indices {
      let dirty = state.contents[id].dirty.subtracting(state.contents[id].lost).sorted()
      let surviving = dirty.filter { _ in survives() }
      // A file that grew is as long as its last surviving sector makes it.
      if let last = surviving.last {
        let count = state.contents[id].current.count
        state.contents[id].durable.grow(to: min((last + 1) * sectorBytes, count))
      }
      for sector in surviving {
        let current = state.contents[id].current
        let range = state.contents[id].range(sector, in: current)
        state.contents[id].durable.overwrite(range.lowerBound, with: current, range)
      }
      state.contents[id].current = state.contents[id].durable
      state.contents[id].dirty = []
      state.contents[id].lost = []
    }
  }
}

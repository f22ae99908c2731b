// Swarm: what one seed draws: the size of the cluster, its settings, its weather and its mix of
// faults.
//
// Swarm testing: a run with everything at once hides what a few faults alone would show, so each
// seed leaves most out.
// Invariant: drawn from the seed alone, before anything else.
// Not here: what a fault does (Faults).

import Engine
import Raft
import Replica

/// Everything that can go wrong on purpose.
package enum FaultKind: String, CaseIterable, Sendable {
  // Processes and machines
  case crashPower, crashProcess, crashLeader, crashAll, crashAfterOne, shortReigns, pause
  case pauseLeader
  // The network
  case partition, oneWay, bridge, isolateLeader, isolateClients, clog, loss, duplication, reordering
  // Clocks
  case clockJump, clockDrift
  // Disks
  case slowDisk, hangingDisk, fullDisk, syncError, writeError, bitRot, misdirectedWrite
  case lostDisk, oldDisk, lostStore, wrongState
  // Operators
  case transfer, stepDown, churn, snapshot, longAbsence

  /// Those that the cluster can recover from today.
  static let survivable = allCases.filter { $0 != .oldDisk }

  /// Where the kind stands in `allCases`, and in a tally.
  var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// One seed's world.
struct Swarm {
  var nodes = 3
  /// Machines that may join later.
  var spares = 0
  // Raft and Replica
  var tick: Int64 = 10_000
  var heartbeatTicks = 5
  var electionTicks = 40
  var entriesPerAppend = 64
  var inflightAppends = 64
  var windowBytes = 1 << 20
  var entriesPerRun = 8
  var commandsPerEntry = 512
  var bytesPerAppend = 1 << 20
  var trailingBytes: UInt64 = 32 << 10
  /// A living follower that is further behind gets a snapshot.
  var retainedBytes: UInt64 = 1 << 30
  /// For how long a silent member keeps the logs. Microseconds.
  var floor: Int64 = 600_000_000
  var hashInterval: UInt64 = 64
  var snapshotEvery: UInt64 = 0
  var snapshotSpeed: Int64 = 128 << 20
  var snapshotTransfers = 1
  /// By place; empty: all the same.
  var priorities: [UInt8] = []
  /// How long a leader serves before it hands over to a preferred one. Election timeouts.
  var stableTimeouts = 10
  /// Pieces of snapshots are read wrong now and then.
  var rotsSnapshots = false
  // The network
  var delay: Range<Int64> = 100..<1_000
  var lossPercent = 0
  var repeatPercent = 0
  /// Messages of one direction of a link arrive in order.
  var inOrder = true
  /// Messages travel as bytes.
  var asBytes = false
  // Disks and stores
  var diskDelay: Range<Int64> = 200..<2_000
  var storeDelay: Range<Int64> = 500..<5_000
  var runsPerFlush = 40
  var segmentBytes = 128 << 10
  // Clocks
  var wallOffsets: [Int64] = []
  // Clients
  var clients = 4
  var think: Range<Int64> = 100_000..<500_000
  var readPercent = 15
  // Levels
  /// Where the cluster begins.
  var genesisLevel = Behaviour.newest
  /// When an operator begins to raise the level; `nil`: never.
  var raiseAfter: Int64?
  /// Machines whose programs are older at first, and the highest levels that those apply.
  var oldPrograms: [Int: UInt32] = [:]
  // Faults
  var faults: [FaultKind] = []
  var faultPause: Range<Int64> = 500_000..<3_000_000
  /// How often, instead of a fault of the mix, a trial is made.
  var trialPercent = 0
  var active: Int64 = 60_000_000

  static func draw(_ random: inout SimRandom) -> Swarm {
    var swarm = Swarm()
    swarm.nodes = random.chance(75) ? 3 : 5
    swarm.drawTimes(&random)
    swarm.entriesPerAppend = random.pick([1, 1, 2, 8, 64])
    swarm.bytesPerAppend = swarm.entriesPerAppend < 8 ? 2 << 10 : 1 << 20
    swarm.inflightAppends = random.pick([1, 2, 16, 64])
    swarm.windowBytes = random.pick([8 << 10, 64 << 10, 1 << 20])
    swarm.entriesPerRun = random.pick([1, 4, 64])
    swarm.commandsPerEntry = random.pick([1, 16, 512])
    swarm.lossPercent = random.pick([0, 0, 0, 1, 5])
    swarm.repeatPercent = random.pick([0, 0, 0, 2, 10])
    swarm.inOrder = random.chance(60)
    swarm.asBytes = random.oneIn(8)
    swarm.runsPerFlush = random.pick([5, 40, 200])
    swarm.segmentBytes = random.pick([32 << 10, 64 << 10, 128 << 10])
    swarm.drawSnapshots(&random)
    swarm.wallOffsets = (0..<swarm.nodes).map { _ in random.among(-150_000..<150_000) }
    swarm.clients = 3 + random.below(4)
    swarm.think = random.pick([200_000..<600_000, 300_000..<800_000])
    swarm.readPercent = random.pick([5, 15, 40])
    swarm.trialPercent = random.pick([0, 0, 10, 25])
    swarm.active = random.among(65_000_000..<95_000_000)
    swarm.drawFaults(&random)
    // On a stream of its own, so that this draw moves no other.
    var apart = random
    apart = SimRandom(~apart.next())
    swarm.drawPriorities(&apart)
    swarm.drawLevels(&apart)
    return swarm
  }

  private mutating func drawLevels(_ random: inout SimRandom) {
    guard random.chance(60) else { return }
    let isOld = random.chance(50)
    // Founded by programs of several ages, or before the newer ones came.
    genesisLevel = random.pick([1, 1, 1, 2, Behaviour.newest])
    raiseAfter = random.among(2_000_000..<40_000_000)
    guard isOld else { return }
    for place in 0..<nodes + spares where random.chance(40) {
      oldPrograms[place] = random.pick(Array(Behaviour.first..<Behaviour.newest))
    }
  }

  private mutating func drawSnapshots(_ random: inout SimRandom) {
    trailingBytes = random.pick([0, 0, 8 << 10, 32 << 10])
    retainedBytes = random.pick([16 << 10, 64 << 10, 1 << 30])
    floor = random.pick([1_000_000, 4_000_000, 600_000_000])
    hashInterval = random.pick([16, 32, 64, 256])
    snapshotEvery = random.pick([0, 0, 16 << 10, 64 << 10])
    snapshotSpeed = random.pick([64 << 10, 1 << 20, 128 << 20])
    snapshotTransfers = random.pick([1, 1, 3])
  }

  private mutating func drawPriorities(_ random: inout SimRandom) {
    guard random.chance(20) else { return }
    priorities = (0..<nodes + spares).map { _ in random.pick([0, 50, 100, 100, 200, 255]) }
    stableTimeouts = random.pick([2, 5, 10])
  }

  private mutating func drawTimes(_ random: inout SimRandom) {
    (tick, heartbeatTicks, electionTicks) = random.pick([
      (10_000, 5, 40), (20_000, 3, 20), (25_000, 3, 16), (50_000, 2, 10),
    ])
    delay = random.pick([100..<500, 200..<2_000, 500..<10_000, 1_000..<40_000])
    diskDelay = random.pick([100..<1_000, 300..<3_000, 1_000..<15_000])
    storeDelay = random.pick([500..<5_000, 500..<50_000])
  }

  private mutating func drawFaults(_ random: inout SimRandom) {
    let count = 3 + random.below(5)
    let damages: [FaultKind] = [
      .bitRot, .misdirectedWrite, .lostDisk, .lostStore, .wrongState, .oldDisk,
    ]
    var left = FaultKind.survivable.filter { !damages.contains($0) }
    // One kind that ends lives or reigns is always among them.
    let first: [FaultKind] = [
      .crashPower, .crashLeader, .crashAfterOne, .shortReigns, .partition, .isolateLeader,
    ]
    faults = [random.pick(first)]
    left.removeAll { faults.contains($0) }
    while faults.count < count { faults.append(left.remove(at: random.below(left.count))) }
    let damage = damages.filter { FaultKind.survivable.contains($0) }
    if random.chance(35) { faults.append(random.pick(damage)) }
    if !faults.contains(.churn), random.chance(20) { faults.append(.churn) }
    if faults.contains(.churn) { spares = 4 }
    rotsSnapshots = faults.contains { damages.contains($0) } && random.chance(30)
    faultPause = random.pick([200_000..<1_500_000, 500_000..<3_000_000, 1_000_000..<8_000_000])
  }

  private func consensus(_ place: Int) -> Settings {
    Settings(
      heartbeatTicks: heartbeatTicks, electionTicks: electionTicks,
      entriesPerAppendMax: entriesPerAppend, bytesPerAppendMax: bytesPerAppend,
      inflightAppendsMax: inflightAppends, windowBytesMax: windowBytes,
      priority: place < priorities.count ? priorities[place] : 100, floorTicks: Int(floor / tick),
      stableTicks: stableTimeouts * electionTicks)
  }

  /// The settings of the machine at that place.
  func replica(_ place: Int) -> ReplicaSettings {
    var settings = ReplicaSettings(consensus: consensus(place))
    settings.entriesPerRunMax = entriesPerRun
    settings.commandsPerEntryMax = commandsPerEntry
    settings.trailingBytes = trailingBytes
    settings.retainedBytesMax = max(retainedBytes, trailingBytes)
    settings.hashInterval = hashInterval
    settings.snapshotEveryBytes = snapshotEvery
    settings.snapshotBytesPerSecond = snapshotSpeed
    settings.snapshotTransfersMax = snapshotTransfers
    return settings
  }

  /// One line for people.
  var description: String {
    "nodes=\(nodes) tick=\(tick) append=\(entriesPerAppend)x\(inflightAppends)"
      + " delay=\(delay) disk=\(diskDelay) loss=\(lossPercent)% repeat=\(repeatPercent)%"
      + " hashes=\(hashInterval) trailing=\(trailingBytes) retained=\(retainedBytes) floor=\(floor)"
      + (raiseAfter == nil ? "" : " level=\(genesisLevel) old=\(oldPrograms.values.sorted())")
      + (priorities.isEmpty ? "" : " priorities=\(priorities)/\(stableTimeouts)")
      + " inOrder=\(inOrder) bytes=\(asBytes) flush=\(runsPerFlush) clients=\(clients)"
      + " faults=\(faults.map(\.rawValue).joined(separator: ","))"
  }
}

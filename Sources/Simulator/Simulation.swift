// Simulation: one seed from its first start to its verdict.
//
// A run has an active phase with faults, until it is long enough and enough was acknowledged; then
// everything heals and the cluster has to come to rest.
// Not here: many seeds (Runner).

package enum Simulation {
  /// A seed with less is no evidence, and fails.
  package static let simulatedMin: Int64 = 60_000_000
  package static let acknowledgedMin = 500
  package static let kindsMin = 3
  /// What healing may take, besides the sending of a whole log to a newcomer.
  static let healingMax: Int64 = 40_000_000

  package static func run(seed: UInt64, options: SimOptions = SimOptions()) -> SeedReport {
    let world = World(seed: seed, options: options)
    world.startAll()
    world.openClients()
    world.openOperator()
    world.beginFaults()
    let isDone = {
      if options.unsurvivable, world.mustHalt { return true }
      return world.time >= world.swarm.active
        && (world.tally.acknowledged >= acknowledgedMin + 20 || options.isShort)
        && (world.tally.kinds >= kindsMin || options.faults != nil)
    }
    _ = world.run(upTo: 5 * world.swarm.active, until: isDone)
    if !world.checker.isBroken {
      world.heal()
      var isAtRest = world.run(upTo: healingMax + wholeLog(world)) { world.isQuiet }
      // Who asked for a snapshot in vain until an operator decided asks seldom by then.
      if !isAtRest, world.judgedAt > world.healedAt {
        isAtRest = world.run(upTo: healingMax) { world.isQuiet }
      }
      if world.mustHalt {
        judgeHalt(world)
      } else if !isAtRest, !world.checker.isBroken {
        world.checker.fail("liveness", "not at rest after healing: \(world.checker.stuck())")
      }
    }
    world.checker.finish()
    if options.unsurvivable { return report(world) }
    if !world.checker.isBroken { judgeEvidence(world) }
    return report(world)
  }

  /// How long the log takes at the worst, where few entries are under way at a time.
  private static func wholeLog(_ world: World) -> Int64 {
    let swarm = world.swarm
    let rounds = world.checker.canonical.count / (swarm.entriesPerAppend * swarm.inflightAppends)
    return Int64(rounds) * (2 * swarm.delay.upperBound + swarm.diskDelay.upperBound)
  }

  private static func report(_ world: World) -> SeedReport {
    SeedReport(
      seed: world.seed, failure: world.checker.failure, simulated: world.time, events: world.events,
      digest: world.digest, tally: world.tally, world: world.swarm.description)
  }

  /// Without a majority nothing more may be committed, whatever the minority believes.
  private static func judgeHalt(_ world: World) {
    let before = world.checker.canonical.count
    _ = world.run(upTo: 5_000_000) { false }
    if world.checker.canonical.count > before {
      world.checker.fail("halt", "entries were committed although a majority is gone")
    }
  }

  private static func judgeEvidence(_ world: World) {
    guard !world.options.isShort, world.options.faults == nil else { return }
    if world.time < simulatedMin || world.tally.acknowledged < acknowledgedMin
      || world.tally.kinds < kindsMin
    {
      world.checker.fail(
        "evidence",
        "only \(world.time / 1_000_000) s, \(world.tally.acknowledged) acknowledged,"
          + " \(world.tally.kinds) kinds of fault")
    }
  }
}

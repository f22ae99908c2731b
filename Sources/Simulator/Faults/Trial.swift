// Trial: one fault in otherwise good weather, and a bound on what it may cost.
//
// Checks of safety do not see a cluster that is right and useless. So now and then all other faults
// wait, one gray failure strikes, and clients must be served within the bound, or the leader must
// stay.
// Invariant: a trial begins and ends with all machines running, and nothing else wrong meanwhile.
// Not here: faults that may cost what they like (World+Faults).

import Raft

/// A trial under way.
struct Trial {
  enum Kind: CaseIterable {
    /// The leader's disk takes nothing any more; its process goes on.
    case leaderDiskHangs
    /// The leader hears nobody; all hear it.
    case leaderIsDeaf
    /// Nobody hears the leader; it hears all.
    case leaderIsMute
    /// A follower hears nobody; all hear it. The leader must stay.
    case followerIsDeaf
    /// Two nodes, of whom one leads, do not hear each other; all else is well.
    case bridge
    /// The leader hands over. The next term must be led, by another.
    case handOver

    /// Whether the end names who leads: then nobody may be preferred.
    var fixesLeader: Bool { self == .followerIsDeaf || self == .handOver }
  }

  var kind: Kind
  var commit: Int
  var term: UInt64
  var place: Int
}

extension World {
  /// How long a cluster may need to serve again, in microseconds: election timeouts that are drawn
  /// badly a few times.
  private var bound: Int64 {
    Int64(swarm.electionTicks) * swarm.tick * 12 + 60 * swarm.delay.upperBound
  }

  /// Nothing is wrong: all run, nothing is blocked, slow or late.
  private var isCalm: Bool {
    endings.isEmpty && !hunt.isOn && blocked.allSatisfy { $0 == 0 }
      && clogged.allSatisfy { $0 <= time } && swarm.lossPercent == 0
      && ask == nil
      && nodes.allSatisfy { $0.standing != .running || isMember($0) }
      && nodes.filter { $0.standing == .running }.allSatisfy {
        $0.life != nil && $0.pausedUntil <= time && $0.diskHangsUntil <= time
          && $0.diskSlowness == 1
          && !$0.isUnsound && $0.life?.coordinator.ready == true
          && $0.wallOffset.magnitude < 400_000 && $0.drift == 0
          && ($0.life?.coordinator.appliedIndex ?? 0) + 20 >= canonicalCount
      }
  }

  private var canonicalCount: UInt64 { UInt64(checker.canonical.count) }

  /// Begins a trial, if the weather is good now. Other faults wait until it is over.
  func beginTrial() -> Int64? {
    guard isCalm, let leader, let life = leader.life, nodes.count > 2,
      life.coordinator.commitIndex > 10, life.coordinator.ready,
      let present = life.coordinator.configuration, !present.isJoint, present.learners.isEmpty,
      present.voters.count > 2
    else { return nil }
    let others = nodes.filter { $0.place != leader.place && $0.standing == .running }
    let other = chance.pick(others)
    let kinds = Trial.Kind.allCases.filter { swarm.priorities.isEmpty || !$0.fixesLeader }
    let kind = chance.pick(kinds)
    let length = bound
    let trial = Trial(
      kind: kind, commit: checker.canonical.count, term: life.coordinator.term, place: leader.place)
    switch kind {
    case .leaderDiskHangs: leader.diskHangsUntil = time + length + 1_000_000
    case .leaderIsDeaf: cut(others.map { ($0.place, leader.place) }, for: length)
    case .leaderIsMute: cut(others.map { (leader.place, $0.place) }, for: length)
    case .followerIsDeaf:
      cut(
        nodes.filter { $0.place != other.place && $0.standing == .running }.map {
          ($0.place, other.place)
        }, for: length)
    case .bridge: cut([(leader.place, other.place), (other.place, leader.place)], for: length)
    case .handOver:
      life.coordinator.transferLeadership(leader.now(time), &life.effects)
      wantTurn(leader, life)
    }
    trace("trial: \(kind)")
    trialEnds = time + length
    later(length - 1_000) { [unowned self] in if phase == .active { judge(trial) } }
    return length + 2_000_000
  }

  private func cut(_ ways: [(Int, Int)], for length: Int64) {
    for way in ways { setBlocked(way.0, way.1, 1) }
    later(length) { [unowned self] in
      for way in ways { setBlocked(way.0, way.1, -1) }
    }
  }

  private func judge(_ trial: Trial) {
    let term = nodes.compactMap { $0.life?.coordinator.term }.max() ?? 0
    let served = checker.canonical.count > trial.commit
    switch trial.kind {
    case .leaderDiskHangs, .leaderIsDeaf, .leaderIsMute, .bridge:
      if !served {
        checker.fail(
          "availability", "nothing was committed for \(bound / 1_000) ms (\(trial.kind))")
      }
      if trial.kind == .leaderDiskHangs, leader?.place == trial.place,
        leader?.life?.coordinator.term == trial.term
      {
        checker.fail("availability", "node \(trial.place + 1) leads though its disk hangs")
      }
    case .followerIsDeaf:
      if term != trial.term || leader?.place != trial.place {
        checker.fail("availability", "a deaf follower unseated the leader of term \(trial.term)")
      }
    case .handOver:
      if leader?.place == trial.place || term != trial.term + 1 {
        checker.fail(
          "availability",
          "a hand-over in term \(trial.term) ended with \(leader?.id.description ?? "nobody") in term \(term)"
        )
      }
    }
  }
}

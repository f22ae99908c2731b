// Checker+Levels: the level of behaviour never falls, rises at one log index on every replica, and only to what every
// member applies.
//
// Equal state hashes say so too, as the level has a row; here it is seen by itself.
// Not here: who asks for a level (World+Levels).

import Engine
import Raft
import Replica

extension Checker {
  /// A replica has applied everything up to an index, and is at a level.
  func see(level: UInt32, at index: UInt64, _ node: SimNode, _ life: Life) {
    if level < life.level {
      fail("level", "node \(node.id) went back from level \(life.level) to \(level) at \(index)")
    }
    life.level = level
    guard world.swarm.raiseAfter != nil else { return }
    for step in Behaviour.first + 1...Behaviour.newest {
      if level < step {
        notRisen[step] = max(notRisen[step] ?? 0, index)
      } else if index < risen[step] ?? .max {
        if risen[step] == nil { judge(rise: step, node) }
        risen[step] = index
      } else {
        continue
      }
      if let low = notRisen[step], let high = risen[step], low >= high {
        fail(
          "level",
          "node \(node.id) is at level \(level) after \(index), and level \(step) is in force at"
            + " \(high) on one replica, and not at \(low) on another")
      }
    }
  }

  /// A level is seen in force for the first time: every member applies it.
  private func judge(rise level: UInt32, _ node: SimNode) {
    world.trace("level \(level) is in force on \(node.id)")
    let before = notRisen[level] ?? 0
    if before > 1 { world.mark(.levelRaised) }
    // Who joined since could not be asked.
    let newest = configurations.keys.filter { id in
      id.index.value <= max(1, before) && id.index.value <= canonical.count
        && canonical[Int(id.index.value) - 1] == id.term.value
    }.max { $0.index < $1.index }
    guard let newest, let members = configurations[newest]?.members else { return }
    for member in members {
      guard let other = world.node(member.id), other.incarnation == member.incarnation,
        other.newestLevel < level
      else { continue }
      fail(
        "level",
        "level \(level) came into force, and node \(other.id) applies levels up to"
          + " \(other.newestLevel)")
    }
  }

  /// The leader refused to raise the level: some program was too old, or a member had not spoken yet.
  func see(refusal reason: String, _ operation: Operation, _ node: SimNode) {
    guard let level = operation.level else {
      return fail("answers", "node \(node.id) refuses a write: \(reason)")
    }
    if reason.contains("\n") || !reason.hasPrefix("level \(level) is refused: node ") {
      fail("level", "a refusal is not a sentence that names a node: \(reason)")
    }
    if level > Behaviour.newest {
      world.mark(.levelUnknown)
    } else if reason.contains("has not said") {
      world.mark(.levelUnheard)
    } else {
      world.mark(.levelRefused)
      if !world.nodes.contains(where: { $0.firstNewestLevel < level }) {
        fail("level", "every program ever applied level \(level), and it is refused: \(reason)")
      }
    }
  }

  /// What was asked once and refused changed nothing.
  func check(refused operation: Operation, _ truth: Told?) {
    guard operation.attempts == 1, let truth else { return }
    fail("level", "a raise of the level was refused, and the log says \(truth)")
  }

  /// The replay knows at which index each level came into force.
  func check(levels: [(level: UInt32, index: UInt64)], foundedAt: UInt32?) {
    guard world.swarm.raiseAfter != nil else { return }
    if let foundedAt, foundedAt < world.swarm.genesisLevel { world.mark(.foundedLower) }
    for (place, (level, index)) in levels.enumerated() {
      let before = place > 0 ? levels[place - 1].level : Behaviour.first
      if level < before {
        return fail("level", "the log lowers the level from \(before) to \(level) at \(index)")
      }
      for step in before + 1...level {
        if index <= notRisen[step] ?? 0 || index > risen[step] ?? .max {
          return fail(
            "level",
            "level \(step) came into force at \(index); replicas had it at"
              + " \(risen[step] ?? 0), and not yet at \(notRisen[step] ?? 0)")
        }
      }
    }
  }
}

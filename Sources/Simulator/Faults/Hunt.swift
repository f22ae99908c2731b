// Hunt: faults that watch what the cluster does and strike at the worst moment.
//
// Uniform chance almost never makes the histories of the famous bugs (the paper's figure 8 was not
// found in 400 random seeds): a leader has to die just after its entry reached one follower,
// several times in a row.
// Not here: when a hunt begins (World+Faults).

import Raft
import Replica

/// What is hunted at the moment.
struct Hunt {
  enum Mode {
    case off
    /// The leader's entries reach one follower only; once that has acknowledged, the leader dies.
    case afterOne(favored: Int)
    /// Every leader may send a few entries, and dies.
    case shortReigns
  }

  var mode = Mode.off
  var until: Int64 = 0
  /// What the present leader may still send.
  var budget = 0
  var term: UInt64 = 0
  var victim: Int?

  var isOn: Bool { if case .off = mode { false } else { true } }
}

extension World {
  /// Whether the hunt takes this message away.
  func hunts(_ message: PeerMessage, _ node: SimNode, _ peer: SimNode) -> Bool {
    guard time < hunt.until else {
      hunt.mode = .off
      return false
    }
    guard case .raft(let raft) = message.body, case .append(let append) = raft.body,
      !append.entries.isEmpty
    else { return false }
    switch hunt.mode {
    case .off: return false
    case .afterOne(let favored): return peer.place != favored
    case .shortReigns:
      if raft.term.value > hunt.term {
        hunt.term = raft.term.value
        hunt.budget = chance.pick([0, 0, 1, 1, 2, 3, 8])
      }
      guard raft.term.value == hunt.term else { return true }
      if hunt.budget > 0 {
        hunt.budget -= 1
        return false
      }
      doom(node)
      return true
    }
  }

  /// Notices the acknowledgement that a hunt waits for.
  func noteDelivery(_ message: PeerMessage, _ from: SimNode, _ to: SimNode) {
    guard case .afterOne(let favored) = hunt.mode, from.place == favored, time < hunt.until,
      case .raft(let raft) = message.body, case .appendResponse(.accepted) = raft.body
    else { return }
    doom(to)
  }

  /// The machine dies, or is cut off, as soon as it has finished what it does.
  private func doom(_ node: SimNode) {
    guard hunt.victim == nil else { return }
    hunt.victim = node.place
    let lives = node.lives
    later(chance.pick([0, 0, 200, 2_000])) { [unowned self] in
      hunt.victim = nil
      if case .afterOne = hunt.mode { hunt.mode = .off }
      guard node.lives == lives, node.life != nil, phase == .active else { return }
      if chance.chance(70) {
        kill(node, chance.chance(70) ? .power : .process, why: "hunted")
        restart(node, after: chance.among(100_000..<1_500_000))
      } else {
        isolate(node, both: true, for: chance.among(500_000..<2_000_000))
      }
    }
  }
}

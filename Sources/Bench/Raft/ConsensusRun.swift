// ConsensusRun: three replicas of the consensus core on one thread, with disks and links that take no
// time: what the algorithm itself costs.
//
// Not here: threads, sockets, disks and the engine (exbench load measures all of them together).

import Raft

/// One replica and what waits for it.
private final class Voter {
  var core: Consensus
  var output = Output()
  var inbox: [Message] = []
  var commit = LogIndex.zero

  init(_ id: UInt64, _ configuration: Configuration) {
    core = Consensus(
      id: NodeID(id), settings: Settings(),
      restored: Restored(
        hardState: HardState(), configuration: nil, base: .zero, entries: []), seed: id)
    core.activate(configuration)
  }
}

/// Drives the replicas until a number of entries is committed on all of them.
struct ConsensusRun {
  private let replicas: [Voter]
  private var spare: [Message] = []
  private(set) var entries = 0

  init() {
    let members = (1...3).map { Member(id: NodeID($0), incarnation: $0) }
    guard let configuration = Configuration(voters: members) else {
      preconditionFailure("three members make a configuration")
    }
    replicas = (1...3).map { Voter($0, configuration) }
    while replicas[0].core.role != .leader {
      replicas[0].core.tick(&replicas[0].output)
      settle()
    }
  }

  /// Commits `count` entries of `bytes` each, up to `pipeline` under way at once.
  mutating func commit(_ count: Int, bytes: Int, pipeline: Int) {
    let leader = replicas[0]
    var proposed = 0
    while proposed < count {
      for _ in 0..<min(pipeline, count - proposed) {
        let payload = [UInt8](repeating: UInt8(truncatingIfNeeded: proposed), count: bytes)
        guard leader.core.propose(payload, .command, &leader.output) != nil else { break }
        proposed += 1
      }
      settle()
    }
    entries += count
    precondition(replicas.allSatisfy { $0.commit == replicas[0].commit }, "a replica lags")
  }

  /// Lets `count` ticks pass on every replica.
  mutating func tick(_ count: Int) {
    for _ in 0..<count {
      for replica in replicas { replica.core.tick(&replica.output) }
      settle()
    }
  }

  /// Carries out what the replicas want until they have nothing more to say.
  private mutating func settle() {
    var isBusy = true
    while isBusy {
      isBusy = false
      for replica in replicas {
        swap(&spare, &replica.inbox)
        for message in spare { replica.core.step(message, &replica.output) }
        if !spare.isEmpty { isBusy = true }
        spare.removeAll(keepingCapacity: true)
        if carryOut(replica) { isBusy = true }
      }
    }
  }

  private func carryOut(_ replica: Voter) -> Bool {
    var isBusy = false
    for message in replica.output.messages { send(message) }
    if let last = replica.output.writes.last?.sequence {
      for write in replica.output.writes {
        for message in write.afterDurable { send(message) }
      }
      replica.output.removeAll()
      replica.core.logPersisted(last, &replica.output)
      for message in replica.output.messages { send(message) }
      isBusy = true
    }
    replica.output.removeAll()
    if replica.core.commit > replica.commit {
      replica.commit = replica.core.commit
      replica.core.entriesApplied(upTo: replica.commit)
    }
    return isBusy
  }

  private func send(_ message: Message) {
    replicas[Int(message.to.value) - 1].inbox.append(message)
  }
}

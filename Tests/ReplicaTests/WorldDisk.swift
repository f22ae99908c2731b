// WorldDisk: what a node of a ClusterWorld keeps through a crash: a log (a model, or the LogStore on a FaultDisk) and
// the last flush of its store.
//
// Invariant: `log` mirrors what the disk holds durably; after a crash of the real one it is read back from there.
// Not here: when writes finish (ClusterWorld).

import Engine
import Raft
import Simulator
import Storage
import TestSupport
import Wire

@testable import Replica

extension SeededRandom {
  /// 0 up to and without `limit`.
  mutating func below(_ limit: Int64) -> Int64 { Int64(next() % UInt64(limit)) }
  mutating func chance(_ percent: Int64) -> Bool { below(100) < percent }
}

/// What survives a crash, and the process if it runs.
final class WorldNode {
  let id: NodeID
  let incarnation: UInt64
  // Durable.
  private(set) var hardState = HardState()
  private(set) var base = EntryID.zero
  private(set) var log: [Entry] = []
  var flushedStore = MemoryStore()
  /// Entries cut from the log, for the checker.
  private(set) var archive: [Entry] = []
  // The process.
  var life: Life?
  var lives: UInt64 = 0
  /// The snapshot that the node can serve, and what it has of one that it fetches. Durable.
  var snapshot: BlobSnapshot?
  var install: BlobInstall?
  /// The store cannot be used.
  var storeDamage: String?
  /// The highest level that its program applies.
  var newestLevel = Behaviour.newest
  /// The store takes nothing while this is set.
  var storeHangs = false
  // The real log.
  private var disk: FaultDisk?
  private var store: LogStore?

  init(id: NodeID, incarnation: UInt64, realLog: Bool) {
    self.id = id
    self.incarnation = incarnation
    if realLog { disk = FaultDisk() }
  }

  var last: EntryID { log.last?.id ?? base }

  /// The process starts: the real log is opened and read.
  func open() throws {
    guard let disk else { return }
    let identity = LogIdentity(
      genesisHash: ClusterWorld.genesisHash, node: id, incarnation: incarnation)
    let (store, recovered) = try LogStore.open(
      disk: disk, directory: "/log", identity: identity, options: LogOptions(segmentBytes: 1 << 17))
    if case .suspect = recovered.tail { throw ReplicaError("the log of node \(id) is suspect") }
    self.store = store
    hardState = recovered.hardState
    base = recovered.base
    log = try recovered.entries(after: base.index)
    archive.removeAll { $0.index > recovered.base.index }
  }

  func make(durable write: LogWrite) {
    if let store {
      do { try store.write([write]) } catch { preconditionFailure("\(error)") }
    }
    mirror(write)
  }

  private func mirror(_ write: LogWrite) {
    if let after = write.truncateAfter {
      precondition(after >= base.index, "a truncation below what was cut")
      log.removeLast(Int(last.index.value - after.value))
    }
    for entry in write.entries {
      precondition(entry.index == last.index.next, "log writes have a gap")
      log.append(entry)
    }
    if let state = write.hardState { hardState = state }
  }

  /// The process dies while `pending` is on its way: some of it, in order, gets to the disk.
  func crash(_ pending: [LogWrite], _ random: inout SeededRandom) {
    guard let disk, let store else {
      for write in pending {
        guard random.chance(30) else { break }
        mirror(write)
      }
      return
    }
    if !pending.isEmpty, random.chance(70) {
      disk.setFaults(.init(stopAfter: Int(random.below(4))))
      do { try store.write(pending) } catch {}
    }
    self.store = nil
    let torn = FaultDisk.Crash.tornPower(seed: random.next())
    self.disk = disk.after(random.chance(30) ? .process : torn)
  }

  /// The store is replaced by a snapshot: the log goes on behind it, or begins anew there.
  func reset(to id: EntryID, before: [Entry]) {
    precondition(store == nil, "installs are for model logs")
    let holds = log.first { $0.index == id.index }?.id == id || base == id
    log = holds ? log.filter { $0.index > id.index } : []
    base = id
    archive = before
  }

  func cut(upTo index: LogIndex) {
    guard index > base.index else { return }
    if let store {
      store.stateIsDurable(upTo: index)
      do { try store.cut(upTo: index) } catch { preconditionFailure("\(error)") }
    }
    let count = index - base.index
    precondition(count <= log.count, "a cut beyond the log")
    archive.append(contentsOf: log[..<count])
    base = log[count - 1].id
    log.removeFirst(count)
  }
}

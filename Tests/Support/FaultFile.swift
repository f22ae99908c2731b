// FaultFile: an open file of a FaultDisk.
//
// Not here: which calls fail (FaultDisk).

import Glibc
import Storage

final class FaultFile: DiskFile {
  let path: String
  private let disk: FaultDisk
  private let id: Int

  init(_ disk: FaultDisk, _ path: String, _ id: Int) {
    self.disk = disk
    self.path = path
    self.id = id
  }

  func size() throws(StorageError) -> Int {
    disk.state.withLock { $0.contents[id].current.count }
  }

  func read(at offset: Int, count: Int) throws(StorageError) -> [UInt8] {
    try disk.state.withLock { (state) throws(StorageError) in
      let content = state.contents[id]
      let end = min(offset + count, content.current.count)
      guard offset < end else { return [] }
      if content.unreadable.contains(where: {
        $0 * FaultDisk.sectorBytes < end && ($0 + 1) * FaultDisk.sectorBytes > offset
      }) {
        throw StorageError(path, "cannot read at offset \(offset)", code: EIO)
      }
      return Array(content.current[offset..<end])
    }
  }

  func write(_ bytes: [UInt8], at offset: Int) throws(StorageError) {
    guard !bytes.isEmpty else { return }
    try disk.state.withLock { (state) throws(StorageError) in
      let growth = offset + bytes.count - state.contents[id].current.count
      if growth > 0, growth > state.free {
        throw StorageError(path, "cannot write at offset \(offset)", code: ENOSPC)
      }
    }
    try disk.change(path) { state in
      var offset = offset
      if state.calls == state.faults.misdirectAt { offset += state.faults.misdirectBy }
      let end = offset + bytes.count
      state.contents[id].current.overwrite(offset, with: bytes, 0..<bytes.count)
      let sectors = offset / FaultDisk.sectorBytes...(end - 1) / FaultDisk.sectorBytes
      state.contents[id].dirty.formUnion(sectors)
      state.contents[id].lost.subtract(sectors)
    }
  }

  func sync() throws(StorageError) {
    disk.state.withLock { $0.faults.onSync }?()
    do {
      try disk.change(path, isSync: true) { state in
        guard !state.faults.ignoresSync else { return }
        state.contents[id].settle(state.contents[id].dirty.subtracting(state.contents[id].lost))
      }
    } catch {
      disk.state.withLock { state in
        if !state.stopped { state.contents[id].lost = state.contents[id].dirty }
      }
      throw error
    }
  }

  func forgetCached() throws(StorageError) {
    disk.state.withLock { state in
      let lost = state.contents[id].lost
      let zeros = [UInt8](repeating: 0, count: FaultDisk.sectorBytes)
      for sector in lost {
        let range = state.contents[id].range(sector, in: state.contents[id].current)
        let kept = range.clamped(to: 0..<state.contents[id].durable.count)
        let durable = state.contents[id].durable
        state.contents[id].current.overwrite(range.lowerBound, with: zeros, 0..<range.count)
        state.contents[id].current.overwrite(kept.lowerBound, with: durable, kept)
      }
      state.contents[id].dirty.subtract(lost)
      state.contents[id].lost = []
    }
  }
}

extension FaultDisk.Content {
  /// The bytes of a sector, as far as the file has them.
  func range(_ sector: Int, in bytes: [UInt8]) -> Range<Int> {
    let start = sector * FaultDisk.sectorBytes
    return start..<max(start, min(start + FaultDisk.sectorBytes, bytes.count))
  }

  /// Makes sectors durable, and the file's size.
  mutating func settle(_ sectors: Set<Int>) {
    durable.grow(to: current.count)
    for sector in sectors {
      let range = range(sector, in: current)
      durable.overwrite(range.lowerBound, with: current, range)
    }
    dirty.subtract(sectors)
  }
}

extension [UInt8] {
  mutating func grow(to count: Int) {
    guard self.count < count else { return }
    append(contentsOf: [UInt8](repeating: 0, count: count - self.count))
  }

  /// Puts a part of other bytes at `offset`, growing if needed. By memcpy: tests run unoptimised.
  mutating func overwrite(_ offset: Int, with source: [UInt8], _ part: Range<Int>) {
    guard !part.isEmpty else { return }
    grow(to: offset + part.count)
    withUnsafeMutableBytes { target in
      source.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + part.count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[part]))
      }
    }
  }
}

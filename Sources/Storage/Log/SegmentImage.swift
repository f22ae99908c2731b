// SegmentImage: one segment file in memory, and what its blocks look like.
//
// Invariant: a block that could not be read never counts as blank or whole.
// Not here: what a missing or damaged group means for the log (LogScanner).

import Glibc
import Raft

/// What one block looks like by itself.
enum BlockState: Equatable {
  case blank
  case whole(BlockHeader)
  case damaged(String)
}

/// A segment's bytes.
struct SegmentImage {
  let number: UInt64
  let path: String
  /// The file, padded with zeros to whole blocks.
  let bytes: [UInt8]
  private let unreadable: Set<Int>
  /// The size of the file, read whole or not.
  let fileBytes: Int

  /// Blocks that were read already.
  init(number: UInt64, path: String, bytes: [UInt8], unreadable: Set<Int> = [], fileBytes: Int = 0)
  {
    precondition(bytes.count % LogFormat.blockBytes == 0, "whole blocks")
    self.number = number
    self.path = path
    self.bytes = bytes
    self.unreadable = unreadable
    self.fileBytes = fileBytes
  }

  var blocks: Int { bytes.count / LogFormat.blockBytes }

  /// Reads a file, or its first `limit` blocks. Blocks with read errors are marked, not thrown.
  static func load(
    _ disk: any Disk, directory: String, number: UInt64, limit: Int = Int.max
  ) throws(StorageError) -> SegmentImage {
    let path = DiskPath.join(directory, LogFormat.segmentName(number))
    let file = try disk.open(path, writable: false)
    let size = try file.size()
    let wanted = min((size + LogFormat.blockBytes - 1) / LogFormat.blockBytes, limit)
    var unreadable: Set<Int> = []
    var bytes: [UInt8]
    do {
      bytes = try file.read(at: 0, count: wanted * LogFormat.blockBytes)
    } catch {
      bytes = []
      bytes.reserveCapacity(wanted * LogFormat.blockBytes)
      for block in 0..<wanted {
        let offset = block * LogFormat.blockBytes
        if let piece = try? file.read(at: offset, count: LogFormat.blockBytes) {
          bytes.append(contentsOf: piece)
        } else {
          unreadable.insert(block)
        }
        pad(&bytes, to: offset + LogFormat.blockBytes)
      }
    }
    pad(&bytes, to: wanted * LogFormat.blockBytes)
    return SegmentImage(
      number: number, path: path, bytes: bytes, unreadable: unreadable, fileBytes: size)
  }

  /// What a block looks like: blank, whole, or damaged (and how).
  func state(_ block: Int) -> BlockState {
    if unreadable.contains(block) { return .damaged("the block cannot be read") }
    let start = block * LogFormat.blockBytes
    let header: BlockHeader
    do {
      header = try BlockHeader.decode(bytes, at: start)
    } catch {
      if isBlank(start..<start + LogFormat.blockBytes) { return .blank }
      return .damaged("the block header is damaged (\(error))")
    }
    let end = start + LogFormat.blockBytes
    let isRepeated = bytes.withUnsafeBytes { all in
      guard let base = all.baseAddress else { return false }
      let trailer = base + end - LogFormat.headerBytes
      return memcmp(base + start, trailer, LogFormat.headerBytes) == 0
    }
    guard isRepeated else {
      return .damaged("the block trailer differs from the header")
    }
    guard LogGroup.bodyChecksum(bytes, block: block) == header.bodyChecksum else {
      return .damaged("the block body is damaged (checksum)")
    }
    return .whole(header)
  }

  /// The headers that can be read in a damaged or whole block: at its start, at its end, or both.
  func headers(_ block: Int) -> [BlockHeader] {
    guard !unreadable.contains(block) else { return [] }
    let start = block * LogFormat.blockBytes
    let trailer = start + LogFormat.blockBytes - LogFormat.headerBytes
    return [start, trailer].compactMap { try? BlockHeader.decode(bytes, at: $0) }
  }

  /// Whether nothing was ever written from a block on. An unreadable block counts as written.
  func isBlank(from block: Int) -> Bool {
    unreadable.allSatisfy { $0 < block } && isBlank(block * LogFormat.blockBytes..<bytes.count)
  }

  /// The first block from `block` on that is not blank.
  func firstWritten(from block: Int) -> Int? {
    (block..<max(block, blocks)).first { state($0) != .blank }
  }

  /// Whether a sector of these blocks is all zero, which a write that finished never leaves behind.
  func hasBlankSector(_ range: Range<Int>) -> Bool {
    let sectors = LogFormat.blockBytes / LogFormat.sectorBytes
    return (range.lowerBound * sectors..<range.upperBound * sectors).contains { sector in
      let start = sector * LogFormat.sectorBytes
      return isBlank(start..<start + LogFormat.sectorBytes)
    }
  }

  /// The file is shorter than its head says, or not made of whole blocks.
  var isShort: Bool {
    if fileBytes % LogFormat.blockBytes != 0 { return true }
    guard blocks > 0, case .whole(let header) = state(0), header.kind == .head,
      let records = try? LogRecord.decodeAll(
        LogGroup.payload(bytes, blocks: 0..<1, payloadBytes: Int(header.payloadBytes))),
      case .head(let head) = records.first
    else { return false }
    return fileBytes < Int(head.blocks) * LogFormat.blockBytes
  }

  /// The first unreadable block from `block` on.
  func firstUnreadable(from block: Int) -> Int? {
    unreadable.filter { $0 >= block }.min()
  }

  private func isBlank(_ range: Range<Int>) -> Bool {
    guard !range.isEmpty else { return true }
    return bytes.withUnsafeBytes { all in
      guard let base = all.baseAddress else { return true }
      let start = base + range.lowerBound
      // All bytes are zero if the first is and each equals the one before it.
      return all[range.lowerBound] == 0 && memcmp(start, start + 1, range.count - 1) == 0
    }
  }

  private static func pad(_ bytes: inout [UInt8], to count: Int) {
    if bytes.count < count {
      bytes.append(contentsOf: [UInt8](repeating: 0, count: count - bytes.count))
    }
  }
}

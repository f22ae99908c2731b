// EntryPayload: the bytes of a command entry.
//
// Format (big-endian): version u16 (1 or 2), level u16, stamp i64, count u32, then `count` framed requests
// (CommandCodec); version 2 adds notes (Note).
// Invariants: at most `commandsMax` requests; decoding is bounded and never traps; an unknown version or level is an
// error of its own, because it must halt `apply` (this program is too old) and never refuse.
// Not here: what a request does, and who chooses the stamp (ClusterClock, Coordinator).

import Engine
import Wire

/// The contents of a command entry. Without requests it is a tick: it only moves the log's time.
public struct EntryPayload: Sendable {
  /// The levels of the state machine that this program can apply.
  public static let levels: ClosedRange<UInt16> = 1...1
  static let versions: ClosedRange<UInt16> = 1...2
  /// The most requests in one entry.
  public static let commandsMax = 4096
  /// Stamps from 1970 to beyond the year 4000: far from any overflow in sums.
  static let stamps: Range<Int64> = 0..<(1 << 56)
  /// Bytes before the first request.
  static let headerBytes = 16

  /// The level under which the entry is applied.
  public var level: UInt16
  /// The log's time in microseconds since 1970; never decreases from entry to entry.
  public var stamp: Int64
  public var requests: [Request]
  /// What the replicas themselves say; empty in version 1.
  public var notes: [Note]

  /// Why a payload cannot be applied.
  public enum Fault: Error, Equatable, Sendable {
    /// Written by a newer program.
    case unknownVersion(UInt16)
    case unknownLevel(UInt16)
    case malformed(WireError)
  }

  /// Joins encoded requests and notes to a payload; of version 1 if there are no notes.
  public static func encode(
    stamp: Int64, level: UInt16 = 1, requests: [[UInt8]], notes: [Note] = []
  ) -> [UInt8] {
    precondition(requests.count <= commandsMax, "an entry holds too many requests")
    precondition(notes.count <= Note.countMax, "an entry holds too many notes")
    let bytes = requests.reduce(headerBytes + 2 + notes.count * Note.bytesMax) { $0 + $1.count }
    var writer = ByteWriter(capacity: bytes)
    writer.u16(notes.isEmpty ? versions.lowerBound : versions.upperBound)
    writer.u16(level)
    writer.i64(stamp)
    writer.u32(UInt32(requests.count))
    for request in requests { writer.raw(request) }
    guard !notes.isEmpty else { return writer.bytes }
    writer.u16(UInt16(notes.count))
    for note in notes { note.encode(into: &writer) }
    return writer.bytes
  }

  /// Reads a whole payload before anything of it is applied.
  public init(decoding bytes: [UInt8]) throws(Fault) {
    var batch = RequestBatch()
    self = try Self.decode(bytes, into: &batch)
    requests = (0..<batch.count).map { batch[$0] }
  }

  /// The same, with the requests in `batch`, which is emptied first, and not in the answer.
  static func decode(
    _ bytes: [UInt8], into batch: inout RequestBatch
  ) throws(Fault) -> EntryPayload {
    batch.removeAll()
    let result: Result<Head, WireError> = bytes.withUnsafeBytes { all in
      var reader = RawReader(all)
      do throws(WireError) {
        return .success(try head(&reader, &batch))
      } catch {
        return .failure(error)
      }
    }
    do throws(WireError) {
      let head = try result.get()
      var notes: [Note] = []
      var tail = ByteReader(bytes, in: head.end..<bytes.count)
      if head.version > 1 { notes = try Self.notes(&tail) }
      try tail.finish()
      return EntryPayload(level: head.level, stamp: head.stamp, requests: [], notes: notes)
    } catch {
      throw Self.fault(error, bytes)
    }
  }

  private init(level: UInt16, stamp: Int64, requests: [Request], notes: [Note]) {
    self.level = level
    self.stamp = stamp
    self.requests = requests
    self.notes = notes
  }

  // All before the notes.
  private struct Head {
    var version: UInt16
    var level: UInt16
    var stamp: Int64
    var end: Int
  }

  @inline(__always)
  private static func head(
    _ reader: inout RawReader, _ batch: inout RequestBatch
  ) throws(WireError) -> Head {
    let version = try reader.u16()
    guard versions.contains(version) else { throw .invalid("entry version") }
    let level = try reader.u16()
    let stamp = try reader.i64()
    guard levels.contains(level) else { throw .invalid("entry level") }
    guard stamps.contains(stamp) else { throw .invalid("entry stamp") }
    let count = Int(try reader.u32())
    guard count <= commandsMax else { throw .tooLong(length: count, limit: commandsMax) }
    for _ in 0..<count { try batch.decode(&reader) }
    return Head(version: version, level: level, stamp: stamp, end: reader.offset)
  }

  private static func notes(_ reader: inout ByteReader) throws(WireError) -> [Note] {
    let count = Int(try reader.u16())
    guard count <= Note.countMax else { throw .tooLong(length: count, limit: Note.countMax) }
    var notes: [Note] = []
    for _ in 0..<count { notes.append(try Note(decoding: &reader)) }
    return notes
  }

  /// Names an unknown version or level as such.
  private static func fault(_ error: WireError, _ bytes: [UInt8]) -> Fault {
    var reader = ByteReader(bytes)
    guard let version = try? reader.u16() else { return .malformed(error) }
    guard versions.contains(version) else { return .unknownVersion(version) }
    guard let level = try? reader.u16(), !levels.contains(level) else { return .malformed(error) }
    return .unknownLevel(level)
  }
}

extension EntryPayload.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownVersion(let version):
      "the entry has format version \(version), this program knows \(EntryPayload.versions):"
        + " install a newer program"
    case .unknownLevel(let level):
      "the entry needs level \(level), this program knows \(EntryPayload.levels):"
        + " install a newer program"
    case .malformed(let error):
      "the entry cannot be decoded (\(error)): install the program that wrote it"
    }
  }
}

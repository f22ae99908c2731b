// StateFence: what this replica's own state was worth at the points where the voters compare hashes.
//
// The row says something about the very state that it is stored with: it travels with a snapshot of it, and is gone
// when the state is replaced. It is not part of the state hash.
// Invariants: samples are taken where a run ends; a fence, once set, stays with the state; a sample that came with
// another node's state is never told as the own voice.
// Not here: the majority's opinion (HashAgreement).

import Raft
import Wire

/// Why this replica's state must not be used.
public struct StateFence: Hashable, Sendable, CustomStringConvertible {
  public var index: UInt64
  public var own: UInt128
  public var agreed: UInt128

  public var description: String {
    "the state at index \(index) has hash \(hexadecimal(own)), a majority has"
      + " \(hexadecimal(agreed)): this replica's state is wrong and has to be rebuilt from a peer"
  }
}

/// The state hash behind one log index.
public struct HashSample: Hashable, Sendable {
  public var index: UInt64
  public var hash: UInt128
}

/// This replica's own hashes, and the fence that came of comparing them.
struct StateRecord {
  /// How many samples are kept at most.
  static let samplesMax = 2 * HashAgreement.pointsMax + HashAgreement.heldMax

  /// By index: the newest `HashAgreement.pointsMax`, and of older ones those at the points that the voters' agreement
  /// still keeps: what was contradicted there is not forgotten before it is decided.
  private(set) var samples: [HashSample] = []
  private(set) var fence: StateFence?
  /// Whose samples they are, and the index of the first that this node took itself. Of a state that was fetched the
  /// earlier ones are another's, who speaks for himself.
  private var keeper: Member?
  private(set) var ownFrom: UInt64 = 0
  private var isDirty = false

  init() {}

  /// The state is `node`'s from now on.
  mutating func keep(by node: Member) {
    guard keeper?.id != node.id || keeper?.incarnation != node.incarnation else { return }
    keeper = Member(id: node.id, incarnation: node.incarnation)
    ownFrom = samples.last.map { $0.index + 1 } ?? 0
    isDirty = true
  }

  mutating func take(_ sample: HashSample, with agreement: HashAgreement) {
    guard samples.last.map({ $0.index < sample.index }) ?? true else { return }
    let old = samples.dropLast(HashAgreement.pointsMax - 1)
    let held = old.filter { sample in agreement.points.contains { $0.index == sample.index } }
    samples = held + samples.suffix(HashAgreement.pointsMax - 1) + [sample]
    isDirty = true
  }

  /// Compares the own samples with what the voters agreed on.
  mutating func compare(with agreement: HashAgreement) {
    guard fence == nil else { return }
    for point in agreement.points {
      guard let agreed = point.agreed,
        let own = samples.first(where: { $0.index == point.index }), own.hash != agreed
      else { continue }
      fence = StateFence(index: point.index, own: own.hash, agreed: agreed)
      isDirty = true
      return
    }
  }

  mutating func collectRows(into batch: inout RowBatch) {
    guard isDirty else { return }
    isDirty = false
    batch.put(ReplicaRows.recordKey, encoded)
  }

  // MARK: The row

  /// Version u16 (2; 3 if there are more than `HashAgreement.pointsMax` samples), keeper (node u64, incarnation u64),
  /// own from u64, count u16, samples (index u64, hash u128), flag, and the fence (index u64, own u128, agreed u128).
  /// Version 1 has no keeper.
  private var encoded: [UInt8] {
    var writer = ByteWriter(capacity: 256)
    writer.u16(samples.count > HashAgreement.pointsMax ? 3 : 2)
    writer.u64(keeper?.id.value ?? 0)
    writer.u64(keeper?.incarnation ?? 0)
    writer.u64(ownFrom)
    writer.u16(UInt16(samples.count))
    for sample in samples {
      writer.u64(sample.index)
      writer.u128(sample.hash)
    }
    writer.bool(fence != nil)
    if let fence {
      writer.u64(fence.index)
      writer.u128(fence.own)
      writer.u128(fence.agreed)
    }
    return writer.bytes
  }

  init(decoding bytes: [UInt8]) throws(WireError) {
    var reader = ByteReader(bytes)
    let version = try reader.u16()
    switch version {
    case 1: break
    case 2, 3:
      keeper = Member(id: NodeID(try reader.u64()), incarnation: try reader.u64())
      ownFrom = try reader.u64()
    default: throw .invalid("state record version")
    }
    let count = Int(try reader.u16())
    let limit = version == 3 ? Self.samplesMax : HashAgreement.pointsMax
    guard count <= limit else { throw .tooLong(length: count, limit: limit) }
    for _ in 0..<count {
      samples.append(HashSample(index: try reader.u64(), hash: try reader.u128()))
    }
    if try reader.bool() {
      fence = StateFence(
        index: try reader.u64(), own: try reader.u128(), agreed: try reader.u128())
    }
    try reader.finish()
  }
}

/// A 128-bit number as 32 hexadecimal digits.
func hexadecimal(_ value: UInt128) -> String {
  hexadecimal(UInt64(truncatingIfNeeded: value >> 64))
    + hexadecimal(UInt64(truncatingIfNeeded: value))
}

// StateFence: what this replica's own state was worth at the points where the voters compare hashes.
//
// The two rows say something about the very state that they are stored with: they travel with a snapshot of it, and
// are gone when the state is replaced. They are not part of the state hash.
// Invariants: samples are taken where a run ends; a fence, once set, stays with the state.
// Not here: the majority's opinion (HashAgreement).

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
  /// The newest points, by index.
  private(set) var samples: [HashSample] = []
  private(set) var fence: StateFence?
  private var isDirty = false

  init() {}

  mutating func take(_ sample: HashSample) {
    guard samples.last.map({ $0.index < sample.index }) ?? true else { return }
    samples.append(sample)
    if samples.count > HashAgreement.pointsMax { samples.removeFirst() }
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

  /// Version u16 (1), count u16, samples (index u64, hash u128), flag, and the fence (index u64,
  /// own u128, agreed u128).
  private var encoded: [UInt8] {
    var writer = ByteWriter(capacity: 256)
    writer.u16(1)
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
    guard try reader.u16() == 1 else { throw .invalid("state record version") }
    let count = Int(try reader.u16())
    guard count <= HashAgreement.pointsMax else {
      throw .tooLong(length: count, limit: HashAgreement.pointsMax)
    }
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

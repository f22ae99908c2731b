// AppliedOutcomes: what the requests of a run were answered, with the replies as bytes.
//
// Most answers are of interest on one node only, the one whose client waits; so a reply becomes a value only when
// somebody asks for it, and a run's answers need no memory of their own once the first runs are through.
// Invariant: the replies lie one behind the other in `bytes`, in the order of the requests.
// Not here: who waits (Coordinator), what is kept against repetition (DuplicateTable).

import Engine
import Wire

/// What the application of one request answered, as a value.
struct AppliedOutcome {
  var request: RequestID
  var reply: Reply
  /// Where the outcome was recorded first.
  var index: UInt64
  var stamp: Int64
}

/// The answers of a run.
package struct AppliedOutcomes {
  private struct Place {
    var request: RequestID
    var index: UInt64
    var stamp: Int64
    var start: Int
    var end: Int
  }

  private var places: [Place] = []
  /// Encoded replies. One more is packed here before its `end`.
  var bytes = PackedBytes()

  package init() {}

  var count: Int { places.count }

  /// The request that the outcome at `position` answers.
  func request(_ position: Int) -> RequestID { places[position].request }

  /// The outcome at `position`.
  func outcome(_ position: Int) -> AppliedOutcome {
    let place = places[position]
    return AppliedOutcome(
      request: place.request, reply: Self.decode(bytes[place.start..<place.end], at: place.stamp),
      index: place.index, stamp: place.stamp)
  }

  package mutating func removeAll() {
    places.removeAll(keepingCapacity: true)
    bytes.removeAll()
  }

  /// Notes that what was packed into `bytes` from `start` on is the answer to `request`.
  @inline(__always)
  mutating func end(_ request: RequestID, index: UInt64, stamp: Int64, from start: Int) {
    places.append(
      Place(request: request, index: index, stamp: stamp, start: start, end: bytes.count))
  }

  /// Adds a whole answer.
  mutating func append(_ request: RequestID, index: UInt64, stamp: Int64, reply: [UInt8]) {
    let start = bytes.count
    bytes.pack(atMost: reply.count) { packer in reply.withUnsafeBytes { packer.raw($0) } }
    end(request, index: index, stamp: stamp, from: start)
  }

  /// The reply packed last, of the entry at `stamp`, as a value.
  func reply(from start: Int, at stamp: Int64) -> Reply {
    Self.decode(bytes[start..<bytes.count], at: stamp)
  }

  /// The reply packed last.
  @inline(__always)
  func withReply(from start: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
    bytes.withBytes(start..<bytes.count, body)
  }

  /// A recorded reply of the entry at `stamp` as a value.
  static func decode(_ bytes: [UInt8], at stamp: Int64) -> Reply {
    do throws(WireError) {
      return try ReplyCodec.decode(bytes, at: stamp)
    } catch {
      preconditionFailure("a recorded reply cannot be decoded: \(error)")
    }
  }
}

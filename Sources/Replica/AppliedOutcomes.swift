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
  /// Encoded replies. Between `begin` and `end` one more is packed here.
  var bytes = PackedBytes()

  package init() {}

  var count: Int { places.count }

  /// The request that the outcome at `position` answers.
  func request(_ position: Int) -> RequestID { places[position].request }

  /// The outcome at `position`.
  func outcome(_ position: Int) -> AppliedOutcome {
    let place = places[position]
    return AppliedOutcome(
      request: place.request, reply: Self.decode(bytes[place.start..<place.end]),
      index: place.index, stamp: place.stamp)
  }

  package mutating func removeAll() {
    places.removeAll(keepingCapacity: true)
    bytes.removeAll()
  }

  /// Begins an answer; its reply is packed into `bytes` next.
  mutating func begin(_ request: RequestID, index: UInt64, stamp: Int64) {
    places.append(
      Place(request: request, index: index, stamp: stamp, start: bytes.count, end: bytes.count))
  }

  /// Ends the answer begun last.
  mutating func end() { places[places.count - 1].end = bytes.count }

  /// Ends the answer begun last with a refusal.
  mutating func reject(_ rejection: Rejection) {
    ReplyCodec.pack(.rejected(rejection), into: &bytes)
    end()
  }

  /// Adds a whole answer.
  mutating func append(_ request: RequestID, index: UInt64, stamp: Int64, reply: [UInt8]) {
    begin(request, index: index, stamp: stamp)
    bytes.pack(atMost: reply.count) { packer in reply.withUnsafeBytes { packer.raw($0) } }
    end()
  }

  var lastReply: Reply { outcome(places.count - 1).reply }

  @inline(__always)
  func withLastReply(_ body: (UnsafeRawBufferPointer) -> Void) {
    let place = places[places.count - 1]
    bytes.withBytes(place.start..<place.end, body)
  }

  /// A recorded reply as a value.
  static func decode(_ bytes: [UInt8]) -> Reply {
    do throws(WireError) {
      return try ReplyCodec.decode(bytes)
    } catch {
      preconditionFailure("a recorded reply cannot be decoded: \(error)")
    }
  }
}

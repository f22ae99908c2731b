// SimulatedNetwork: messages that are lost, doubled, delayed and reordered, over links that may be cut.
//
// Every message passes through MessageCodec, so the simulation tests the bytes as well.

import Raft
import Wire

/// What the network does to messages.
struct NetworkFaults {
  var lossPerMille = 0
  var duplicatePerMille = 0
  var delayMax = 1
}

/// Messages under way.
struct SimulatedNetwork {
  struct Link: Hashable {
    var from: NodeID
    var to: NodeID
  }

  var faults = NetworkFaults()
  /// Only looked up, never iterated: its order is not deterministic.
  var cut: Set<Link> = []
  private var underWay: [(message: Message, due: Int)] = []

  mutating func send(_ message: Message, now: Int, _ random: inout SeededRandom) {
    guard !cut.contains(Link(from: message.from, to: message.to)) else { return }
    guard !random.chance(faults.lossPerMille) else { return }
    let copies = random.chance(faults.duplicatePerMille) ? 2 : 1
    for _ in 0..<copies {
      underWay.append((message, now + 1 + random.below(faults.delayMax)))
    }
  }

  /// Keeps a message that arrived at a paused node. No further faults: it is there already.
  mutating func hold(_ message: Message, until due: Int) { underWay.append((message, due)) }

  /// Removes and returns what arrives now, in the order of sending.
  mutating func arrivals(now: Int) -> [Message] {
    var arrived: [Message] = []
    var rest: [(message: Message, due: Int)] = []
    for item in underWay {
      if item.due > now {
        rest.append(item)
      } else if !cut.contains(Link(from: item.message.from, to: item.message.to)) {
        arrived.append(item.message)
      }
    }
    underWay = rest
    return arrived
  }

  /// The message as the other side reads it.
  static func overTheWire(_ message: Message) throws -> Message {
    var writer = ByteWriter()
    MessageCodec.encode(message, into: &writer)
    var reader = ByteReader(writer.bytes)
    let decoded = try MessageCodec.decode(&reader)
    try reader.finish()
    return decoded
  }
}

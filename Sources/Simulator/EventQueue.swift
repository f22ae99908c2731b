// EventQueue: what happens when, in virtual time: a binary heap.
//
// Invariant: events leave by time, and in the order of their coming at equal times.
// Not here: what events do (World).

/// What an event does. Numbers name nodes, clients or messages.
enum EventKind: UInt8 {
  case tick, turn, deliver, diskDone, stored, client, fault, end, connect, lost, start, sample
  case made, renew
}

struct Event {
  /// Microseconds of virtual time.
  var at: Int64
  var order: UInt64
  var kind: EventKind
  var a: Int32
  var b: Int32
}

struct EventQueue {
  private var heap: [Event] = []
  private var order: UInt64 = 0

  var isEmpty: Bool { heap.isEmpty }
  var nextTime: Int64 { heap.first?.at ?? .max }

  mutating func add(_ at: Int64, _ kind: EventKind, _ a: Int = 0, _ b: Int = 0) {
    order += 1
    let event = Event(at: at, order: order, kind: kind, a: Int32(a), b: Int32(b))
    heap.append(event)
    var child = heap.count - 1
    heap.withUnsafeMutableBufferPointer { heap in
      while child > 0 {
        let parent = (child - 1) / 2
        guard Self.isBefore(event, heap[parent]) else { break }
        heap[child] = heap[parent]
        child = parent
      }
      heap[child] = event
    }
  }

  mutating func pop() -> Event? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return first }
    heap.withUnsafeMutableBufferPointer { heap in
      var place = 0
      while true {
        var child = 2 * place + 1
        guard child < heap.count else { break }
        if child + 1 < heap.count, Self.isBefore(heap[child + 1], heap[child]) { child += 1 }
        guard Self.isBefore(heap[child], last) else { break }
        heap[place] = heap[child]
        place = child
      }
      heap[place] = last
    }
    return first
  }

  @inline(__always) private static func isBefore(_ a: Event, _ b: Event) -> Bool {
    a.at != b.at ? a.at < b.at : a.order < b.order
  }
}

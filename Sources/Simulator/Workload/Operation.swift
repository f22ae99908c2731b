// Operation: one thing that a client wants, from its first attempt to its outcome.
// Not here: what the outcome must be (Checker, Oracle).

import Engine

/// What a client wants.
struct Operation {
  var client: Int
  /// `nil`: a linearizable read.
  var request: Request?
  /// When it was asked first.
  var since: Int64
  /// The highest log index that any client had seen answered before this began.
  var floor: UInt64
  var attempts = 0
  var outcome = Outcome.open

  enum Outcome {
    case open
    /// At its place in the log.
    case replied(Reply, index: UInt64, stamp: Int64)
    /// A read that reflects everything up to the index.
    case read(index: UInt64)
    /// Definitely never executed.
    case expired
    /// The leader does not raise the level.
    case refused
    /// The client gave up without an answer.
    case unknown
  }

  /// The log index that it was answered from; 0: from none.
  var index: UInt64 {
    switch outcome {
    case .replied(_, let index, _), .read(let index): index
    case .open, .expired, .refused, .unknown: 0
    }
  }

  /// The level that an operator wants.
  var level: UInt32? {
    if case .setLevel(let set)? = request?.command { set.level } else { nil }
  }

  var isOpen: Bool { if case .open = outcome { true } else { false } }
}

/// An attempt that a node owes an answer to.
struct Ticket {
  var operation: Int
  var node: Int
}

/// A client: a customer who does one thing at a time.
struct Client {
  var place: Int
  var customer: Venue.Customer
  /// The operation under way.
  var operation: Int?
  /// When it looks up next: for an answer that is late, or for something new to do.
  var alarm: Int64 = .max
  var node = 0
  var orders = 0
  /// It raises the level, and does nothing else.
  var isOperator = false
}

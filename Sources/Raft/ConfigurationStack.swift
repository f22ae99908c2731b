// ConfigurationStack: which configuration is in force: the latest in the log, committed or not.
//
// Invariants: indexes grow; truncating the log pops what it takes away; the bottom is never popped.
// Not here: how a change is proposed.

/// The configurations that truncation may still bring back, newest last.
struct ConfigurationStack: Sendable {
  private var items: [(index: LogIndex, configuration: Configuration)] = []
  /// Whether the one in force is in the log, and not only given by `activate`.
  private(set) var isLogged: Bool

  init(_ configuration: Configuration?, at index: LogIndex) {
    isLogged = configuration != nil && index > .zero
    if let configuration { items.append((index, configuration)) }
  }

  var effective: Configuration? { items.last?.configuration }
  /// The one before the one in force, if truncation may bring it back.
  var previous: Configuration? { items.count > 1 ? items[items.count - 2].configuration : nil }
  var effectiveIndex: LogIndex { items.last?.index ?? .zero }

  mutating func start(with configuration: Configuration) {
    precondition(items.isEmpty, "a configuration is in force already")
    items.append((.zero, configuration))
  }

  /// Takes an entry that joined the log. Returns whether it may follow the one before.
  @discardableResult
  mutating func appended(_ entry: Entry) -> Bool {
    guard entry.kind == .configuration else { return true }
    guard let configuration = try? Configuration(decoding: entry.payload) else {
      preconditionFailure("the configuration entry \(entry.id) cannot be read")
    }
    let isSound = !isLogged || effective?.maySucceed(with: configuration) ?? true
    items.append((entry.index, configuration))
    isLogged = true
    return isSound
  }

  /// Forgets what came after `index`. The first configuration ever stays in force, as if activated.
  mutating func truncated(after index: LogIndex) {
    while items.count > 1, let last = items.last, last.index > index { items.removeLast() }
    if items.count == 1, items[0].index > index { items[0].index = .zero }
    if effectiveIndex == .zero { isLogged = false }
  }

  /// Entries up to `commit` stay: older configurations are not needed any more.
  mutating func settle(upTo commit: LogIndex) {
    while items.count > 1, items[1].index <= commit { items.removeFirst() }
  }
}

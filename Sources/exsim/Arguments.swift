// Arguments: what was asked for on the command line.
//
// Invariant: every mistake is one clear sentence.
// Not here: what is done with it (Program).

import Simulator

struct Arguments {
  struct Mistake: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
  }

  var seeds: ClosedRange<UInt64> = 0...99
  var jobs = 1
  var faults: [FaultKind]?
  var focus: [FaultKind] = []
  var plant: Plant?
  var only: String?
  var unsurvivable = false
  var stop = false
  var trace = false
  var isShort = false
  var commit = "unknown"

  init(_ words: some Sequence<String>) throws(Mistake) {
    var words = Array(words)[...]
    while let flag = words.popFirst() {
      switch flag {
      case "--unsurvivable": unsurvivable = true
      case "--stop": stop = true
      case "--trace": trace = true
      case "--short": isShort = true
      default:
        guard let value = words.popFirst() else {
          throw Mistake("\(flag) needs a value, or is unknown")
        }
        try take(flag, value)
      }
    }
  }

  private mutating func take(_ flag: String, _ value: String) throws(Mistake) {
    switch flag {
    case "--seeds": seeds = try Self.range(value)
    case "--jobs":
      guard let count = Int(value), (1...64).contains(count) else {
        throw Mistake("--jobs takes a number from 1 to 64, not \(value)")
      }
      jobs = count
    case "--faults": faults = try Self.kinds(value)
    case "--focus": focus = try Self.kinds(value)
    case "--plant":
      guard let found = Plant.all.first(where: { $0.name == value }) else {
        throw Mistake("there is no bug \(value); exsim list names them")
      }
      plant = found
    case "--only": only = value
    case "--commit": commit = value
    default: throw Mistake("unknown flag \(flag); try exsim help")
    }
  }

  private static func kinds(_ text: String) throws(Mistake) -> [FaultKind] {
    var kinds: [FaultKind] = []
    for name in text.split(separator: ",") {
      guard let kind = FaultKind(rawValue: String(name)) else {
        throw Mistake("there is no fault \(name); exsim list names them")
      }
      kinds.append(kind)
    }
    return kinds
  }

  private static func range(_ text: String) throws(Mistake) -> ClosedRange<UInt64> {
    if let count = UInt64(text), count > 0 { return 0...count - 1 }
    if let dots = text.firstRange(of: ".."), let first = UInt64(text[..<dots.lowerBound]),
      let last = UInt64(text[dots.upperBound...]), first <= last
    {
      return first...last
    }
    throw Mistake("--seeds takes a count or a range like 10..20, not \(text)")
  }

  func options() throws(Mistake) -> SimOptions {
    var options = SimOptions()
    options.faults = faults
    options.unsurvivable = unsurvivable
    options.isShort = isShort
    options.focus = focus
    plant?.apply(to: &options)
    return options
  }

  /// The flags that change what a seed does, for another process.
  var repeated: String {
    var text = ""
    if let faults { text += " --faults " + faults.map(\.rawValue).joined(separator: ",") }
    if !focus.isEmpty { text += " --focus " + focus.map(\.rawValue).joined(separator: ",") }
    if let plant { text += " --plant \(plant.name)" }
    if unsurvivable { text += " --unsurvivable" }
    if isShort { text += " --short" }
    return text
  }
}

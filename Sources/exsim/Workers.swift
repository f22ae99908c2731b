// Workers: seeds in processes of their own, so that a trap in the code under test is a finding, and not the end.
//
// Invariant: each seed is reported once: by its worker, or as a trap if the worker died while it ran.
// Not here: what a seed does (Simulator).

import Glibc
import Simulator

struct Workers {
  let arguments: Arguments
  let chunk: UInt64

  private struct Worker {
    var process: pid_t
    var output: Int32
    var buffer: [UInt8] = []
    var seeds: ClosedRange<UInt64>
    var current: UInt64?
    var noise: [String] = []
  }

  /// Seeds that nobody has taken yet.
  private var waiting: [ClosedRange<UInt64>] = []

  init(arguments: Arguments, chunk: UInt64) {
    self.arguments = arguments
    self.chunk = chunk
  }

  /// Runs all seeds. `body` takes each report and says whether to go on.
  mutating func run(_ body: (SeedReport, Int64) -> Bool) {
    waiting = [arguments.seeds]
    var workers: [Worker] = []
    var goesOn = true
    while true {
      while goesOn, workers.count < arguments.jobs, let seeds = next() {
        if let worker = start(seeds) { workers.append(worker) } else { return }
      }
      guard !workers.isEmpty else { return }
      var polls = workers.map { pollfd(fd: $0.output, events: Int16(POLLIN), revents: 0) }
      guard poll(&polls, nfds_t(polls.count), -1) > 0 else { continue }
      for place in polls.indices.reversed() where polls[place].revents != 0 {
        let isOpen = read(&workers[place]) { report, cpu in
          if goesOn { goesOn = body(report, cpu) }
        }
        if isOpen && goesOn { continue }
        let worker = workers.remove(at: place)
        let trap = end(worker, kills: isOpen)
        if goesOn, let trap { goesOn = body(trap, 0) }
      }
      if !goesOn {
        for worker in workers { _ = end(worker, kills: true) }
        return
      }
    }
  }

  private mutating func next() -> ClosedRange<UInt64>? {
    guard let range = waiting.popLast() else { return nil }
    let end = min(range.upperBound, range.lowerBound + chunk - 1)
    if end < range.upperBound { waiting.append(end + 1...range.upperBound) }
    return range.lowerBound...end
  }

  // MARK: Processes

  private func start(_ seeds: ClosedRange<UInt64>) -> Worker? {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return nil }
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
    posix_spawn_file_actions_addclose(&actions, ends[1])
    defer { posix_spawn_file_actions_destroy(&actions) }
    let words =
      ["exsim", "worker", "--seeds", "\(seeds.lowerBound)..\(seeds.upperBound)"]
      + arguments.repeated.split(separator: " ").map(String.init)
    var pointers = words.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var environment = [strdup("SWIFT_BACKTRACE=enable=no"), nil]
    defer { free(environment[0]) }
    var process: pid_t = 0
    let result = posix_spawn(&process, "/proc/self/exe", &actions, nil, &pointers, &environment)
    close(ends[1])
    guard result == 0 else { return nil }
    return Worker(process: process, output: ends[0], seeds: seeds)
  }

  /// Takes what a worker has said. `false` at its end.
  private func read(_ worker: inout Worker, _ body: (SeedReport, Int64) -> Void) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = Glibc.read(worker.output, &bytes, bytes.count)
    guard count > 0 else { return false }
    worker.buffer.append(contentsOf: bytes[..<count])
    while let end = worker.buffer.firstIndex(of: 10) {
      let line = String(decoding: worker.buffer[..<end], as: UTF8.self)
      worker.buffer.removeSubrange(...end)
      switch Line.decode(line) {
      case .begin(let seed): worker.current = seed
      case .report(let report, let cpu):
        worker.current = nil
        body(report, cpu)
      case .other(let text): if worker.noise.count < 5 { worker.noise.append(text) }
      }
    }
    return true
  }

  /// Buries a worker. If it died during a seed, that seed is a finding, and the rest is for another.
  private mutating func end(_ worker: Worker, kills: Bool) -> SeedReport? {
    if kills { kill(worker.process, SIGKILL) }
    close(worker.output)
    var status: Int32 = 0
    waitpid(worker.process, &status, 0)
    guard !kills, let seed = worker.current else { return nil }
    if seed < worker.seeds.upperBound { waiting.append(seed + 1...worker.seeds.upperBound) }
    let signal = status & 0x7F
    guard signal != SIGXCPU else {
      return SeedReport.trap(
        seed: seed, "no end after \(Program.seedSecondsMax) CPU seconds: an endless loop")
    }
    let reason = worker.noise.isEmpty ? "signal \(signal)" : worker.noise.joined(separator: " ")
    return SeedReport.trap(seed: seed, "the code under test stopped: \(reason)")
  }
}

// Metrics: counters of the node, and their Prometheus text form.
//
// Invariant: no value here is a secret or names a customer.
// Not here: what a counter means to an operator (docs), values that the status already has (written by the caller).

import Synchronization

/// A number that only grows.
final class Counter: Sendable {
  private let value = Atomic<UInt64>(0)
  func add(_ amount: UInt64 = 1) { value.wrappingAdd(amount, ordering: .relaxed) }
  var current: UInt64 { value.load(ordering: .relaxed) }
}

/// All counters of a node. Any thread.
final class Metrics: Sendable {
  let refusedRequests = Counter()
  private let statuses = (2...5).map { _ in Counter() }
  let connectionsRefused = Counter()
  let submitted = Counter()
  let outcomesReply = Counter()
  let outcomesExpired = Counter()
  let outcomesUnknown = Counter()
  let outcomesOverloaded = Counter()
  let reads = Counter()
  let readsFailed = Counter()
  let syncs = Counter()
  let syncMicroseconds = Counter()
  let logEntries = Counter()
  /// How long a group of log writes took to become durable.
  let syncTimes = Histogram.ofTimes()
  /// Entries that shared one sync.
  let groupEntries = Histogram(bounds: Histogram.sizes)
  /// From an entry's proposal at this leader to its commit.
  let commitTimes = Histogram.ofTimes()
  /// Turns of the core in which entries were applied.
  let applyTimes = Histogram.ofTimes()
  /// From the turn that left something committed unapplied to the one that applied it.
  let applyPauses = Histogram.ofTimes()
  let runs = Counter()
  let rowsStored = Counter()
  let flushes = Counter()
  let snapshots = Counter()
  let snapshotBytes = Counter()
  let snapshotMicroseconds = Counter()
  let snapshotBytesSent = Counter()
  let snapshotBytesReceived = Counter()
  let scrubbedBytes = Counter()
  let roleChanges = Counter()
  let peerMessagesIn = Counter()
  let peerMessagesOut = Counter()
  let peerMessagesRefused = Counter()
  let streamConnections = Counter()
  let streamMessages = Counter()
  let streamsCutSlow = Counter()
  let streamsCutPolicy = Counter()

  func count(status: Int) {
    let hundred = status / 100
    if (2...5).contains(hundred) { statuses[hundred - 2].add() }
  }

  /// The counters in Prometheus' text format, followed by `gauges`, and by finished lines of labelled ones.
  func text(gauges: [(name: String, help: String, value: String)], labelled: String) -> [UInt8] {
    var out = ""
    func head(_ name: String, _ help: String, _ kind: String) {
      out += "# HELP castle_\(name) \(help)\n# TYPE castle_\(name) \(kind)\n"
    }
    func counter(_ name: String, _ help: String, _ counter: Counter) {
      head(name, help, "counter")
      out += "castle_\(name) \(counter.current)\n"
    }
    head("http_responses_total", "HTTP answers by class of status.", "counter")
    for (offset, counter) in statuses.enumerated() {
      out += "castle_http_responses_total{class=\"\(offset + 2)xx\"} \(counter.current)\n"
    }
    counter("http_refused_total", "Requests refused while being read.", refusedRequests)
    counter(
      "connections_refused_total", "Connections above the share of an address.",
      connectionsRefused)
    counter("writes_total", "Commands submitted by clients of this node.", submitted)
    head("write_outcomes_total", "How commands ended.", "counter")
    for (name, counter) in [
      ("reply", outcomesReply), ("expired", outcomesExpired), ("unknown", outcomesUnknown),
      ("overloaded", outcomesOverloaded),
    ] {
      out += "castle_write_outcomes_total{outcome=\"\(name)\"} \(counter.current)\n"
    }
    counter("reads_total", "Queries answered.", reads)
    counter("reads_failed_total", "Queries that found no leader in time.", readsFailed)
    counter("log_syncs_total", "Log groups made durable.", syncs)
    counter("log_sync_microseconds_total", "Time spent in them.", syncMicroseconds)
    counter("log_entries_total", "Log entries written.", logEntries)
    counter("runs_total", "Runs of applied entries stored.", runs)
    counter("rows_total", "Rows stored.", rowsStored)
    counter("flushes_total", "Finished flushes of the state store.", flushes)
    counter("snapshots_total", "Snapshots made.", snapshots)
    counter("snapshot_bytes_total", "Bytes of them.", snapshotBytes)
    counter("snapshot_microseconds_total", "Time spent making them.", snapshotMicroseconds)
    counter("snapshot_bytes_sent_total", "Bytes of snapshots sent.", snapshotBytesSent)
    counter("snapshot_bytes_received_total", "Bytes of snapshots fetched.", snapshotBytesReceived)
    counter("scrubbed_bytes_total", "Log bytes read again to find damage, at most.", scrubbedBytes)
    counter("role_changes_total", "Changes of role, term or leader.", roleChanges)
    counter("peer_messages_in_total", "Messages from other nodes.", peerMessagesIn)
    counter("peer_messages_out_total", "Messages to other nodes.", peerMessagesOut)
    counter("peer_messages_refused_total", "Messages that could not be read.", peerMessagesRefused)
    counter("stream_connections_total", "WebSocket connections accepted.", streamConnections)
    counter("stream_messages_total", "Messages to WebSocket clients.", streamMessages)
    counter("streams_cut_slow_total", "WebSocket clients cut for slowness.", streamsCutSlow)
    counter("streams_cut_policy_total", "WebSocket clients cut by a rule.", streamsCutPolicy)
    out += syncTimes.text("log_sync_seconds", "Time until a group of log writes was durable.")
    out += groupEntries.text("log_group_entries", "Entries that shared one sync.")
    out += commitTimes.text("commit_seconds", "From proposal at this leader to commit.")
    out += applyTimes.text("apply_seconds", "Turns in which entries were applied.")
    out += applyPauses.text(
      "apply_pause_seconds", "How long committed entries waited for apply.")
    for gauge in gauges {
      head(gauge.name, gauge.help, "gauge")
      out += "castle_\(gauge.name) \(gauge.value)\n"
    }
    out += labelled
    return Array(out.utf8)
  }
}

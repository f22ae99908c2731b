// ExnodeMain: the command line of a node, its signals and its exit codes.
//
// Exit codes: 0 stopped as asked, 1 cannot start, 64 wrong usage, 74 the disk failed.
// Not here: what settings mean (NodeSettings), what a node does (NodeProcess).

import ArgumentParser
import Glibc
import Logging

/// The flags, all optional here because each may come from the environment or a file.
struct NodeFlags: ParsableArguments {
  @Option(help: "This node's number, above 0 and unique in the cluster.") var id: String?
  @Option(help: "The directory of this node's data; made if it is missing.") var dataDir: String?
  @Option(help: "host:port for clients (default 127.0.0.1:8081).") var clientListen: String?
  @Option(help: "host:port for other nodes (default 127.0.0.1:9081).") var peerListen: String?
  @Option(help: "host:port for administration (default 127.0.0.1:7081).") var adminListen: String?
  @Option(help: "All nodes: 1=host:port,2=host:port,...") var peers: String?
  @Option(help: "A file (mode 0600) with the token for the admin port.") var adminTokenFile: String?
  @Option(help: "A file (mode 0600) with the secret that nodes share.")
  var clusterSecretFile: String?
  @Option(help: "The genesis (JSON), the same on all nodes; default: a demonstration venue.")
  var genesis: String?
  @Option(help: "A file of 'key = value' lines; keys are these flags without dashes in front.")
  var config: String?
  @Option(help: "trace, debug, info, notice, warning or error (default info).")
  var logLevel: String?
  @Option(help: "Request weight of an address in a minute (default 6000).")
  var requestWeightPerMinute: String?
  @Option(
    name: .customLong("raw-requests-per-5-minutes"),
    help: "Requests of an address (default 300000).")
  var rawRequests: String?
  @Option(
    name: .customLong("websocket-attempts-per-5-minutes"),
    help: "WebSocket connections of an address (default 300).")
  var connectionAttempts: String?
  @Option(help: "HTTP connections that an address may have open (default 1024).")
  var connectionsPerAddress: String?
  @Option(
    name: .customLong("websocket-connections-per-address"),
    help: "WebSocket connections that an address may have open (default 300).")
  var streamConnections: String?
  @Option(help: "Messages that a WebSocket client may send in a second (default 5).")
  var streamMessagesPerSecond: String?
  @Option(
    help: "Outcomes of writes kept for repetitions; beyond it writes are shed (default 400000).")
  var outcomesMax: String?
  @Option(help: "Wait after each log sync, in microseconds; imitates a slower disk.")
  var addedSyncDelayUs: String?
  @Option(help: "0 to 255; the running node with the highest leads (default 100).")
  var priority: String?
  @Option(help: "Free disk space in MiB below which writes are refused (default 256; 0: never).")
  var lowSpaceMib: String?
  @Option(help: "MiB a second, at most, that this node sends of snapshots (default 64).")
  var snapshotMibPerSecond: String?
  @Option(
    help: """
      new: nodes with empty directories, all of --peers, found the cluster together. existing: this
      node only joins one; to be set once the cluster lives (default new).
      """)
  var clusterState: String?
  @Flag(help: "Print the version.") var version = false

  var values: [SettingName: String] {
    let all: [(SettingName, String?)] = [
      (.id, id), (.dataDirectory, dataDir), (.clientListen, clientListen),
      (.peerListen, peerListen), (.adminListen, adminListen), (.peers, peers),
      (.adminTokenFile, adminTokenFile), (.clusterSecretFile, clusterSecretFile),
      (.genesis, genesis), (.config, config), (.logLevel, logLevel),
      (.requestWeight, requestWeightPerMinute), (.rawRequests, rawRequests),
      (.connectionAttempts, connectionAttempts), (.addedSyncDelay, addedSyncDelayUs),
      (.streamMessages, streamMessagesPerSecond),
      (.outcomes, outcomesMax), (.connections, connectionsPerAddress),
      (.streamConnections, streamConnections), (.priority, priority), (.lowSpace, lowSpaceMib),
      (.snapshotSpeed, snapshotMibPerSecond), (.clusterState, clusterState),
    ]
    return Dictionary(uniqueKeysWithValues: all.compactMap { pair in pair.1.map { (pair.0, $0) } })
  }
}

/// The flags as a command, for its help text.
struct NodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exnode", abstract: "One node of a Castle exchange.",
    discussion: """
      Every flag can be given as an environment variable too (EXNODE_DATA_DIR=...) and as a line of the
      --config file (data-dir = ...). A flag wins over the environment, which wins over the file.
      """)
  @OptionGroup var flags: NodeFlags
}

@main
struct ExnodeMain {
  static func main() {
    signal(SIGPIPE, SIG_IGN)
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, Restart.signal)
    // Before any thread starts: all of them inherit the mask, and only `sigwait` sees the signals.
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let settings: NodeSettings
    do {
      settings = try readSettings()
    } catch {
      fail("\(error)", code: 1)
    }
    let log = Logger(label: "exnode") { StderrLog(label: $0, level: settings.logLevel) }
    let node: NodeProcess
    do {
      node = try NodeProcess(settings, log: log)
    } catch let rebuild as StoreRebuild {
      log.error(
        "the state store cannot be used (\(rebuild.damage)): everything in the log is applied again"
      )
      Restart.now()
    } catch {
      fail("\(error)", code: 1)
    }
    var received: Int32 = 0
    sigwait(&signals, &received)
    impatience(signals)
    let isDone = node.stop()
    if received == Restart.signal { Restart.now() }
    // Nothing may be taken apart under a thread that still runs.
    if !isDone { _exit(0) }
    exit(0)
  }

  private static func readSettings() throws -> NodeSettings {
    let flags = parseFlags()
    if flags.version {
      let line = Array("exnode \(NodeFacts.version)\n".utf8)
      write(1, line, line.count)
      exit(0)
    }
    var environment: [String: String] = [:]
    for name in SettingName.allCases {
      if let value = getenv(name.variable) { environment[name.variable] = String(cString: value) }
    }
    let sources = try SettingSources(flags: flags.values, environment: environment) {
      path throws(SettingError) in
      let bytes = try SmallFile.read(path, what: "configuration file")
      return String(decoding: bytes, as: UTF8.self)
    }
    return try NodeSettings(sources)
  }

  private static func parseFlags() -> NodeFlags {
    do {
      return try NodeCommand.parse().flags
    } catch {
      if NodeCommand.exitCode(for: error) == .success { NodeCommand.exit(withError: error) }
      let reason = NodeCommand.message(for: error).split(separator: "\n").first ?? "wrong usage"
      fail("\(reason) (see exnode --help)", code: 64)
    }
  }

  /// A second signal ends the process at once.
  private static func impatience(_ signals: sigset_t) {
    _ = WorkerThread.start("signals") {
      var signals = signals
      sigdelset(&signals, Restart.signal)
      var received: Int32 = 0
      sigwait(&signals, &received)
      _exit(128 + received)
    }
  }

  private static func fail(_ reason: String, code: Int32) -> Never {
    let line = Array("exnode: \(StderrLog.escaped(reason))\n".utf8)
    write(2, line, line.count)
    exit(code)
  }
}

// SnapshotCommands: looks at the snapshots of a node, checks them, and begins a cluster from one.
//
// Not here: how a running node makes one (Node), the format (Storage).

import ArgumentParser
import Gateway
import Raft
import Storage

struct SnapshotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "Make, examine and restore snapshots.",
    subcommands: [Save.self, Status.self, Verify.self, Restore.self])

  struct Save: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a snapshot on a running node, in its data directory.",
      discussion: "The first node of the admin URLs that answers makes it.")
    @OptionGroup var cluster: ClusterOptions

    func run() throws {
      try cluster.show(.post("snapshots", isIdempotent: false) { _ in })
    }
  }

  struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the snapshots of a node's data directory.",
      discussion: "Reads only the manifests, so the node may run.")
    @Argument(help: "The node's data directory.") var directory: String
    @OptionGroup var printing: OutputOptions

    func run() throws {
      do throws(StorageError) {
        let store = try SnapshotCommand.store(directory)
        printing.show(.array(store.snapshots.map(SnapshotCommand.json))) {
          var table = Table("DIRECTORY", "INDEX", "TERM", "FILES", "BYTES", "STATE HASH")
          for snapshot in store.snapshots {
            let json = SnapshotCommand.json(snapshot)
            table.add(
              snapshot.directory, json.cell("index"), json.cell("term"), json.cell("files"),
              json.cell("bytes"), json.cell("stateHash"))
          }
          return ([table.text] + store.ignored.map { "ignored  \($0)" }).joined(separator: "\n")
        }
      } catch {
        throw CtlFailure(error.description)
      }
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Compare every file and the state of the snapshots with their manifests.",
      discussion: """
        Names each damaged file, and exits with 1 if there is one. Where all are whole, the state hash is counted anew \
        from the rows.
        """)
    @Argument(help: "The node's data directory.") var directory: String

    func run() throws {
      do throws(StorageError) {
        let store = try SnapshotCommand.store(directory)
        var damages = store.ignored
        for snapshot in store.snapshots {
          let found = store.verify(snapshot, describe: StateReading.contents)
          print("\(snapshot.directory)  \(found.isEmpty ? "whole" : "damaged")")
          damages += found
        }
        for damage in damages { print("damage   \(damage)") }
        guard damages.isEmpty else {
          throw StorageError(
            directory,
            damages.count == 1 ? "1 damage was found" : "\(damages.count) damages were found")
        }
      } catch {
        throw CtlFailure(error.description)
      }
    }
  }

  struct Restore: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a new data directory from a snapshot: a cluster of one node.",
      discussion: """
        Every file is checked, and the state hash is counted anew from the rows. The node is the \
        only member; more are added with 'exctl member add'. Start it with \
        the genesis of the cluster that the snapshot is from.
        """)
    @Argument(help: "The snapshot's directory, as 'exctl snapshot status' shows it.")
    var snapshot: String
    @Option(help: "The new data directory; it must not exist or be empty.") var dataDir: String
    @Option(help: "The id of the new node.") var id: UInt64

    func validate() throws {
      guard id > 0 else { throw ValidationError("--id must be above 0") }
    }

    func run() throws {
      do throws(StorageError) {
        let restored = try SnapshotRestore.restore(
          from: snapshot, to: dataDir, node: NodeID(id), incarnation: Random.u64() | 1,
          describe: StateReading.contents)
        print("\(dataDir): node \(id) at index \(restored.applied.index), the only member")
      } catch {
        throw CtlFailure(error.description)
      }
    }
  }

  private static func store(_ directory: String) throws(StorageError) -> SnapshotStore {
    guard try LinuxDisk().exists(directory + "/identity") else {
      throw StorageError(
        directory, "is not a data directory of a node (it has no file 'identity')")
    }
    return try SnapshotStore.inspect(directory: directory + "/snapshots")
  }

  private static func json(_ snapshot: Snapshot) -> JSONValue {
    func number(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }
    let contents = snapshot.manifest.contents
    return .object([
      .init("directory", .string(snapshot.directory)),
      .init("index", number(contents.applied.index.value)),
      .init("term", number(contents.applied.term.value)),
      .init("files", number(snapshot.manifest.files.count)),
      .init("bytes", number(snapshot.manifest.bytes)),
      .init("level", number(contents.level)),
      .init("stateHash", .string(String(contents.stateHash, radix: 16))),
    ])
  }
}

// RecoverCommands: the last resort, when a quorum of the nodes is lost for good. Works on stopped data directories.
//
// Not here: what is written (Storage/ClusterRecovery).

import ArgumentParser
import Gateway
import Glibc
import Storage

struct RecoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover", abstract: "Begin anew after the loss of a quorum.",
    subcommands: [ForceNewCluster.self])

  struct ForceNewCluster: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "force-new-cluster",
      abstract: "Make one stopped node a cluster of its own.",
      discussion: """
        Use it only if a majority of the nodes can never come back: what only they knew is lost. Give the data \
        directories of all nodes that are left; the one that holds most is used, the others are only read. The \
        members of the old cluster are refused from then on: give them empty data directories and new ids, and add \
        them with 'exctl member add'.
        """)
    @Option(
      name: .customLong("data-dir"), help: "The data directory of a stopped node; may be repeated.")
    var directories: [String]
    @Option(help: "The words that confirm it, instead of typing them.") var confirm: String?
    @Flag(help: "Go on although the directories hold a quorum, which could simply be started.")
    var despiteQuorum = false

    func validate() throws {
      guard !directories.isEmpty else { throw ValidationError("give at least one --data-dir") }
    }

    func run() throws {
      do throws(StorageError) {
        let recovery = try ClusterRecovery.survey(
          directories, describe: StateReading.contents)
        print(Self.plan(recovery))
        guard despiteQuorum || !recovery.isQuorum else {
          throw StorageError(
            recovery.source.directory.path,
            "and the others given hold a quorum of the cluster: start these nodes instead "
              + "(or give --despite-quorum)")
        }
        let words = "lose everything after \(recovery.keptUpTo.index)"
        guard Self.confirmed(words, given: confirm) else {
          throw StorageError(
            recovery.source.directory.path, "not confirmed, and nothing was changed")
        }
        try recovery.begin(incarnation: Random.u64() | 1)
        let node = recovery.source.directory.node
        print(
          "Node \(node) is a cluster of its own now. Start it, then add members with "
            + "'exctl member add'. Its old log is kept in \(recovery.source.directory.logPath).")
      } catch {
        throw CtlFailure(error.description)
      }
    }

    private static func plan(_ recovery: ClusterRecovery) -> String {
      var table = Table(
        "NODE", "DIRECTORY", "LAST TERM", "LAST INDEX", "LOG", "STORED INDEX", "STATE")
      for candidate in recovery.candidates {
        let log = candidate.log
        table.add(
          "\(candidate.directory.node)", candidate.directory.path, "\(candidate.last.term)",
          "\(candidate.last.index)", log.suspect == nil ? "whole" : "damaged",
          "\(candidate.applied.index)", candidate.stateDamage == nil ? "whole" : "damaged")
      }
      var lines = [table.text, ""]
      let kept = recovery.keptUpTo.index
      lines.append(
        "Kept: everything up to index \(kept), from node \(recovery.source.directory.node); the "
          + "new term is \(recovery.newTerm).")
      if recovery.knownUpTo > kept {
        lines.append(
          "Lost: index \(kept.next) to \(recovery.knownUpTo) at least, which were committed or held."
        )
      }
      lines.append(
        "May be lost: acknowledged orders after index \(kept) that only missing nodes hold. Entries "
          + "up to it that were never acknowledged take effect.")
      return lines.joined(separator: "\n")
    }

    private static func confirmed(_ words: String, given: String?) -> Bool {
      if let given { return given == words }
      print("Type '\(words)' to go on: ", terminator: "")
      fflush(nil)
      return readLine() == words
    }
  }
}

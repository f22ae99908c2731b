// GenesisCommand: prints the standard genesis, to start a file of one's own from, and checks such a file.

import ArgumentParser
import Gateway

struct GenesisCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "genesis", abstract: "Print the standard genesis, or check a genesis file.")
  @Argument(help: "A genesis file to check.") var file: String?
  @OptionGroup var printing: OutputOptions

  func run() throws {
    guard let file else {
      print(String(decoding: Genesis.standard, as: UTF8.self), terminator: "")
      return
    }
    let bytes = try smallFile(file, what: "genesis file", bytesMax: Genesis.bytesMax)
    do throws(GenesisError) {
      let genesis = try Genesis.commands(bytes)
      printing.show(
        .object([
          .init("clusterId", .string(genesis.clusterID)),
          .init("genesisHash", .string(Genesis.hashText(bytes))),
          .init("commands", .number(String(genesis.commands.count))),
        ]))
    } catch {
      throw CtlFailure("\(file): \(error)")
    }
  }
}
